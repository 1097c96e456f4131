"""Ledgers with nothing in them: the tables are made once, as that takes longer than most tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cloned.inventory import database


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
