"""The journal: every event that changed state, append-only, in one SQLite file.

Beside the events it keeps one checkpoint, the state after some entry, so that a start after years need not
go through years. It is only ever a short cut: events are never removed, and a checkpoint that is damaged or was
written by a version with another state is left aside for a replay from the beginning.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from cloned.core.events import FORMAT, Event
from cloned.core.words import KEPT
from cloned.core.workshop import Workshop
from cloned.errors import ClonedError, MissingError, UnreadableError
from cloned.saying import Phrase

_EVENTS: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])
"""By its kind at once: trying all of them took 30 KB of memory for each number of a long list."""
_STATES: TypeAdapter[Workshop] = TypeAdapter(Workshop)
_SHAPE = hashlib.sha256(re.sub(r":\d+|0x[0-9a-f]+", "", repr(_STATES.core_schema)).encode()).hexdigest()
"""Changes with the fields of the state, so that no version reads a checkpoint which lacks what it knows. Without the
addresses in memory that stand in it; a JSON schema would say as much, and take twenty times as long at each start."""

_FREE = Phrase("free space on the server's disk")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JournalEntry:
    """An event with its time (seconds since 1970) and the random hex drawn for it."""

    at: float
    entropy: str
    event: Event


class JournalFull(MissingError):  # noqa: N818 - named for what happened
    """The disk under the state directory takes no more."""


class JournalDamaged(UnreadableError):  # noqa: N818 - named for what happened
    """What was written cannot be read any more."""

    def __init__(self, path: Path, error: object) -> None:
        super().__init__(
            Phrase("the journal {path} is damaged ({error})", path=path, error=error),
            Phrase("stop the daemon, move the state directory away and restore a backup: cloned restore FILE"),
        )


class UnwritableEvent(ClonedError):  # noqa: N818 - named for what happened
    """An event that has no place in a journal, such as a text with half a character; nothing was written."""

    def __init__(self, number: int, kind: str, error: Exception) -> None:
        said = Phrase("{kind} could not be written down ({error})", kind=kind, error=error)
        super().__init__(said, Phrase("nothing was changed"))
        self.number = number
        """Of the entries that were to be written."""


class Journal:
    """Blocking; the engine calls it from a thread, one call at a time. `close` waits for a call that is under way."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._prepare()
        except (OSError, sqlite3.OperationalError) as error:
            raise MissingError(
                Phrase("the journal {path} cannot be opened ({error})", path=path, error=error),
                _FREE if "full" in str(error) else "check [workshop] state and its rights",
            ) from error
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(path, error) from error
        self.path = path
        self._using = threading.Lock()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS journal "
            "(seq INTEGER PRIMARY KEY, at REAL NOT NULL, entropy TEXT NOT NULL, event TEXT NOT NULL)"
        )
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS checkpoint (seq INTEGER PRIMARY KEY, shape TEXT NOT NULL, state TEXT NOT NULL)"
        )
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (str(FORMAT),))
        (found,) = self._db.execute("SELECT value FROM meta WHERE name='format'").fetchone()
        if found != str(FORMAT):
            raise UnreadableError(
                Phrase("the journal has format {found}, this version reads {format}", found=found, format=FORMAT),
                "install the version it was made with",
            )

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Write entries in one transaction, on disk when this returns; JournalFull if there is no room."""
        rows = [_row(number, entry) for number, entry in enumerate(entries)]
        with self._transaction():
            self._db.executemany("INSERT INTO journal (at, entropy, event) VALUES (?, ?, ?)", rows)

    def checkpoint(self, state: Workshop) -> None:
        """Keep `state`, which the entries written so far lead to; JournalFull if there is no room."""
        with self._transaction():
            self._keep(state)

    def _keep(self, state: Workshop) -> None:
        text = _STATES.dump_json(state, context=KEPT).decode()
        self._db.execute("DELETE FROM checkpoint")
        latest = "INSERT INTO checkpoint SELECT coalesce(max(seq), 0), ?, ? FROM journal"
        self._db.execute(latest, (_SHAPE, text))

    def restored(self) -> tuple[int, Workshop]:
        """The last checkpoint: (number of the entry it stands after, state); (0, an empty workshop) without one."""
        try:
            row = self._db.execute("SELECT seq, shape, state FROM checkpoint").fetchone()
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(self.path, error) from error
        if row is None or row[1] != _SHAPE:
            return 0, Workshop()
        try:
            return row[0], _STATES.validate_json(row[2])
        except ValidationError as error:
            log.warning("the journal's checkpoint cannot be read (%s); replaying from the beginning", error)
            return 0, Workshop()

    def numbered(self, after: int, most: int) -> list[tuple[int, JournalEntry]]:
        """At most so many entries behind number `after`, each with its own."""
        query = "SELECT seq, at, entropy, event FROM journal WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._using:
            found = self._db.execute(query, (after, most)).fetchall()
        return [
            (seq, JournalEntry(at, entropy, _EVENTS.validate_json(_of_its_time(text))))
            for seq, at, entropy, text in found
        ]

    def holding(self, text: str) -> list[tuple[int, object]]:
        """Number and plain data of every entry in which a text stands."""
        written = json.dumps(text, ensure_ascii=False)[1:-1]
        query = "SELECT seq, event FROM journal WHERE instr(event, ?) ORDER BY seq"
        with self._using:
            return [(seq, json.loads(event)) for seq, event in self._db.execute(query, (written,))]

    def rewrite(self, changed: Mapping[int, Event], state: Workshop) -> None:
        """Put other events in place of some, with the state that all lead to; nothing of the old stays in the file.

        JournalFull where there is no room; then nothing was changed, or only pages that are free were not cleared.
        """
        texts = [(_EVENTS.dump_json(event, context=KEPT).decode(), number) for number, event in changed.items()]
        self._db.execute("PRAGMA secure_delete=ON")
        with self._transaction():
            self._db.executemany("UPDATE journal SET event = ? WHERE seq = ?", texts)
            self._keep(state)
        try:
            with self._using:
                self._db.execute("VACUUM")
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            hint = Phrase("free space on the server's disk, then do it again")
            raise JournalFull(Phrase("the journal cannot be cleared ({error})", error=error), hint) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing; JournalFull if there is no room."""
        with self._using:
            try:
                self._db.execute("BEGIN")
                yield
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise JournalFull(Phrase("the journal cannot be written ({error})", error=error), _FREE) from error
            except sqlite3.DatabaseError as error:
                raise JournalDamaged(self.path, error) from error

    def entries(self, after: int = 0) -> Iterator[JournalEntry]:
        """Every entry behind number `after`; MissingError names the first that cannot be read."""
        query = "SELECT seq, at, entropy, event FROM journal WHERE seq > ? ORDER BY seq"
        for seq, at, entropy, text in self._rows(query, after):
            try:
                yield JournalEntry(at, entropy, _EVENTS.validate_json(_of_its_time(text)))
            except ValidationError as error:
                raise UnreadableError(
                    Phrase("journal entry {seq} cannot be read", seq=seq), "restore a backup, or move the journal away"
                ) from error

    def _rows(self, query: str, after: int) -> Iterator[tuple[int, float, str, str]]:
        """Rows of the journal; JournalDamaged where its pages or the texts in them are."""
        try:
            yield from self._db.execute(query, (after,))
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(self.path, error) from error

    def close(self) -> None:
        """Close the file. A write whose caller was cancelled goes on in its thread: SQLite must not lose it then."""
        with self._using:
            self._db.close()


def plain(each: Event | Workshop) -> object:
    """An event or a state as plain data, as it is written down."""
    written = (
        _STATES.dump_json(each, context=KEPT) if isinstance(each, Workshop) else _EVENTS.dump_json(each, context=KEPT)
    )
    return json.loads(written)


def event_of(data: object) -> Event:
    """An event from its plain data. Raises ValueError."""
    return _EVENTS.validate_json(_of_its_time(json.dumps(data)))


def state_of(data: object) -> Workshop:
    """A state from its plain data. Raises ValueError."""
    return _STATES.validate_json(json.dumps(data))


def _row(number: int, entry: JournalEntry) -> tuple[float, str, str]:
    """An entry as it is written; UnwritableEvent where that cannot be, or could not be read again."""
    try:
        text = _EVENTS.dump_json(entry.event, context=KEPT).decode()
        _EVENTS.validate_json(text)
    except ValueError as error:
        raise UnwritableEvent(number, entry.event.kind, error) from error
    return entry.at, entry.entropy, text


def _of_its_time(text: str) -> str:
    """An event as it was meant when it was written: settings that say nothing of judging are those of before 0.2."""
    if '"configured"' not in text:
        return text
    event = json.loads(text)
    if event.get("kind") == "configured" and isinstance(event.get("settings"), dict):
        event["settings"].setdefault("judging", 0)
    return json.dumps(event)
