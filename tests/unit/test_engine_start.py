"""The engine's start: journals of other versions, damaged ones, checkpoints."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cloned.core.events import Command, Configured, Settings
from cloned.core.ids import LaptopId
from cloned.core.ledger_events import TagsUsed
from cloned.core.tagged import TagGiven
from cloned.engine import CHECKPOINT, Engine
from cloned.errors import MissingError
from cloned.journal import Journal
from tests.unit.engines import Book, Streams, prepared, running, settled, verified


def test_a_journal_of_another_version_is_not_touched(tmp_path: Path) -> None:
    Journal(tmp_path / "journal").close()
    with sqlite3.connect(tmp_path / "journal") as db:
        db.execute("UPDATE meta SET value='99'")
    db.close()
    with pytest.raises(MissingError, match="format 99"):
        Journal(tmp_path / "journal")


def test_a_damaged_entry_is_named(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal._db.execute("INSERT INTO journal (at, entropy, event) VALUES (1, 'a', '{\"kind\": \"nonsense\"}')")
    with pytest.raises(MissingError, match="entry 1"):
        list(journal.entries())
    journal.close()


async def tagged(engine: Engine, count: int) -> None:
    """So many events that change something."""
    laptop = next(iter(engine.workshop.laptops))
    for number in range(count):
        await engine.command(Command("tag", "page", laptop, text=f"A-{number}"))


async def test_a_start_after_many_events_goes_by_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloned.engine.CHECKPOINT", 40)
    path = tmp_path / "journal"
    async with running(path, Streams(), Book()) as engine:
        laptop = await prepared(engine)
        await tagged(engine, 60)
        journal = Journal(path)
        assert journal.restored()[0] == 0  # a laptop is at work
        await verified(engine, laptop)
        await tagged(engine, 3)
        await settled(engine)
        after, state = journal.restored()
        assert after > 60
        assert engine.workshop.laptops.keys() == state.laptops.keys()
        before = engine.workshop
        journal.close()
    again = Engine(Journal(path), Streams(), Book())
    assert again.replay() < 10
    assert again.workshop == before
    again._journal.close()


async def test_an_orderly_end_keeps_the_state_though_laptops_are_at_work(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    async with running(path, Streams(), Book()) as engine:
        await prepared(engine)
        assert engine.workshop.active()
        await engine.close()
        before = engine.workshop
    again = Engine(Journal(path), Streams(), Book())
    assert again.replay() == 0
    assert again.workshop == before
    again._journal.close()


async def test_numbers_by_the_thousand_are_worth_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    async with running(path, Streams(), Book()) as engine:
        given = tuple(TagGiven(f"DM-{number}", LaptopId(f"l{number}")) for number in range(CHECKPOINT))
        await engine.submit(TagsUsed(given))
        await engine.submit(Configured(Settings()))  # the next turn: by then it is kept
        journal = Journal(path)
        after, state = journal.restored()
        assert (after > 0, len(state.tags)) == (True, CHECKPOINT)
        journal.close()


async def test_a_checkpoint_that_is_damaged_or_of_another_version_is_left_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    async with running(path, Streams(), Book()) as engine:
        await prepared(engine)
        before = engine.workshop
    journal = Journal(path)
    for change in ("shape = 'of another version'", "state = substr(state, 1, 900)"):
        journal.checkpoint(before)
        journal._db.execute(f"UPDATE checkpoint SET {change}")
        again = Engine(journal, Streams(), Book())
        assert again.replay() > 3
        assert again.workshop == before
    journal.close()


def damage(path: Path) -> None:
    """Overwrite every page behind the first two, as a dying disk does."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xa5" * (size - 2 * 4096))


def started(path: Path) -> None:
    journal = Journal(path)
    try:
        Engine(journal, Streams(), Book()).replay()
    finally:
        journal.close()


async def test_a_damaged_journal_says_what_to_do(tmp_path: Path) -> None:
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        for number in range(200):
            await engine.submit(Configured(Settings(default_image=f"{number}" * 100)))
    damage(tmp_path / "journal")
    with pytest.raises(MissingError, match="restore"):
        started(tmp_path / "journal")
    (tmp_path / "other").write_bytes(b"this is no database" * 1000)
    with pytest.raises(MissingError, match="restore"):
        Journal(tmp_path / "other")
