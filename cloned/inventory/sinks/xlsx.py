"""An XLSX workbook: a sheet `results` with a line for each result, or for each laptop its newest; one `evenings`.

The workbook is replaced whole, so a line costs more the longer it is (about 2 s at 10,000 lines): for more than a few
thousand results take CSV. What people add (colours, widths, columns of their own, other sheets) stays.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Protocol

from cloned.core.row_types import Row
from cloned.destinations import FileSettings
from cloned.inventory import columns
from cloned.inventory.sinks.base import Delivery, Sink, Surroundings, Unavailable
from cloned.inventory.sinks.files import FileSink
from cloned.inventory.sinks.writing import replace, stamp
from cloned.saying import Phrase

SHEET, EVENINGS = "results", "evenings"
_TABLES = {SHEET: columns.RESULTS, EVENINGS: columns.EVENINGS}


class SheetCell(Protocol):
    """A cell, as openpyxl has it."""

    value: object
    data_type: str
    font: object


class Sheet(Protocol):
    """A sheet, as openpyxl has it; lines and columns count from 1."""

    title: str
    freeze_panes: str
    max_row: int

    def cell(self, row: int, column: int, value: object = None) -> SheetCell:
        """The cell there, with a value where one is given."""

    def iter_rows(self, *, min_row: int, values_only: bool) -> Iterable[Sequence[object]]:
        """The values of each line from `min_row` on."""

    def delete_rows(self, row: int) -> None:
        """Take a line away; those below it come up."""

    def __getitem__(self, row: int) -> Sequence[SheetCell]:
        """The cells of a line."""


class Book(Protocol):
    """A workbook, as openpyxl has it."""

    @property
    def active(self) -> Sheet:
        """The sheet that is shown first."""

    @property
    def sheetnames(self) -> list[str]:
        """Titles of all sheets."""

    @property
    def worksheets(self) -> Sequence[Sheet]:
        """Those that have lines."""

    def create_sheet(self, title: str) -> Sheet:
        """A sheet behind the others."""

    def save(self, file: BinaryIO) -> None:
        """Write it as it is."""

    def __getitem__(self, title: str) -> Sheet:
        """The sheet with this title."""


class XlsxFile(FileSink):
    """Keeps the workbook in memory as long as nobody else changes the file."""

    seconds = 60.0
    _book: Book | None = None
    _stamp: object = None

    def takes(self, row: Row) -> bool:
        """An evening's summary too, for a sheet of its own."""
        return super().takes(row) or columns.is_evening(row)

    def _bring(self, delivery: Delivery) -> None:
        title = EVENINGS if columns.is_evening(delivery.row) else SHEET
        book = self._current()
        sheet = self._sheet(book, title)
        names = self._names(sheet)
        at, there = self._line_of(sheet, names, delivery)
        if there:
            return
        cells = _TABLES[title].cells(delivery.row, delivery.key, delivery.revision)
        for column, name in enumerate(names, 1):
            if name in cells:
                self._put_cell(sheet.cell(at, column), cells[name])
        self._save(book)

    def _save(self, book: Book) -> None:
        self._stamp = None
        buffer = io.BytesIO()
        book.save(buffer)
        replace(self.path, buffer.getvalue())
        self._remember()

    def _take_out(self, laptop: str) -> int:
        book = self._current()
        sheet = self._sheet(book, SHEET)
        names = self._names(sheet)
        if "laptop" not in names:
            said = Phrase("{path} has no column `laptop`: take its lines out by hand", path=self.path)
            raise Unavailable(said)
        at, lines = names.index("laptop"), enumerate(sheet.iter_rows(min_row=2, values_only=True), 2)
        found = [number for number, cells in lines if str(cells[at]) == laptop]
        for number in reversed(found):
            sheet.delete_rows(number)
        if found:
            self._save(book)
        return len(found)

    def _count(self) -> int:
        return max(0, int(self._sheet(self._current(), SHEET).max_row) - 1)

    def _current(self) -> Book:
        """The workbook as it stands on the disk."""
        if not self.path.exists():
            self._book = self._new()
        elif self._book is None or self._stamp != self._now():
            self._book = self._load()
        return self._book

    def _sheet(self, book: Book, title: str) -> Sheet:
        if SHEET not in {each.title for each in book.worksheets}:  # a sheet that is a chart has no lines
            raise Unavailable(
                Phrase("{path} has no sheet `{sheet}`: move it away or name another file", path=self.path, sheet=SHEET)
            )
        if title not in book.sheetnames:
            self._head(book.create_sheet(title))
        return book[title]

    def _new(self) -> Book:
        from openpyxl import Workbook  # costs 0.2 s, which only this form should pay

        book: Book = Workbook()
        book.active.title = SHEET
        self._head(book.active)
        return book

    @staticmethod
    def _head(sheet: Sheet) -> None:
        from openpyxl.styles import Font

        sheet.freeze_panes = "A2"
        for column, name in enumerate(_TABLES[sheet.title].names, 1):
            sheet.cell(1, column, name).font = Font(bold=True)

    def _load(self) -> Book:
        from openpyxl import load_workbook

        try:
            book: Book = load_workbook(io.BytesIO(self.path.read_bytes()))  # of a damaged one it leaves the file open
        except OSError:
            raise
        except Exception as error:  # whatever openpyxl meets in a damaged one
            raise Unavailable(
                Phrase("{path} is no workbook: move it away or name another file", path=self.path)
            ) from error
        self._remember()
        return book

    def _now(self) -> object:
        with self.path.open("rb") as file:
            return stamp(file.fileno())

    def _remember(self) -> None:
        self._stamp = self._now()

    def _names(self, sheet: Sheet) -> list[str]:
        names = [str(cell.value or "") for cell in sheet[1]]
        if "key" not in names:
            raise Unavailable(Phrase("{path} has no column `key`: move it away or name another file", path=self.path))
        return names

    def _line_of(self, sheet: Sheet, names: list[str], delivery: Delivery) -> tuple[int, bool]:
        """The line to write, and whether it holds this result or a later one already."""
        key = names.index("key")
        laptop = names.index("laptop") if "laptop" in names and self.rows == "newest" else None
        last = 1
        for number, cells in enumerate(sheet.iter_rows(min_row=2, values_only=True), 2):
            if cells[key] == delivery.key:
                return number, True
            if laptop is not None and str(cells[laptop]) == delivery.laptop:
                told = dict(zip(names, cells, strict=False))
                return number, _order(told) > (delivery.attempt, delivery.revision)
            last = number if any(cell is not None for cell in cells) else last
        return last + 1, False

    @staticmethod
    def _put_cell(cell: SheetCell, value: str | int) -> None:
        cell.value = "".join(c if c.isprintable() else " " for c in value) if isinstance(value, str) else value
        if cell.data_type == "f":
            cell.data_type = "s"  # text that looks like a formula stays text


def _order(told: dict[str, object]) -> tuple[int, int]:
    """Attempt and revision of a line; what people wrote over counts as old."""
    numbers = [told.get(name) for name in ("attempt", "revision")]
    first, second = (each if isinstance(each, int) else -1 for each in numbers)
    return first, second


def made(settings: FileSettings, around: Surroundings | None) -> Sink:
    """What `make` asks for."""
    assert settings.path is not None, "FileSettings demands it"
    return XlsxFile(settings.name, settings.path, settings.rows)
