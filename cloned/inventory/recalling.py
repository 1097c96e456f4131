"""Who a machine is by what the ledger has: found by cards and disks, weighed by the core (core/recorded.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, bindparam, delete, insert, select

from cloned.core.derived import possible_ids
from cloned.core.evidence import Evidence, contradicts
from cloned.core.known import KnownToLedger
from cloned.core.recorded import LedgerLaptop, recall, recorded, sight_in, traces, traces_of
from cloned.core.row_types import Row
from cloned.effect_parts import AnothersRow
from cloned.inventory.names import keep_words
from cloned.inventory.schema import results
from cloned.inventory.schema import traces as kept
from cloned.saying import Phrase

MOST = 20
"""Laptops that share one trace and are looked at: more share a maker's filler, or a dock of the workshop's."""


_HAS = select(kept.c.trace).where(kept.c.laptop == bindparam("which"))
_MORE = insert(kept)
_WITH = select(kept.c.laptop).where(kept.c.trace == bindparam("told")).order_by(kept.c.laptop).limit(MOST + 1)
_LAST = select(kept.c.laptop).where(kept.c.trace == bindparam("told")).order_by(kept.c.laptop.desc()).limit(1)
_GONE = delete(kept).where(kept.c.laptop == bindparam("which"), kept.c.trace == bindparam("told"))


def refuse_anothers(laptop: str, there: Collection[Row], row: Row) -> None:
    """AnothersRow where the rows that are there of a laptop are of another machine than this one."""
    if there and contradicts(recorded(laptop, [*there]).sight, sight_in(row)):
        raise AnothersRow(Phrase("the ledger has another machine under the id {laptop}", laptop=laptop))


def note(connection: Connection, before: Row | None, there: Iterable[Row]) -> None:
    """Keep what a row that was just entered, the last of those `there`, tells of its laptop; `before`: in its place."""
    *others, row = there
    if before is None or traces_of(before) != traces_of(row):
        _keep(connection, row["laptop"], (*others, row))


def keep(connection: Connection, laptops: Iterable[str]) -> None:
    """Have the traces of these laptops be those of the results that are there now."""
    rows = connection.execute(select(results.c.laptop, results.c.row).where(results.c.laptop.in_(sorted(set(laptops)))))
    wants = {(which, trace) for which, row in rows for trace in traces_of(row)}
    keep_words(connection, kept.c.trace, laptops, wants)


def _keep(connection: Connection, laptop: str, rows: Iterable[Row]) -> None:
    has = set(connection.scalars(_HAS, {"which": laptop}))
    wants = {trace for row in rows for trace in traces_of(row)}
    if new := wants - has:
        connection.execute(_MORE, [{"trace": each, "laptop": laptop} for each in sorted(new)])
    if gone := has - wants:
        connection.execute(_GONE, [{"which": laptop, "told": each} for each in sorted(gone)])


def asked(connection: Connection, sight: Evidence) -> KnownToLedger:
    """Which of the laptops there `sight` is, if any, and who else says the same."""
    near: set[str] = set()
    passing = []
    for trace in sorted(traces(sight)):
        sharing = _sharing(connection, trace)
        near |= {*sharing} if len(sharing) <= MOST else {sharing[0], sharing[-1]}
        if len(sharing) > 1 and trace.startswith("mac/"):
            passing.append(trace.removeprefix("mac/"))
    firsts = possible_ids(sight.identity)
    taken = connection.scalars(select(results.c.laptop).where(results.c.laptop.in_(firsts)).distinct()).all()
    return recall(_laptops(connection, near), sight, taken, passing)


def _sharing(connection: Connection, trace: str) -> list[str]:
    """Laptops with this trace, in order; of more than MOST the first and the last: 100,000 may have a filler."""
    found = list(connection.scalars(_WITH, {"told": trace}))
    return found if len(found) <= MOST else [*found, connection.scalar(_LAST, {"told": trace}) or ""]


def counted(connection: Connection, laptop: str) -> KnownToLedger:
    """What there is of one laptop; nothing of others."""
    found = _laptops(connection, [laptop])
    return found[0].known if found else KnownToLedger(weighed=True)


def _laptops(connection: Connection, names: Collection[str]) -> list[LedgerLaptop]:
    query = select(results.c.laptop, results.c.row).where(results.c.laptop.in_(names)).order_by(results.c.laptop)
    rows: dict[str, list[Row]] = {}
    for laptop, row in connection.execute(query):
        rows.setdefault(laptop, []).append(row)
    return [recorded(laptop, each) for laptop, each in rows.items()]
