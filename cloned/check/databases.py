"""The journal and the ledger, read as they lie: nothing is made or changed beside them, and nobody is held up for long.

SQLite makes `-wal` and `-shm` beside a database that it only reads, and needs the right to. Where no `-wal` lies there
nobody writes, and it may be told so (`immutable`): then a disk that was mounted read-only, or somebody who may not
write, is no reason to call a database damaged.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from cloned.check.findings import Said, ok, skipped
from cloned.config import Config
from cloned.core.events import FORMAT
from cloned.errors import ClonedError, MissingError
from cloned.inventory.database import of_this_version
from cloned.inventory.ledger import Ledger
from cloned.saying import Phrase

Answer = TypeVar("Answer")

WAIT_SECONDS = 3.0
"""Seconds that a database may be held by another program."""
WHOLE_SECONDS = 6.0
"""Seconds in which a database's pages are gone through; of a larger one only what lies on top is read."""
STEPS = 100_000
"""Steps of SQLite's machine after which the clock is looked at."""
RESTORE = Phrase("stop the daemon, move it away and restore a backup")
_ERRORS = {
    5: "busy", 6: "busy", 3: "closed", 8: "closed", 14: "closed", 23: "closed", 10: "disk",
}  # fmt: skip
"""SQLite's primary result codes: BUSY, LOCKED; PERM, READONLY, CANTOPEN, AUTH; IOERR. All others are damage."""


def read(path: Path, ask: Callable[[sqlite3.Connection], Answer]) -> Answer:
    """What `ask` reads of the database at `path`. Raises ClonedError, which says what is wrong with it."""
    quiet = not _written_to(path)
    try:
        return _asked(path, ask, "immutable=1" if quiet else "mode=ro")
    except ClonedError:
        if quiet and _written_to(path):  # a daemon was started at this moment
            return _asked(path, ask, "mode=ro")
        raise


def _written_to(path: Path) -> bool:
    return path.with_name(f"{path.name}-wal").exists()


def _asked(path: Path, ask: Callable[[sqlite3.Connection], Answer], how: str) -> Answer:
    try:
        where = f"file:{quote(str(path.absolute()))}?{how}"
        with closing(sqlite3.connect(where, uri=True, timeout=WAIT_SECONDS)) as database:
            return ask(database)
    except sqlite3.Error as error:
        raise _told(path, error) from error


def _told(path: Path, error: sqlite3.Error) -> ClonedError:
    """What is wrong, with the step that fits it: nobody is to move a database away that is only held or closed."""
    kind = _ERRORS.get(getattr(error, "sqlite_errorcode", -1) & 0xFF)
    if kind == "busy":
        words = Phrase("{path} is held by another program", path=path)
        return MissingError(words, Phrase("see which one: fuser -v {path}", path=path))
    if kind == "closed":
        words = Phrase("{path} cannot be read by this user: {error}", path=path, error=error)
        return ClonedError(words, "use sudo, or the systemd service")
    if kind == "disk":
        words = Phrase("the disk gives an error where {path} lies: {error}", path=path, error=error)
        return MissingError(words, "see `dmesg`; copy the state directory elsewhere, and replace the disk")
    return MissingError(Phrase("{path} cannot be read: {error}", path=path, error=error), RESTORE)


def whole(database: sqlite3.Connection, seconds: float = WHOLE_SECONDS) -> str:
    """What SQLite finds wrong with the pages; "" where nothing, also as far as it came in so many seconds."""
    until = time.monotonic() + seconds
    database.set_progress_handler(lambda: time.monotonic() > until, STEPS)
    try:
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", -1) & 0xFF != sqlite3.SQLITE_INTERRUPT:
            raise
        return ""
    finally:
        database.set_progress_handler(None, 0)
    return "" if verdict == "ok" else " ".join(str(verdict).split())


def _damaged(path: Path, verdict: str) -> MissingError:
    return MissingError(Phrase("{path} is damaged: {verdict}", path=path, verdict=verdict), RESTORE)


def journal(config: Config) -> Iterator[Said | ClonedError]:
    """The journal's pages, and whether this version reads it."""
    path = config.workshop.state / "journal.sqlite"
    if not path.exists():
        yield skipped("no journal yet", "it is made at the first start")
        return

    def ask(database: sqlite3.Connection) -> tuple[str, int, str]:
        (form,) = database.execute("SELECT value FROM meta WHERE name = 'format'").fetchone() or (str(FORMAT),)
        (count,) = database.execute("SELECT count(*) FROM journal").fetchone()
        return whole(database), count, form

    verdict, count, form = read(path, ask)
    if verdict:
        yield _damaged(path, verdict)
    elif form != str(FORMAT):
        words = Phrase("the journal has format {found}, this version reads {format}", found=form, format=FORMAT)
        yield ClonedError(words, "install the version it was made with")
    else:
        yield ok(Phrase("{count} {count:event|events}, {size:size}", count=count, size=path.stat().st_size))


def newest_event(path: Path) -> float | None:
    """When the newest event of a journal was, seconds since 1970; None where none can be read."""

    def ask(database: sqlite3.Connection) -> float | None:
        found = database.execute("SELECT at FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        return float(found[0]) if found else None

    try:
        return read(path, ask) if path.exists() else None
    except (ClonedError, OSError):  # the journal's own look says so
        return None


def ledger(config: Config) -> Iterator[Said | ClonedError]:
    """The ledger: of this version, and in a file of ours its pages."""
    place = config.ledger_place
    if not isinstance(place, Path):
        yield _results(asyncio.run(_asked_there(place)))
        return
    if not place.exists():
        yield skipped("no ledger yet", "it is made at the first start")
        return

    def ask(database: sqlite3.Connection) -> tuple[str, str | None, int]:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" not in tables:
            return whole(database), None, 0
        (version,) = database.execute("SELECT version_num FROM alembic_version").fetchone() or (None,)
        rows = database.execute("SELECT count(*) FROM results").fetchone()[0] if "results" in tables else 0
        return whole(database), version, rows

    verdict, version, rows = read(place, ask)
    if verdict:
        yield _damaged(place, verdict)
        return
    of_this_version(version)
    yield _results(rows)


def _results(rows: int) -> Said:
    return ok(Phrase("{rows} {rows:result|results}", rows=rows))


async def _asked_there(place: str) -> int:
    opened = await Ledger.open(place, create=False)
    try:
        return int((await opened.totals())["rows"])
    finally:
        await opened.close()
