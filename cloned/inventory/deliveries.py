"""The outbox in the ledger's database: what is owed to which sink, in which order, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, TypeVarTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from cloned.core.attempts import ATTEMPTS
from cloned.core.row_types import SinkBacklog
from cloned.inventory.database import another, bring_up, broken, silent
from cloned.inventory.ordering import Queued, newest
from cloned.inventory.own_thread import Arguments, OwnThread, OwnThreads, Result, Work
from cloned.inventory.schema import (
    DROPPED,
    REFUSED,
    SENT,
    SUPERSEDED,
    WAITING,
    deliveries,
    results,
    sinks,
    tallies,
)
from cloned.inventory.tallies import Tally
from cloned.inventory.waiting import (
    LISTED,
    DeliveryLine,
    Owed,
    SinkCounts,
    counts_of,
    oldest_of,
    owed_by,
    refused_by,
    waiting,
)
from cloned.saying import kept, recalled

LONGEST_DUE_SECONDS = 3600.0
"""Seconds: what is due later than that was set by a clock that has since been set back, so it is due now."""
PATIENCE_SECONDS = 60.0
"""Seconds for a transaction of a server: one that accepts and never answers must not be waited for for ever."""
LONG = 600.0
"""And for one that may concern every result."""
READERS = 4
"""So many may look at many results at the same time."""
Which = Literal["all", "newest", "none", "ask"]
"""What of the results that are there a sink gets that is new; `ask`: none before a person said which of the others."""


Columns = TypeVarTuple("Columns")


class RevisionKey(TypedDict):
    """Names a revision of a result."""

    laptop: str
    attempt: int
    revision: int


@dataclass(frozen=True)
class Outcome:
    """What came of one try."""

    owed: Owed
    state: str
    """sent, waiting, refused or skipped."""
    reason: str = ""
    due: float = 0.0


class DeliveryBook:
    """What is owed, in the database that `engine` opens."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._writing = asyncio.Lock()
        self._patience = PATIENCE_SECONDS if engine.dialect.name == "postgresql" else None
        self._prepared, self._preparing = True, asyncio.Lock()
        self._writes, self._looks = OwnThread(engine, "ledger"), OwnThread(another(engine), "ledger-look")
        """Two: who only looks does not wait for what is being written."""
        self._surveys = OwnThreads(engine, "ledger-survey", READERS)
        """And what is asked each second does not wait for who looks at many results."""

    async def close(self) -> None:
        """Let go of the database; everything recorded is already on disk."""
        for threads in (self._surveys, self._writes, self._looks):
            await threads.close()

    async def _transaction(self, work: Work[*Arguments, Result], *arguments: *Arguments, long: bool = False) -> Result:
        """What `work` gives for a connection and these, in a transaction of our own; `long`: it may concern every
        result. Raises LedgerError."""
        async with self._writing, self._patient(long):
            return await self._writes.transaction(work, *arguments)

    async def _look(self, work: Work[*Arguments, Result], *arguments: *Arguments) -> Result:
        """What `work`, which changes nothing, gives for a connection and these. Raises LedgerError."""
        async with self._patient():
            return await self._looks.look(work, *arguments)

    async def _survey(self, work: Work[*Arguments, Result], *arguments: *Arguments) -> Result:
        """As `_look`, for what may look at very many results."""
        async with self._patient():
            return await self._surveys.look(work, *arguments)

    @asynccontextmanager
    async def _patient(self, long: bool = False) -> AsyncIterator[None]:
        """Raises LedgerError for what the database says, and where a server says nothing for long."""
        seconds = LONG if long and self._patience else self._patience
        try:
            async with asyncio.timeout(seconds):
                if not self._prepared:
                    await self._bring_up()
                yield
        except TimeoutError as error:
            raise silent(seconds or 0.0) from error
        except (SQLAlchemyError, OSError) as error:
            raise broken(error) from error

    async def prepare(self) -> None:
        """Bring the tables to this version, where that could not be done at the start. Raises LedgerError."""
        async with self._patient(long=True):
            pass

    async def _bring_up(self) -> None:
        async with self._preparing:
            if not self._prepared:
                await self._writes.transaction(bring_up)
                self._prepared = True

    # Who is owed what.

    async def register(self, names: Iterable[str], which: Mapping[str, Which] | None = None) -> None:
        """Make known which sinks there are; one never seen before is owed of the ledger what `which` says, else all."""
        await self._transaction(self._register, list(names), which or {}, long=True)

    def _register(self, connection: Connection, names: Iterable[str], which: Mapping[str, Which]) -> None:
        known = set(connection.scalars(select(sinks.c.name)).all())
        for name in [name for name in names if name not in known]:
            past = which.get(name, "all")
            if past == "ask" and connection.scalar(select(results.c.laptop).limit(1)) is None:
                past = "all"
            connection.execute(insert(sinks).values(name=name, added=self._clock(), past=past))
            owe(connection, [name], _past(connection, past), self._clock())

    async def begin(self, sink: str, which: Which) -> int | None:
        """A person's word on what a new sink gets of the results that were there; returns how many that is.

        None where nothing was asked (any more), and nothing is changed.
        """
        return await self._transaction(self._begin, sink, which, long=True)

    def _begin(self, connection: Connection, sink: str, which: Which) -> int | None:
        if connection.scalar(select(sinks.c.past).where(sinks.c.name == sink)) != "ask":
            return None
        had = select(deliveries.c.laptop, deliveries.c.attempt).where(deliveries.c.sink == sink)
        there = {(laptop, attempt) for laptop, attempt in connection.execute(had)}
        keys = [key for key in _past(connection, which) if (key["laptop"], key["attempt"]) not in there]
        owe(connection, [sink], keys, self._clock())
        connection.execute(update(sinks).where(sinks.c.name == sink).values(past=which))
        return len(keys)

    async def hasten(self, sink: str) -> None:
        """What waits for `sink` is due now: a daemon that starts tries at once. What is due already is left."""
        waits = update(deliveries).where(deliveries.c.sink == sink, deliveries.c.state == WAITING)
        waits = waits.where(deliveries.c.due > self._clock())
        await self._transaction(_changed, waits.values(due=0), long=True)

    async def waits(self, names: Collection[str]) -> bool:
        """Whether one of these sinks has not got something yet."""
        return any([await self._look(_any_waits, name) for name in names])

    async def due(self, sink: str, limit: int, busy: Collection[str] = ()) -> list[Owed]:
        """The oldest waiting delivery of each laptop that is not `busy`, where that is due; at most `limit`."""
        older = deliveries.alias("older")
        first = ~select(older.c.id).where(
            older.c.sink == sink,
            older.c.laptop == deliveries.c.laptop,
            older.c.state == WAITING,
            older.c.id < deliveries.c.id,
        ).exists()  # fmt: skip
        query = waiting(sink).where(self._is_due(), deliveries.c.laptop.not_in(list(busy)), first)
        return await self._owed(query.order_by(deliveries.c.id).limit(limit))

    async def due_newest(self, sink: str, limit: int, busy: Collection[str] = ()) -> list[Owed]:
        """As `due`, for a sink that keeps a state: of each laptop what is new, and what is older superseded."""
        send = await self._transaction(self._newest, sink, limit, list(busy))
        query = waiting(sink).where(deliveries.c.id.in_(send), self._is_due())
        return await self._owed(query.order_by(deliveries.c.id)) if send else []

    def _newest(self, connection: Connection, sink: str, limit: int, busy: Sequence[str]) -> list[int]:
        """What to send of laptops of which something is due; what is older is superseded."""
        waits = (deliveries.c.sink == sink, deliveries.c.state == WAITING)
        here = select(deliveries.c.laptop).where(*waits, self._is_due(), deliveries.c.laptop.not_in(busy))
        laptops = here.group_by(deliveries.c.laptop).order_by(func.min(deliveries.c.id)).limit(limit)
        columns = [deliveries.c[name] for name in ("id", "attempt", "revision", "state", "laptop")]
        names = connection.scalars(laptops).all()
        all_of = select(*columns).where(deliveries.c.sink == sink, deliveries.c.laptop.in_(names))
        found = connection.execute(all_of).all()
        choices = [newest([Queued(*row[:4]) for row in found if row.laptop == name]) for name in names]
        old = [ident for each in choices for ident in each.superseded]
        if old:
            connection.execute(update(deliveries).where(deliveries.c.id.in_(old)).values(state=SUPERSEDED))
        return [each.send for each in choices if each.send is not None]

    def _is_due(self) -> ColumnElement[bool]:
        now = self._clock()
        return or_(deliveries.c.due <= now, deliveries.c.due > now + LONGEST_DUE_SECONDS)

    async def _owed(self, query: Select[*tuple[Any, ...]]) -> list[Owed]:
        return await self._look(owed_by, query)

    # What came of it.

    async def settle(self, sink: str, outcomes: Sequence[Outcome]) -> None:
        """Note what came of several tries, in one transaction."""
        await self._transaction(self._settle, sink, outcomes)

    def _settle(self, connection: Connection, sink: str, outcomes: Sequence[Outcome]) -> None:
        for state in {each.state for each in outcomes}:
            of_it = [{"which": each.owed.id, **self._values(each)} for each in outcomes if each.state == state]
            connection.execute(_NOTED, of_it)
        for each in outcomes:
            if each.state == SENT and each.owed.revision > 1:
                connection.execute(_older_refused(sink, each.owed))
        if sent := sum(each.state == SENT for each in outcomes):
            tally(connection, [(f"sent/{sink}", sent)])

    def _values(self, outcome: Outcome) -> dict[str, object]:
        tries = outcome.owed.tries + (outcome.state in (WAITING, REFUSED))
        values = {"state": outcome.state, "reason": kept(outcome.reason), "tries": tries}
        if outcome.state == WAITING:
            values["due"] = outcome.due
        return values | ({"sent": self._clock()} if outcome.state == SENT else {})

    async def sent(self, owed: Owed, sink: str) -> None:
        """`sink` has it; older revisions of the same result that it had refused no longer matter."""
        await self.settle(sink, [Outcome(owed, SENT)])

    async def failed(self, owed: Owed, reason: str, due: float) -> None:
        """Sending failed for now; it is due again at `due` (seconds since the epoch)."""
        await self.settle("", [Outcome(owed, WAITING, reason, due)])

    async def refused(self, owed: Owed, reason: str) -> None:
        """The sink will never take it as it is: a dead letter until somebody says retry or drop."""
        await self.settle("", [Outcome(owed, REFUSED, reason)])

    async def retry(self, sink: str | None = None, laptop: str | None = None) -> int:
        """Send dead letters again, and at once what waits for its next try; returns how many of both there were."""
        here = _those(sink, laptop)
        later = here, deliveries.c.state == WAITING, or_(deliveries.c.due > self._clock(), deliveries.c.tries > 0)
        waits = update(deliveries).where(*later).values(due=0, tries=0)
        dead = update(deliveries).where(here, deliveries.c.state == REFUSED).values(state=WAITING, due=0, tries=0)
        return await self._transaction(_changed, waits, dead)

    async def drop(self, sink: str, laptop: str | None, reason: str) -> int:
        """Give up what a sink refused or has not taken yet, with the reason why; returns how many that was."""
        open_ones = deliveries.c.state.in_((REFUSED, WAITING) if laptop else (REFUSED,))
        dropped = update(deliveries).where(_those(sink, laptop), open_ones).values(state=DROPPED, reason=reason)
        return await self._transaction(_changed, dropped)

    # What is shown.

    async def backlog(self) -> list[SinkBacklog]:
        """How it stands with each sink."""
        return await self._look(self._backlog)

    def _backlog(self, connection: Connection) -> list[SinkBacklog]:
        past = {str(name): str(which) for name, which in connection.execute(LISTED)}
        counts = {name: counts_of(connection, name) for name in past}
        dead = [row for name in past if counts[name]["refused"] for row in refused_by(connection, name)]
        heads = {name: oldest_of(connection, name) if counts[name]["waiting"] else None for name in past}
        return [self._status(name, past[name], counts[name], heads[name], dead) for name in past]

    async def log(self, laptop: str) -> list[DeliveryLine]:
        """Every delivery of a laptop's results, oldest first."""
        names = ("sink", "attempt", "revision", "state", "tries", "reason", "added", "sent")
        query = select(*(deliveries.c[name] for name in names)).where(deliveries.c.laptop == laptop)
        found = await self._look(every, query.order_by(deliveries.c.id))
        return [
            DeliveryLine(
                sink=row.sink,
                attempt=row.attempt,
                revision=row.revision,
                state=row.state,
                tries=row.tries,
                reason=recalled(row.reason),
                added=row.added,
                sent=row.sent,
            )
            for row in found
        ]

    def _status(
        self, name: str, past: str, counts: SinkCounts, head: Owed | None, dead: Iterable[Row[*tuple[Any, ...]]]
    ) -> SinkBacklog:
        oldest = counts["oldest"]
        return {
            "sink": name,
            "waiting": counts["waiting"],
            "sent": counts["sent"],
            "refused": counts["refused"],
            "reason": head.reason if head else "",
            "tries": head.tries if head else 0,
            "due": head.due if head else None,
            "oldest_seconds": None if oldest is None else round(max(0.0, self._clock() - oldest), 1),
            "dead": [
                {"laptop": row.laptop, "attempt": row.attempt, "revision": row.revision, "reason": recalled(row.reason)}
                for row in dead
                if row.sink == name
            ],
            "past": past,
        }


_NOTED = update(deliveries).where(deliveries.c.id == bindparam("which"))
_OWED, _COUNTED = insert(deliveries), insert(tallies)
_WAITS = select(deliveries.c.id).where(deliveries.c.sink == bindparam("which"), deliveries.c.state == WAITING).limit(1)
_MORE = update(tallies).where(tallies.c.name == bindparam("which")).values(count=tallies.c.count + bindparam("more"))


def every(connection: Connection, query: Select[*Columns]) -> Sequence[Row[*Columns]]:
    """All that a query finds."""
    return connection.execute(query).all()


def _changed(connection: Connection, *changes: Update) -> int:
    """How many rows these changed."""
    return sum(connection.execute(each).rowcount for each in changes)


def _any_waits(connection: Connection, sink: str) -> bool:
    return connection.scalar(_WAITS, {"which": sink}) is not None


def _those(sink: str | None, laptop: str | None) -> ColumnElement[bool]:
    here = (deliveries.c.sink == sink) if sink else (deliveries.c.sink != "")
    return and_(here, deliveries.c.laptop == laptop) if laptop else here


def _older_refused(sink: str, owed: Owed) -> Update:
    older = and_(
        deliveries.c.sink == sink,
        deliveries.c.laptop == owed.laptop,
        deliveries.c.attempt == owed.attempt,
        deliveries.c.revision < owed.revision,
        deliveries.c.state == REFUSED,
    )
    return update(deliveries).where(older).values(state=SUPERSEDED)


def _past(connection: Connection, which: Which) -> list[RevisionKey]:
    """The results that a sink gets that was not there before, oldest first."""
    if which in ("none", "ask"):
        return []
    columns = select(results.c.laptop, results.c.attempt, results.c.revision)
    found = connection.execute(columns.order_by(results.c.at, results.c.laptop, results.c.attempt))
    keys = [RevisionKey(laptop=row.laptop, attempt=row.attempt, revision=row.revision) for row in found]
    return keys if which == "all" else [*{(key["laptop"], key["attempt"] // ATTEMPTS): key for key in keys}.values()]


def owe(connection: Connection, names: Iterable[str], keys: list[RevisionKey], now: float) -> None:
    """Note that sinks have not got these revisions."""
    owed = [
        {**key, "sink": name, "state": WAITING, "tries": 0, "due": now, "reason": "", "added": now}
        for key in keys
        for name in names
    ]
    if owed:
        connection.execute(_OWED, owed)


def tally(connection: Connection, changes: Iterable[Tally]) -> None:
    """Add to counts."""
    for name, count in changes:
        if not connection.execute(_MORE, {"which": name, "more": count}).rowcount:
            connection.execute(_COUNTED, {"name": name, "count": count})
