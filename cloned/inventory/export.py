"""The ledger as a file for people: CSV (inventory/columns.py says in which form), XLSX, JSON, JSON lines."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from cloned.core.row_types import Row
from cloned.errors import ClonedError, UsageError
from cloned.inventory import columns
from cloned.saying import Phrase

Rows = Sequence[Row]


def write(rows: Rows, path: Path) -> list[Path]:
    """Write `rows` (as `Ledger.rows` gives them) in the form that the name of `path` asks for.

    The file appears whole or not at all. A CSV of evenings, where there are any, is a second one beside it. Returns the
    files that were written. Raises UsageError for another suffix, ClonedError where
    it cannot be written.
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise UsageError(
            Phrase("{name}: unknown kind of file", name=path.name),
            Phrase("end its name in {forms}", forms=", ".join(FORMS)),
        )
    try:
        _whole(path, lambda file: form(rows, file))
        evenings = [row for row in rows if columns.is_evening(row)] if form is _csv else []
        if evenings:
            _whole(columns.beside(path), lambda file: _csv(evenings, file, columns.EVENINGS))
    except OSError as error:
        raise ClonedError(
            Phrase("{path} cannot be written: {strerror}", path=path, strerror=error),
            "name another place",
        ) from error
    return [path, columns.beside(path)] if evenings else [path]


def misread(rows: Rows) -> int:
    """How many cells a spreadsheet would make other numbers or dates of, if these rows were CSV."""
    return sum(
        columns.mistaken(cell) for row in _rows_of(columns.RESULTS, rows) for cell in _cells(row, columns.RESULTS)
    )


def _whole(path: Path, fill: Callable[[BinaryIO], None]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w+b") as file:
            fill(file)
            file.flush()
            os.fchmod(file.fileno(), 0o640)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _csv(rows: Rows, file: BinaryIO, of: columns.ColumnSet = columns.RESULTS) -> None:
    file.write((columns.BOM + columns.line(_names(of))).encode())
    file.writelines(columns.line(_cells(row, of)).encode() for row in _rows_of(of, rows))


def _json(rows: Rows, file: BinaryIO) -> None:
    file.write(json.dumps(list(rows), indent=1, ensure_ascii=False).encode() + b"\n")


def _jsonl(rows: Rows, file: BinaryIO) -> None:
    file.writelines(json.dumps(row, sort_keys=True, ensure_ascii=False).encode() + b"\n" for row in rows)


def _xlsx(rows: Rows, file: BinaryIO) -> None:
    from openpyxl import Workbook  # costs 0.2 s, which only this form should pay
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    for title, of in (("ledger", columns.RESULTS), ("evenings", columns.EVENINGS)):
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        head = [WriteOnlyCell(sheet, name) for name in _names(of)]
        for cell in head:
            cell.font = Font(bold=True)
        sheet.append(head)
        for row in _rows_of(of, rows):
            cells = [WriteOnlyCell(sheet, _one_line(cell)) for cell in _cells(row, of)]
            for cell in cells:
                if cell.data_type == "f":
                    cell.data_type = "s"  # text that looks like a formula stays text; no apostrophe needed here
            sheet.append(cells)
    book.save(file)


def _rows_of(of: columns.ColumnSet, rows: Rows) -> Iterator[Row]:
    """A table has one kind of line: results of laptops, or evenings."""
    return (row for row in rows if columns.is_evening(row) is (of is columns.EVENINGS))


def _names(of: columns.ColumnSet) -> list[str]:
    return [name for name in of.names if name != "key"]


def _cells(row: Row, of: columns.ColumnSet) -> list[str | int]:
    cells = of.cells(row)
    return [cells[name] for name in _names(of)]


def _one_line(cell: str | int) -> str | int:
    return "".join(char if char.isprintable() else " " for char in cell) if isinstance(cell, str) else cell


FORMS: dict[str, Callable[[Rows, BinaryIO], None]] = {".csv": _csv, ".xlsx": _xlsx, ".json": _json, ".jsonl": _jsonl}
"""What each suffix means."""
