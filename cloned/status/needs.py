"""What the page needs of the other rooms; `app.py` of the house hands the real ones in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from cloned.core.brief import Brief
from cloned.core.events import Command
from cloned.core.shown import Snapshot
from cloned.core.triage import TriageExplained


class WorkshopSource(Protocol):
    """The engine, as the page sees it."""

    def snapshot(self) -> Snapshot:
        """Everything there is to see, now; cheap enough for once a second."""

    def brief(self) -> Brief:
        """The same in figures, for metrics."""

    async def command(self, command: Command) -> Mapping[str, Any]:
        """Have what somebody asked for done; returns `{"ok": true, …}`, raises ClonedError with the reason."""

    def triage(self, ident: str) -> TriageExplained:
        """What the rules make of the laptop with this id, with every rule's reasons."""

    def find(self, name: str) -> str:
        """The id of the laptop that people call so; RefusedError if none or several fit."""


class ResultSource(Protocol):
    """The ledger and its outbox, as the page sees them."""

    async def totals(self) -> dict[str, Any]:
        """`{"rows", "verdicts": {verdict: n}, "done_today"}`; clones alone, without erasures."""

    async def rows(
        self,
        *,
        laptop: str | None = None,
        limit: int | None = None,
        before: tuple[str, str, int] | None = None,
        erasures: bool = False,
    ) -> list[dict[str, Any]]:
        """Results, oldest first; `limit`: the newest so many; `before`: older than this one's at, laptop, attempt;
        `erasures`: those alone."""

    async def sinks(self) -> list[dict[str, Any]]:
        """For each sink `{"sink", "state", "waiting", "sent", "refused", "reason", "tries", "due", "dead"}`."""


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


class HouseSource(Protocol):
    """What only the house knows: its configuration, what a check finds, and what is being printed."""

    def rules(self) -> Sequence[Mapping[str, Any]]:
        """Which image for which laptop: `{"number", "image", "when", "matches": ids of laptops}`."""

    def settings(self) -> Mapping[str, Sequence[Mapping[str, str]]]:
        """By section: `{"key", "value", "source"}`; secrets hidden, `source` empty for a default."""

    async def look(self, again: bool = False) -> Mapping[str, Any]:
        """`{"at", "findings": [{"name", "state", "said", "next"}]}` of `cloned check`, the last ones or new ones."""

    async def imports(self) -> Sequence[Any]:
        """Imports that run or were stopped: `name`, `part`, `done` and `total` (bytes), `running`."""

    def proven(self) -> Mapping[str, Mapping[str, Any]]:
        """By image: `{"at" (s since 1970), "damaged" (pieces), "why"}` of its last whole reading."""

    async def prints(self) -> Sequence[Mapping[str, Any]]:
        """What is printed by itself: `{"laptop", "tag", "paper", "state", "why", "at", "tries"}`, newest first."""


NetbootLog = Callable[[str], Sequence[Mapping[str, Any]]]
"""MAC (empty: all) → what was asked and got, oldest first: `{"mac", "at" (s), "asked", "got", "why", "times", …}`."""

Ready = Callable[[], Awaitable[Sequence[str]]]
"""What keeps the daemon from doing its work, in words; empty when all is well."""


@dataclass(frozen=True)
class Buckets:
    """A histogram: how many were at most so long (cumulative, the last bound `+Inf`), and their sum."""

    buckets: Sequence[tuple[str, float]]
    total: float


Figure = float | Buckets
Measures = Callable[[], Mapping[str, Mapping[Any, Figure]]]
"""More for /metrics: name of a family (families.py) → its figures by label: a text, or a tuple of texts."""
