"""Who a machine is by what the ledger has: found by cards and disks, weighed by the core (core/recorded.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cloned.core.derived import possible_ids
from cloned.core.evidence import Evidence, contradicts
from cloned.core.known import KnownToLedger
from cloned.core.recorded import LedgerLaptop, recall, recorded, sight_in, traces, traces_of
from cloned.effect_parts import AnothersRow
from cloned.inventory.schema import results
from cloned.inventory.schema import traces as kept
from cloned.saying import Phrase

MOST = 20
"""Laptops that share one trace and are looked at: more share a maker's filler, or a dock of the workshop's."""


_OF = select(results.c.row).where(results.c.laptop == bindparam("which"))
_HAS = select(kept.c.trace).where(kept.c.laptop == bindparam("which"))
_MORE = insert(kept)
_GONE = delete(kept).where(kept.c.laptop == bindparam("which"), kept.c.trace == bindparam("told"))


def refuse_anothers(laptop: str, there: Collection[Mapping[str, Any]], row: Mapping[str, Any]) -> None:
    """AnothersRow where the rows that are there of a laptop are of another machine than this one."""
    if there and contradicts(recorded(laptop, [*there]).sight, sight_in(row)):
        raise AnothersRow(Phrase("the ledger has another machine under the id {laptop}", laptop=laptop))


def note(connection: Connection, before: Mapping[str, Any] | None, there: Iterable[Mapping[str, Any]]) -> None:
    """Keep what a row that was just entered, the last of those `there`, tells of its laptop; `before`: in its place."""
    *others, row = there
    if before is None or traces_of(before) != traces_of(row):
        _keep(connection, row["laptop"], (*others, row))


def keep(connection: Connection, laptops: Iterable[str]) -> None:
    """Have the traces of these laptops be those of the results that are there now."""
    for laptop in laptops:
        _keep(connection, laptop, connection.scalars(_OF, {"which": laptop}))


def _keep(connection: Connection, laptop: str, rows: Iterable[Mapping[str, Any]]) -> None:
    has = set(connection.scalars(_HAS, {"which": laptop}))
    wants = {trace for row in rows for trace in traces_of(row)}
    if new := wants - has:
        connection.execute(_MORE, [{"trace": each, "laptop": laptop} for each in sorted(new)])
    if gone := has - wants:
        connection.execute(_GONE, [{"which": laptop, "told": each} for each in sorted(gone)])


async def asked(connection: AsyncConnection, sight: Evidence) -> KnownToLedger:
    """Which of the laptops there `sight` is, if any, and who else says the same."""
    first, last = func.min(kept.c.laptop), func.max(kept.c.laptop)
    counts = select(kept.c.trace, func.count(), first, last).where(kept.c.trace.in_(traces(sight)))
    shared = (await connection.execute(counts.group_by(kept.c.trace))).all()
    few = [trace for trace, count, *_ in shared if count <= MOST]
    near = set((await connection.scalars(select(kept.c.laptop).where(kept.c.trace.in_(few)).distinct())).all())
    near |= {laptop for _, count, *two in shared if count > MOST for laptop in two}
    firsts = possible_ids(sight.identity)
    taken = (await connection.scalars(select(results.c.laptop).where(results.c.laptop.in_(firsts)).distinct())).all()
    passing = [trace.removeprefix("mac/") for trace, count, *_ in shared if count > 1 and trace.startswith("mac/")]
    return recall(await _laptops(connection, near), sight, taken, passing)


async def counted(connection: AsyncConnection, laptop: str) -> KnownToLedger:
    """What there is of one laptop; nothing of others."""
    found = await _laptops(connection, [laptop])
    return found[0].known if found else KnownToLedger(weighed=True)


async def _laptops(connection: AsyncConnection, names: Collection[str]) -> list[LedgerLaptop]:
    query = select(results.c.laptop, results.c.row).where(results.c.laptop.in_(names)).order_by(results.c.laptop)
    rows: dict[str, list[Any]] = {}
    for laptop, row in (await connection.execute(query)).all():
        rows.setdefault(laptop, []).append(row)
    return [recorded(laptop, each) for laptop, each in rows.items()]
