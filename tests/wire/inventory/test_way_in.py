"""The way in, with a real engine and journal, and a Snipe-IT that behaves as recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloned.config import Config
from cloned.control import Control
from cloned.core.disks import Disk
from cloned.core.events import (
    Booted,
    Command,
    Configured,
    Hello,
    ImageInfo,
    ImageKnown,
    Judged,
    Ready,
    Settings,
    SwitchChanged,
)
from cloned.core.ids import clean, token_digest
from cloned.core.laptop import Facts, Laptop, State, VerdictKind
from cloned.core.ledger import ledger_row
from cloned.core.reasons import Reason
from cloned.engine import Engine
from cloned.errors import RefusedError, UsageError
from cloned.forgetting import Forgetting
from cloned.inventory import asking, rows
from cloned.inventory.asking import WayIn
from cloned.inventory.imported import ImportedList, keep, read
from cloned.inventory.ledger import Ledger
from cloned.inventory.service import InventoryService
from cloned.inventory.sinks.base import Delivery, Sink, Surroundings
from cloned.inventory.sinks.memory import FolderMemory
from cloned.inventory.sinks.told import KnownThere
from cloned.journal import Journal
from tests.waiting import until

pytestmark = pytest.mark.wire
GB = 10**9
DISK = Disk("/dev/sda", 250 * GB, serial="S1")


class NoCasting:
    """Nothing is sent here."""

    async def open(self, opened: Any) -> None: ...

    async def settle(self, receivers: Any) -> None: ...

    async def limit(self, rates: Any) -> None: ...

    async def shut(self, session: Any) -> None: ...

    def address(self, session: Any) -> None: ...


class NoLedger:
    async def record(self, row: Any) -> None: ...


class Workshop:
    """An engine with laptops that say hello."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.number = engine, 0

    async def hello(self, serial: str = "PF0AAAA1") -> Laptop:
        self.number += 1
        mac = f"02:00:00:00:00:{self.number:02x}"
        token, identity = token_digest(str(self.number)), clean("", serial, "LENOVO", "20L6S0ABCD", [mac])
        await self.engine.submit(Booted(token, identity, mac, "10.0.0.5"))
        state = await self.engine.submit(Hello(token, Facts(identity, mac, "uefi", disks=(DISK,)), "10.0.0.5"))
        ident = state.boots[token].laptop
        assert ident is not None
        return state.laptops[ident]

    async def until(self, laptop: Laptop, reached: Any) -> Laptop:
        await until(lambda: reached(self.engine.workshop.laptops[laptop.id]))
        return self.engine.workshop.laptops[laptop.id]


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[Workshop]:
    journal = Journal(tmp_path / "journal.sqlite")
    engine = Engine(journal, NoCasting(), NoLedger())
    task = asyncio.create_task(engine.run())
    settings = Settings(confirm="auto", default_image="school", inventories=True, tag_needed=True, number_seconds=60.0)
    await engine.submit(Configured(settings))
    await engine.submit(ImageKnown(ImageInfo("school", "a" * 64, GB, 20 * GB)))
    await engine.submit(SwitchChanged(8, "test", 1000))
    yield Workshop(engine)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    journal.close()


@pytest.fixture
async def run(workshop: Workshop, tmp_path: Path) -> AsyncIterator[Any]:
    tasks: list[asyncio.Task[Any]] = []

    def start(*sinks: Sink, numbers: Sink | None = None) -> None:
        way_in = WayIn(workshop.engine, sinks, ImportedList(tmp_path), numbers)
        tasks.append(asyncio.create_task(way_in.run()))

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Silent(Sink):
    """Answers late, or with a fault."""

    def __init__(self, name: str, fault: Exception | None = None) -> None:
        super().__init__(name)
        self.fault = fault

    async def send(self, delivery: Any) -> Any:
        raise NotImplementedError

    async def known(self, serial: str, tag: str = "") -> KnownThere | None:
        if self.fault is not None:
            raise self.fault
        await asyncio.sleep(600)
        return None


def put(snipeit: Any, **values: Any) -> dict[str, Any]:
    admin = snipeit.state.users["TOKEN-ADMIN"]
    given = {"model_id": 1, "status_id": 1, "serial": "PF0AAAA1", "asset_tag": "DM-0412"} | values
    made: dict[str, Any] = snipeit.state.create(given, admin, snipeit.state.next_tag())
    return made


async def test_what_snipe_it_knows_comes_onto_the_laptop_and_it_goes_on(
    workshop: Workshop, run: Any, snipeit: Any, snipeit_sink: Any
) -> None:
    put(snipeit)
    run(snipeit_sink())
    laptop = await workshop.until(await workshop.hello(), lambda laptop: laptop.known)
    assert (laptop.tag, laptop.state) == ("DM-0412", State.READY)
    assert [(each.sink, each.tag, each.model, each.lent) for each in laptop.known] == [
        ("snipeit", "DM-0412", "ThinkPad T480", False)
    ]


async def test_whether_it_is_lent_is_kept_and_never_to_whom(
    workshop: Workshop, run: Any, snipeit: Any, snipeit_sink: Any, tmp_path: Path
) -> None:
    state = snipeit.state
    assert state.checkout(put(snipeit, status_id=2), "user", 3, None, state.users["TOKEN-ADMIN"])
    run(snipeit_sink())
    laptop = await workshop.until(await workshop.hello(), lambda laptop: laptop.known)
    assert (laptop.lent, laptop.state, laptop.reason) == (True, State.ASKING, Reason.LENT_OUT)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"inventory-told" in written
    first, last, username = state.people[3]
    # "bea" alone stands by chance in any number written in letters
    assert not [word for word in (f"{first} ", last, f'"{username}"', f"{username}@") if word.encode() in written]


async def test_inventories_that_hang_or_fail_hold_a_laptop_up_for_two_seconds_at_most(
    workshop: Workshop, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.1)
    run(Silent("hangs"), Silent("fails", ZeroDivisionError("oops")))
    laptop = await workshop.until(await workshop.hello(), lambda laptop: laptop.state is not State.ASKING)
    assert (laptop.state, laptop.away) == (State.READY, ("hangs", "fails"))


class Prompt(Silent):
    """Has an answer at once: nothing."""

    def __init__(self) -> None:
        super().__init__("prompt")
        self.asked: list[str] = []

    async def known(self, serial: str, tag: str = "") -> KnownThere | None:
        self.asked.append(serial)
        return KnownThere(0)


async def test_one_that_hangs_keeps_nobody_of_a_whole_table_from_asking_the_others(
    workshop: Workshop, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All laptops of an evening are switched on together: the last one too has its answers within the 2 s."""
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 60.0)
    prompt, serials = Prompt(), {f"PF00TBL{number}" for number in range(3 * asking.AT_ONCE)}
    run(Silent("hangs"), prompt)
    for serial in serials:
        await workshop.hello(serial)
    await until(lambda: set(prompt.asked) == serials)


async def test_who_waits_for_its_turn_is_not_asked_after_the_time_is_over(
    workshop: Workshop, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(asking, "AT_ONCE", 1)
    run(Silent("hangs"))
    laptops = [await workshop.hello(f"PF00TBL{number}") for number in range(20)]
    for laptop in laptops:
        assert (await workshop.until(laptop, lambda laptop: laptop.asked_at)).away == ("hangs",)


class Strange(Silent):
    """Answers what nobody understands when it is asked for a number."""

    tried = 0

    async def number(self, delivery: Any) -> str:
        self.tried += 1
        return str({}["asset_tag"])


async def test_a_number_in_another_form_than_expected_is_none_and_is_asked_for_with_pauses(
    workshop: Workshop, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "AGAIN_SECONDS", 0.05)
    await workshop.engine.submit(Configured(replace(workshop.engine.workshop.settings, number_seconds=0.5)))
    strange = Strange("strange")
    run(numbers=strange)
    laptop = await workshop.until(await finishing(workshop), lambda laptop: laptop.state is State.ASIDE)
    assert laptop.reason is Reason.NO_NUMBER
    assert "another form than expected (KeyError)" in laptop.detail
    assert strange.tried < 20


async def test_an_imported_list_is_asked_too(workshop: Workshop, run: Any, tmp_path: Path) -> None:
    keep(tmp_path, read(b"serial;tag;lent to\nPF0AAAA1;DM-7;Marie\n", {})[0], 5.0)
    run()
    laptop = await workshop.until(await workshop.hello(), lambda laptop: laptop.known)
    assert (laptop.tag, laptop.lent, laptop.known[0].sink) == ("DM-7", True, asking.LIST)


async def test_a_serial_that_is_none_is_not_looked_up(
    workshop: Workshop, run: Any, snipeit: Any, snipeit_sink: Any
) -> None:
    run(snipeit_sink())
    laptop = await workshop.until(await workshop.hello("To be filled by O.E.M."), lambda laptop: laptop.asked_at)
    assert (laptop.known, laptop.away, snipeit.requests) == ((), (), [])


async def test_a_number_that_snipe_it_gives_is_there_before_the_finish(
    workshop: Workshop, run: Any, snipeit: Any, snipeit_sink: Any
) -> None:
    """The asset is made with a status that says that it is not done, and its number read back."""
    sink = snipeit_sink(numbers="server", waiting={"name": "Erased", "type": "pending"})
    run(sink, numbers=sink)
    laptop = await finishing(workshop)
    laptop = await workshop.until(laptop, lambda laptop: laptop.tag)
    [asset] = snipeit.state.assets.values()
    assert (asset["asset_tag"], laptop.state) == (laptop.tag, State.FINISHING)


async def test_without_a_number_in_time_it_is_set_aside(
    workshop: Workshop, run: Any, snipeit_sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "AGAIN_SECONDS", 0.05)
    sink = snipeit_sink(numbers="server", url="http://127.0.0.1:1")
    settings = workshop.engine.workshop.settings
    await workshop.engine.submit(Configured(replace(settings, number_seconds=0.5)))
    run(numbers=sink)
    laptop = await finishing(workshop)
    laptop = await workshop.until(laptop, lambda laptop: laptop.state is State.ASIDE)
    assert laptop.reason is Reason.NO_NUMBER
    assert laptop.detail


async def finishing(workshop: Workshop) -> Laptop:
    """A laptop whose disk was verified."""
    laptop = await workshop.until(await workshop.hello(), lambda laptop: laptop.state is State.READY)
    assert laptop.session is not None
    await workshop.engine.submit(Ready(laptop.id, laptop.session, DISK.key, (), discarded=False))
    judged = Judged(laptop.id, laptop.session, 1, VerdictKind.VERIFIED, 0, (), "a" * 64, GB)
    return (await workshop.engine.submit(judged)).laptops[laptop.id]


async def test_forgetting_everywhere_leaves_the_number_as_used_and_nothing_else(
    workshop: Workshop, tmp_path: Path
) -> None:
    config = Config.model_validate({"workshop": {"state": str(tmp_path)}})
    ledger, memory = await Ledger.open(tmp_path / "ledger.sqlite"), FolderMemory(tmp_path / "sinks")
    service = InventoryService(config, ledger, Surroundings(memory=memory))
    control = Control(workshop.engine, {"forget": service.forget})
    laptop = await workshop.hello("PF0BBBB2")
    await control.command(Command("tag", "page", str(laptop.id), text="DM-0007"))
    await ledger.record(ledger_row(workshop.engine.workshop.laptops[laptop.id], 1.0))
    await memory.keep("ocs", laptop.id, "a-device")
    await control.command(Command("forget", "page", "DM-0007"))
    assert len(await ledger.rows()) == 1
    told = await control.command(
        Command("forget", "page", "DM-0007", text="everywhere")
    )  # it is off the screen already
    assert (told["results"], await ledger.rows(), list((tmp_path / "sinks" / "ocs").iterdir())) == (1, [], [])
    assert [(each.tag, each.laptop) for each in await ledger.tags()] == [("DM-0007", "")]
    with pytest.raises(RefusedError):
        await control.command(Command("forget", "page", "DM-0007"))
    again = await workshop.hello("PF0CCCC3")
    with pytest.raises(RefusedError, match="DM-0007"):
        await control.command(Command("tag", "page", str(again.id), text="DM-0007"))
    await ledger.close()


async def test_what_is_forgotten_on_the_screen_and_everywhere_at_once(workshop: Workshop, tmp_path: Path) -> None:
    config = Config.model_validate({"workshop": {"state": str(tmp_path)}})
    ledger = await Ledger.open(tmp_path / "ledger.sqlite")
    control = Control(workshop.engine, {"forget": InventoryService(config, ledger, Surroundings()).forget})
    laptop = await workshop.hello("PF0BBBB2")
    await control.command(Command("tag", "page", str(laptop.id), text="DM-0007"))
    await ledger.record(ledger_row(workshop.engine.workshop.laptops[laptop.id], 1.0))
    assert (await control.command(Command("forget", "page", str(laptop.id), text="everywhere")))["results"] == 1
    [given] = workshop.engine.workshop.tags.values()
    assert (given.tag, given.laptop, given.serial) == ("DM-0007", "", "")
    await ledger.close()


async def test_what_files_have_of_a_forgotten_laptop_goes_too_and_where_it_stays_is_said(
    workshop: Workshop, tmp_path: Path
) -> None:
    lines, table = tmp_path / "all.jsonl", tmp_path / "newest.csv"
    config = Config.model_validate({
        "workshop": {"state": str(tmp_path)},
        "sink": [
            {"name": "lines", "type": "jsonl", "path": str(lines)},
            {"name": "table", "type": "csv", "path": str(table), "rows": "newest"},
            {"name": "hook", "type": "webhook", "url": "http://127.0.0.1:9/", "secret": "x" * 40},
        ],
    })  # fmt: skip
    ledger = await Ledger.open(tmp_path / "ledger.sqlite")
    service = InventoryService(config, ledger, Surroundings())
    forgetting = Forgetting(workshop.engine, workshop.engine._journal, service.forget)
    control = Control(workshop.engine, forgetting.rooms())
    laptop = await workshop.hello("PF0BBBB2")
    row = rows.clean(ledger_row(workshop.engine.workshop.laptops[laptop.id], 1.0))
    for sink in service._made[:2]:
        await sink.send(Delivery(row.key, row.laptop, row.attempt, 1, row.data))
        await sink.send(Delivery("other", "other", 1, 1, row.data | {"laptop": "other", "serial": "PF0DDDD4"}))
    await ledger.record(row.data)
    (tmp_path / ".~lock.newest.csv#").write_text(",somebody")
    with pytest.raises(UsageError, match="somebody has"):
        await control.command(Command("forget", "page", str(laptop.id), text="everywhere"))
    (tmp_path / ".~lock.newest.csv#").unlink()
    told = await control.command(Command("forget", "page", str(laptop.id), text="everywhere"))
    assert (told["results"], told["lines"], told["stays"]) == (1, 1, ["hook"])
    assert "what hook got" in str(told["state"])
    for path in (lines, table):
        assert ("PF0BBBB2" in path.read_text(), "PF0DDDD4" in path.read_text()) == (False, True)
    with pytest.raises(RefusedError, match="no laptop is called"):
        await control.command(Command("forget", "page", "PF0BBBB3", text="everywhere"))
    for sink in service._made:
        await sink.close()
    await ledger.close()
