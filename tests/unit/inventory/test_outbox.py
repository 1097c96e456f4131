import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.errors import UsageError
from cloned.inventory import outbox
from cloned.inventory.database import LedgerError
from cloned.inventory.outbox import Outbox, wait_after
from cloned.inventory.sinks.base import Sink, SinkRefused, Unavailable
from cloned.inventory.sinks.told import Receipt
from tests.unit.inventory.ledgers import next_owed


class Recorder(Sink):
    """Takes what it is given, after the troubles it was told to have."""

    def __init__(self, name, *troubles):
        super().__init__(name)
        self.troubles, self.got, self.changed = list(troubles), [], asyncio.Event()

    async def send(self, delivery):
        self.changed.set()
        if self.troubles:
            trouble = self.troubles.pop(0)
            if trouble is not None:
                raise trouble
        self.got.append((delivery.laptop, delivery.attempt, delivery.key))
        return Receipt()

    async def has(self, count):
        async with asyncio.timeout(10):
            while len(self.got) < count:
                self.changed.clear()
                await self.changed.wait()
                await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def running(ledger, *sinks, **more):
    box = Outbox(ledger, sinks, **more)
    task = asyncio.create_task(box.run())
    try:
        yield box
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition):
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(outbox, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(outbox, "LOOK_AGAIN_SECONDS", 0.05)


async def test_results_arrive_in_order(ledger, make_row):
    sink = Recorder("hook")
    async with running(ledger, sink) as box:
        for attempt in range(1, 6):
            await ledger.record(make_row(attempt=attempt))
        await sink.has(5)
        await until(lambda: idle(box))
    assert [attempt for _, attempt, _ in sink.got] == [1, 2, 3, 4, 5]


async def idle(box):
    status = await box.status()
    return bool(status) and all(entry["state"] == "idle" for entry in status)


async def test_a_sink_that_is_down_holds_nothing_else_up_and_gets_all_in_order_later(ledger, clock, make_row):
    class Down(Recorder):
        up = False

        async def send(self, delivery):
            if not self.up:
                raise Unavailable("it cannot be reached")
            return await super().send(delivery)

    down, well = Down("down"), Recorder("well")
    async with running(ledger, down, well, clock=clock) as box:
        for attempt in range(1, 4):
            await ledger.record(make_row(attempt=attempt))
        await well.has(3)
        status = {entry["sink"]: entry for entry in await box.status()}
        assert status["down"]["waiting"] == 3
        down.up = True
        clock.now += 3 * 86400
        box.wake()
        await down.has(3)
    assert [attempt for _, attempt, _ in down.got] == [1, 2, 3]


async def test_what_is_refused_for_good_is_put_aside_until_retry(ledger, make_row):
    sink = Recorder("hook", SinkRefused("it answered 422: no such model"))
    async with running(ledger, sink) as box:
        await ledger.record(make_row(attempt=1))
        await ledger.record(make_row(attempt=2))
        await sink.has(1)
        await until(lambda: idle(box))
        [status] = await box.status()
        assert (status["refused"], status["dead"][0]["reason"]) == (1, "it answered 422: no such model")
        assert await box.retry("hook") == 1
        await sink.has(2)
    assert [attempt for _, attempt, _ in sink.got] == [2, 1]


async def test_a_fault_in_a_sink_is_told_and_tried_again(ledger, make_row):
    sink, well = Recorder("hook", ZeroDivisionError("oops")), Recorder("well")
    async with running(ledger, sink, well):
        await ledger.record(make_row())
        await sink.has(1)
        await well.has(1)


async def test_a_sink_that_hangs_is_given_up_on(ledger, make_row, clock):
    class Hanging(Recorder):
        seconds = 0.01

        async def send(self, delivery):
            await asyncio.sleep(60)

    async with running(ledger, Hanging("hook"), clock=clock) as box:
        await ledger.record(make_row())

        async def failing():
            return any(entry["state"] == "failing" for entry in await box.status())

        await until(failing)
        assert "did not answer" in (await box.status())[0]["reason"]


async def test_a_daemon_that_starts_tries_at_once(ledger, clock, make_row):
    await ledger.register(["hook"])
    await ledger.record(make_row())
    await ledger.failed(await next_owed(ledger, "hook"), "down", clock.now + 300)
    sink = Recorder("hook")
    async with running(ledger, sink, clock=clock):
        await sink.has(1)


async def test_a_ledger_that_cannot_be_used_for_a_while_stops_nothing(ledger, make_row, monkeypatch):
    monkeypatch.setattr(outbox, "LEDGER_WAIT_SECONDS", 0.01)
    sink, real, failures = Recorder("hook"), ledger.settle, []

    async def full(name, outcomes):
        if len(failures) < 2:
            failures.append(outcomes)
            raise LedgerError("the ledger cannot be used: database or disk is full")
        await real(name, outcomes)

    monkeypatch.setattr(ledger, "settle", full)
    async with running(ledger, sink) as box:
        await ledger.record(make_row())
        await until(lambda: delivered(box))
    assert (len(sink.got), len(failures)) == (1, 2)


async def delivered(box):
    return any(entry["sent"] for entry in await box.status())


async def test_two_sinks_of_one_name_are_a_mistake(ledger):
    with pytest.raises(UsageError, match="two sinks"):
        Outbox(ledger, [Recorder("a"), Recorder("a")])


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_grow_to_a_limit_and_are_never_nothing(tries, chance):
    assert 0.005 <= wait_after(tries, chance) <= outbox.LONGEST_WAIT
    assert wait_after(tries + 1, chance) >= wait_after(tries, chance)


@pytest.mark.parametrize(("asked", "waits"), [(120, 120), (10**9, outbox.LONGEST_ASKED), (0, 0.01)])
def test_a_sink_may_ask_for_a_wait_within_reason(asked, waits):
    assert wait_after(1, 0.5, asked) == waits


class Keeper(Recorder):
    keeps = "state"


class Wide(Recorder):
    """Answers one laptop never, the others at once; remembers how many were on their way together."""

    at_once = 4

    def __init__(self, name, bad=()):
        super().__init__(name)
        self.bad, self.now, self.most = set(bad), 0, 0

    async def send(self, delivery):
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.001)
        self.now -= 1
        if delivery.laptop in self.bad:
            raise Unavailable("it answered 503")
        return await super().send(delivery)


async def test_one_laptop_that_is_always_refused_with_503_holds_up_nobody_else(ledger, clock, make_row):
    sink = Wide("hook", bad=["l0"])
    for attempt in (1, 2):
        for number in range(12):
            await ledger.record(make_row(f"l{number}", attempt))
    await ledger.register(["hook"])
    async with running(ledger, sink, clock=clock) as box:
        await sink.has(22)
        await until(lambda: waits(box, 2))
        status = (await box.status())[0]
    assert (status["reason"], status["state"]) == ("it answered 503", "failing")
    assert 1 < sink.most <= sink.at_once
    for number in range(1, 12):
        assert [attempt for laptop, attempt, _ in sink.got if laptop == f"l{number}"] == [1, 2]


async def waits(box, count):
    return (await box.status())[0]["waiting"] == count


async def test_a_sink_that_is_down_is_not_knocked_at_by_every_laptop(ledger, clock, make_row, monkeypatch):
    monkeypatch.setattr(outbox, "FIRST_WAIT", 60.0)
    sink = Wide("hook", bad=[f"l{number}" for number in range(50)])
    tried = []
    real = sink.send

    async def counting(delivery):
        tried.append(delivery.laptop)
        return await real(delivery)

    sink.send = counting
    for number in range(50):
        await ledger.record(make_row(f"l{number}"))
    async with running(ledger, sink, clock=clock) as box:

        async def struck():
            return len(tried) >= outbox.DOWN_AFTER and sink.now == 0

        await until(struck)
        assert len(tried) < outbox.DOWN_AFTER + sink.at_once
        sink.bad.clear()
        await box.retry()
        await sink.has(50)


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


async def test_a_dead_letter_can_be_sent_again_alone_or_dropped_with_a_reason(ledger, make_row):
    sink = Recorder("hook", *[SinkRefused("no") for _ in range(3)])
    async with running(ledger, sink) as box:
        for laptop in ("l1", "l2", "l3"):
            await ledger.record(make_row(laptop))
        await until(lambda: all_refused(box))
        assert await box.retry("hook", "l2") == 1
        await sink.has(1)
        assert await box.drop("hook", "l1", "sold") == 1
        [status] = await box.status()
    assert ([laptop for laptop, _, _ in sink.got], status["refused"]) == (["l2"], 1)
    assert [(each["state"], each["reason"]) for each in await ledger.log("l1")] == [("dropped", "sold")]


async def all_refused(box):
    return sum(entry["refused"] for entry in await box.status()) == 3


async def test_the_age_of_the_oldest_is_told(ledger, clock, make_row):
    await ledger.register(["hook"])
    await ledger.record(make_row())
    clock.now += 90
    await ledger.record(make_row("later"))
    assert (await ledger.backlog())[0]["oldest_seconds"] == 90


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
