"""Reading columns of a table row by row, without I/O: what to ask next, and when to stop believing.

A walk asks for several columns in one GETBULK (RFC 3416 §4.2.3) and must end whatever the agent
answers: tables that go round in circles or on for ever, answers cut short, objects nobody asked for.
Rows need not come in order (some agents' tables are not sorted): a walk goes on while they are new.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Oid = tuple[int, ...]
Value = int | bytes | Oid | None
"""INTEGER, Counter, Gauge, TimeTicks: int; strings: bytes; OBJECT IDENTIFIER: Oid; None: no such object."""
VarBind = tuple[Oid, Value]
Cells = dict[Oid, Value]
"""What one column held: the index of each row (the OID after the column's) and its value."""


@dataclass(frozen=True)
class Limits:
    """How far one reading may go."""

    rows: int = 20_000
    """Rows of any one column; forwarding tables of workshop switches hold 8,000 to 16,000."""
    seconds: float = 20.0
    """One reading of one switch, all tables together."""
    varbinds: int = 64
    """Variables asked for in one request: about what fits one Ethernet frame, and 10 ms of decoding."""
    at_once: int = 3
    """Requests under way at one switch."""


@dataclass
class _Column:
    oid: Oid
    last: Oid
    cells: Cells = field(default_factory=dict)
    done: bool = False


class Walk:
    """The state of one walk over `columns`; feed it answers until `done`."""

    def __init__(self, columns: Sequence[Oid], limits: Limits | None = None, expected_rows: int = 0) -> None:
        self._columns = [_Column(oid, oid) for oid in columns]
        self._limits = limits or Limits()
        self._expected = expected_rows
        self._varbinds = self._limits.varbinds
        self._asked: list[_Column] = []
        self.faults: list[str] = []

    @property
    def done(self) -> bool:
        """Whether every column has ended."""
        return all(column.done for column in self._columns)

    @property
    def cells(self) -> dict[Oid, Cells]:
        """What was read so far, for each column."""
        return {column.oid: column.cells for column in self._columns}

    def request(self) -> tuple[list[Oid], int]:
        """The OIDs to go on from, and the repetitions to ask for."""
        self._asked = [column for column in self._columns if not column.done]
        count = max(1, len(self._asked))
        repetitions = max(1, self._varbinds // count)
        left = self._expected - max((len(column.cells) for column in self._asked), default=0)
        if left > 0:
            repetitions = min(repetitions, left + 1)
        return [column.last for column in self._asked], repetitions

    def feed(self, answer: Sequence[VarBind]) -> None:
        """Take the variables of an answer to the last `request`, in the agent's order."""
        before = sum(len(column.cells) for column in self._columns)
        for position, (oid, value) in enumerate(answer):
            self._take(self._asked[position % len(self._asked)], oid, value)
        after = sum(len(column.cells) for column in self._columns)
        if after == before and not all(column.done for column in self._asked):
            self.give_up("the table ended early: an answer had nothing new in it")

    def smaller(self, by: int = 2) -> bool:
        """Ask for `by` times fewer variables from now on; False if it was one row already."""
        _, repetitions = self.request()
        if repetitions == 1:
            return False
        self._varbinds = max(len(self._asked), self._varbinds // by)
        return True

    def narrower(self) -> bool:
        """Give up the last column asked for (an agent may fail on one only); False if none is left."""
        asked = [column for column in self._columns if not column.done]
        if len(asked) <= 1:
            return False
        asked[-1].done = True
        return True

    def give_up(self, why: str) -> None:
        """End every column that has not ended; what was read stays."""
        self.faults.append(why)
        for column in self._columns:
            column.done = True

    def _take(self, column: _Column, oid: Oid, value: Value) -> None:
        if column.done:
            return
        size = len(column.oid)
        if value is None or oid[:size] != column.oid or len(oid) == size:
            column.done = True
        elif oid[size:] in column.cells:
            self._fault(column, "the agent goes round in circles")
        elif len(column.cells) >= self._limits.rows:
            self._fault(column, f"more than {self._limits.rows} rows")
        else:
            column.cells[oid[size:]] = value
            column.last = oid

    def _fault(self, column: _Column, why: str) -> None:
        column.done = True
        if why not in self.faults:
            self.faults.append(why)


def merged(parts: Iterable[dict[Oid, Cells]]) -> dict[Oid, Cells]:
    """Several walks' columns in one dictionary."""
    return {oid: cells for part in parts for oid, cells in part.items()}
