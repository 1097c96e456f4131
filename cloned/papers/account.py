"""The account of a delivery for its donor: what came, what became of each laptop, and by which factors that weighs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from cloned.core.account_types import Account, DonatedLaptop, FactorSources
from cloned.json_data import as_number
from cloned.languages import Language, to_translate
from cloned.papers.document import Document
from cloned.papers.media import A4
from cloned.papers.tagging import Element

_LEFT, _WIDTH, _BOTTOM = 18.0, 174.0, 274.0
_SIZE, _STEP = 3.0, 5.2
_PLACES = ((0, 30), (32, 54), (88, 34), (124, 26), (152, 22))
"""Where columns begin and how wide they are, in mm."""
FATES = {
    "given": to_translate("given out"),
    "parts": to_translate("for spare parts"),
    "scrapped": to_translate("scrapped"),
    "": to_translate("still here"),
}


def account(told: Account, sources: FactorSources, site: str, made: float, words: Language) -> bytes:
    """`told`: the account as accounts.py gives it; `sources`: the factors with where each comes from."""
    title = words.gettext("What became of delivery %(name)s", name=told["name"])
    paper = Document(A4, title, words, datetime.fromtimestamp(made, UTC))
    y = _head(paper, told, site, title, words, made)
    y = _figures(paper, _counted(told, words), y) + 3
    for source in _sources(told, sources, words):
        with paper.tagged("P"):
            y = paper.lines(source, _LEFT, y, _WIDTH, _SIZE, 3) + 1
    _laptops(paper, told["laptops"], y + 4, words)
    return paper.done()


def _head(paper: Document, told: Account, site: str, title: str, words: Language, made: float) -> float:
    paper.add_page()
    with paper.tagged("P"):
        paper.put(site, _LEFT, 14, _WIDTH, 3.6)
    with paper.tagged("H1"):
        paper.put(title, _LEFT, 21, _WIDTH, 7, bold=True)
    said = words.gettext("Opened %(opened)s, told %(day)s", opened=words.day(told["opened"]), day=words.day(made))
    with paper.tagged("P"):
        paper.put(" · ".join(filter(None, (told["organisation"], said))), _LEFT, 32, _WIDTH, 3.6)
    return 42.0


def _counted(told: Account, words: Language) -> list[tuple[str, str]]:
    """What it comes to, each with its name; a figure that no factor gives is left out."""
    _, number = words.gettext, words.number
    names = {
        "came": _("Laptops that came"), "given": _("Given out"), "parts": _("For spare parts"),
        "scrapped": _("Scrapped"), "here": _("Still here"), "erased": _("Erased, with certificate"),
        "not_erased": _("Not erased"),
    }  # fmt: skip
    rows = [(name, number(as_number(told.get(key)))) for key, name in names.items()]
    rows.append((_("Erasing and cloning here"), _("%(hours)s h", hours=number(told["hours"], 1))))
    if told["used_hours"]:
        rows.append((_("Their disks had been on before"), _("%(hours)s h", hours=number(told["used_hours"]))))
    weights = ((told["weight_kg"], _("Weight of what came")), (told["co2_kg"], _("CO2 saved by what was given out")))
    for weight, name in weights:
        if weight is not None:
            rows.append((name, _("%(count)s kg", count=number(weight, 1))))
    return rows


def _figures(paper: Document, rows: Sequence[tuple[str, str]], y: float) -> float:
    table = paper.grid()
    for name, value in rows:
        row = paper.row(table)
        with paper.tagged("TH", row):
            paper.put(name, _LEFT, y, 80, 3.6)
        with paper.tagged("TD", row):
            paper.put(value, _LEFT + 84, y, 60, 3.6, bold=True)
        y += 6
    return y


def _sources(told: Account, sources: FactorSources, words: Language) -> list[str]:
    """Where each factor comes from."""
    _, found = words.gettext, []
    if told["weight_kg"] is not None:
        known = {"kg": words.number(sources["weight_kg"], 2), "source": sources["weight_source"]}
        found.append(_("Weight: %(kg)s kg a laptop (%(source)s).", **known))
    if told["co2_kg"] is not None:
        known = {"kg": words.number(sources["co2_kg"], 1), "source": sources["co2_source"]}
        found.append(_("CO2: %(kg)s kg for each laptop given out (%(source)s).", **known))
    return found


def _laptops(paper: Document, laptops: Sequence[DonatedLaptop], y: float, words: Language) -> None:
    _ = words.gettext
    heads = (_("Tag"), _("Model"), _("Serial number"), _("Became"), _("Erased"))
    y, table = _row(paper, paper.grid(), heads, y, "TH"), None
    for each in laptops:
        if y > _BOTTOM:
            paper.add_page()
            y, table = 14.0, None
        table = table or paper.grid()
        y = _row(paper, table, _cells(each, words), y, "TD")


def _cells(each: DonatedLaptop, words: Language) -> tuple[str, ...]:
    _ = words.gettext
    level = str(each["erased"])
    erased = _("NOT ERASED") if level == "no" else _(level.capitalize()) if level else "-"
    return each["tag"] or _("no tag"), each["name"], each["serial"], _(FATES[each["fate"]]), erased


def _row(paper: Document, table: Element, cells: Sequence[str], y: float, kind: str) -> float:
    row = paper.row(table)
    for cell, (x, width) in zip(cells, _PLACES, strict=True):
        with paper.tagged(kind, row):
            paper.put(cell, _LEFT + x, y, width, _SIZE, bold=kind == "TH")
    return y + _STEP
