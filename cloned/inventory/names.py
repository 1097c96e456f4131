"""What a laptop of the ledger is called by: its tags, serial numbers and MAC addresses, without regard to case.

In a table of their own, so that a search among 100,000 laptops reads no row of another one.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, insert, select

from cloned.core.row_types import Row
from cloned.inventory.schema import names, results

LONGEST = 128

_HAS = select(names.c.name).where(names.c.laptop == bindparam("which"))
_ROWS = select(results.c.row).where(results.c.laptop == bindparam("which"))
_MORE = insert(names)
_GONE = delete(names).where(names.c.laptop == bindparam("which"), names.c.name == bindparam("called"))


def folded(name: str) -> str:
    """As it stands in the table."""
    return name.strip().casefold()[:LONGEST]


def names_of(row: Row) -> set[str]:
    """What one result says that its laptop is called."""
    told = [row.get("tag"), row.get("serial"), *(row.get("macs") or ())]
    return {folded(str(each)) for each in told if each} - {""}


def add_names(connection: Connection, laptop: str, wants: set[str]) -> set[str]:
    """Have a laptop be called so too; returns what it was called."""
    has = set(connection.scalars(_HAS, {"which": laptop}))
    if new := [{"laptop": laptop, "name": name} for name in sorted(wants - has)]:
        connection.execute(_MORE, new)
    return has


def keep_names(connection: Connection, laptops: Iterable[str]) -> None:
    """Have the names of these laptops be those of the results that are there now."""
    for laptop in laptops:
        which = {"which": laptop}
        wants = {name for row in connection.scalars(_ROWS, which) for name in names_of(row)}
        has = add_names(connection, laptop, wants)
        if gone := [which | {"called": name} for name in sorted(has - wants)]:
            connection.execute(_GONE, gone)
