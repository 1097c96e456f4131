"""The ledger as a file for people: CSV (inventory/columns.py says in which form), XLSX, JSON, JSON lines."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from cloned.errors import ClonedError, UsageError
from cloned.inventory import columns
from cloned.saying import Phrase

Rows = Sequence[dict[str, Any]]


def write(rows: Rows, path: Path) -> None:
    """Write `rows` (as `Ledger.rows` gives them) in the form that the name of `path` asks for.

    The file appears whole or not at all. Raises UsageError for another suffix, ClonedError where
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
    except OSError as error:
        raise ClonedError(
            Phrase("{path} cannot be written: {strerror}", path=path, strerror=error),
            "name another place",
        ) from error


def misread(rows: Rows) -> int:
    """How many cells a spreadsheet would make other numbers or dates of, if these rows were CSV."""
    return sum(columns.mistaken(cell) for row in rows for cell in _cells(row))


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


def _csv(rows: Rows, file: BinaryIO) -> None:
    file.write((columns.BOM + columns.line(_NAMES)).encode())
    file.writelines(columns.line(_cells(row)).encode() for row in _of_laptops(rows))


def _json(rows: Rows, file: BinaryIO) -> None:
    file.write(json.dumps(list(rows), indent=1, ensure_ascii=False).encode() + b"\n")


def _jsonl(rows: Rows, file: BinaryIO) -> None:
    file.writelines(json.dumps(row, sort_keys=True, ensure_ascii=False).encode() + b"\n" for row in rows)


def _xlsx(rows: Rows, file: BinaryIO) -> None:
    from openpyxl import Workbook  # costs 0.2 s, which only this form should pay
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet("ledger")
    sheet.freeze_panes = "A2"
    head = [WriteOnlyCell(sheet, name) for name in _NAMES]
    for cell in head:
        cell.font = Font(bold=True)
    sheet.append(head)
    for row in _of_laptops(rows):
        cells = [WriteOnlyCell(sheet, _one_line(cell)) for cell in _cells(row)]
        for cell in cells:
            if cell.data_type == "f":
                cell.data_type = "s"  # text that looks like a formula stays text; no apostrophe needed here
        sheet.append(cells)
    book.save(file)


def _of_laptops(rows: Rows) -> Iterator[dict[str, Any]]:
    """A line is a laptop's: an evening has none, and its summary does not fit into cells."""
    return (row for row in rows if row.get("kind") != "evening")


_NAMES = tuple(name for name in columns.NAMES if name != "key")


def _cells(row: dict[str, Any]) -> list[str | int]:
    cells = columns.flat(row)
    return [cells[name] for name in _NAMES]


def _one_line(cell: str | int) -> str | int:
    return "".join(char if char.isprintable() else " " for char in cell) if isinstance(cell, str) else cell


FORMS: dict[str, Callable[[Rows, BinaryIO], None]] = {".csv": _csv, ".xlsx": _xlsx, ".json": _json, ".jsonl": _jsonl}
"""What each suffix means."""
