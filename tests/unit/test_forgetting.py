"""A name, or what a laptop was known by, is gone from every byte of the journal, and it leads where it led before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cloned.core.boot import BootRequest
from cloned.core.disks import Disk
from cloned.core.events import Command, Hello
from cloned.core.ids import clean, token_digest
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Facts, Laptop
from cloned.core.laptop_commands import EVERYWHERE
from cloned.core.ledger_events import Weighed
from cloned.engine import Engine
from cloned.errors import ClonedError, UsageError
from cloned.forgetting import Forgetting
from cloned.journal import Journal, JournalEntry
from tests.unit.test_engine import Book, Streams, prepared, running, settled, verified

STATE = Path(__file__).parents[1] / "data" / "state-0.1.0"
NAME = 'Jozefien D\'Hondt "J"'
UUID = "4c4c4544-0042-3510-8054-b7c04f303233"


def forgetting(engine: Engine) -> Forgetting:
    return Forgetting(engine, engine._journal)


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("journal*")))


async def second(engine: Engine) -> Laptop:
    """Another laptop that cloning begins on, with a UUID and two disks."""
    answer = await engine.boot(BootRequest("8c:16:45:0a:0b:0c", "10.0.0.7", uuid=UUID, serial="PF2SECOND"))
    disk = Disk("/dev/sda", 10**11, serial="DISK-SECOND", wwn="eui.00253858000SECOND")
    facts = Facts(clean(UUID, "PF2SECOND", macs=["8c:16:45:0a:0b:0c"]), disks=(disk,))
    await engine.submit(Hello(token_digest(answer.token), facts, "10.0.0.7"))
    laptop = engine.authorise(answer.token, "10.0.0.7")
    assert laptop is not None
    return laptop


async def test_a_name_is_gone_from_state_and_journal_and_all_else_is_as_before(tmp_path: Path) -> None:
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        laptop = await prepared(engine)
        await engine.submit(Command("batch", NAME, text="Latitude 5490", image="school"))
        await engine.submit(Command("lent", NAME, laptop.id, checked=True))
        await engine.submit(Command("lent", "An", laptop.id, text="no", checked=True))
        assert "Jozefien" in str(engine.workshop)
        told = await forgetting(engine).name(Command("forget-name", "An", text=NAME))
        assert told["entries"] == 2
        assert "Jozefien" not in str(engine.workshop)
        assert "said somebody" in str(engine.laptop(laptop.id).history)
        assert "said An" in str(engine.laptop(laptop.id).history)
        assert b"Jozefien" not in everything(tmp_path)
        await engine.submit(Command("pause", "An"))
        after = engine.workshop
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        assert engine.workshop.laptops == after.laptops
        assert engine.workshop.paused
    journal = Journal(tmp_path / "journal")
    journal._db.execute("DELETE FROM checkpoint")
    replayed = Engine(journal, Streams(), Book())
    replayed.replay()
    assert replayed.workshop.laptops == after.laptops
    journal.close()


async def test_no_name_is_no_name(tmp_path: Path) -> None:
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        with pytest.raises(UsageError):
            await forgetting(engine).name(Command("forget-name", "An", text=" "))


async def test_a_laptop_is_gone_from_the_journal_and_the_others_stand_as_before(tmp_path: Path) -> None:
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        first = await prepared(engine)
        other = await second(engine)
        await engine.submit(Command("mark", "An", other.id, text="school"))
        await engine.submit(Command("note", "An", other.id, text="Jozefien D'Hondt brought it"))
        await engine.submit(Command("grade", "An", other.id, text="B", why="the neighbour's"))
        await verified(engine, first)
        await settled(engine)
        await engine.submit(Command("pause", "An"))
        await engine.submit(Command("forget", "An", other.id, text=EVERYWHERE))
        assert await forgetting(engine).laptop(other.id) >= 2
        after = engine.workshop
        held = everything(tmp_path)
        for text in ("PF2SECOND", UUID, "8c:16:45:0a:0b:0c", "DISK-SECOND", "SECOND", "D'Hondt", "neighbour"):
            assert text.encode() not in held, text
        assert b"PF1" in held
    journal = Journal(tmp_path / "journal")
    journal._db.execute("DELETE FROM checkpoint")
    replayed = Engine(journal, Streams(), Book())
    replayed.replay()
    assert replayed.workshop == after
    journal.close()


async def test_where_a_replay_would_lead_elsewhere_nothing_is_changed(tmp_path: Path) -> None:
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        laptop = await prepared(engine)
        before = list(engine._journal.entries())
        with pytest.raises(ClonedError, match="stays in the journal"):
            await forgetting(engine).laptop(laptop.id)  # it is on the screen still
        assert list(engine._journal.entries()) == before


async def test_the_journal_of_0_1_0_too(tmp_path: Path) -> None:
    """Each of its laptops in turn, taken off the screen first."""
    shutil.copy(STATE / "journal.sqlite", tmp_path / "journal")
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        for laptop in list(engine.workshop.laptops.values()):
            serial = laptop.identity.serial
            await engine.submit(Command("exclude", "An", laptop.id))
            await engine.submit(Command("forget", "An", laptop.id, text=EVERYWHERE))
            assert laptop.id not in engine.workshop.laptops
            await forgetting(engine).laptop(laptop.id)
            assert not serial or serial.encode() not in everything(tmp_path), serial
        after = engine.workshop
    journal = Journal(tmp_path / "journal")
    entries: list[JournalEntry] = list(journal.entries())
    assert entries
    replayed = Engine(journal, Streams(), Book())
    replayed.replay()
    assert replayed.workshop == after
    journal.close()


async def test_one_that_went_by_another_id_first_is_not_said_to_be_gone(tmp_path: Path) -> None:
    """What it said under that led the ledger to the id it has: with other words it would have got another."""
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        answer = await engine.boot(BootRequest("8c:16:45:0a:0b:0c", "10.0.0.7", uuid=UUID, serial="PF2SECOND"))
        facts = Facts(clean(UUID, "PF2SECOND", macs=["8c:16:45:0a:0b:0c"]))
        await engine.submit(Hello(token_digest(answer.token), facts, "10.0.0.7", KnownToLedger(away=True)))
        [first] = engine.workshop.laptops
        await engine.submit(Weighed(first, KnownToLedger(weighed=True, taken=(first,))))
        [own] = engine.workshop.laptops
        assert own != first
        await engine.submit(Command("forget", "An", own, text=EVERYWHERE))
        with pytest.raises(ClonedError, match="stays in the journal"):
            await forgetting(engine).laptop(own)
        assert b"PF2SECOND" in everything(tmp_path)
