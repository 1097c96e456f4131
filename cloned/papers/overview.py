"""Lists of laptops: of a day, or of a batch. On paper, and as a workbook to go on with."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from cloned.code_words import VERDICT_WORDS
from cloned.core.hardware import Battery
from cloned.languages import Language, local
from cloned.papers import wording
from cloned.papers.document import Document
from cloned.papers.media import A4
from cloned.papers.subject import PrintingSite, Subject

_LEFT, _WIDTH = 14.0, 269.0
_PLACES = ((0, 34), (36, 62), (100, 38), (140, 40), (182, 24), (208, 18), (228, 18), (248, 21))
"""Where columns begin and how wide they are."""
_TOP, _BOTTOM, _STEP, _SIZE = 46.0, 196.0, 5.6, 3.0


def overview(
    who: Sequence[Subject], title: str, site: PrintingSite, language: Language, now: datetime | None = None
) -> bytes:
    """A landscape PDF: how many of which image came out how, then each laptop on a line."""
    now = now or datetime.now(UTC)
    paper = Document((A4[1], A4[0]), title, language, now)
    lines = [_line(each, language) for each in who]
    rows_first = int((_BOTTOM - _TOP - _STEP * len(_images(who, language))) / _STEP) - 1
    pages = [lines[:rows_first], *_chunks(lines[rows_first:], int((_BOTTOM - 20) / _STEP) - 1)]
    for number, rows in enumerate(pages, 1):
        paper.add_page()
        y = _head(paper, who, title, site, language) if number == 1 else 14.0
        _table(paper, rows, y, language)
        foot = language.gettext("%(site)s, printed on %(day)s", site=site.name, day=language.day(now))
        pages_said = language.gettext("page %(page)s of %(pages)s", page=number, pages=len(pages))
        with paper.tagged("P"):
            paper.put(foot, _LEFT, 201, 180, 2.6)
        with paper.tagged("P"):
            paper.put(pages_said, _LEFT + _WIDTH - 60, 201, 60, 2.6, align="R")
    return paper.done()


def _chunks(lines: Sequence[tuple[str, ...]], most: int) -> list[Sequence[tuple[str, ...]]]:
    return [lines[at : at + most] for at in range(0, len(lines), most)]


def _head(paper: Document, who: Sequence[Subject], title: str, site: PrintingSite, words: Language) -> float:
    with paper.tagged("P"):
        paper.put(site.name, _LEFT, 11, _WIDTH, 3.4)
    with paper.tagged("H1"):
        paper.put(title, _LEFT, 16, _WIDTH, 7, bold=True)
    good = sum(each.verified for each in who)
    count = words.ngettext("%(num)s laptop", "%(num)s laptops", len(who))
    with paper.tagged("P"):
        said = words.gettext("%(laptops)s, %(verified)s verified", laptops=count, verified=words.number(good))
        paper.put(said, _LEFT, 27, _WIDTH, 4, bold=True)
    y = 35.0
    for line in _images(who, words):
        with paper.tagged("P"):
            paper.put(line, _LEFT, y, _WIDTH, _SIZE)
        y += _STEP
    return y + 3


def _images(who: Sequence[Subject], words: Language) -> list[str]:
    """Each image with its hash, and how many laptops are verified to hold it; the first ten."""
    found = Counter((each.image, each.image_hash) for each in who if each.verified)
    return [
        words.ngettext(
            "%(image)s on %(num)s laptop, hash %(hash)s",
            "%(image)s on %(num)s laptops, hash %(hash)s",
            count,
            image=image,
            hash=digest,
        )
        for (image, digest), count in found.most_common(10)
    ]


def _heads(words: Language) -> tuple[str, ...]:
    _ = words.gettext
    return (
        _("Tag"), _("Model"), _("Serial number"), _("Image"), _("Verdict"), _("SMART says"), _("Battery"), _("Time"),
    )  # fmt: skip


def _line(laptop: Subject, words: Language) -> tuple[str, ...]:
    verdict = VERDICT_WORDS.get(laptop.verdict, VERDICT_WORDS["none"])
    left = [each.left for each in laptop.hardware.batteries if each.left is not None]
    smart = next((wording.smart(each, words) for each in laptop.disks if each.cloned), "")
    return (
        laptop.tag or words.gettext("no tag"),
        laptop.name,
        laptop.serial,
        laptop.image,
        words.gettext(verdict),
        smart,
        words.percent(min(left)) if left else "",
        words.clock(laptop.at) if laptop.at else "",
    )


def _table(paper: Document, rows: Sequence[tuple[str, ...]], y: float, words: Language) -> None:
    table = paper.grid()
    for number, cells in enumerate((_heads(words), *rows)):
        row = paper.row(table)
        for (x, width), cell in zip(_PLACES, cells, strict=True):
            with paper.tagged("TD" if number else "TH", row):
                paper.put(cell, _LEFT + x, y, width, _SIZE, bold=x == 0 or not number)
        with paper.decoration():
            paper.set_line_width(0.1 if number else 0.3)
            paper.line(_LEFT, y + 4.8, _LEFT + _WIDTH, y + 4.8)
        y += _STEP


def workbook(who: Sequence[Subject], title: str, site: PrintingSite, language: Language) -> bytes:
    """The same as a workbook, with what a list has no room for; numbers and times are numbers and times."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = _cell_text(title)[:31].translate(str.maketrans("[]:*?/\\", "()     "))
    book.properties.title, book.properties.creator = _cell_text(title), "cloned"
    rows = [_columns(language), *(_cells(each, site, language) for each in who)]
    for number, values in enumerate(rows, 1):
        for column, value in enumerate(values, 1):
            _fill(sheet.cell(number, column), value)
    for column, head in enumerate(rows[0], 1):
        sheet.cell(1, column).font = Font(bold=True)
        longest = max(len(str(values[column - 1] or "")) for values in rows)
        sheet.column_dimensions[get_column_letter(column)].width = min(50, max(len(str(head)), longest) + 2)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _columns(words: Language) -> list[object]:
    _ = words.gettext
    return [
        _("Tag"), _("Vendor"), _("Model"), _("Serial number"), _("Processor"), _("Memory (GB)"), _("Disk"),
        _("Disk's serial number"), _("Disk (GB)"), _("SMART says"), _("Running (hours)"), _("Worn (%%)"),
        _("Bad sectors"), _("Battery (%%)"), _("Charge cycles"), _("Screen"), _("Wi-Fi"), _("TPM"), _("Firmware"),
        _("Key for Windows"), _("Image"), _("Image hash"), _("Verdict"), _("Time"), _("Page"),
    ]  # fmt: skip


def _cells(laptop: Subject, site: PrintingSite, words: Language) -> list[object]:
    disk = next((each for each in laptop.disks if each.cloned), None)
    worst = min((each for each in laptop.hardware.batteries if each.left is not None), key=_left, default=None)
    fitted = sum(slot.size for slot in laptop.hardware.slots) or laptop.memory
    verdict = VERDICT_WORDS.get(laptop.verdict, VERDICT_WORDS["none"])
    return [
        laptop.tag, laptop.vendor, laptop.product, laptop.serial, laptop.cpu,
        round(fitted / 2**30, 1) or None,
        disk.model if disk else None, disk.serial if disk else None, round(disk.size / 1e9) if disk else None,
        wording.smart(disk, words) if disk else None,
        disk.hours if disk else None, disk.worn if disk else None, disk.bad if disk else None,
        round(_left(worst) * 100) if worst else None, worst.cycles if worst else None,
        wording.screen(laptop, words), laptop.hardware.wifi, laptop.hardware.tpm, wording.firmware(laptop, words),
        words.say(laptop.hardware.product_key_edition), laptop.image, laptop.image_hash, words.gettext(verdict),
        local(laptop.at) if laptop.at else None, site.page_of(laptop),
    ]  # fmt: skip


def _left(battery: Battery) -> float:
    return battery.left or 0.0


def _fill(cell: Cell, value: object) -> None:
    """A value into a cell; a text stays a text, whatever it begins with."""
    if isinstance(value, str):
        cell.value, cell.data_type = _cell_text(value), "s"
    else:
        cell.value = value
    if isinstance(value, datetime):
        cell.number_format = "yyyy-mm-dd hh:mm"


def _cell_text(text: str) -> str:
    """A text as XML may hold it: no control signs, no halves of a character."""
    whole = text[:1000].encode("utf-8", "ignore").decode("utf-8")
    return str(ILLEGAL_CHARACTERS_RE.sub("", whole)).translate({0xFFFE: None, 0xFFFF: None})
