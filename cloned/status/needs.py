"""What the page needs of the other rooms; `app.py` of the house hands the real ones in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

Snapshot = Mapping[str, Any]
"""What `core.snapshot.snapshot` gives, with `workshop`, `switches` and `warnings` added by the house."""


class WorkshopSource(Protocol):
    """The engine, as the page sees it."""

    def snapshot(self) -> Snapshot:
        """Everything there is to see, now; cheap enough for once a second."""

    async def command(self, command: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do what somebody asked for (shape: status/requests.py, with `by`); raises ClonedError with the reason."""


class ResultSource(Protocol):
    """The ledger and its outbox, as the page sees them."""

    async def totals(self) -> dict[str, Any]:
        """`{"rows", "verdicts": {verdict: n}, "done_today"}`."""

    async def rows(self, *, laptop: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Results, oldest first."""

    async def sinks(self) -> list[dict[str, Any]]:
        """For each sink `{"sink", "state", "waiting", "sent", "refused", "reason", "tries", "due", "dead"}`."""

    async def retry(self, sink: str | None = None) -> int:
        """Send dead letters again; returns how many."""


NetbootLog = Callable[[str], Sequence[Mapping[str, Any]]]
"""MAC (empty: all) → what was asked and got, oldest first: `{"mac", "at" (s), "asked", "got", "why", "times", …}`."""

Ready = Callable[[], Awaitable[Sequence[str]]]
"""What keeps the daemon from doing its work, in words; empty when all is well."""

Counters = Callable[[], Mapping[str, Mapping[str, float]]]
"""More for /metrics: `{name: {label value: figure}}`, e.g. `{"dhcp_packets": {"offer": 12}}`."""
