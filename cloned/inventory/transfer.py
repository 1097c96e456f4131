"""A ledger from one database to another: from PostgreSQL into the file of a backup, and back.

Also how a workshop moves from its file to PostgreSQL: `cloned backup`, set `[ledger] url`, `cloned restore`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from cloned.errors import UsageError
from cloned.inventory.database import broken, connect
from cloned.inventory.schema import metadata, results
from cloned.saying import Phrase

AT_ONCE = 1000


def copy(source: Path | str, target: Path | str) -> int:
    """Bring every row of one ledger into another that is empty; returns the number of results. Blocking.

    Both are at the newest version afterwards. Raises UsageError where the target holds results, LedgerError.
    """
    must_be_empty(target)
    with _there(source) as old, _there(target) as new:
        try:
            with old.connect() as reading, new.begin() as writing:
                streamed = reading.execution_options(yield_per=AT_ONCE)
                for table in metadata.sorted_tables:
                    for part in streamed.execute(select(table)).mappings().partitions():
                        writing.execute(insert(table), [dict(row) for row in part])
                _count_on(writing)
                return int(writing.scalar(select(func.count()).select_from(results)) or 0)
        except (SQLAlchemyError, OSError) as error:
            raise broken(error) from error


@contextmanager
def _there(place: Path | str) -> Iterator[Engine]:
    engine = connect(place, create=True)
    try:
        yield engine
    finally:
        engine.dispose()


@dataclass(frozen=True)
class Held:
    """What a ledger holds."""

    keys: frozenset[tuple[str, int]]
    """Laptop and attempt of each result."""
    last: str
    """When the last one was entered, ISO 8601."""


def held(place: Path | str) -> Held:
    """What is in the ledger there; it is brought to this version. Raises LedgerError. Blocking."""
    with _there(place) as engine, engine.connect() as connection:
        keys = connection.execute(select(results.c.laptop, results.c.attempt)).all()
        last = connection.scalar(select(func.max(results.c.at)))
    return Held(frozenset((laptop, attempt) for laptop, attempt in keys), str(last or ""))


def lacking(kept: Held, saved: Held | None) -> int:
    """How many results a backup has that the ledger has not which is to be kept beside it.

    Raises UsageError where that holds nothing, or nothing that the backup knows.
    """
    if not kept.keys:
        raise UsageError("there is no ledger to keep: it holds no results", "restore without --keep-ledger")
    if saved is None or not saved.keys:
        return 0
    if not kept.keys & saved.keys:
        raise UsageError(
            Phrase("the ledger that is to be kept is another workshop's: it has no result that the backup has"),
            Phrase("name the right one in [ledger] url, or restore into an empty one without --keep-ledger"),
        )
    return len(saved.keys - kept.keys)


def must_be_empty(place: Path | str) -> None:
    """Raises UsageError where the ledger there holds results, LedgerError where it cannot be opened. Blocking."""
    with _there(place) as engine, engine.connect() as connection:
        if connection.scalar(select(func.count()).select_from(results)):
            raise UsageError("the ledger that is to be filled holds results already", "name an empty database")


def _count_on(connection: Connection) -> None:
    """PostgreSQL gives out numbers from where the copied ones end."""
    if connection.dialect.name == "postgresql":
        last = "(SELECT max(id) FROM deliveries)"
        connection.execute(text(f"SELECT setval(pg_get_serial_sequence('deliveries', 'id'), COALESCE({last}, 1))"))
