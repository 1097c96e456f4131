"""`cloned inventory status|retry|export`: they open the ledger beside a running daemon, or without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cloned.errors import UsageError
from cloned.inventory import export as files
from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import state_of


@asynccontextmanager
async def _opened(place: Path | str) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(place, create=False)
    try:
        yield ledger
    finally:
        await ledger.close()


async def status(place: Path | str, configured: Iterable[str]) -> dict[str, Any]:
    """`{"rows", "verdicts", "done_today", "sinks": [Outbox.status…]}`. Raises MissingError, LedgerError."""
    names = set(configured)
    async with _opened(place) as ledger:
        sinks = [{**entry, "state": state_of(entry, names)} for entry in await ledger.backlog()]
        return {**await ledger.totals(), "sinks": sinks}


async def retry(place: Path | str, sink: str | None = None) -> int:
    """Send the dead letters of one sink, or of all, again; returns how many.

    A running daemon notices within seconds. Raises UsageError where no sink has that name.
    """
    async with _opened(place) as ledger:
        known = [entry["sink"] for entry in await ledger.backlog()]
        if sink is not None and sink not in known:
            raise UsageError(f"there is no sink {sink}", f"there are: {', '.join(known) or 'none'}")
        return await ledger.retry(sink)


async def export(place: Path | str, file: Path) -> tuple[int, int]:
    """Write the whole ledger to `file` (.csv, .xlsx or .json); how many rows, and cells that a spreadsheet misreads."""
    async with _opened(place) as ledger:
        found = await ledger.rows()
    await asyncio.to_thread(files.write, found, file)
    return len(found), files.misread(found) if file.suffix.lower() == ".csv" else 0
