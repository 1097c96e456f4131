"""A ledger from one database to another: from PostgreSQL into the file of a backup, and back.

Also how a workshop moves from its file to PostgreSQL: `cloned backup`, set `[ledger] url`, `cloned restore`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from cloned.errors import UsageError
from cloned.inventory.database import broken, connect
from cloned.inventory.schema import metadata, results
from cloned.saying import Phrase

AT_ONCE = 1000


async def copy(source: Path | str, target: Path | str) -> int:
    """Bring every row of one ledger into another that is empty; returns the number of results.

    Both are at the newest version afterwards. Raises UsageError where the target holds results, LedgerError.
    """
    await must_be_empty(target)
    old, new = await connect(source, create=True), await connect(target, create=True)
    try:
        async with old.connect() as reading, new.begin() as writing:
            for table in metadata.sorted_tables:
                rows = await reading.stream(select(table))
                async for part in rows.mappings().partitions(AT_ONCE):
                    await writing.execute(insert(table), [dict(row) for row in part])
            await _count_on(writing)
            return int(await writing.scalar(select(func.count()).select_from(results)) or 0)
    except (SQLAlchemyError, OSError) as error:
        raise broken(error) from error
    finally:
        await old.dispose()
        await new.dispose()


@dataclass(frozen=True)
class Held:
    """What a ledger holds."""

    keys: frozenset[tuple[str, int]]
    """Laptop and attempt of each result."""
    last: str
    """When the last one was entered, ISO 8601."""


async def held(place: Path | str) -> Held:
    """What is in the ledger there; it is brought to this version. Raises LedgerError."""
    engine = await connect(place, create=True)
    try:
        async with engine.connect() as connection:
            keys = (await connection.execute(select(results.c.laptop, results.c.attempt))).all()
            last = await connection.scalar(select(func.max(results.c.at)))
    finally:
        await engine.dispose()
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


async def must_be_empty(place: Path | str) -> None:
    """Raises UsageError where the ledger there holds results, LedgerError where it cannot be opened."""
    engine = await connect(place, create=True)
    try:
        async with engine.connect() as connection:
            if await connection.scalar(select(func.count()).select_from(results)):
                raise UsageError("the ledger that is to be filled holds results already", "name an empty database")
    finally:
        await engine.dispose()


async def _count_on(connection: AsyncConnection) -> None:
    """PostgreSQL gives out numbers from where the copied ones end."""
    if connection.dialect.name == "postgresql":
        last = "(SELECT max(id) FROM deliveries)"
        await connection.execute(
            text(f"SELECT setval(pg_get_serial_sequence('deliveries', 'id'), COALESCE({last}, 1))")
        )
