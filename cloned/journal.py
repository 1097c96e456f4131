"""The journal: every event that changed state, append-only, in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cloned.core.events import Event
from cloned.errors import MissingError

FORMAT = 1
_EVENTS: TypeAdapter[Event] = TypeAdapter(Event)


@dataclass(frozen=True)
class Entry:
    """An event with its time (seconds since 1970) and the random hex drawn for it."""

    at: float
    entropy: str
    event: Event


class JournalFull(MissingError):  # noqa: N818 - named for what happened
    """The disk under the state directory takes no more."""


class Journal:
    """Blocking; the engine calls it from a thread, one call at a time."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise MissingError(
                f"the journal {path} cannot be opened ({error})", "check [workshop] state and its rights"
            ) from error
        self.path = path

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS journal "
            "(seq INTEGER PRIMARY KEY, at REAL NOT NULL, entropy TEXT NOT NULL, event TEXT NOT NULL)"
        )
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (str(FORMAT),))
        (found,) = self._db.execute("SELECT value FROM meta WHERE name='format'").fetchone()
        if found != str(FORMAT):
            raise MissingError(
                f"the journal has format {found}, this version reads {FORMAT}", "install the version it was made with"
            )

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries in one transaction, on disk when this returns; JournalFull if there is no room."""
        rows = [(entry.at, entry.entropy, _EVENTS.dump_json(entry.event).decode()) for entry in entries]
        try:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT INTO journal (at, entropy, event) VALUES (?, ?, ?)", rows)
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise JournalFull(f"the journal cannot be written ({error})", "free space on the server's disk") from error

    def entries(self) -> Iterator[Entry]:
        """Every entry from the beginning; MissingError names the first that cannot be read."""
        for seq, at, entropy, text in self._db.execute("SELECT seq, at, entropy, event FROM journal ORDER BY seq"):
            try:
                yield Entry(at, entropy, _EVENTS.validate_json(text))
            except ValidationError as error:
                raise MissingError(
                    f"journal entry {seq} cannot be read", "restore a backup, or move the journal away"
                ) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()
