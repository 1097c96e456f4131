"""Assets of Snipe-IT as we read them, which one is meant, and what is to change. Pure.

GETs come HTML-escaped, so every text is unescaped once, here, and what was read is never written back. The
numbers in brackets name exchanges with the real one (tests/data/inventories/snipe-it.jsonl).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cloned.json_data import JsonObject, as_int, as_object
from cloned.saying import Phrase

ENCRYPTED = "ENCRYPTED"
"""What an encrypted field reads as without the right to see it [207]."""
LONGEST = 191
"""Characters that serial, name and tag hold: what is longer is cut there without a word [071] [097]."""


@dataclass(frozen=True)
class CustomValue:
    """A custom field of one asset."""

    column: str
    value: str
    format: str
    element: str


@dataclass(frozen=True)
class Asset:
    """One asset; texts are unescaped, empty where there is nothing."""

    id: int
    tag: str
    serial: str
    name: str
    order_number: str
    model_id: int
    model: str
    status_id: int
    status: str
    status_type: str
    holder: Literal["", "user", "location", "asset"]
    """What it is checked out to. Never who: that is read past."""
    company_id: int | None
    location_id: int | None
    fields: Mapping[str, CustomValue]
    """By their label."""

    @property
    def lent(self) -> bool:
        """Whether somebody has it. A location may just be the shelf."""
        return self.holder in ("user", "asset")

    def field(self, name: str) -> CustomValue | None:
        """A custom field by its label or its column."""
        return self.fields.get(name) or next((each for each in self.fields.values() if each.column == name), None)


def read_asset(body: JsonObject) -> Asset:
    """One asset of a GET. Raises ValueError where it is none."""
    try:
        status, custom = as_object(body["status_label"] or {}), body.get("custom_fields")
        model = as_object(body["model"] or {})
        return Asset(
            id=as_int(body["id"]),
            tag=text(body["asset_tag"]),
            serial=text(body["serial"]),
            name=text(body["name"]),
            order_number=text(body.get("order_number")),
            model_id=as_int(model.get("id") or 0),
            model=text(model.get("name")),
            status_id=as_int(status.get("id") or 0),
            status=text(status.get("name")),
            status_type=text(status.get("status_type")),
            holder=_holder(body.get("assigned_to")),
            company_id=_id(body.get("company")),
            location_id=_id(body.get("rtd_location")),
            fields={
                text(label): _custom(as_object(each)) for label, each in (as_object(custom).items() if custom else ())
            },
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"an asset of another form than expected ({error})") from error


def private(body: JsonObject) -> list[str]:
    """What an answer holds that we must never tell: who has it, and what people wrote into its fields."""
    holder, custom = body.get("assigned_to"), body.get("custom_fields")
    told: list[object] = [each for each in holder.values() if isinstance(each, str)] if isinstance(holder, dict) else []
    if isinstance(custom, dict):
        told += [each.get("value") for each in custom.values() if isinstance(each, dict)]
    told += [body.get("notes")]
    both = [str(each) for each in told if each]
    return [each for each in {*both, *map(html.unescape, both)} if each not in ("user", "location", "asset", ENCRYPTED)]


def text(value: object) -> str:
    """A text as a person typed it."""
    return "" if value is None else html.unescape(str(value)).strip()


def _id(value: object) -> int | None:
    return int(value["id"]) if isinstance(value, dict) else None


def _holder(value: object) -> Literal["", "user", "location", "asset"]:
    if value is None:
        return ""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if kind in ("location", "asset") else "user"  # what is unknown counts as a person


def _custom(each: JsonObject) -> CustomValue:
    return CustomValue(
        str(each["field"]), text(each.get("value")), str(each.get("field_format") or ""), str(each.get("element") or "")
    )


@dataclass(frozen=True)
class AssetWishes:
    """What an asset should be like; what is None or not named is left as it is."""

    serial: str = ""
    name: str = ""
    order_number: str = ""
    status_id: int | None = None
    company_id: int | None = None
    location_id: int | None = None
    custom: Mapping[str, str] = field(default_factory=dict)
    """By label or column."""
    gone: Mapping[str, object] = field(default_factory=dict)
    """By key, label or column what we wrote and take back; None where it is not on record that we did."""


PLAIN = ("name", "order_number")
"""Keys of `[sink.fields]` that are no custom fields. Notes are people's: a line more meant writing theirs back."""


def changes(asset: Asset, wishes: AssetWishes, barred: Iterable[str] = ()) -> dict[str, object]:
    """What to PATCH: only what differs, for its own unchanged serial is refused [170]. `barred`: encrypted columns."""
    sent: dict[str, object] = {}
    if wishes.serial and not asset.serial:
        sent["serial"] = wishes.serial
    if not asset.lent:
        sent |= _differing(asset, wishes)
    for name, value in wishes.custom.items():
        known = asset.field(name)
        if known is not None and known.column not in barred and not same(known, value) and known.value != ENCRYPTED:
            sent[known.column] = value
    return sent | {key: None for name, key in taken_back(asset, wishes).items() if key and key not in barred}


def taken_back(asset: Asset, wishes: AssetWishes) -> dict[str, str]:
    """What of `gone` stands there still: its name, and the key to empty; no key where it is not as we wrote it."""
    found = {}
    for name, ours in wishes.gone.items():
        known = asset.field(name)
        has = _plain(asset).get(name) if known is None else known.value
        if not has or (known is None and asset.lent):
            continue
        as_written = same(known, str(ours)) if known and ours is not None else has == ours
        found[name] = (known.column if known else name) if as_written else ""
    return found


def _plain(asset: Asset) -> dict[str, object]:
    """What is no custom field, by its key in a PATCH."""
    return {
        "serial": asset.serial, "name": asset.name, "status_id": asset.status_id, "company_id": asset.company_id,
        "rtd_location_id": asset.location_id, "asset_tag": asset.tag, "order_number": asset.order_number,
    }  # fmt: skip


def _differing(asset: Asset, wishes: AssetWishes) -> dict[str, object]:
    has = _plain(asset)
    wanted = {
        "name": wishes.name,
        "order_number": wishes.order_number,
        "status_id": wishes.status_id,
        "company_id": wishes.company_id,
        "rtd_location_id": wishes.location_id,
    }
    return {key: value for key, value in wanted.items() if value not in (None, "", has[key])}


def same(known: CustomValue, value: str) -> bool:
    """Whether a custom field reads as it was written: a date shows its day only, a checkbox loses its spaces."""
    if known.format == "DATE" or known.element == "date":
        return known.value[:10] == value[:10]
    if known.element == "checkbox":
        return {part.strip() for part in known.value.split(",")} == {part.strip() for part in value.split(",")}
    return known.value.replace("\r\n", "\n") == value.replace("\r\n", "\n").strip()


def unkept(asset: Asset, sent: JsonObject) -> list[str]:
    """What was sent and does not read back so, one phrase for each; values that people wrote are not repeated."""
    has = _plain(asset)
    told: list[str] = [
        Phrase("{key} reads {has} instead of {value}", key=key, has=f"{has[key]!r:.60}", value=f"{value!r:.60}")
        for key, value in sent.items()
        if key in has and (has[key] or None) != value
    ]
    for column in (key for key in sent if key.startswith("_")):
        known = asset.field(column)
        if known is None:
            told.append(Phrase("the field {column} is not there", column=column))
        elif not same(known, str(sent[column] or "")):
            told.append(Phrase("the field {column} does not read as it was written", column=column))
    return told


def column_words(name: str) -> str:
    """A label as it stands in the name of its column: `Battery health %` → `battery_health`."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"^_snipeit_|_\d+$", "", name).lower()).strip("_")
