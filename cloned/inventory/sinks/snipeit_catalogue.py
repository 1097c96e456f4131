"""Labels, models and the like of Snipe-IT: their numbers by name, looked up once, made where that is allowed.

Every filter of theirs may match more than one or differ in case, so names are compared here. Without the right to
read a list the select list still tells numbers and names [145] [147].
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cloned.destinations import SnipeItSettings, StatusLabel
from cloned.inventory.sinks.base import SinkRefused
from cloned.inventory.sinks.snipeit_api import NotAllowed, SnipeItApi
from cloned.inventory.sinks.snipeit_asset import text
from cloned.json_data import JsonObject, as_int, as_object, as_objects
from cloned.saying import Phrase

_MODEL = re.compile(r"^(?:(?P<category>.*?) - )?(?P<name>.*?)(?: \(#(?P<number>[^()]*)\))?$")


@dataclass(frozen=True)
class CatalogueEntry:
    """One line of a list; type and number are empty where a select list did not tell them."""

    id: int
    name: str
    type: str = ""
    number: str = ""
    maker: str = ""


class Missing(SinkRefused):
    """Something is not there that a person has to make, or to name rightly."""


class SnipeItCatalogue:
    """Numbers of names, kept until `forget`."""

    def __init__(self, api: SnipeItApi, settings: SnipeItSettings) -> None:
        self._api, self._settings = api, settings
        self._kept: dict[tuple[str, str], int] = {}

    def forget(self) -> None:
        """Look everything up again: something was said to be gone."""
        self._kept.clear()

    async def entries(self, kind: str, **query: str) -> list[CatalogueEntry]:
        """Lines of a list (`statuslabels`, `models`, …), by its select list where the token may not read it."""
        try:
            return await self.listed(kind, **query)
        except NotAllowed:
            path = "categories/asset/selectlist" if kind == "categories" else f"{kind}/selectlist"
            body = await self._api.get(path, search=next(iter(query.values()), ""))
            return [_choice(kind, each) for each in as_objects(body.get("results") or [])]

    async def listed(self, kind: str, **query: str) -> list[CatalogueEntry]:
        """Lines of a list. Raises NotAllowed where the token may not read it."""
        body = await self._api.get(kind, limit=500, **query)
        return [_entry(each) for each in as_objects(body.get("rows") or [])]

    async def label(self, wanted: StatusLabel | int) -> int:
        """The number of a status label. Raises Missing where name or type is another."""
        if isinstance(wanted, int):
            return wanted
        return self._kept.get(("label", wanted.name)) or await self._label(wanted)

    async def _label(self, wanted: StatusLabel) -> int:
        found = [each for each in await self.entries("statuslabels", name=wanted.name) if _is(each.name, wanted.name)]
        if not found:
            raise Missing(
                Phrase(
                    'there is no status label "{name}" in Snipe-IT: make it there, with type {type}',
                    name=wanted.name,
                    type=wanted.type,
                )
            )
        if found[0].type and found[0].type != wanted.type:
            raise Missing(
                Phrase(
                    'the status label "{name}" is of type {type} in Snipe-IT, not {type2}: '
                    "correct it there or in the configuration",
                    name=wanted.name,
                    type=found[0].type,
                    type2=wanted.type,
                )
            )
        return self._keep("label", wanted.name, found[0].id)

    async def plain(self, kind: str, wanted: str | int, what: str) -> int:
        """The number of a company, location, category or fieldset. Raises Missing."""
        if isinstance(wanted, int):
            return wanted
        if known := self._kept.get((kind, wanted)):
            return known
        found = [each for each in await self.entries(kind, name=wanted) if _is(each.name, wanted)]
        if len(found) != 1:
            raise Missing(
                Phrase(
                    'there is {value} {what} "{wanted}" in Snipe-IT: see to it there',
                    value="no" if not found else "more than one",
                    what=what,
                    wanted=wanted,
                )
            )
        return self._keep(kind, wanted, found[0].id)

    async def model(self, name: str, maker: str) -> int | None:
        """The number of the model whose exact name or number this is. Raises Missing where several have it."""
        if known := self._kept.get(("models", f"{maker}|{name}")):
            return known
        found = await self._models(name, maker)
        if len(found) > 1 and (made := [each for each in found if each.maker and _is(each.maker, maker)]):
            found = made
        if len(found) > 1:
            numbers = ", ".join(f"{each.name} (#{each.number})" if each.number else each.name for each in found)
            raise Missing(
                Phrase(
                    'several models in Snipe-IT are called "{name}" ({numbers}): name one in `model`',
                    name=name,
                    numbers=numbers,
                )
            )
        return self._keep("models", f"{maker}|{name}", found[0].id) if found else None

    async def _models(self, name: str, maker: str) -> list[CatalogueEntry]:
        """By number first: it is what tells two models of one name apart."""
        for key in ("model_number", "name"):
            lines = await self.entries("models", **{key: name})
            names = (name, f"{maker} {name}")  # a select list puts the maker in front
            found = [
                each for each in lines
                if (_is(each.number, name) if key == "model_number" else any(_is(each.name, one) for one in names))
            ]  # fmt: skip
            if found:
                return found
        return []

    async def make_model(self, name: str, maker: str) -> int:
        """Make it in the category that the configuration names. Raises Missing where that is not wanted."""
        if not self._settings.category:
            raise Missing(
                Phrase(
                    'there is no model "{name}" in Snipe-IT: make it there, or set `category` to have it made',
                    name=name,
                )
            )
        body: dict[str, object] = {
            "name": name, "category_id": await self.plain("categories", self._settings.category, "category"),
        }  # fmt: skip
        if maker:
            body["manufacturer_id"] = await self._maker(maker)
        if self._settings.fieldset:
            body["fieldset_id"] = await self.plain("fieldsets", self._settings.fieldset, "fieldset")
        payload = await self._api.write("POST", "models", body)
        return self._keep("models", f"{maker}|{name}", as_int(as_object(payload)["id"]))

    async def _maker(self, name: str) -> int:
        found = [each for each in await self.entries("manufacturers", name=name) if _is(each.name, name)]
        if found:
            return found[0].id
        made = await self._api.write("POST", "manufacturers", {"name": name})
        return as_int(as_object(made)["id"])

    def _keep(self, kind: str, name: str, number: int) -> int:
        self._kept[kind, name] = number
        return number


def _is(name: str, wanted: str) -> bool:
    """Equal but for case: two that differ in nothing else cannot exist there [014]."""
    return name.casefold() == wanted.strip().casefold()


def _entry(row: JsonObject) -> CatalogueEntry:
    maker = as_object(row.get("manufacturer") or {})
    return CatalogueEntry(
        as_int(row["id"]),
        text(row["name"]),
        text(row.get("type")),
        text(row.get("model_number")),
        text(maker.get("name")),
    )


def _choice(kind: str, row: JsonObject) -> CatalogueEntry:
    """`Laptops - LENOVO ThinkPad T480 (#20L6S0ABCD)` is a model's line [147]: the maker is the first word, perhaps."""
    shown = text(row["text"])
    match = _MODEL.match(shown) if kind == "models" else None
    if match is None:
        return CatalogueEntry(as_int(row["id"]), shown)
    return CatalogueEntry(as_int(row["id"]), match["name"], "", match["number"] or "")
