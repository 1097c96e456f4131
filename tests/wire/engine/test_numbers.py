"""Numbers on stickers through journal, ledger, backup and restore."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cloned.backup import RESTORED, backup, restore
from cloned.control import Control
from cloned.core.events import Booted, Command, Configured, Settings
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import CloneJob, Facts, Laptop, State
from cloned.core.ledger import ledger_row
from cloned.engine import Engine
from cloned.errors import RefusedError
from cloned.inventory.ledger import Ledger
from cloned.journal import Journal
from cloned.numbers import recall
from cloned.tasks import TaskOwner

pytestmark = pytest.mark.wire


@asynccontextmanager
async def house(state: Path, laptops: int = 2) -> AsyncIterator[tuple[Engine, Control, Ledger]]:
    """A daemon's middle on this state directory, with so many laptops at their boot menu."""
    state.mkdir(exist_ok=True)
    journal, tasks, ledger = (
        Journal(state / "journal.sqlite"),
        TaskOwner("test"),
        await Ledger.open(state / "ledger.sqlite"),
    )
    engine = Engine(journal, None, ledger)  # type: ignore[arg-type]
    engine.replay()
    tasks.start(engine.run(), "engine", service=True)
    await engine.submit(Configured(Settings(tag_pattern="DM-{year}-{seq:04}")))
    await recall(engine, ledger, state)
    for number in range(laptops):
        await engine.submit(
            Booted(f"t{number}", Identity(serial=f"PF{number}"), f"02:00:00:00:00:0{number}", "10.0.0.9")
        )
    try:
        yield engine, Control(engine), ledger
    finally:
        await tasks.close()
        await ledger.close()
        journal.close()


async def ask(control: Control, laptop: str, text: str) -> str:
    return str((await control.command(Command("tag", "page", laptop, text=text)))["tag"])


async def test_a_restored_backup_gives_no_number_twice(tmp_path: Path) -> None:
    async with house(tmp_path / "one") as (_, control, _ledger):
        first = await ask(control, "PF0", "--next")
        backup(tmp_path / "one", tmp_path / "evening.tar.gz")
        second = await ask(control, "PF1", "--next")
    restore(tmp_path / "two", tmp_path / "evening.tar.gz")
    async with house(tmp_path / "two", 3) as (engine, control, _ledger):
        assert engine.workshop.laptops[engine.workshop.tags[first.casefold()].laptop].tag == first
        third = await ask(control, "PF2", "--next")
    assert len({first, second, third}) == 3
    assert not (tmp_path / "two" / RESTORED).exists()
    async with house(tmp_path / "two", 3) as (_, control, _ledger):
        assert int((await ask(control, "PF1", "--next"))[-4:]) == int(third[-4:]) + 1


async def test_two_at_the_same_moment(tmp_path: Path) -> None:
    async with house(tmp_path / "one", 9) as (engine, control, _ledger):
        asked = [ask(control, f"PF{number}", "DM-2026-0007") for number in range(9)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(answer == "DM-2026-0007" for answer in answers) == 1
        assert sum(isinstance(answer, RefusedError) for answer in answers) == 8
        given = await asyncio.gather(*(ask(control, f"PF{number}", "--next") for number in range(9)))
        assert len(set(given)) == 9
        assert sorted(each.tag for each in engine.workshop.laptops.values()) == sorted(given)


async def test_a_number_that_only_the_ledger_knows(tmp_path: Path) -> None:
    gone = Laptop(
        LaptopId("gone"), 5, Facts(Identity(serial="OLD")), State.DONE, 0, 0, tag="DM-2026-0009", job=CloneJob(number=1)
    )
    (tmp_path / "one").mkdir()
    ledger = await Ledger.open(tmp_path / "one" / "ledger.sqlite")
    await ledger.record(ledger_row(gone, 1795950000.0))
    await ledger.close()
    async with house(tmp_path / "one") as (_, control, _ledger):
        with pytest.raises(RefusedError, match="OLD"):
            await ask(control, "PF0", "DM-2026-0009")


async def test_a_damaged_note_of_the_restore_leaves_out_many(tmp_path: Path) -> None:
    for text, least in (("{", 1001), (json.dumps({"days": 2}), 301), (json.dumps({"days": -5}), 101)):
        state = tmp_path / str(least)
        state.mkdir()
        (state / RESTORED).write_text(text)
        async with house(state) as (_, control, _ledger):
            assert int((await ask(control, "PF0", "--next"))[-4:]) == least
