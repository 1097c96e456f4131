"""The whole room in one object: what `app.py` opens, hands to engine and page, runs and closes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cloned.config import Sink as Settings
from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import Outbox
from cloned.inventory.sinks import make


class Inventory:
    """The ledger with its outbox; satisfies `engine.Ledger` and `status.needs.Records`."""

    def __init__(self, ledger: Ledger, outbox: Outbox) -> None:
        self._ledger, self._outbox = ledger, outbox

    @classmethod
    async def open(cls, place: Path | str, settings: Iterable[Settings]) -> Inventory:
        """Open the ledger (a path or an SQLAlchemy URL) and make the sinks. Raises UsageError, LedgerError."""
        sinks = [make(each) for each in settings]
        ledger = await Ledger.open(place)
        try:
            outbox = Outbox(ledger, sinks)
            await ledger.register([sink.name for sink in sinks])
        except BaseException:
            await ledger.close()
            raise
        return cls(ledger, outbox)

    async def run(self) -> None:
        """Deliver until cancelled: a service for `tasks.TaskOwner`."""
        await self._outbox.run()

    async def close(self) -> None:
        """Let go of the database; call after `run` has ended."""
        await self._ledger.close()

    async def record(self, row: Mapping[str, Any]) -> None:
        """Keep one result; see `Ledger.record`."""
        await self._ledger.record(row)

    async def totals(self) -> dict[str, Any]:
        """See `Ledger.totals`."""
        return await self._ledger.totals()

    async def rows(self, *, laptop: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """See `Ledger.rows`."""
        return await self._ledger.rows(laptop=laptop, limit=limit)

    async def sinks(self) -> list[dict[str, Any]]:
        """See `Outbox.status`."""
        return await self._outbox.status()

    async def retry(self, sink: str | None = None) -> int:
        """See `Outbox.retry`."""
        return await self._outbox.retry(sink)
