"""The accounts of donors' deliveries: what came, what became of it, and what that weighs by configured factors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cloned.config import DeliverySettings
from cloned.core.account_types import Account, AccountFigures, DonatedLaptop, FactorSources
from cloned.core.delivery import FATES, Booked, Donation
from cloned.core.ledger import iso
from cloned.engine import Engine
from cloned.errors import UsageError
from cloned.inventory import columns
from cloned.json_data import JsonObject, as_number
from cloned.languages import Language, language, to_translate
from cloned.papers.office import drawn
from cloned.papers.press import draw
from cloned.saying import Phrase

COLUMNS = {
    "name": to_translate("Delivery"),
    "organisation": to_translate("Organisation"),
    "opened": to_translate("Opened"),
    "came": to_translate("Came"),
    "given": to_translate("Given out"),
    "parts": to_translate("For parts"),
    "scrapped": to_translate("Scrapped"),
    "here": to_translate("Still here"),
    "erased": to_translate("Erased"),
    "not_erased": to_translate("Not erased"),
    "hours": to_translate("Hours at work here"),
    "used_hours": to_translate("Hours used before"),
    "weight_kg": to_translate("Weight (kg)"),
    "co2_kg": to_translate("CO2 saved (kg)"),
}
"""Figures of an account, in the order of the yearly report."""


@dataclass(frozen=True)
class Year:
    """A calendar year where the workshop is; 0 takes in every one."""

    number: int = 0

    def holds(self, at: float) -> bool:
        """Whether this moment is in it; 0 is no moment."""
        return bool(at) and (not self.number or datetime.fromtimestamp(at, UTC).astimezone().year == self.number)


def figures(delivery: Donation, factors: DeliverySettings, year: Year) -> AccountFigures:
    """The account of one delivery. A factor that nobody configured gives None, never a guess."""
    lines = list(delivery.laptops.values())
    came = [each for each in lines if year.holds(each.came)]
    fates = {fate: sum(each.fate == fate and year.holds(each.fate_at) for each in lines) for fate in FATES}
    return {
        "name": delivery.name,
        "organisation": delivery.organisation,
        "opened": iso(delivery.opened),
        "closed": iso(delivery.closed) if delivery.closed else "",
        "came": len(came),
        "given": fates["given"],
        "parts": fates["parts"],
        "scrapped": fates["scrapped"],
        "here": sum(not each.fate for each in came),
        "erased": sum(each.erased not in ("", "no") and year.holds(each.erased_at) for each in lines),
        "not_erased": sum(each.erased == "no" and year.holds(each.erased_at) for each in lines),
        "hours": round(sum(each.seconds for each in came) / 3600, 1),
        "used_hours": sum(each.used_hours for each in came),
        "weight_kg": _times(len(came), factors.weight_kg),
        "co2_kg": _times(fates["given"], factors.co2_kg),
    }


def _times(count: int, factor: float) -> float | None:
    return round(count * factor, 1) if factor else None


def lines(delivery: Donation) -> list[DonatedLaptop]:
    """Its laptops, by their numbers."""
    return sorted((_line(each) for each in delivery.laptops.values()), key=lambda each: (not each["tag"], each["tag"]))


def _line(each: Booked) -> DonatedLaptop:
    return {
        "tag": each.tag,
        "name": each.name,
        "serial": each.serial,
        "came": iso(each.came),
        "fate": each.fate,
        "fate_at": iso(each.fate_at) if each.fate_at else "",
        "erased": each.erased,
        "hours": round(each.seconds / 3600, 2),
        "used_hours": each.used_hours,
    }


class DeliveryDesk:
    """The desk that page and command line ask."""

    def __init__(self, engine: Engine, settings: Callable[[], DeliverySettings], site: str, code: str) -> None:
        """`settings`: asked each time, since they may change; `code`: the workshop's language."""
        self._engine, self._settings, self._site, self._code = engine, settings, site, code

    def accounts(self, year: int = 0) -> list[Account]:
        """Every delivery's account, the newest first; `booking` says which one is open."""
        workshop, factors = self._engine.workshop, self._settings()
        newest = sorted(workshop.deliveries.values(), key=lambda each: (each.opened, each.name), reverse=True)
        return [
            {**figures(each, factors, Year(year)), "booking": each.name == workshop.booking, "laptops": lines(each)}
            for each in newest
        ]

    def sources(self) -> FactorSources:
        """The factors with where each comes from."""
        factors = self._settings()
        return {
            "weight_kg": factors.weight_kg,
            "weight_source": factors.weight_source,
            "co2_kg": factors.co2_kg,
            "co2_source": factors.co2_source,
        }

    async def paper(self, name: str, code: str) -> bytes:
        """A delivery's account for its donor, as PDF; UsageError where there is none of that name."""
        found = next((each for each in self.accounts() if each["name"] == name), None)
        if found is None:
            raise UsageError(Phrase("there is no delivery {name}", name=name), "see `cloned deliveries list`")
        made, words = self._engine.clock(), language(code or self._code)
        return await draw(drawn, "account:account", found, self.sources(), self._site, made, words)

    def report(self, year: int, code: str) -> bytes:
        """The yearly report as CSV: a line for each delivery, then all of them together."""
        words, rows = language(code or self._code), self.accounts(year)
        moved = [row for row in rows if any(row.get(name) for name in ("came", *FATES, "erased", "not_erased"))]
        return table([*moved, total(moved, words)], words).encode()


def total(rows: Iterable[JsonObject], words: Language) -> JsonObject:
    """All accounts together."""
    rows, summed = list(rows), list(COLUMNS)[3:]
    found = {name: [as_number(row[name]) for row in rows if row[name] is not None] for name in summed}
    added = {name: round(sum(values), 1) if values else None for name, values in found.items()}
    return {"name": words.gettext("All"), "organisation": "", "opened": "", **added}


def _cell(value: object) -> str | float:
    return "" if value is None else value if isinstance(value, str | int | float) else str(value)


def table(rows: Iterable[JsonObject], words: Language) -> str:
    """CSV (RFC 4180) that a spreadsheet reads: nothing in it is taken for a formula."""
    heads = [words.gettext(each) for each in COLUMNS.values()]
    body = [[_cell(row[name]) for name in COLUMNS] for row in rows]
    return columns.BOM + columns.line(heads) + "".join(columns.line(each) for each in body)
