"""What our GLPI keeps: items as they are added and changed, by hand or by an inventory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

HOST = "http://127.0.0.1:8802"
TEXTS = ("name", "serial", "otherserial", "contact", "contact_num", "comment", "uuid", "template_name")
NUMBERS = ("states_id", "computermodels_id", "computertypes_id", "manufacturers_id", "users_id", "locations_id", "groups_id",
           "entities_id", "networks_id", "users_id_tech", "groups_id_tech", "autoupdatesystems_id")  # fmt: skip
KINDS = ("Computer", "State", "ComputerModel", "ComputerType", "Manufacturer", "User", "Document", "Document_Item", "Notepad",
         "Entity", "AutoUpdateSystem")  # fmt: skip
PLACEHOLDERS = ("To be filled by O.E.M.", "Default string", "System Serial Number")


class GlpiError(Exception):
    """An answer that is an error: status, code, text."""

    def __init__(self, status: int, code: str, text: Any, view: bool = False) -> None:
        super().__init__(code)
        said = f"{text}; view documentation in your browser at {HOST}/apirest.php/#{code}" if view else text
        self.answer = answer([code, said], status)


def answer(body: Any, status: int = 200, **headers: str) -> web.Response:
    return web.json_response(body, status=status, headers=headers)


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


class GlpiStore:
    """Everything by kind and id."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.items: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self.items["User"][5] = {"id": 5, "name": "normal"}
        self.items["Entity"][0] = {"id": 0, "name": "Root entity", "completename": "Root entity"}
        self.items["AutoUpdateSystem"][1] = {"id": 1, "name": "GLPI Native Inventory"}
        self.locked: dict[int, set[str]] = {}
        self.refused = 0

    def add(self, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        """Make an item. A second State of one name is refused [024], a second Manufacturer is not [017]."""
        table = self.items[kind]
        if kind == "State" and any(each["name"] == given.get("name") for each in table.values()):
            raise GlpiError(400, "ERROR_GLPI_ADD", "Status of items must be unique!")
        if kind == "Document_Item" and any(
            (each["documents_id"], each["items_id"]) == (given["documents_id"], given["items_id"])
            for each in table.values()
        ):
            raise GlpiError(
                400,
                "ERROR_GLPI_ADD",
                f"Duplicate entry '{given['documents_id']}-Computer-{given['items_id']}-0' for key 'unicity'",
            )
        values = self._values(kind, given, "ERROR_GLPI_ADD")
        number = max(table, default=0) + 1
        table[number] = self._empty(kind) | values | {"id": number, "date_creation": now(), "date_mod": now()}
        return table[number]

    @staticmethod
    def _empty(kind: str) -> dict[str, Any]:
        if kind != "Computer":
            return {}
        flags = dict.fromkeys(("is_template", "is_deleted", "is_dynamic", "is_recursive"), 0)
        return (
            dict.fromkeys(TEXTS)
            | dict.fromkeys(NUMBERS, 0)
            | flags
            | {"last_inventory_update": None, "ticket_tco": "0.0000"}
        )

    def _values(self, kind: str, given: dict[str, Any], code: str) -> dict[str, Any]:
        """Known keys only, unknown ones are ignored [045]; escaped as 10 does, cut at 255 [048]."""
        known = (*TEXTS, *NUMBERS) if kind == "Computer" else tuple(given)
        values: dict[str, Any] = {}
        for key in known:
            if key not in given or key.startswith("_"):
                continue
            value = given[key]
            if key.endswith("_id") and not str(value).lstrip("-").isdecimal():
                column = f"`glpi`.`glpi_{kind.lower()}s`.`{key}`"
                raise GlpiError(400, code, f"Incorrect integer value: '{value}' for column {column} at row 1")
            values[key] = int(value) if key.endswith("_id") else self._stored(key, value)
        return values

    def _stored(self, key: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if self.version.startswith("10"):
            for char, name in (("&", "&#38;"), ("<", "&#60;"), (">", "&#62;")):
                value = value.replace(char, name)
        return value if key in ("comment", "content") else value[:255]

    def _change(self, kind: str, given: dict[str, Any]) -> bool:
        item = self.items[kind].get(given["id"])
        if item is None:
            return False
        values = self._values(kind, given, "ERROR_GLPI_UPDATE")
        values.pop("id", None)
        if item.get("is_dynamic"):
            self.locked.setdefault(given["id"], set()).update(values)  # later inventories leave these alone [096] [097]
        item |= values | {"date_mod": now()}
        return True

    def _take(self, content: dict[str, Any]) -> None:
        """By serial and uuid, serial alone where it has none, then name; nothing to know it by: refused silently [105]."""
        bios, hardware = content.get("bios") or {}, content.get("hardware") or {}
        serial = bios.get("ssn") or None
        serial = None if serial in PLACEHOLDERS else serial
        uuid, name = hardware.get("uuid"), hardware.get("name")
        if not serial and not uuid and not name:
            self.refused += 1
            return
        item = self._same(serial, uuid, name) or self.add("Computer", {})
        locked = self.locked.get(item["id"], set())
        told = {
            "name": name, "serial": serial, "uuid": uuid, "otherserial": bios.get("assettag"),
            "computermodels_id": self._dropdown("ComputerModel", bios.get("smodel")),
            "computertypes_id": self._dropdown("ComputerType", hardware.get("chassis_type")),
            "manufacturers_id": self._dropdown("Manufacturer", bios.get("smanufacturer")),
        }  # fmt: skip
        item |= {key: value for key, value in told.items() if value and key not in locked}
        item |= {"is_dynamic": 1, "last_inventory_update": now(), "date_mod": now(), "autoupdatesystems_id": 1}

    def _same(self, serial: str | None, uuid: str | None, name: str | None) -> dict[str, Any] | None:
        for each in self.items["Computer"].values():
            if serial:
                if each["serial"] == serial and (uuid is None or each["uuid"] in (uuid, None)):
                    return each
            elif name and each["name"] == name:
                return each
        return None

    def _dropdown(self, kind: str, name: str | None) -> int:
        if not name:
            return 0
        found = next((each["id"] for each in self.items[kind].values() if each["name"] == name), None)
        return found or self.add(kind, {"name": name})["id"]
