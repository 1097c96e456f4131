"""What a Snipe-IT 8.1.4 keeps and which writes it takes, as recorded from the real one (tests/data/inventories).

The numbers in brackets name recordings. Pure state: server.py puts HTTP around it, views.py its JSON.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

KINDS = ("deployable", "pending", "archived")
CUT = 191
"""Characters that a serial, name or tag column holds: cut without a word [071]."""
LISTS = frozenset({"checkbox"})


class InvalidError(Exception):
    """A write that the validation refuses: field and what it says."""

    def __init__(self, messages: Any) -> None:
        super().__init__(str(messages))
        self.messages = messages


@dataclass
class User:
    id: int
    name: str
    username: str
    rights: frozenset[str] | None = None
    """None: a superuser."""
    calls: list[float] = field(default_factory=list)

    def may(self, right: str) -> bool:
        return self.rights is None or right in self.rights


@dataclass
class Label:
    id: int
    name: str
    type: str
    notes: str = ""
    by: int | None = None
    made: str | None = None


@dataclass
class Field:
    id: int
    name: str
    element: str = "text"
    format: str = "ANY"
    values: str | None = None
    encrypted: bool = False
    made: str | None = None

    @property
    def column(self) -> str:
        return f"_snipeit_{re.sub(r'[^a-z0-9]+', '_', self.name.lower()).strip('_')}_{self.id}"

    @property
    def words(self) -> str:
        """How its column is named in a message: underscores become spaces."""
        return self.column.replace("_", " ")


@dataclass
class Fieldset:
    id: int
    name: str
    fields: dict[int, bool] = field(default_factory=dict)
    """Field id → whether it is required."""


@dataclass
class Model:
    id: int
    name: str
    number: str | None
    category: int
    manufacturer: int | None
    fieldset: int | None
    made: str | None = None


@dataclass
class Named:
    """A manufacturer, category, company or location."""

    id: int
    name: str
    type: str = ""


@dataclass
class Upload:
    id: int
    asset: int
    filename: str
    by: int
    content: bytes
    note: str | None


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


def snake(name: str) -> str:
    return name.replace("_", " ")


class State:
    """Everything that is in the database, and its rules."""

    def __init__(self) -> None:
        self.unique_serial, self.auto_tag = False, True
        self.upload_max, self.post_max = 2 << 20, 8 << 20
        self.users = {
            "TOKEN-ADMIN": User(1, "Ada Admin", "admin"),
            "TOKEN-LIMITED": User(
                2, "Clone Daemon", "cloned", frozenset({"assets.view", "assets.create", "assets.edit", "self.api"})
            ),
        }
        self.people = {1: ("Ada", "Admin", "admin"), 2: ("Clone", "Daemon", "cloned"), 3: ("Bea", "Borrower", "bea")}
        self.labels = {
            1: Label(1, "Pending", "pending", "These assets are not yet ready to be deployed, usually because of configuration or waiting on parts.", 1),
            2: Label(2, "Ready to Deploy", "deployable", "These assets are ready to deploy.", 1),
            3: Label(3, "Archived", "archived", "These assets are no longer in circulation or viable.", 1),
        }  # fmt: skip
        self.fields = {1: Field(1, "MAC Address", format="MAC")}
        self.fieldsets = {1: Fieldset(1, "Asset with MAC Address", {1: False})}
        self.manufacturers: dict[int, Named] = {}
        self.categories = {1: Named(1, "Misc Software", "license")}
        self.companies: dict[int, Named] = {}
        self.locations: dict[int, Named] = {}
        self.models: dict[int, Model] = {}
        self.assets: dict[int, dict[str, Any]] = {}
        self.uploads: list[Upload] = []
        self.history: list[dict[str, Any]] = []
        self.log_ids = itertools.count(1)

    # Small catalogues.

    def add(self, kind: str, data: dict[str, Any], by: int) -> Any:
        """Make a label, manufacturer, category, field, fieldset, model, company or location. Raises InvalidError."""
        name = self._text(data.get("name"))
        table: dict[int, Any] = getattr(self, kind)
        number = max(table, default=0) + 1
        same = [each for each in table.values() if each.name.lower() == (name or "").lower()]
        if kind != "models" and same:
            unique = "The name must be unique." if kind == "labels" else "The name has already been taken."
            raise InvalidError({"name": [unique]})
        made = getattr(self, f"_new_{kind}", self._new_named)(number, name, data, by)
        table[number] = made
        return made

    def _new_named(self, number: int, name: str, data: dict[str, Any], by: int) -> Named:
        return Named(number, name)

    def _new_categories(self, number: int, name: str, data: dict[str, Any], by: int) -> Named:
        if not data.get("category_type"):
            raise InvalidError({"category_type": ["The category type field is required."]})
        return Named(number, name, data["category_type"])

    def _new_labels(self, number: int, name: str, data: dict[str, Any], by: int) -> Label:
        if not data.get("type"):
            raise InvalidError({"type": ["Status label type is required."]})
        return Label(
            number, name, data["type"] if data["type"] in KINDS else "undeployable", data.get("notes", ""), None, now()
        )

    def _new_fields(self, number: int, name: str, data: dict[str, Any], by: int) -> Field:
        element = data.get("element")
        if element not in ("text", "textarea", "listbox", "checkbox", "radio", "markdown-textarea"):
            raise InvalidError({"element": ["The selected element is invalid."]})
        encrypted = bool(data.get("field_encrypted"))
        return Field(number, name, element, data.get("format", "ANY"), data.get("field_values"), encrypted, now())

    def _new_fieldsets(self, number: int, name: str, data: dict[str, Any], by: int) -> Fieldset:
        return Fieldset(number, name)

    def _new_models(self, number: int, name: str, data: dict[str, Any], by: int) -> Model:
        if not data.get("category_id"):
            raise InvalidError({"category_id": ["The category id field is required."]})
        key = (name.lower(), (data.get("model_number") or "").lower())
        if any((each.name.lower(), (each.number or "").lower()) == key for each in self.models.values()):
            raise InvalidError({
                "name": ["The name must be unique across models and model number. "],
                "model_number": ["The model number must be unique across models and name. "],
            })  # fmt: skip
        return Model(
            number, name, data.get("model_number"), data["category_id"], data.get("manufacturer_id"), data.get("fieldset_id"), now()
        )  # fmt: skip

    # Assets.

    def alive(self) -> list[dict[str, Any]]:
        return [asset for asset in self.assets.values() if asset["deleted_at"] is None]

    def by_serial(self, serial: str, deleted: bool = False) -> list[dict[str, Any]]:
        """As MariaDB compares: without regard to case and to spaces at the end [052] [053]."""
        wanted = serial.rstrip().lower()
        return [
            asset for asset in self.assets.values()
            if (asset["serial"] or "").rstrip().lower() == wanted and (asset["deleted_at"] is not None) == deleted
        ]  # fmt: skip

    def by_tag(self, tag: str) -> dict[str, Any] | None:
        wanted = tag.rstrip().lower()
        return next((asset for asset in self.alive() if asset["asset_tag"].lower() == wanted), None)

    def next_tag(self) -> str:
        return f"INV-{max(self.assets, default=0) + 1:05d}" if self.auto_tag else ""

    def columns(self, model: Model | None) -> dict[str, Field]:
        """The custom fields of a model's fieldset, by their column."""
        fieldset = self.fieldsets.get(model.fieldset or 0) if model else None
        return {self.fields[each].column: self.fields[each] for each in (fieldset.fields if fieldset else ())}

    def create(self, data: dict[str, Any], user: User, tag: str) -> dict[str, Any]:
        """Validate and insert. `tag` was drawn when the request began, as there [197]. Raises InvalidError."""
        values = {key: self._text(value) for key, value in data.items()}
        model = self._reference(values, "model_id", self.models)
        self._reference(values, "status_id", self.labels)
        if not values.get("asset_tag"):
            values["asset_tag"] = tag
        self._tag_of_new(values["asset_tag"])
        if values.get("serial") and self.unique_serial and self.by_serial(str(values["serial"])):
            raise InvalidError({"serial": ["The serial must be unique."]})
        custom = self._custom(values, model, {})
        number = max(self.assets, default=0) + 1
        asset = self._empty(number, user) | {"asset_tag": str(values["asset_tag"])}
        self._put(asset, values)
        if asset["rtd_location_id"]:
            asset["location_id"] = asset["rtd_location_id"]
        for column, value in custom.items():
            asset[column] = value
            asset["_clear"].discard(column)
            if self._field(column).encrypted and not user.may("assets.view.encrypted_custom_fields"):
                asset["_clear"].add(column)  # stored as it came, afterwards unreadable for all [209] [210]
        self.assets[number] = asset
        self.note(number, "create", None, user)
        return asset

    def _tag_of_new(self, tag: str) -> None:
        if not tag:
            raise InvalidError(
                {"asset_tag": ["The asset tag field must be at least 1 characters.", "The asset tag must be unique."]}
            )
        if self.by_tag(str(tag)):
            raise InvalidError({"asset_tag": ["The asset tag must be unique."]})

    def patch(self, asset: dict[str, Any], data: dict[str, Any], user: User) -> bool:
        """Change an asset, whole or not at all; True where an encrypted field was left out [208]. Raises InvalidError."""
        values = {key: self._text(value) for key, value in data.items()}
        model = (
            self._reference(values, "model_id", self.models) if "model_id" in values else self.models[asset["model_id"]]
        )
        if "status_id" in values:
            self._reference(values, "status_id", self.labels)
        if "asset_tag" in values and (other := self.by_tag(str(values["asset_tag"]))) and other is not asset:
            raise InvalidError({"asset_tag": ["The asset tag has already been taken."]})
        if len(str(values.get("notes") or "")) > 65535:
            raise InvalidError({"notes": ["The notes field must not be greater than 65535 characters."]})
        self._serial_of_old(asset, values)
        custom = self._custom(values, model, asset)
        hidden = not user.may("assets.view.encrypted_custom_fields")
        left = {column for column in custom if self._field(column).encrypted and hidden}
        self._put(asset, values)
        if "rtd_location_id" in values and not asset["assigned_to"]:
            asset["location_id"] = asset["rtd_location_id"]
        asset |= {column: value for column, value in custom.items() if column not in left}
        asset["updated_at"] = now()
        self.note(asset["id"], "update", None, user)
        return bool(left)

    def _serial_of_old(self, asset: dict[str, Any], values: dict[str, Any]) -> None:
        """With "unique serial" on even the asset's own serial is refused, sent [170] or only shared [169]."""
        if not self.unique_serial:
            return
        serial = values.get("serial", asset["serial"])
        same = [each for each in self.by_serial(str(serial or "")) if each is not asset] if serial else []
        if same or (values.get("serial") and values["serial"] == asset["serial"]):
            raise InvalidError({"serial": ["The serial must be unique."]})

    def _reference(self, values: dict[str, Any], key: str, table: dict[int, Any]) -> Any:
        value = values.get(key)
        if value in (None, ""):
            raise InvalidError({key: [f"The {snake(key)} field is required."]})
        if isinstance(value, list):
            raise InvalidError(
                {key: [f"The {snake(key)} field must be an integer.", f"{snake(key)} cannot be an array."]}
            )
        if not str(value).isdecimal() or int(value) not in table:
            raise InvalidError({key: [f"The selected {snake(key)} is invalid."]})
        values[key] = int(value)
        return table[int(value)]

    def _custom(self, values: dict[str, Any], model: Model, asset: dict[str, Any]) -> dict[str, Any]:
        """The custom fields of a write; the whole asset is validated, what is not sent too [176]."""
        allowed, known = self.columns(model), {each.column for each in self.fields.values()}
        for key in values:
            if key.startswith("_snipeit_") and key not in allowed:
                there = "This field seems to exist, but is not available on this Asset Model's fieldset."
                nowhere = "This field does not seem to exist, please double check your custom field names."
                raise InvalidError({key: [there if key in known else nowhere]})
        given = {column: values[column] for column in allowed if column in values}
        fieldset = self.fieldsets.get(model.fieldset or 0)
        for number, required in (fieldset.fields if fieldset else {}).items():
            each = self.fields[number]
            if required and given.get(each.column, asset.get(each.column)) in (None, ""):
                raise InvalidError({each.column: [f"The {each.words} field is required."]})
        return {column: self._valid(allowed[column], value) for column, value in given.items()}

    def _valid(self, each: Field, value: Any) -> Any:
        if each.element in LISTS and value not in (None, ""):
            parts = value if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
            if not set(parts) <= set((each.values or "").split("\r\n")):
                raise InvalidError({each.column: [f"{each.words} contains invalid options."]})
            return ",".join(parts) if isinstance(value, list) else value
        if isinstance(value, list):
            raise InvalidError({each.column: [f"{each.words} cannot be an array."]})
        if value in (None, ""):
            return None
        if each.format == "NUMERIC" and not re.fullmatch(r"-?\d+(\.\d+)?", str(value)):
            raise InvalidError({each.column: [f"The {each.words} field must be a number."]})
        if each.format == "DATE" and not re.match(r"\d{4}-\d\d-\d\d", str(value)):
            raise InvalidError({each.column: [f"The {each.words} field must be a valid date."]})
        return "1" if value is True else str(value)

    @staticmethod
    def _text(value: Any) -> Any:
        """Trimmed; an empty text becomes null [073]."""
        return (value.strip() or None) if isinstance(value, str) else value

    @staticmethod
    def _put(asset: dict[str, Any], values: dict[str, Any]) -> None:
        for key in ("name", "serial", "asset_tag", "order_number"):
            if key in values:
                value = values[key]
                asset[key] = None if value is None else str(value)[:CUT]
        for key in ("model_id", "status_id", "company_id", "rtd_location_id", "notes"):
            if key in values:
                asset[key] = values[key]

    def _empty(self, number: int, user: User) -> dict[str, Any]:
        at = now()
        names = ("name", "serial", "model_id", "status_id", "company_id", "rtd_location_id", "location_id", "notes",
                 "order_number", "assigned_to", "assigned_type", "last_checkout", "last_checkin", "expected_checkin",
                 "last_audit_date", "next_audit_date", "deleted_at")  # fmt: skip
        counters = dict.fromkeys(("checkin_counter", "checkout_counter", "requests_counter"), 0)
        kept = dict.fromkeys(names) | counters
        return kept | {"id": number, "created_by": user.id, "created_at": at, "updated_at": at, "_clear": set()}

    def _field(self, column: str) -> Field:
        return next(each for each in self.fields.values() if each.column == column)

    # Lending, history, files.

    def checkout(self, asset: dict[str, Any], kind: str, to: int, expected: str | None, user: User) -> bool:
        if asset["assigned_to"] or self.labels[asset["status_id"]].type != "deployable":
            return False
        asset |= {"assigned_to": to, "assigned_type": kind, "expected_checkin": expected, "last_checkout": now()}
        asset["checkout_counter"] += 1
        asset["location_id"] = to if kind == "location" else None
        self.note(asset["id"], "checkout", None, user)
        return True

    def checkin(self, asset: dict[str, Any], status: int | None, user: User) -> bool:
        if not asset["assigned_to"]:
            return False
        asset |= {"assigned_to": None, "assigned_type": None, "expected_checkin": None, "last_checkin": now()}
        asset["checkin_counter"] += 1
        asset["location_id"] = asset["rtd_location_id"]
        asset["status_id"] = status or asset["status_id"]
        self.note(asset["id"], "checkin from", None, user)
        return True

    def audit(self, asset: dict[str, Any], text: str | None, user: User) -> None:
        asset |= {"last_audit_date": now(), "next_audit_date": now()[:10]}
        self.note(asset["id"], "audit", text, user)

    def note(self, asset: int, action: str, text: str | None, user: User) -> int:
        number = next(self.log_ids)
        self.history.append(
            {"id": number, "asset": asset, "action_type": action, "note": text, "by": user.id, "at": now()}
        )
        return number
