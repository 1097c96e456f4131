"""Which results a sink gets: the newest, of those from before what was asked for, and none of a forgotten laptop."""

import asyncio

import pytest

from cloned.inventory.sinks.base import SinkRefused, Unavailable
from tests.unit.inventory.outboxes import Recorder, idle, quick, running, until  # noqa: F401 - quick is a fixture


class Keeper(Recorder):
    keeps = "state"


async def test_a_sink_that_keeps_a_state_gets_the_newest_and_never_an_older_one_after_it(ledger, make_row):
    sink = Keeper("snipe")
    for attempt in (1, 2, 3):
        await ledger.record(make_row(attempt=attempt))
    async with running(ledger, sink) as box:
        await sink.has(1)
        await until(lambda: idle(box))
        await ledger.record(make_row(attempt=2, why="finished again"))
        await until(lambda: idle(box))
        assert await box.retry() == 0
    assert [attempt for _, attempt, _ in sink.got] == [3]


async def test_retry_sends_no_older_result_after_a_newer_one(ledger, make_row):
    sink = Keeper("snipe", SinkRefused("there is no such model"))
    async with running(ledger, sink) as box:
        await ledger.record(make_row(attempt=1))
        await until(lambda: refused(box))
        await ledger.record(make_row(attempt=2))
        await sink.has(1)
        assert await box.retry("snipe") == 1
        await until(lambda: idle(box))
    assert [attempt for _, attempt, _ in sink.got] == [2]


async def refused(box):
    return any(entry["refused"] for entry in await box.status())


async def test_an_erasure_is_neither_newer_than_a_later_clone_nor_older_than_an_earlier_one(ledger, make_row):
    class Eraser(Keeper):
        def takes(self, row):
            return True

    erased = {"kind": "erasure", "state": "erased", "verdict": "none", "erasure": {"disks": []}}
    first, second = Eraser("a"), Eraser("b", Unavailable("down"))
    early, late = "2026-11-18T19:00:00+00:00", "2026-11-18T20:00:00+00:00"
    await ledger.record(make_row("cloned-last", 1_000_001, at=early, **erased))
    await ledger.record(make_row("cloned-last", 1, at=late))
    await ledger.record(make_row("erased-last", 1, at=early))
    await ledger.record(make_row("erased-last", 1_000_001, at=late, **erased))
    async with running(ledger, first, second):
        for sink in (first, second):
            await sink.has(4)
            last = {laptop: attempt for laptop, attempt, _ in sink.got}
            assert last == {"cloned-last": 1, "erased-last": 1_000_001}


async def test_what_is_nothing_for_a_sink_is_skipped_and_counts_as_nothing(ledger, make_row):
    sink = Recorder("hook")
    await ledger.record(make_row(attempt=1_000_001, kind="erasure", erasure={"disks": []}))
    async with running(ledger, sink) as box:
        await until(lambda: idle(box))
        [status] = await box.status()
    assert (sink.got, status["sent"], [each["state"] for each in await ledger.log("a1b2c3d4")]) == ([], 0, ["skipped"])


@pytest.mark.parametrize(("which", "expected"), [("all", [1, 2]), ("newest", [2]), ("none", [])])
async def test_a_new_sink_gets_of_what_is_there_what_was_asked_for(ledger, make_row, which, expected):
    for attempt in (1, 2):
        await ledger.record(make_row(attempt=attempt, at=f"2026-11-18T19:0{attempt}:00+00:00"))
    await ledger.register(["late"], {"late": which})
    assert [each["attempt"] for each in await ledger.log("a1b2c3d4")] == expected


async def test_a_new_sink_that_asks_gets_nothing_before_a_person_says_what(ledger, make_row):
    sink = Recorder("late")
    await ledger.record(make_row(attempt=1))
    async with running(ledger, sink, past={"late": "ask"}) as box:
        await until(lambda: asks(box))
        await ledger.record(make_row("new"))
        await sink.has(1)
        assert await ledger.begin("late", "newest") == 1
        await sink.has(2)
        assert await ledger.begin("late", "all") is None
    assert [laptop for laptop, _, _ in sink.got] == ["new", "a1b2c3d4"]


@pytest.mark.parametrize("which", ["ask", "none"])
async def test_what_is_told_again_of_a_result_from_before_is_not_sent_either(ledger, make_row, which):
    """Somebody notes a scratch, or the new inventory itself tells the number: that is no leave to begin there."""
    await ledger.register(["old"])
    await ledger.record(make_row(attempt=1))
    await ledger.register(["old", "late"], {"late": which})
    await ledger.record(make_row(attempt=1, tag="0043"))
    assert [(each["sink"], each["revision"]) for each in await ledger.log("a1b2c3d4")] == [("old", 1), ("old", 2)]
    if which == "ask":
        assert await ledger.begin("late", "newest") == 1
        await ledger.record(make_row(attempt=1, tag="0044"))
        told = [each["revision"] for each in await ledger.log("a1b2c3d4") if each["sink"] == "late"]
        assert told == [2, 3]


async def asks(box):
    return [entry["state"] for entry in await box.status()] == ["asks"]


class Slow(Recorder):
    """Takes each result only once somebody lets it."""

    def __init__(self, name):
        super().__init__(name)
        self.let = asyncio.Semaphore(0)
        self.begun = []

    async def send(self, delivery):
        self.begun.append(delivery.laptop)
        self.changed.set()
        await self.let.acquire()
        return await super().send(delivery)


async def test_of_a_laptop_that_was_forgotten_nothing_is_sent_that_was_read_ahead(ledger, make_row):
    sink = Slow("hook")
    for number in range(4):
        await ledger.record(make_row(f"l{number}", macs=[]))
    async with running(ledger, sink) as box:
        async with asyncio.timeout(10):
            while not sink.begun or len(box._lanes["hook"]._ahead) < 3:
                await asyncio.sleep(0.01)
        assert sink.begun == ["l0"]
        await ledger.forget("l2")
        await box.let_go("l2")
        for _ in range(4):
            sink.let.release()
        await sink.has(3)
        await until(lambda: idle(box))
    assert [laptop for laptop, _, _ in sink.got] == ["l0", "l1", "l3"]


async def test_what_is_on_its_way_of_a_laptop_that_is_forgotten_is_waited_for(ledger, make_row):
    sink = Slow("hook")
    await ledger.record(make_row("l0"))
    async with running(ledger, sink) as box:
        async with asyncio.timeout(10):
            while not sink.begun:
                await asyncio.sleep(0.01)
        await ledger.forget("l0")
        gone = asyncio.create_task(box.let_go("l0"))
        await asyncio.sleep(0)
        assert not gone.done()
        sink.let.release()
        async with asyncio.timeout(10):
            await gone
        assert [laptop for laptop, _, _ in sink.got] == ["l0"]
