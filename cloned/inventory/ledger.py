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
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from cloned.core.attempts import ATTEMPTS, LENDINGS
from cloned.core.ids import LaptopId
from cloned.core.row_types import LedgerTotals, Row
from cloned.core.tagged import TagGiven
from cloned.inventory import rows, tallies
from cloned.inventory.database import BUSY_SECONDS, LedgerError, away, connect, opened
from cloned.inventory.deliveries import DeliveryBook, RevisionKey, every, owe, tally
from cloned.inventory.names import add_names, folded, keep_names, names_of
from cloned.inventory.schema import ERASURES as ERASED
from cloned.inventory.schema import WAITING, deliveries, numbers, results, revisions, sinks, traces
from cloned.inventory.schema import names as called
from cloned.inventory.schema import tallies as counts
from cloned.inventory.sinks.base import ToldBefore
from cloned.inventory.waiting import told_before
from cloned.tasks import at_most

if TYPE_CHECKING:
    from cloned.core.evidence import Evidence
    from cloned.core.known import KnownToLedger

log = logging.getLogger(__name__)

ERASURES = ATTEMPTS
"""Attempts from this number on are erasures: they are no clones, so they have no verdict to count."""
PRUNED_AT_ONCE = 100
"""So many old results go in one transaction: whoever has a new one waits for it."""
FIRST_LOOK_SECONDS = 6.0
"""Seconds that a start waits for a server; laptops need not wait longer."""
CLEARED_WITHIN_MS = 1000
"""How long clearing waits for readers, and whoever writes waits for it; what it does not do the next commits do."""
MANY = 500
"""Values that one question may name."""


_THIS = (results.c.laptop == bindparam("which")) & (results.c.attempt == bindparam("number"))
_SEEN = select(revisions.c.revision).where(revisions.c.key == bindparam("key"))
_THERE = select(results.c.attempt, results.c.revision, results.c.row).where(results.c.laptop == bindparam("which"))
_REVISED, _ENTERED = insert(revisions), insert(results)
_CHANGED = update(results).where(_THIS)
_SINKS = select(sinks.c.name)
_GIVEN = (
    select(deliveries.c.id)
    .where(deliveries.c.sink == bindparam("sink"), deliveries.c.laptop == bindparam("which"))
    .where(deliveries.c.attempt == bindparam("number"))
    .limit(1)
)
"""Whether a sink was ever to get a result."""
_COUNTS = select(counts.c.name, counts.c.count).where(~counts.c.name.like("sent/%"))
"""What recording asks, put together once: that takes longer than the database needs for the answer."""


class Ledger(DeliveryBook):
    """Rows and outbox in one database; `open` makes it, `close` lets it go."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        super().__init__(engine, clock)
        self._listeners: list[Callable[[], None]] = []

    @classmethod
    async def open(
        cls, place: Path | str, *, create: bool = True, clock: Callable[[], float] = time.time, wait: bool = False
    ) -> Ledger:
        """The ledger at a path or URL. Raises MissingError or LedgerError (see `database.connect`).

        `wait`: a server that is not there is no reason not to begin. What is asked raises LedgerError until it is.
        """
        if not wait or "://" not in str(place):
            return cls(await asyncio.to_thread(connect, place, create=create), clock)
        ledger = cls(opened(place), clock)
        ledger._prepared = False
        try:
            await at_most(FIRST_LOOK_SECONDS, ledger.prepare(), "ledger")
        except TimeoutError:
            log.warning("the ledger's PostgreSQL does not answer; going on without it, results wait")
        except LedgerError as error:
            if not away(error):
                await ledger.close()
                raise
            log.warning("%s; going on without it, results wait", error)
        return ledger

    def on_recorded(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each new revision, on the loop."""
        self._listeners.append(callback)

    async def record(self, row: Mapping[str, object]) -> None:
        """Keep one result (shape: rows.TEXTS and below) and owe it to every sink.

        On return it is on disk. Raises LedgerError where it could not be written; call again then. AnothersRow where
        what stands there under its laptop's id is of another machine: so two sites may both have named one.
        """
        kept = rows.clean(row)
        if kept.dropped:
            log.warning("ledger: fields %s of laptop %s are not kept", ", ".join(kept.dropped), kept.laptop)
        if await self._transaction(self._record, kept):
            for callback in self._listeners:
                callback()

    def _record(self, connection: Connection, row: rows.LedgerRow) -> bool:
        from cloned.inventory import recalling  # it weighs with the whole core, which what waits goes its way without

        if connection.scalar(_SEEN, {"key": row.key}) is not None:
            return False
        there = {attempt: (last, told) for attempt, last, told in connection.execute(_THERE, {"which": row.laptop})}
        recalling.refuse_anothers(row.laptop, [told for _, told in there.values()], row.data)
        last, before = there.pop(row.attempt, (0, None))
        key = RevisionKey(laptop=row.laptop, attempt=row.attempt, revision=last + 1)
        now = self._clock()
        connection.execute(_REVISED, {**key, "key": row.key, "recorded": now, "row": row.data})
        columns = {name: row.data.get(name) for name in ("at", "state", "verdict", "image", "serial", "tag", "uuid")}
        where = {"which": row.laptop, "number": row.attempt} if last else {}
        connection.execute(_CHANGED if last else _ENTERED, {**key, **columns, "row": row.data, **where})
        if before is None:
            add_names(connection, row.laptop, names_of(row.data))
        elif names_of(before) != names_of(row.data):
            keep_names(connection, [row.laptop])
        recalling.note(connection, before, (*(told for _, told in there.values()), row.data))
        tally(connection, tallies.change(before, row.data))
        names = connection.scalars(_SINKS).all()
        if last:  # who was to have none of the results from before gets no later revision of one either
            of_it = {"which": row.laptop, "number": row.attempt}
            names = [name for name in names if connection.scalar(_GIVEN, of_it | {"sink": name})]
        owe(connection, names, [key], now)
        return True

    # What is asked of it.

    async def rows(
        self,
        *,
        laptop: str | None = None,
        limit: int | None = None,
        before: tuple[str, str, int] | None = None,
        erasures: bool = False,
    ) -> list[Row]:
        """Results, oldest first, each as it was recorded plus its `revision`; `limit`: the newest so many.

        `before`: at, laptop and attempt of a result; only those before it, in that order. `erasures`: those alone.
        """
        order = (results.c.at, results.c.laptop, results.c.attempt)
        query = select(results.c.row, results.c.revision).order_by(*(column.desc() for column in order))
        if laptop is not None:
            query = query.where(results.c.laptop == laptop)
        if erasures:
            query = query.where(ERASED)
        if before is not None:
            query = query.where(results.c.at <= before[0], tuple_(*order) < tuple_(*before))
        found = await self._survey(every, query.limit(limit))
        return [_revised(row, revision) for row, revision in reversed(found)]

    async def erased(self, donation: str) -> list[Row]:
        """Erasures of what came with one delivery, oldest first; which those are, the database finds out."""
        named = results.c.row["erasure"]["donation"].as_string() == donation
        return await self._look(_rows_of, select(results.c.row).where(ERASED, named).order_by(results.c.at))

    async def between(self, first: datetime, last: datetime) -> list[Row]:
        """Results that were entered from `first` on and before `last`, oldest first; lendings are none."""
        limits = [moment.astimezone(UTC).isoformat()[:19] for moment in (first, last)]
        query = select(results.c.row).where(results.c.at >= limits[0], results.c.at < limits[1])
        query = query.where(results.c.attempt < LENDINGS)
        return [row for (row,) in await self._survey(every, query.order_by(results.c.at))]

    async def called(self, name: str) -> Row | None:
        """The newest result of the laptop with this id, tag or serial: also of one that was forgotten."""
        same = or_(results.c.laptop == name, results.c.tag == name, results.c.serial == name)
        query = select(results.c.row).where(same, results.c.attempt < LENDINGS).order_by(results.c.at.desc()).limit(1)
        return next((row for (row,) in await self._look(every, query)), None)

    async def told(self, sink: str, laptop: str) -> list[ToldBefore]:
        """What a sink was told of a laptop before, the newest first. Raises LedgerError."""
        return await self._look(told_before, sink, laptop)

    async def ids(self, name: str) -> list[str]:
        """Laptops with this id, tag, serial number or MAC address; in these very letters before other cases."""
        exact = or_(results.c.laptop == name, results.c.tag == name, results.c.serial == name)
        loose = select(called.c.laptop).where(called.c.name == folded(name)).order_by(called.c.laptop)
        query = select(results.c.laptop).where(exact).distinct().order_by(results.c.laptop)
        return [laptop for (laptop,) in await self._look(every, query) or await self._look(every, loose)]

    async def known(self, sight: Evidence, own: str | None = None) -> KnownToLedger:
        """Which of its laptops a machine is, if any, and who else says the same; `own`: what it has of that laptop."""
        from cloned.inventory import recalling  # as above

        return await (self._look(recalling.asked, sight) if own is None else self._look(recalling.counted, own))

    async def tags(self, known: Container[str] = ()) -> list[TagGiven]:
        """Every number that a result was entered under, with the laptop that had it first; also of forgotten ones.

        Without those whose case-folded text is `known`: of 100,000 then only the texts are read.
        """
        return await self._survey(_tags, known)

    async def last_numbers(self, laptops: Sequence[str]) -> dict[str, tuple[int, int, int]]:
        """Of each of these that it has, the numbers of its last clone, erasure and lending; 0 where there is none."""
        found: dict[str, dict[int, int]] = {}
        for start in range(0, len(laptops), MANY):
            found |= await self._look(_last_numbers, laptops[start:][:MANY])
        return {laptop: tuple(found[laptop].get(kind, 0) for kind in range(3)) for laptop in found}  # type: ignore[misc]

    async def counted(self, laptop: str) -> KnownToLedger:
        """What there is of a laptop, and nothing of others."""
        from cloned.inventory import recalling  # as above

        return await self._look(recalling.counted, laptop)

    async def laptops(self) -> set[str]:
        """The ids of all laptops that have a result."""
        return {laptop for (laptop,) in await self._survey(every, select(results.c.laptop).distinct())}

    async def totals(self) -> LedgerTotals:
        """What there is; today begins at the server's midnight."""
        midnight = datetime.fromtimestamp(self._clock()).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        today = (results.c.state == "done") & (results.c.at >= midnight.astimezone(UTC).isoformat()[:19])
        done, told = await self._look(_counted, select(func.count(results.c.laptop.distinct())).where(today))
        verdicts = tallies.verdicts(told)
        return {
            "rows": sum(verdicts.values()),
            "verdicts": verdicts,
            "done_today": int(done or 0),
        }

    # What is taken away.

    async def forget(self, laptop: str) -> int:
        """Take away all of a laptop but its numbers, which stay used, and the counts; returns how many results."""
        count = await self._transaction(_forget, laptop)
        await self._clear()
        return count

    async def _clear(self) -> None:
        """Have a file hold nothing any more of what was taken away: until then it lies there beside what is new."""
        if self._writes.engine.dialect.name == "sqlite":
            await self._look(_cleared)

    async def prune(self, limits: Mapping[str, str], owed_to: Collection[str] | None = None) -> int:
        """Take away results from before a moment (ISO 8601), by `done`, `failed` or `erasure`; never what is owed.

        `owed_to`: the sinks that there are; one that nobody configures any more will never get what waits for it.
        Returns how many. What was counted stays counted, and numbers stay used.
        """
        gone = 0
        for kind, before in limits.items():
            last = ("", "", 0)
            while keys := await self._old(kind, before, last, owed_to):
                await self._transaction(_take_away, [(laptop, attempt) for _, laptop, attempt in keys])
                gone, last = gone + len(keys), keys[-1]
        if gone:
            await self._clear()
        return gone

    async def _old(
        self, kind: str, before: str, last: tuple[str, str, int], owed_to: Collection[str] | None
    ) -> list[tuple[str, str, int]]:
        """The next that may go: when, of which laptop, which attempt; after the `last`."""
        same = (deliveries.c.laptop == results.c.laptop, deliveries.c.attempt == results.c.attempt)
        waits = deliveries.c.state == WAITING
        if owed_to is not None:
            waits &= deliveries.c.sink.in_(sorted(owed_to))
        erasure = results.c.attempt.between(ATTEMPTS, LENDINGS - 1)
        done = results.c.state.in_(("done", "lent", "back"))
        of_kind = erasure if kind == "erasure" else and_(~erasure, done if kind == "done" else ~done)
        order = (results.c.at, results.c.laptop, results.c.attempt)
        query = select(*order).where(of_kind, results.c.at < before, results.c.at >= last[0], tuple_(*order) > last)
        query = query.where(~select(deliveries.c.id).where(*same, waits).exists()).order_by(*order)
        return [(at, laptop, attempt) for at, laptop, attempt in await self._survey(every, query.limit(PRUNED_AT_ONCE))]


def _cleared(connection: Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA busy_timeout={CLEARED_WITHIN_MS}")
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


def _rows_of(connection: Connection, query: Select[Row]) -> list[Row]:
    return [*connection.scalars(query)]


def _revised(row: Row, revision: int) -> Row:
    return {**row, "revision": revision}


def _last_numbers(connection: Connection, laptops: Sequence[str]) -> dict[str, dict[int, int]]:
    """By laptop and kind (a clone, an erasure, a lending) how far it was counted; by the primary key alone."""
    kind: ColumnElement[int] = literal_column(f"attempt / {ATTEMPTS}")
    query = select(results.c.laptop, kind, func.max(results.c.attempt)).where(results.c.laptop.in_(laptops))
    found: dict[str, dict[int, int]] = {}
    for laptop, which, last in connection.execute(query.group_by(results.c.laptop, kind)):
        found.setdefault(laptop, {})[int(which)] = last - int(which) * ATTEMPTS
    return found


def _counted(connection: Connection, today: Select[int]) -> tuple[int | None, list[tuple[str, int]]]:
    """What `today` asks for, and all counts of results."""
    done = connection.scalar(today)
    return done, [(str(name), int(count)) for name, count in connection.execute(_COUNTS)]


def _tags(connection: Connection, known: Container[str]) -> list[TagGiven]:
    """As `Ledger.tags`."""
    tags = connection.scalars(select(results.c.tag).where(results.c.tag != "").distinct())
    new = [tag for tag in tags if tag.casefold() not in known]
    given = [each for start in range(0, len(new), MANY) for each in _first(connection, new[start:][:MANY])]
    bare = connection.scalars(select(numbers.c.tag))
    return given + [TagGiven(tag, LaptopId("")) for tag in bare if tag.casefold() not in known]


def _first(connection: Connection, tags: Sequence[str]) -> list[TagGiven]:
    """These numbers, each with the laptops that had it, the first one first."""
    columns = (results.c.tag, results.c.laptop, results.c.uuid, results.c.serial, results.c.row)
    found = connection.execute(select(*columns).where(results.c.tag.in_(tags)).order_by(results.c.at))
    return [TagGiven(tag, LaptopId(laptop), uuid, serial, _own(row)) for tag, laptop, uuid, serial, row in found]


def _own(row: Row) -> tuple[str, ...]:
    """The network cards of a row that are no dongles."""
    return tuple(mac for mac in row.get("macs") or () if mac not in (row.get("dongles") or ()))


def _forget(connection: Connection, laptop: str) -> int:
    """All of a laptop; how many results that were."""
    _keep_numbers(connection, connection.scalars(select(results.c.tag).where(results.c.laptop == laptop)).all())
    for table in (deliveries, revisions, called, traces):
        connection.execute(delete(table).where(table.c.laptop == laptop))
    return int(connection.execute(delete(results).where(results.c.laptop == laptop)).rowcount)


def _take_away(connection: Connection, keys: Sequence[tuple[str, int]]) -> None:
    """These results, with what led to them and what came of them."""
    from cloned.inventory import recalling  # as above

    given = select(results.c.tag).where(tuple_(results.c.laptop, results.c.attempt).in_(keys))
    _keep_numbers(connection, connection.scalars(given).all())
    for table in (deliveries, revisions, results):
        connection.execute(delete(table).where(tuple_(table.c.laptop, table.c.attempt).in_(keys)))
    gone = sorted({laptop for laptop, _ in keys})
    keep_names(connection, gone)
    recalling.keep(connection, gone)


def _keep_numbers(connection: Connection, given: Sequence[str]) -> None:
    """Note that these tags were given, though nothing else is known any more."""
    used = set(given) - {""}
    known = set(connection.scalars(select(numbers.c.tag).where(numbers.c.tag.in_(used))).all())
    if new := used - known:
        connection.execute(insert(numbers), [{"tag": tag} for tag in sorted(new)])
