"""What a laptop of the ledger is called by: its tags, serial numbers and MAC addresses, without regard to case.

In a table of their own, so that a search among 100,000 laptops reads no row of another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from sqlalchemy import Column, Connection, bindparam, delete, insert, select

from cloned.core.row_types import Row
from cloned.inventory.schema import names, results

LONGEST = 128

_HAS = select(names.c.name).where(names.c.laptop == bindparam("which"))
_MORE = insert(names)


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
    of_them = results.c.laptop.in_(sorted(set(laptops)))
    rows = connection.execute(select(results.c.laptop, results.c.row).where(of_them))
    keep_words(connection, names.c.name, laptops, {(which, name) for which, row in rows for name in names_of(row)})


def keep_words(
    connection: Connection, column: Column[str], laptops: Iterable[str], wants: Set[tuple[str, str]]
) -> None:
    """Have a table of words by laptop hold `wants`, and nothing else, of these laptops: in four questions, however
    many they are."""
    table, ours = column.table, sorted(set(laptops))
    had = connection.execute(select(table.c.laptop, column).where(table.c.laptop.in_(ours)))
    has = {(which, word) for which, word in had}
    if new := [{"laptop": which, column.name: word} for which, word in sorted(wants - has)]:
        connection.execute(insert(table), new)
    if gone := [{"which": which, "word": word} for which, word in sorted(has - wants)]:
        here = (table.c.laptop == bindparam("which")) & (column == bindparam("word"))
        connection.execute(delete(table).where(here), gone)
