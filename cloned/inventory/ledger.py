"""The ledger: our own record of every result, and what is owed to each sink because of it.

A result is keyed by laptop and attempt. Reporting the same again changes nothing; reporting
something else under the same key (the finishing steps came later, say) is a new revision, which
the sinks get too. A report that was ever seen is never taken for new, in whatever order a
replayed journal repeats it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cloned.core.erasure import ATTEMPTS
from cloned.core.ids import LaptopId
from cloned.core.tagged import TagGiven
from cloned.inventory import rows
from cloned.inventory.database import broken, connect
from cloned.inventory.schema import REFUSED, SENT, SUPERSEDED, WAITING, deliveries, results, revisions, sinks

log = logging.getLogger(__name__)

ERASURES = ATTEMPTS
"""Attempts from this number on are erasures: they are no clones, so they have no verdict to count."""


@dataclass(frozen=True)
class Owed:
    """A revision that a sink has not got yet."""

    id: int
    key: str
    laptop: str
    attempt: int
    revision: int
    row: Mapping[str, Any]
    tries: int
    due: float
    reason: str
    """Why the last try failed."""
    recorded: float = 0.0
    """When it was entered, seconds since 1970."""


class Ledger:
    """Rows and outbox in one database; `open` makes it, `close` lets it go."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock
        self._writing = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._totals: tuple[date, dict[str, Any]] | None = None
        """What was counted last, and on which day: true until something is written."""
        self._writes = 0

    @classmethod
    async def open(cls, place: Path | str, *, create: bool = True, clock: Callable[[], float] = time.time) -> Ledger:
        """The ledger at a path or URL. Raises MissingError or LedgerError (see `database.connect`)."""
        return cls(await connect(place, create=create), clock)

    async def close(self) -> None:
        """Let go of the database; everything recorded is already on disk."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction of our own, committed at its end. Raises LedgerError."""
        try:
            async with self._writing, self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise broken(error) from error

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[AsyncConnection]:
        """A look at what is committed. Raises LedgerError."""
        try:
            async with self._engine.connect() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise broken(error) from error

    def on_recorded(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each new revision, on the loop."""
        self._listeners.append(callback)

    async def record(self, row: Mapping[str, Any]) -> None:
        """Keep one result (shape: rows.TEXTS and below) and owe it to every sink.

        On return it is on disk. Raises LedgerError where it could not be written; call again then.
        """
        kept = rows.clean(row)
        if kept.dropped:
            log.warning("ledger: fields %s of laptop %s are not kept", ", ".join(kept.dropped), kept.laptop)
        async with self._write() as connection:
            new = await self._record(connection, kept)
        if new:
            self._totals, self._writes = None, self._writes + 1
            for callback in self._listeners:
                callback()

    async def _record(self, connection: AsyncConnection, row: rows.LedgerRow) -> bool:
        same = (results.c.laptop == row.laptop) & (results.c.attempt == row.attempt)
        if await connection.scalar(select(revisions.c.revision).where(revisions.c.key == row.key)) is not None:
            return False
        last = await connection.scalar(select(results.c.revision).where(same)) or 0
        key: dict[str, Any] = {"laptop": row.laptop, "attempt": row.attempt, "revision": last + 1}
        now = self._clock()
        await connection.execute(insert(revisions).values(**key, key=row.key, recorded=now, row=row.data))
        columns = {name: row.data[name] for name in ("at", "state", "verdict", "image", "serial", "tag")}
        change = update(results).where(same) if last else insert(results)
        await connection.execute(change.values(**key, **columns, row=row.data))
        names = (await connection.scalars(select(sinks.c.name))).all()
        await _owe(connection, names, [key], now)
        return True

    async def register(self, names: Iterable[str]) -> None:
        """Make known which sinks there are; one never seen before is owed the whole ledger."""
        async with self._write() as connection:
            known = set((await connection.scalars(select(sinks.c.name))).all())
            for name in [name for name in names if name not in known]:
                await connection.execute(insert(sinks).values(name=name, added=self._clock()))
                columns = select(results.c.laptop, results.c.attempt, results.c.revision)
                found = await connection.execute(columns.order_by(results.c.at, results.c.laptop, results.c.attempt))
                await _owe(connection, [name], [dict(row._mapping) for row in found], self._clock())

    async def rows(self, *, laptop: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Results, oldest first, each as it was recorded plus its `revision`; `limit`: the newest so many."""
        query = select(results.c.row, results.c.revision).order_by(
            results.c.at.desc(), results.c.laptop.desc(), results.c.attempt.desc()
        )
        if laptop is not None:
            query = query.where(results.c.laptop == laptop)
        async with self._read() as connection:
            found = (await connection.execute(query.limit(limit))).all()
        return [{**row, "revision": revision} for row, revision in reversed(found)]

    async def between(self, first: datetime, last: datetime) -> list[dict[str, Any]]:
        """Results that were entered from `first` on and before `last`, oldest first."""
        limits = [moment.astimezone(UTC).isoformat()[:19] for moment in (first, last)]
        query = select(results.c.row).where(results.c.at >= limits[0], results.c.at < limits[1])
        async with self._read() as connection:
            return [dict(row) for row in (await connection.scalars(query.order_by(results.c.at))).all()]

    async def called(self, name: str) -> dict[str, Any] | None:
        """The newest result of the laptop with this id, tag or serial: also of one that was forgotten."""
        same = or_(results.c.laptop == name, results.c.tag == name, results.c.serial == name)
        query = select(results.c.row).where(same).order_by(results.c.at.desc()).limit(1)
        async with self._read() as connection:
            row = await connection.scalar(query)
        return None if row is None else dict(row)

    async def tags(self) -> list[TagGiven]:
        """Every number that a result was entered under, with the laptop that had it first."""
        query = select(results.c.tag, results.c.laptop, results.c.serial, results.c.row).where(results.c.tag != "")
        async with self._read() as connection:
            found = (await connection.execute(query.order_by(results.c.at))).all()
        return [TagGiven(tag, LaptopId(laptop), row.get("uuid") or "", serial) for tag, laptop, serial, row in found]

    async def totals(self) -> dict[str, Any]:
        """`{"rows", "verdicts": {verdict: n}, "done_today"}`; today begins at the server's midnight."""
        if self._totals is not None and self._totals[0] == datetime.fromtimestamp(self._clock()).date():
            return dict(self._totals[1])
        writes = self._writes
        midnight = datetime.fromtimestamp(self._clock()).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        today = (results.c.state == "done") & (results.c.at >= midnight.astimezone(UTC).isoformat()[:19])
        async with self._read() as connection:
            clones = select(results.c.verdict, func.count()).where(results.c.attempt < ERASURES)
            counted = await connection.execute(clones.group_by(results.c.verdict))
            verdicts = {str(verdict): int(count) for verdict, count in counted.all()}
            done = await connection.scalar(select(func.count(results.c.laptop.distinct())).where(today))
        found = {"rows": sum(verdicts.values()), "verdicts": verdicts, "done_today": int(done or 0)}
        if writes == self._writes:
            self._totals = midnight.date(), found
        return dict(found)

    # What the outbox works with.

    async def next_owed(self, sink: str) -> Owed | None:
        """The oldest delivery that waits for `sink`."""
        join = and_(*(deliveries.c[name] == revisions.c[name] for name in ("laptop", "attempt", "revision")))
        query = (
            select(deliveries, revisions.c.key, revisions.c.row, revisions.c.recorded)
            .join(revisions, join)
            .where(deliveries.c.sink == sink, deliveries.c.state == WAITING)
            .order_by(deliveries.c.id)
            .limit(1)
        )
        async with self._read() as connection:
            found = (await connection.execute(query)).first()
        if found is None:
            return None
        return Owed(**{name: found._mapping[name] for name in Owed.__dataclass_fields__})

    async def sent(self, owed: Owed, sink: str) -> None:
        """`sink` has it; older revisions of the same result that it had refused no longer matter."""
        older = and_(
            deliveries.c.sink == sink,
            deliveries.c.laptop == owed.laptop,
            deliveries.c.attempt == owed.attempt,
            deliveries.c.revision < owed.revision,
            deliveries.c.state == REFUSED,
        )
        async with self._write() as connection:
            await self._set(connection, owed.id, state=SENT, sent=self._clock(), reason="")
            await connection.execute(update(deliveries).where(older).values(state=SUPERSEDED))

    async def failed(self, owed: Owed, reason: str, due: float) -> None:
        """Sending failed for now; it is due again at `due` (seconds since the epoch)."""
        async with self._write() as connection:
            await self._set(connection, owed.id, tries=owed.tries + 1, reason=reason, due=due)

    async def refused(self, owed: Owed, reason: str) -> None:
        """The sink will never take it as it is: a dead letter until somebody says retry."""
        async with self._write() as connection:
            await self._set(connection, owed.id, state=REFUSED, tries=owed.tries + 1, reason=reason)

    async def retry(self, sink: str | None = None) -> int:
        """Send dead letters again, and what waits at once; returns how many dead letters there were."""
        here = (deliveries.c.sink == sink) if sink else (deliveries.c.sink != "")
        async with self._write() as connection:
            waits = update(deliveries).where(here, deliveries.c.state == WAITING)
            await connection.execute(waits.values(due=0, tries=0))
            dead = update(deliveries).where(here, deliveries.c.state == REFUSED)
            changed = await connection.execute(dead.values(state=WAITING, due=0, tries=0))
        return int(changed.rowcount)

    async def backlog(self) -> list[dict[str, Any]]:
        """For each sink: `{"sink", "waiting", "sent", "refused", "reason", "tries", "due", "dead": […]}`."""
        async with self._read() as connection:
            names = (await connection.scalars(select(sinks.c.name).order_by(sinks.c.name))).all()
            grouped = select(deliveries.c.sink, deliveries.c.state, func.count())
            counted = (await connection.execute(grouped.group_by(deliveries.c.sink, deliveries.c.state))).all()
            dead = (
                await connection.execute(
                    select(deliveries).where(deliveries.c.state == REFUSED).order_by(deliveries.c.id.desc()).limit(100)
                )
            ).all()
        heads = {name: await self.next_owed(name) for name in names}
        counts = {(sink, state): count for sink, state, count in counted}
        now = self._clock()
        return [_status(name, counts, heads[name], dead, now) for name in names]

    @staticmethod
    async def _set(connection: AsyncConnection, identity: int, **values: Any) -> None:
        await connection.execute(update(deliveries).where(deliveries.c.id == identity).values(**values))


async def _owe(connection: AsyncConnection, names: Iterable[str], keys: list[dict[str, Any]], now: float) -> None:
    owed = [
        {**key, "sink": name, "state": WAITING, "tries": 0, "due": now, "reason": ""} for key in keys for name in names
    ]
    if owed:
        await connection.execute(insert(deliveries), owed)


def _status(
    name: str, counts: Mapping[tuple[str, str], int], head: Owed | None, dead: Iterable[Any], now: float
) -> dict[str, Any]:
    return {
        "sink": name,
        **{state: counts.get((name, state), 0) for state in (WAITING, SENT, REFUSED)},
        "reason": head.reason if head else "",
        "tries": head.tries if head else 0,
        "due": head.due if head else None,
        "oldest_seconds": round(max(0.0, now - head.recorded), 1) if head else None,
        "dead": [
            {"laptop": row.laptop, "attempt": row.attempt, "revision": row.revision, "reason": row.reason}
            for row in dead
            if row.sink == name
        ],
    }
