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


async def test_results_arrive_in_order(ledger, make_row):
    sink = Recorder("hook")
    async with running(ledger, sink) as box:
        for attempt in range(1, 6):
            await ledger.record(make_row(attempt=attempt))
        await sink.has(5)
        await until(lambda: idle(box))
    assert [attempt for _, attempt, _ in sink.got] == [1, 2, 3, 4, 5]


async def idle(box):
    return all(entry["state"] == "idle" for entry in await box.status())


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
    await ledger.failed(await ledger.next_owed("hook"), "down", clock.now + 300)
    sink = Recorder("hook")
    async with running(ledger, sink, clock=clock):
        await sink.has(1)


async def test_a_ledger_that_cannot_be_used_for_a_while_stops_nothing(ledger, make_row, monkeypatch):
    monkeypatch.setattr(outbox, "LEDGER_WAIT", 0.01)
    sink, real, failures = Recorder("hook"), ledger.sent, []

    async def full(owed, name):
        if len(failures) < 2:
            failures.append(owed.key)
            raise LedgerError("the ledger cannot be used: database or disk is full")
        await real(owed, name)

    monkeypatch.setattr(ledger, "sent", full)
    async with running(ledger, sink) as box:
        await ledger.record(make_row())
        await until(lambda: delivered(box))
    assert [key for _, _, key in sink.got] == [failures[0]] * 3


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
