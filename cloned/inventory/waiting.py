"""What waits for a sink, and what it refused: what the ledger says when it is asked, as objects and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, select

from cloned.inventory.schema import REFUSED, SENT, TRIED, WAITING, deliveries, revisions, sinks, tallies
from cloned.saying import recalled

SHOWN_DEAD = 100


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
    added: float
    """Since when it waits."""


LISTED = select(sinks.c.name, sinks.c.past).order_by(sinks.c.name)
"""Every sink there is or was."""


def waiting(sink: str) -> Any:
    """The query for what waits for a sink; narrow it down."""
    join = and_(*(deliveries.c[name] == revisions.c[name] for name in ("laptop", "attempt", "revision")))
    query = select(deliveries, revisions.c.key, revisions.c.row).join(revisions, join)
    return query.where(deliveries.c.sink == sink, deliveries.c.state == WAITING)


def owed_by(connection: Connection, query: Any) -> list[Owed]:
    """What a query of `waiting` finds."""
    rows = [{**each._mapping, "reason": recalled(each.reason)} for each in connection.execute(query)]
    return [Owed(**{name: row[name] for name in Owed.__dataclass_fields__}) for row in rows]


def oldest_of(connection: Connection, sink: str) -> Owed | None:
    """The oldest that waits, before others one that was tried in vain: its reason is what people must see."""
    oldest = waiting(sink).order_by(deliveries.c.id).limit(1)
    tried = owed_by(connection, oldest.where(TRIED)) or owed_by(connection, oldest)
    return tried[0] if tried else None


def refused_by(connection: Connection, sink: str) -> Sequence[object]:
    """What a sink refused, the newest first."""
    query = select(deliveries).where(deliveries.c.sink == sink, deliveries.c.state == REFUSED)
    return connection.execute(query.order_by(deliveries.c.id.desc()).limit(SHOWN_DEAD)).all()


def counts_of(connection: Connection, sink: str) -> dict[str, Any]:
    """How many are in which state, and since when the oldest waits."""
    found: dict[str, Any] = {}
    for state in (WAITING, REFUSED):
        here = (deliveries.c.sink == sink, deliveries.c.state == state)
        found[state] = int(connection.scalar(select(func.count()).select_from(deliveries).where(*here)) or 0)
    waits = select(deliveries.c.added).where(deliveries.c.sink == sink, deliveries.c.state == WAITING)
    oldest = waits.order_by(deliveries.c.id).limit(1)  # they are numbered as they came
    found["oldest"] = connection.scalar(oldest) if found[WAITING] else None
    sent = select(tallies.c.count).where(tallies.c.name == f"sent/{sink}")
    return found | {SENT: int(connection.scalar(sent) or 0)}
