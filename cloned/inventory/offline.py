"""`cloned inventory status|log|retry|drop|export`: they open the ledger beside a running daemon, or without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypedDict

from cloned.core.ledger import iso
from cloned.core.row_types import LedgerTotals, SinkStatus
from cloned.errors import UsageError
from cloned.inventory import export as files
from cloned.inventory.deliveries import Which
from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import state_of
from cloned.saying import Phrase


class StoreStatus(LedgerTotals):
    """What the ledger holds, and how it stands with each sink."""

    sinks: list[SinkStatus]


class LoggedDelivery(TypedDict):
    """What a sink got of a laptop; other times ISO 8601 UTC, None where it never came to that."""

    sink: str
    attempt: int
    revision: int
    state: str
    tries: int
    reason: str
    added: float
    """Seconds since 1970."""
    sent: str | None
    recorded: str | None


@asynccontextmanager
async def ledger_at(place: Path | str) -> AsyncIterator[Ledger]:
    """The ledger that is there, opened beside whoever has it. Raises MissingError, LedgerError."""
    ledger = await Ledger.open(place, create=False)
    try:
        yield ledger
    finally:
        await ledger.close()


async def status(place: Path | str, configured: Iterable[str]) -> StoreStatus:
    """What there is, and what is owed. Raises MissingError, LedgerError."""
    names = set(configured)
    async with ledger_at(place) as ledger:
        sinks: list[SinkStatus] = [{**entry, "state": state_of(entry, names)} for entry in await ledger.backlog()]
        return StoreStatus(**await ledger.totals(), sinks=sinks)


async def retry(place: Path | str, sink: str | None = None, laptop: str | None = None) -> int:
    """Send the dead letters of one sink, or of all, again; returns how many.

    A running daemon notices within seconds. Raises UsageError where no sink or laptop has that name.
    """
    async with ledger_at(place) as ledger:
        await _sink(ledger, sink)
        return await ledger.retry(sink, None if laptop is None else await one(ledger, laptop))


async def drop(place: Path | str, sink: str, laptop: str | None, reason: str) -> int:
    """Give up dead letters of a sink, and of one laptop also what waits; returns how many. Raises UsageError."""
    async with ledger_at(place) as ledger:
        await _sink(ledger, sink)
        said = " ".join(reason.split())[:200]
        if not said:
            raise UsageError("no reason was given", "say why: --reason 'sold for parts'")
        return await ledger.drop(sink, None if laptop is None else await one(ledger, laptop), said)


async def begin(place: Path | str, sink: str, which: Which) -> int:
    """Say what a new sink gets of the results that were there before it. Raises UsageError where nothing is asked."""
    async with ledger_at(place) as ledger:
        await _sink(ledger, sink)
        count = await ledger.begin(sink, which)
    if count is None:
        raise UsageError(Phrase("{sink} does not ask what it is to get", sink=sink), "see `cloned inventory status`")
    return count


async def log(place: Path | str, laptop: str) -> list[LoggedDelivery]:
    """What every sink got of a laptop, oldest first."""
    async with ledger_at(place) as ledger:
        found = await ledger.log(await one(ledger, laptop))
    return [
        LoggedDelivery(
            sink=each["sink"],
            attempt=each["attempt"],
            revision=each["revision"],
            state=each["state"],
            tries=each["tries"],
            reason=each["reason"],
            added=each["added"],
            sent=_iso(each["sent"]),
            recorded=_iso(each["added"]),
        )
        for each in found
    ]


def _iso(at: float | None) -> str | None:
    return None if at is None else iso(at)


async def _sink(ledger: Ledger, name: str | None) -> None:
    known = [entry["sink"] for entry in await ledger.backlog()]
    if name is not None and name not in known:
        raise UsageError(
            Phrase("there is no sink {name}", name=name),
            Phrase("there are: {known}", known=", ".join(known) or Phrase("none")),
        )


async def one(ledger: Ledger, name: str) -> str:
    """The id of the laptop that people call so. Raises UsageError where none or several are."""
    found = await ledger.ids(name.strip())
    if not found:
        raise UsageError(Phrase("the ledger has no result of a laptop {name}", name=name), "see `cloned laptops`")
    if len(found) > 1:
        raise UsageError(
            Phrase("several laptops are called {name}: {found}", name=name, found=", ".join(found)), "name one of these"
        )
    return found[0]


async def export(place: Path | str, file: Path) -> tuple[int, int, list[Path]]:
    """Write the whole ledger to `file` (.csv, .xlsx, .json, .jsonl).

    How many rows, how many cells that sheets misread, and the files that were written.
    """
    async with ledger_at(place) as ledger:
        found = await ledger.rows()
    written = await asyncio.to_thread(files.write, found, file)
    return len(found), files.misread(found) if file.suffix.lower() == ".csv" else 0, written
