"""What is counted of results, so that no figure ever needs all rows. Pure.

A tally has a name (`verdict/verified`, `sent/SINK`) and a count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cloned.core.attempts import ATTEMPTS
from cloned.core.row_types import Row

Tally = tuple[str, int]
"""Name, and how many."""


def counted(row: Row) -> list[Tally]:
    """What one result adds; an erasure is no clone and has no verdict."""
    return [(f"verdict/{row['verdict']}", 1)] if int(row["attempt"]) < ATTEMPTS else []


def change(before: Row | None, after: Row) -> list[Tally]:
    """What taking one row's place by another adds and takes away."""
    sums: Counter[str] = Counter()
    for sign, row in ((-1, before), (1, after)):
        for name, count in counted(row) if row is not None else ():
            sums[name] += sign * count
    return [(name, count) for name, count in sums.items() if count]


def verdicts(tallies: Iterable[Tally]) -> dict[str, int]:
    """Clones by verdict."""
    return {name.partition("/")[2]: count for name, count in tallies if name.startswith("verdict/") and count}
