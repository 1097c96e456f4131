"""What can be wrong with a ledger's file: one line, what to do next, nothing lost, and it goes on by itself afterwards."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from cloned.inventory import database
from cloned.inventory.database import LedgerError
from cloned.inventory.ledger import Ledger
from cloned.inventory.own_thread import OwnThread
from tests.unit.inventory.ledgers import empty


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return empty(tmp_path / "ledger.sqlite")


def one_line(error: LedgerError) -> str:
    assert "\n" not in str(error)
    assert str(error).startswith("the ledger")
    assert error.hint
    return str(error)


async def test_one_that_another_program_holds(place: Path, make_row: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    ledger = await Ledger.open(place)
    with closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="database is locked") as told:
            await ledger.record(make_row())
        assert "another program holds it" in told.value.hint
        one_line(told.value)
        assert await ledger.rows() == []  # it can be read meanwhile
    await ledger.record(make_row())
    assert len(await ledger.rows()) == 1
    await ledger.close()


async def recorded(place: Path, row: dict[str, Any]) -> None:
    """Open it, enter a result, let it go."""
    ledger = await Ledger.open(place)
    try:
        await ledger.record(row)
    finally:
        await ledger.close()


@contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can be somebody else")
async def test_one_that_may_only_be_read(make_row: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        place = empty(Path(folder) / "ledger.sqlite")
        place.chmod(0o644)
        with as_nobody(), pytest.raises(LedgerError) as told:
            await recorded(place, make_row())
    assert "right to write there" in told.value.hint or "may write in it" in told.value.hint
    one_line(told.value)


@pytest.mark.parametrize(
    ("first", "said"), [(0, "file is not a database"), (4096, "malformed|not a database|corrupt")], ids=["head", "body"]
)
async def test_one_that_is_damaged(place: Path, make_row: Any, first: int, said: str) -> None:
    with place.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(first)
        file.write(b"\xa5" * (size - first))
    with pytest.raises(LedgerError, match=said) as told:
        await recorded(place, make_row())
    assert "restore a backup" in told.value.hint
    one_line(told.value)


async def test_one_on_a_full_disk_takes_it_once_there_is_room(place: Path, make_row: Any) -> None:
    ledger = await Ledger.open(place)
    await _room(ledger, 0)
    with pytest.raises(LedgerError, match="is full") as told:
        await _filled(ledger, make_row)
    assert "free space" in told.value.hint
    one_line(told.value)
    kept = len(await ledger.rows())
    await _room(ledger, 100_000)
    await ledger.record(make_row(attempt=kept + 1))
    assert len(await ledger.rows()) == kept + 1
    await ledger.close()


async def _filled(ledger: Ledger, make_row: Any) -> None:
    for attempt in range(1, 50):
        await ledger.record(make_row(attempt=attempt))


async def _room(ledger: Ledger, pages: int) -> None:
    """So many pages may be in the file; it never gets fewer than it has."""
    with ledger._writes.engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages or 1}")


async def test_one_of_a_newer_version_is_left_as_it_is(place: Path) -> None:
    with closing(sqlite3.connect(place)) as other, other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    before = place.read_bytes()
    for create in (True, False):
        with pytest.raises(LedgerError, match="9999") as told:
            await Ledger.open(place, create=create)
        one_line(told.value)
    assert place.read_bytes() == before


async def test_one_whose_folder_is_gone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match=r"Not a directory|File exists") as told:
        await Ledger.open(tmp_path / "file" / "ledger.sqlite")
    one_line(told.value)
    assert "its folder is there" in told.value.hint


async def test_where_it_cannot_be_opened_no_thread_is_left_that_would_tell_a_loop_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").mkdir()
    before = set(threading.enumerate())
    with pytest.raises(LedgerError, match="unable to open"):
        await Ledger.open(tmp_path / "ledger.sqlite")
    left = [each for each in threading.enumerate() if each not in before and "ledger" in each.name]
    assert left == []


async def test_a_connection_that_cannot_be_made_ready_is_closed(place: Path) -> None:
    made: list[sqlite3.Connection] = []

    def breaks(connection: sqlite3.Connection, _record: object) -> None:
        made.append(connection)
        raise OSError("it is gone")

    engine = database.opened(place)
    event.listen(engine, "connect", breaks)
    thread = OwnThread(engine, "ledger")
    with pytest.raises(OSError, match="it is gone"):
        await thread.look(lambda connection: connection.exec_driver_sql("SELECT 1"))
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        made[0].execute("SELECT 1")
    event.remove(engine, "connect", breaks)
    assert await thread.look(lambda connection: connection.exec_driver_sql("SELECT 1").scalar()) == 1
    await thread.close()
