"""Ledgers with nothing in them: the tables are made once, as that takes longer than most tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cloned.inventory import database
from cloned.inventory.ledger import Ledger
from cloned.inventory.schema import deliveries
from cloned.inventory.waiting import waiting


def empty(place: Path) -> Path:
    """An empty ledger at `place`, of this version; test_database.py and test_migration.py make theirs step by step."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(_empty())
    return place


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        database.connect(path, create=True).dispose()
        return path.read_bytes()


async def next_owed(ledger: Ledger, sink: str) -> Any:
    """The oldest delivery that waits for `sink`, due or not; None where none does."""
    found = await ledger._owed(waiting(sink).order_by(deliveries.c.id).limit(1))
    return found[0] if found else None


async def drain(ledger: Ledger, sink: str) -> list[tuple[int, int, str]]:
    """Take everything owed to `sink`, as the outbox does; returns (attempt, revision, key)."""
    got = []
    while owed := await next_owed(ledger, sink):
        got.append((owed.attempt, owed.revision, owed.key))
        await ledger.sent(owed, sink)
    return got
