"""Laptops of which the journal cannot say whether they are one or two."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from cloned.check.databases import read
from cloned.check.findings import Said, ok, skipped, warned
from cloned.config import Config
from cloned.core.evidence import doubtful
from cloned.core.reducer import step
from cloned.core.workshop import Workshop
from cloned.errors import ClonedError
from cloned.journal import Journal
from cloned.saying import Phrase
from cloned.scratch import scratch

MOST = 20_000
"""Entries behind the checkpoint that a look goes through: a second or two."""


def laptops(config: Config) -> Iterator[Said | ClonedError]:
    """Pairs that say the same serial number or UUID; they are never made one, or two, by themselves."""
    path = config.workshop.state / "journal.sqlite"
    if not path.exists():
        yield skipped("there is no journal yet")
        return
    try:
        with scratch("check") as folder:
            workshop = _restored(path, folder / "journal.sqlite")
    except ClonedError:
        yield skipped("the journal cannot be gone through", "see what is said of the journal")
        return
    if workshop is None:
        yield skipped("the journal is too long for a look; the page shows the same")
        return
    found = doubtful(workshop.laptops)
    yield from (warned(warn.text, warn.hint) for warn in found)
    if not found:
        yield ok(Phrase("{count} {count:laptop|laptops}, none of which may be another", count=len(workshop.laptops)))


def _copied(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    old.execute("SELECT count(*) FROM sqlite_master").fetchone()  # where it is held, a copy would wait for ever
    old.backup(new)


def _restored(path: Path, copy: Path) -> Workshop | None:
    """The state that a copy of the journal leads to; None if that takes too long."""
    with closing(sqlite3.connect(copy)) as new:
        read(path, lambda old: _copied(old, new))
    journal = Journal(copy)
    try:
        after, workshop = journal.restored()
        for number, entry in enumerate(journal.entries(after)):
            if number >= MOST:
                return None
            workshop, _ = step(workshop, entry.event, entry.at, entry.entropy)
    finally:
        journal.close()
    return workshop
