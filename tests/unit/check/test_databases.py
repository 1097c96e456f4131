"""What check says of databases that are damaged, held, closed or of another version, and that it leaves nothing behind."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloned.check import databases
from cloned.check.databases import journal, ledger, newest_event, read
from cloned.check.doubts import laptops
from cloned.check.findings import LookState
from cloned.config import Config
from cloned.core.events import Configured, Settings
from cloned.errors import ClonedError, MissingError
from cloned.inventory.ledger import Ledger
from cloned.journal import Journal, JournalEntry


def config(state: Path) -> Config:
    return Config.model_validate({"workshop": {"state": str(state)}})


async def made(state: Path) -> Path:
    """A journal with two events and an empty ledger, as a daemon leaves them."""
    state.mkdir()
    written = Journal(state / "journal.sqlite")
    written.append([JournalEntry(at, f"{int(at):032x}", Configured(Settings())) for at in (1.0, 2.0)])
    written.close()
    await (await Ledger.open(state / "ledger.sqlite")).close()
    return state


def names(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()}


async def test_nothing_is_left_beside_them(tmp_path: Path) -> None:
    state = await made(tmp_path / "state")
    before = names(state)
    told: list[Any] = [*journal(config(state)), *ledger(config(state)), *laptops(config(state))]
    assert [said[0] for said in told] == [LookState.OK] * 3, told
    assert names(state) == before
    assert newest_event(state / "journal.sqlite") == 2.0
    assert names(state) == before


async def test_what_a_daemon_is_writing_is_read_too(tmp_path: Path) -> None:
    state = await made(tmp_path / "state")
    at_work = Journal(state / "journal.sqlite")
    at_work.append([JournalEntry(3.0, "03", Configured(Settings()))])
    assert newest_event(state / "journal.sqlite") == 3.0
    at_work.close()


def broken(state: Path, name: str, content: bytes | None = None, at: int = 0) -> None:
    path = state / name
    old = bytearray(path.read_bytes())
    old[at : at + 4000] = content or b"\xff" * 4000
    path.write_bytes(old)


@pytest.mark.parametrize("name", ["journal", "ledger"])
@pytest.mark.parametrize("at", [0, 8192])
async def test_damage_leads_to_a_backup(tmp_path: Path, name: str, at: int) -> None:
    state = await made(tmp_path / "state")
    broken(state, f"{name}.sqlite", at=at)
    look = journal if name == "journal" else ledger
    error = raised(lambda: list(look(config(state))))
    assert isinstance(error, MissingError)
    assert "restore a backup" in error.hint
    assert "\n" not in error.message
    (doubts,) = laptops(config(state))
    assert isinstance(doubts, tuple)
    assert doubts[0] is (LookState.SKIPPED if name == "journal" else LookState.OK)


def raised(work: Any) -> ClonedError:
    """What a look says is wrong, raised or as a finding."""
    try:
        (found,) = work()
    except ClonedError as error:
        return error
    assert isinstance(found, ClonedError), found
    return found


@pytest.mark.parametrize("name", ["journal", "ledger"])
async def test_what_another_program_holds_is_not_damaged(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "WAIT_SECONDS", 0.05)
    state = await made(tmp_path / "state")
    with closing(sqlite3.connect(state / f"{name}.sqlite", isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        error = raised(lambda: list((journal if name == "journal" else ledger)(config(state))))
        assert "held by another program" in error.message
        assert "fuser" in error.hint
        (doubts,) = laptops(config(state))  # ends too, and does not wait for ever
        assert isinstance(doubts, tuple)


async def test_of_a_newer_version_it_is_said_what_to_install(tmp_path: Path) -> None:
    state = await made(tmp_path / "state")
    with closing(sqlite3.connect(state / "ledger.sqlite")) as changed, changed:
        changed.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer version" in (error := raised(lambda: list(ledger(config(state))))).message
    assert "install that version" in error.hint
    with closing(sqlite3.connect(state / "journal.sqlite")) as changed, changed:
        changed.execute("UPDATE meta SET value = '99' WHERE name = 'format'")
    assert "format 99" in (error := raised(lambda: list(journal(config(state))))).message
    assert "restore" not in error.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is root's to become")
async def test_who_may_not_write_reads_and_hears_of_no_damage(request: pytest.FixtureRequest) -> None:
    folder = tempfile.TemporaryDirectory(prefix="cloned-closed-")  # pytest's own are closed to others
    request.addfinalizer(folder.cleanup)
    Path(folder.name).chmod(0o755)
    state = await made(Path(folder.name) / "state")
    os.seteuid(65534)
    try:
        assert [said[0] for said in [*journal(config(state)), *ledger(config(state))]] == [LookState.OK] * 2  # type: ignore[index]
    finally:
        os.seteuid(0)


async def test_a_large_one_is_not_called_damaged_because_time_is_up(tmp_path: Path) -> None:
    state = await made(tmp_path / "state")
    with closing(sqlite3.connect(state / "journal.sqlite")) as filled, filled:
        rows = [(float(number), "x" * 200, "y" * 400) for number in range(20_000)]
        filled.executemany("INSERT INTO journal (at, entropy, event) VALUES (?, ?, ?)", rows)
    assert read(state / "journal.sqlite", lambda database: databases.whole(database, -1)) == ""
    assert read(state / "journal.sqlite", databases.whole) == ""
