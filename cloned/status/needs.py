"""What the page needs of the other rooms; `app.py` of the house hands the real ones in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from cloned.core.answer_data import BootLogEntry, CheckedData, PrintedPaper, RuleMeant
from cloned.core.brief import Brief
from cloned.core.events import Command
from cloned.core.row_types import LedgerTotals, Row, SinkStatus
from cloned.core.shown import Snapshot
from cloned.core.triage import TriageExplained


class WorkshopSource(Protocol):
    """The engine, as the page sees it."""

    def snapshot(self) -> Snapshot:
        """Everything there is to see, now; cheap enough for once a second."""

    def brief(self) -> Brief:
        """The same in figures, for metrics."""

    async def command(self, command: Command) -> Mapping[str, object]:
        """Have what somebody asked for done; returns `{"ok": true, …}`, raises ClonedError with the reason."""

    def triage(self, ident: str) -> TriageExplained:
        """What the rules make of the laptop with this id, with every rule's reasons."""

    def find(self, name: str) -> str:
        """The id of the laptop that people call so; RefusedError if none or several fit."""


class ResultSource(Protocol):
    """The ledger and its outbox, as the page sees them."""

    async def totals(self) -> LedgerTotals:
        """What there is; clones alone, without erasures."""

    async def rows(
        self,
        *,
        laptop: str | None = None,
        limit: int | None = None,
        before: tuple[str, str, int] | None = None,
        erasures: bool = False,
    ) -> list[Row]:
        """Results, oldest first; `limit`: the newest so many; `before`: older than this one's at, laptop, attempt;
        `erasures`: those alone."""

    async def sinks(self) -> list[SinkStatus]:
        """How it stands with each sink."""


class PaperSource(Protocol):
    """What draws papers. `names`: laptops, whatever people call them; `language`: empty for the workshop's.

    All raise UsageError where there is nothing to draw.
    """

    async def label(
        self, names: Sequence[str], language: str = "", media: str = "", first: int = 1, of: str = ""
    ) -> bytes:
        """A PDF of labels, on sheets from place `first` on."""

    async def sheet(self, names: Sequence[str], language: str = "") -> bytes:
        """A PDF of hand-over sheets."""

    async def overview(self, names: Sequence[str], day: date | None = None, language: str = "") -> bytes:
        """A PDF that lists laptops."""

    async def workbook(self, names: Sequence[str], day: date | None = None, language: str = "") -> bytes:
        """The same as XLSX."""

    async def evening(self, language: str = "") -> bytes:
        """The evening so far, as a PDF."""

    async def guide(self, language: str = "") -> bytes:
        """The volunteers' guide as a PDF."""

    async def of_day(self, day: date | None = None, image: str = "") -> list[str]:
        """The laptops that had a result that day (None: today), with that image if one is named."""


class ImportSeen(Protocol):
    """An import that runs or was stopped."""

    @property
    def name(self) -> str:
        """Of the image."""


class HouseSource(Protocol):
    """What only the house knows: its configuration, what a check finds, and what is being printed."""

    def rules(self) -> Sequence[RuleMeant]:
        """Which image for which laptop."""

    def settings(self) -> Mapping[str, Sequence[Mapping[str, str]]]:
        """By section: `{"key", "value", "source"}`; secrets hidden, `source` empty for a default."""

    async def look(self, again: bool = False) -> CheckedData:
        """What `cloned check` found last, or finds now."""

    async def imports(self) -> Sequence[ImportSeen]:
        """Imports that run or were stopped: `name`, `part`, `done` and `total` (bytes), `running`."""

    def proven(self) -> Mapping[str, Mapping[str, object]]:
        """By image: `{"at" (s since 1970), "damaged" (pieces), "why"}` of its last whole reading."""

    async def prints(self) -> Sequence[PrintedPaper]:
        """What is printed by itself, newest first."""


NetbootLog = Callable[[str], Sequence[BootLogEntry]]
"""MAC (empty: all) → what was asked and got, oldest first."""

Ready = Callable[[], Awaitable[Sequence[str]]]
"""What keeps the daemon from doing its work, in words; empty when all is well."""


@dataclass(frozen=True)
class Buckets:
    """A histogram: how many were at most so long (cumulative, the last bound `+Inf`), and their sum."""

    buckets: Sequence[tuple[str, float]]
    total: float


Figure = float | Buckets
FamilyFigures = Mapping[Any, Figure]
"""By label; a mapping with texts and one with tuples of them have nothing else in common."""
Measures = Callable[[], Mapping[str, FamilyFigures]]
"""More for /metrics: name of a family (families.py) → its figures by label."""
