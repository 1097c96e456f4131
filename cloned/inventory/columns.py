"""A ledger row as one line of a table, safe to open in a spreadsheet. Pure.

The CSV files are made for the spreadsheets of a Belgian or Dutch desktop, which take a comma for
the decimal sign and therefore a semicolon between columns: delimiter `;`, UTF-8 with a byte order
mark (without it Excel shows é as Ã©), lines end in CR LF (RFC 4180). Numbers are whole, so that
no decimal sign is needed. A double click opens it with its columns and letters right; but a spreadsheet
makes numbers and dates of text that looks like them (0012345678, 12E4567, 3-4), and no CSV can keep it from
that without spoiling the cell for every other program. So CSV is for programs, and XLSX, where text is text,
for people (`mistaken`).

Text that a spreadsheet would run as a formula (it begins with = + - @, also in their full-width
forms) gets an apostrophe in front: serial numbers come from hardware that anybody may have flashed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cloned.core.evening_steps import STEPS
from cloned.core.row_types import DiskRow, EveningRow, Row, StepRow, TrialRow, WaitingRow

DELIMITER = ";"
BOM = "\ufeff"

NAMES = (
    "at",
    "laptop",
    "attempt",
    "revision",
    "tag",
    "vendor",
    "product",
    "serial",
    "uuid",
    "macs",
    "image",
    "image_hash",
    "verdict",
    "state",
    "why",
    "rounds",
    "disk_model",
    "disk_serial",
    "disk_wwn",
    "disk_smart",
    "disk_bytes",
    "cleared",
    "discarded",
    "bytes",
    "seconds_boot",
    "seconds_wait",
    "seconds_receive",
    "seconds_verify",
    "seconds_finish",
    "steps",
    "grade",
    "course",
    "needs",
    "remarks",
    "tests",
    "session",
    "key",
)
"""Columns, in order."""
EVENING_NAMES = (
    "at", "laptops", "through", "tested", "person_seconds", "grade_a", "grade_b", "grade_c", "grade_d", "waiting",
    "held_up", *(f"seconds_{step}" for step in STEPS), "key",
)  # fmt: skip
"""Those of a table of evenings: `person_seconds` at the keyboard for each laptop that was tested; `seconds_…` of a step
as a rule."""

_FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001 - full-width forms are meant

_MONTH = (
    r"(jan(uary|uari|v|vier)?|feb(r|ruary|ruari)?|f[eé]v(r|rier)?|mar(ch|s)?|m(rt|aart)|a[pv]r(il)?|may|mei|mai"
    r"|june?|juni|juin|july?|juli|juil(let)?|aug(ust|ustus)?|ao[uû]t|sept?(ember|embre)?|o[ck]t(ober|obre)?"
    r"|nov(ember|embre)?|d[eé]c(ember|embre)?)\.?"
)
_DATE = r"\d{1,4}[-/.]\d{1,4}([-/.]\d{1,4})?"
_CLOCK = r"\d+:\d{1,2}(:\d{1,2}([.,]\d+)?)?( ?[ap]\.?m\.?)?"
_MONEY = r"[€$£]"
_LIKE_NUMBERS = re.compile(
    rf"0\d+|\d{{12,}}|\d+[.,]?\d*e[+-]?\d+|{_DATE}|{_CLOCK}|{_DATE} {_CLOCK}|\d{{1,2}} ?[ap]\.?m\.?"
    rf"|{_MONTH}[- ]?\d{{1,4}}|\d{{1,2}}[- ]?{_MONTH}([- ]?\d{{2,4}})?|\d+[.,]\d+ ?%?|\d+ ?%|\d+ \d+/\d+"
    rf"|\d{{1,3}}([., \u00a0\u202f]\d{{3}})+([.,]\d+)?|\([\d.,]+\)|{_MONEY} ?[\d.,]+|[\d.,]+ ?{_MONEY}"
    r"|true|false|waar|onwaar|vrai|faux",
    re.IGNORECASE,
)
"""Zeros in front, more digits than are shown, an exponent, a date, a time, thousands, money, a fraction, a truth, as
English, Dutch and French spreadsheets read them."""


def flat(row: Row, key: str = "", revision: int | None = None) -> dict[str, str | int]:
    """One cell for each of NAMES; not made safe yet."""
    disk, seconds = row.get("disk") or DiskRow(), row.get("seconds") or {}
    cells: dict[str, object] = {name: row.get(name, "") for name in NAMES if name in row}
    cells |= {
        "macs": " ".join(row.get("macs") or []),
        "cleared": " ".join(row.get("cleared") or []),
        "discarded": "yes" if row.get("discarded") else "no",
        "steps": ", ".join(_step(step) for step in row.get("steps") or []),
        "needs": ", ".join(row.get("needs") or []),
        "remarks": "; ".join(str(each.get("say")) for each in row.get("remarks") or [] if each.get("say")),
        "tests": ", ".join(_test(each) for each in row.get("tests") or []),
        "key": key,
        "revision": row.get("revision", revision) if revision is None else revision or "",
        "disk_bytes": disk.get("size", ""),
        **{f"disk_{name}": disk.get(name, "") for name in ("model", "serial", "wwn", "smart")},
        **{name: round(seconds[name[8:]]) for name in NAMES if name.startswith("seconds_") and name[8:] in seconds},
    }
    return {name: _cell(cells.get(name)) for name in NAMES}


def evening(row: Row, key: str = "", revision: int | None = None) -> dict[str, str | int]:
    """One cell for each of EVENING_NAMES, of an evening's summary (core/evening.py); not made safe yet."""
    told = row.get("evening") or EveningRow()
    minutes, grades = told.get("person_minutes"), told.get("grades") or {}
    usual = {f"seconds_{each.get('name')}": round(each.get("usual") or 0) for each in told.get("steps") or []}
    cells: dict[str, object] = {
        "at": row.get("at", ""),
        **{name: told.get(name, "") for name in ("laptops", "through", "tested")},
        "person_seconds": "" if minutes is None else round(60 * minutes),
        **{f"grade_{grade}": grades.get(grade.upper(), 0) for grade in "abcd"},
        "waiting": "; ".join(f"{each.get('what')}: {_named(each)}" for each in told.get("waiting") or []),
        "held_up": "; ".join(f"{each.get('what')}: {each.get('seconds')} s" for each in told.get("held_up") or []),
        **usual,
        "key": key,
    }
    return {name: _cell(cells.get(name)) for name in EVENING_NAMES}


def _cell(value: object) -> str | int:
    """What stands in a cell: whole numbers and texts; nothing where there is none."""
    return "" if value is None else value if isinstance(value, str | int) else str(value)


def _named(waiting: WaitingRow) -> str:
    return ", ".join(map(str, waiting.get("laptops") or []))


def is_evening(row: Row) -> bool:
    """Whether it is the summary of an evening, and no laptop's result."""
    return row.get("kind") == "evening"


@dataclass(frozen=True)
class ColumnSet:
    """What a table is made of: its columns, and a row's cells."""

    names: tuple[str, ...]
    cells: Callable[..., dict[str, str | int]]
    """(row, key, revision) → a cell for each column."""

    @property
    def head(self) -> bytes:
        """How a CSV of it begins."""
        return (BOM + line(self.names)).encode()


RESULTS, EVENINGS = ColumnSet(NAMES, flat), ColumnSet(EVENING_NAMES, evening)


def beside(path: Path) -> Path:
    """Where the evenings are told of, beside a CSV of results: a table has one kind of line."""
    return path.with_name(f"{path.stem}-evenings{path.suffix}")


def _step(step: StepRow) -> str:
    detail = step.get("detail")
    return f"{step.get('name')} {step.get('result')}" + (f" ({detail})" if detail else "")


def mistaken(cell: str | int) -> bool:
    """Whether a spreadsheet that opens CSV makes another number, or a date, of this text."""
    return isinstance(cell, str) and _LIKE_NUMBERS.fullmatch(cell) is not None


def _test(test: TrialRow) -> str:
    why = test.get("why")
    return f"{test.get('name')} {test.get('result')}" + (f" ({why})" if why else "")


def safe(cell: str | float) -> str | float:
    """A cell that a spreadsheet shows and never runs; always one line."""
    if not isinstance(cell, str):
        return cell
    text = "".join(char if char.isprintable() else " " for char in cell).strip()
    return f"'{text}" if text.startswith(_FORMULA) else text


def line(cells: Iterable[str | float]) -> str:
    """One line of CSV with its CR LF; every cell made safe."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=DELIMITER, lineterminator="\r\n").writerow([safe(cell) for cell in cells])
    return buffer.getvalue()
