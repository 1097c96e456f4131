"""A journal that is lost beside a real ledger: machines of a batch keep their ids and numbers, and get nobody else's."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from cloned import ledger_questions
from cloned.backup import RESTORED, backup, restore
from cloned.core.arrivals import recognised, sight_of
from cloned.core.attempts import LENDINGS
from cloned.core.boot import BootRequest
from cloned.core.disks import Disk
from cloned.core.events import Command, Configured, Confirmed, Hello, ImageKnown, Settings, SwitchChanged
from cloned.core.ids import clean, token_digest
from cloned.core.laptop import Facts, Laptop, State, Unweighed
from cloned.core.reasons import Reason
from cloned.engine import Engine
from cloned.inventory.database import LedgerError
from cloned.inventory.ledger import Ledger
from cloned.journal import Journal
from cloned.numbers import recall
from cloned.tasks import TaskOwner
from tests.unit.engines import IMAGE, Streams, settled, verified
from tests.waiting import until

pytestmark = pytest.mark.wire
UUID, SERIAL = "b2f1a3c4-77d0-4e21-9a55-0c1d2e3f4a5b", "A1B2C3D"
"""On a whole batch, and on no list."""


class Evening:
    """One daemon's life, with a journal of its own beside the ledger that stays."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def comes(self, card: str, disk: str) -> Laptop:
        """A machine of the batch boots through this card, and its agent says hello, as agents.py has it."""
        address = f"10.0.0.{int(card[-2:], 16)}"
        answer = await self.engine.boot(BootRequest(card, address, UUID, SERIAL, "Maker", "X"))
        facts = Facts(
            clean(UUID, SERIAL, "Maker", "X", [card]), card, "uefi", disks=(Disk("/dev/sda", 10**11, serial=disk),)
        )
        digest = token_digest(answer.token)
        here = recognised(self.engine.workshop, self.engine.workshop.boots[digest], facts)
        known = await self.engine.remembering.of(sight_of(facts), here)
        await self.engine.submit(Hello(digest, facts, address, known))
        laptop = self.engine.authorise(answer.token, address)
        assert laptop is not None
        return laptop

    async def cloned(self, laptop: Laptop, number: str) -> None:
        """A person gives it a number and confirms it, and it is cloned."""
        await self.engine.command(Command("tag", "page", laptop.id, text=number))
        disk = laptop.facts.disks[0].key
        await self.engine.submit(Confirmed(laptop.id, disk, "school", "page"))
        await verified(self.engine, self.engine.laptop(laptop.id))
        await settled(self.engine)
        assert self.engine.laptop(laptop.id).state is State.DONE


@asynccontextmanager
async def evening(folder: Path, name: str, ledger: Ledger) -> AsyncIterator[Evening]:
    journal, tasks = Journal(folder / name), TaskOwner("test")
    engine = Engine(journal, Streams(), ledger, recall=ledger.known)
    engine.replay()
    tasks.start(engine.run(), "engine", service=True)
    tasks.start(engine.run_effects(), "effects", service=True)
    tasks.start(ledger_questions.run(engine, 0.05), "weighing", service=True)
    try:
        await engine.submit(Configured(Settings(confirm="auto", default_image="school")))
        await engine.submit(ImageKnown(IMAGE))
        await engine.submit(SwitchChanged(8, "test", 1000))
        with suppress(LedgerError):
            await recall(engine, ledger, folder)
        yield Evening(engine)
    finally:
        await tasks.close()
        journal.close()


async def twins_without_a_ledger(
    folder: Path, ledger: Ledger, leave: Callable[[], object], comes_back: Callable[[], object]
) -> None:
    """A twin of one in the ledger comes, is cloned and numbered while neither journal nor ledger is there; then itself."""
    card, other = "3c:97:0e:00:00:01", "3c:97:0e:00:00:02"
    async with evening(folder, "first", ledger) as first:
        known = await first.comes(card, "DISK1K")
        await first.cloned(known, "DM-1")
    leave()
    async with evening(folder, "second", ledger) as second:
        twin = await second.comes(other, "DISK2K")
        assert (twin.id, twin.unweighed) == (known.id, Unweighed.AWAY), "its words give it that, and nobody says no"
        await second.engine.command(Command("tag", "page", twin.id, text="DM-2"))
        await second.engine.submit(Confirmed(twin.id, twin.facts.disks[0].key, "school", "page"))
        await verified(second.engine, second.engine.laptop(twin.id))
        back = await second.comes(card, "DISK1K")
        assert back.id != known.id
        assert (len(second.engine.workshop.held), second.engine.workshop.unrecorded) == (1, {})
    async with evening(folder, "second", ledger) as second:  # a restart meanwhile
        comes_back()
        await until(lambda: not any(each.unweighed for each in second.engine.workshop.laptops.values()), 60)
        await until(lambda: not (second.engine.workshop.unrecorded or second.engine.workshop.held), 60)
        laptops = {each.facts.disks[0].serial: each for each in second.engine.workshop.laptops.values()}
        assert (laptops["DISK1K"].id, laptops["DISK1K"].tag, laptops["DISK1K"].job.number) == (known.id, "DM-1", 1)
        moved = laptops["DISK2K"]
        assert (moved.id == known.id, moved.tag, moved.job.number) == (False, "DM-2", 1)
        await recall(second.engine, ledger, folder)
        assert {each.laptop for each in second.engine.workshop.boots.values()} == {moved.id, known.id}
        assert second.engine.workshop.tags["dm-2"].laptop == moved.id
        assert second.engine.workshop.tags["dm-1"].laptop == known.id
    rows = await ledger.rows()
    assert {(row["laptop"], row["disk"]["serial"], row["revision"]) for row in rows} == {
        (known.id, "DISK1K", 1),
        (moved.id, "DISK2K", 1),
    }


class Leaving(Ledger):
    """A ledger of SQLite that nobody can use for a while."""

    gone = False

    @asynccontextmanager
    async def _patient(self, long: bool = False) -> AsyncIterator[None]:
        if self.gone:
            raise LedgerError("the ledger cannot be used")
        async with super()._patient(long):
            yield

    def leave(self) -> None:
        self.gone = True

    def come_back(self) -> None:
        self.gone = False


async def test_a_twin_that_comes_while_journal_and_ledger_are_gone_writes_on_nobodys_row(tmp_path: Path) -> None:
    ledger = await Leaving.open(tmp_path / "ledger.sqlite")
    assert isinstance(ledger, Leaving)
    await twins_without_a_ledger(tmp_path, ledger, ledger.leave, ledger.come_back)
    await ledger.close()


async def test_two_sites_that_give_one_id_before_either_has_a_result_end_with_two(tmp_path: Path) -> None:
    """Both asked one ledger, and it knew neither: who comes second with his row gets an id of his own."""
    ledger = await Ledger.open(tmp_path / "ledger.sqlite")
    async with evening(tmp_path, "here", ledger) as here, evening(tmp_path, "there", ledger) as there:
        one, other = await here.comes("3c:97:0e:00:00:01", "DISK1K"), await there.comes("3c:97:0e:00:00:02", "DISK2K")
        assert one.id == other.id
        await here.cloned(one, "DM-1")
        await there.engine.command(Command("tag", "page", other.id, text="DM-2"))
        await there.engine.submit(Confirmed(other.id, other.facts.disks[0].key, "school", "page"))
        await verified(there.engine, there.engine.laptop(other.id))
        await until(lambda: not (there.engine.workshop.unrecorded or there.engine.workshop.held), 30)
        [moved] = there.engine.workshop.laptops.values()
        assert (moved.id == one.id, moved.unweighed) == (False, Unweighed.NO)
        assert there.engine.workshop.tags["dm-2"].laptop == moved.id
    rows = await ledger.rows()
    assert {(row["laptop"], row["tag"], row["attempt"]) for row in rows} == {(one.id, "DM-1", 1), (moved.id, "DM-2", 1)}
    await ledger.close()


async def test_machines_of_a_batch_after_a_lost_journal(tmp_path: Path) -> None:
    ledger = await Ledger.open(tmp_path / "ledger.sqlite")
    cards = [f"3c:97:0e:00:00:{n:02x}" for n in range(1, 6)]
    ids = {}
    async with evening(tmp_path, "first", ledger) as first:
        for n in (1, 2, 3):
            laptop = await first.comes(cards[n], f"DISK{n}K")
            await first.cloned(laptop, f"DM-{n}")
            ids[n] = laptop.id
    assert len(set(ids.values())) == 3
    async with evening(tmp_path, "second", ledger) as second:
        stranger = await second.comes(cards[4], "DISK4K")
        assert (stranger.id in ids.values(), stranger.tag, stranger.job.number) == (False, "", 0)
        assert (stranger.state, stranger.reason) == (State.ASKING, Reason.TWIN)
        moved = await second.comes(cards[0], "DISK2K")  # another card, as of a dock, and the disk of number 2
        assert (moved.id, moved.tag, moved.job.number) == (ids[2], "DM-2", 1)
        repaired = await second.comes(cards[3], "NEWDISK3")
        assert (repaired.id in ids.values(), repaired.tag, repaired.job.number) == (False, "", 0)
        assert (repaired.state, repaired.reason, repaired.detail) == (State.ASKING, Reason.PERHAPS, "DM-3")
        await second.engine.command(Command("same", "page", repaired.id))
        repaired = second.engine.laptop(ids[3])
        assert (repaired.tag, repaired.job.number) == ("DM-3", 1)
        assert (repaired.state, repaired.reason) == (State.ASKING, Reason.KNOWN_BEFORE)
        assert len(second.engine.workshop.laptops) == 3
        await second.cloned(stranger, "DM-4")
        await second.engine.command(Command("forget", "page", ids[3]))
        back = await second.comes(cards[3], "DISK3K")
        assert (back.id, back.tag) == (ids[3], "DM-3")
        other = await second.comes("3c:97:0e:00:00:77", "DISK7K")
        assert (other.id in (*ids.values(), stranger.id), other.tag) == (False, "")
    rows = await ledger.rows()
    assert sorted((row["laptop"], row["tag"], row["revision"]) for row in rows) == sorted(
        (*((ids[n], f"DM-{n}", 1) for n in (1, 2, 3)), (stranger.id, "DM-4", 1))
    )
    await ledger.close()


async def old_journal_beside_a_ledger(folder: Path, ledger: Ledger, bring_back: Callable[[Path], object]) -> None:
    """A backup is made, two laptops are cloned (one of them again), and the journal of before comes back alone."""
    first, second = ("3c:97:0e:00:00:01", "DISK1K"), ("3c:97:0e:00:00:02", "DISK2K")
    state = folder / "state"
    state.mkdir()
    async with evening(state, "journal.sqlite", ledger) as before:
        one = await before.comes(*first)
        await before.cloned(one, "DM-1")
        await before.engine.submit(Confirmed(one.id, one.facts.disks[0].key, "school", "page"))
    backup(state, folder / "saved.tar.gz")
    async with evening(state, "journal.sqlite", ledger) as since:
        await verified(since.engine, since.engine.laptop(one.id))
        await settled(since.engine)
        await since.cloned(await since.comes(*second), "DM-2")
        await since.engine.command(Command("lent", "page", one.id, checked=True))
        await settled(since.engine)
    rows = {(row["laptop"], row["attempt"], row["revision"]): row for row in await ledger.rows()}
    assert len(rows) == 4
    shutil.rmtree(state)
    bring_back(folder / "saved.tar.gz")
    async with evening(state, "journal.sqlite", ledger) as after:
        known = after.engine.laptop(one.id)
        assert (known.job.number, known.lendings, known.lent, known.goal.confirmation) == (2, 1, True, None)
        assert known.state is not State.WAITING
        assert not known.active
        assert "dm-2" in after.engine.workshop.tags
        other = await after.comes(*second)
        assert (other.tag, other.job.number) == ("DM-2", 1)
        await after.engine.command(Command("lent", "page", one.id, text="no", checked=True))
        await after.cloned(await after.comes(*first), "DM-1")
        await settled(after.engine)
    now = {(row["laptop"], row["attempt"], row["revision"]): row for row in await ledger.rows()}
    assert {key: now[key] for key in rows} == rows, "nothing that was recorded is another's now"
    assert sorted(key[1] for key in set(now) - set(rows)) == [3, LENDINGS + 2]


async def test_a_journal_that_is_restored_alone_beside_a_newer_ledger_gives_no_number_twice(tmp_path: Path) -> None:
    kept = tmp_path / "ledger.sqlite"
    ledger = await Ledger.open(kept)
    await old_journal_beside_a_ledger(
        tmp_path, ledger, lambda file: restore(tmp_path / "state", file, keep_ledger=True)
    )
    await ledger.close()


async def test_a_journal_that_somebody_copied_back_by_hand_gives_no_number_twice_either(tmp_path: Path) -> None:
    """As a snapshot of the server's disk does, with the ledger on another: nothing says that anything was restored."""

    def by_hand(file: Path) -> None:
        restore(tmp_path / "state", file, keep_ledger=True)
        (tmp_path / "state" / RESTORED).unlink()

    ledger = await Ledger.open(tmp_path / "ledger.sqlite")
    await old_journal_beside_a_ledger(tmp_path, ledger, by_hand)
    await ledger.close()
