"""What waits for a sink, and what it refused: what the ledger says when it is asked, as objects and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from sqlalchemy import Connection, Select, and_, func, select
from sqlalchemy import Row as DatabaseRow

from cloned.core.row_types import Row
from cloned.inventory.schema import (
    DROPPED,
    REFUSED,
    SENT,
    SUPERSEDED,
    TRIED,
    WAITING,
    deliveries,
    revisions,
    sinks,
    tallies,
)
from cloned.inventory.sinks.base import Delivery, ToldBefore
from cloned.saying import recalled

SHOWN_DEAD = 100
LOOKED_BACK = 16
"""How many results of a laptop, the newest first, are looked at for what a sink was told."""
OVER = (SENT, REFUSED, SUPERSEDED, DROPPED)
"""States of deliveries that are over."""


@dataclass(frozen=True)
class Owed:
    """A revision that a sink has not got yet."""

    id: int
    key: str
    laptop: str
    attempt: int
    revision: int
    row: Row
    tries: int
    due: float
    reason: str
    """Why the last try failed."""
    added: float
    """Since when it waits."""


class SinkCounts(TypedDict):
    """How many deliveries of a sink are in which state; since when the oldest waits, in seconds since 1970."""

    waiting: int
    sent: int
    refused: int
    oldest: float | None


class DeliveryLine(TypedDict):
    """A delivery of a laptop's result; times in seconds since 1970."""

    sink: str
    attempt: int
    revision: int
    state: str
    tries: int
    reason: str
    added: float
    sent: float | None


LISTED = select(sinks.c.name, sinks.c.past).order_by(sinks.c.name)
"""Every sink there is or was."""


def waiting(sink: str) -> Select[*tuple[Any, ...]]:
    """The query for what waits for a sink; narrow it down."""
    join = and_(*(deliveries.c[name] == revisions.c[name] for name in ("laptop", "attempt", "revision")))
    query = select(deliveries, revisions.c.key, revisions.c.row).join(revisions, join)
    return query.where(deliveries.c.sink == sink, deliveries.c.state == WAITING)


def owed_by(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[Owed]:
    """What a query of `waiting` finds."""
    rows = [{**each._mapping, "reason": recalled(each.reason)} for each in connection.execute(query)]
    return [Owed(**{name: row[name] for name in Owed.__dataclass_fields__}) for row in rows]


def told_before(connection: Connection, sink: str, laptop: str) -> list[ToldBefore]:
    """What a sink was told of a laptop before, the newest first, as far back as counts."""
    join = and_(*(deliveries.c[name] == revisions.c[name] for name in ("laptop", "attempt", "revision")))
    names = [deliveries.c[name] for name in ("laptop", "attempt", "revision", "state")]
    query = select(revisions.c.key, *names, revisions.c.row).join(deliveries, join)
    here = (deliveries.c.sink == sink, deliveries.c.laptop == laptop, deliveries.c.state.in_(OVER))
    found = connection.execute(query.where(*here).order_by(deliveries.c.id.desc()).limit(LOOKED_BACK))
    return [
        ToldBefore(Delivery(row.key, row.laptop, row.attempt, row.revision, row.row), row.state == SENT)
        for row in found
    ]


def oldest_of(connection: Connection, sink: str) -> Owed | None:
    """The oldest that waits, before others one that was tried in vain: its reason is what people must see."""
    oldest = waiting(sink).order_by(deliveries.c.id).limit(1)
    tried = owed_by(connection, oldest.where(TRIED)) or owed_by(connection, oldest)
    return tried[0] if tried else None


def refused_by(connection: Connection, sink: str) -> Sequence[DatabaseRow[*tuple[Any, ...]]]:
    """What a sink refused, the newest first."""
    query = select(deliveries).where(deliveries.c.sink == sink, deliveries.c.state == REFUSED)
    return connection.execute(query.order_by(deliveries.c.id.desc()).limit(SHOWN_DEAD)).all()


def counts_of(connection: Connection, sink: str) -> SinkCounts:
    """How many are in which state, and since when the oldest waits."""
    found = {}
    for state in (WAITING, REFUSED):
        here = (deliveries.c.sink == sink, deliveries.c.state == state)
        found[state] = int(connection.scalar(select(func.count()).select_from(deliveries).where(*here)) or 0)
    waits = select(deliveries.c.added).where(deliveries.c.sink == sink, deliveries.c.state == WAITING)
    oldest = waits.order_by(deliveries.c.id).limit(1)  # they are numbered as they came
    since = connection.scalar(oldest) if found[WAITING] else None
    sent = select(tallies.c.count).where(tallies.c.name == f"sent/{sink}")
    return {
        "waiting": found[WAITING],
        "refused": found[REFUSED],
        "oldest": since,
        "sent": int(connection.scalar(sent) or 0),
    }
