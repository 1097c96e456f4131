"""A journal that is lost beside a real ledger: machines of a batch keep their ids and numbers, and get nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cloned.core.arrivals import recognised, sight_of
from cloned.core.boot import BootRequest
from cloned.core.disks import Disk
from cloned.core.events import Command, Configured, Confirmed, Hello, ImageKnown, Settings, SwitchChanged
from cloned.core.ids import clean, token_digest
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.reasons import Reason
from cloned.engine import Engine
from cloned.inventory.ledger import Ledger
from cloned.journal import Journal
from cloned.numbers import recall
from cloned.tasks import TaskOwner
from tests.unit.engines import IMAGE, Streams, settled, verified

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
    try:
        await engine.submit(Configured(Settings(confirm="auto", default_image="school")))
        await engine.submit(ImageKnown(IMAGE))
        await engine.submit(SwitchChanged(8, "test", 1000))
        await recall(engine, ledger, folder)
        yield Evening(engine)
    finally:
        await tasks.close()
        journal.close()


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
