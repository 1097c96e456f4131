"""How the outbox sends: in order, again after trouble, and nobody held up by another."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.errors import UsageError
from cloned.inventory import outbox
from cloned.inventory.database import LedgerError
from cloned.inventory.outbox import Outbox, wait_after
from cloned.inventory.sinks.base import SinkRefused, Unavailable
from tests.unit.inventory.ledgers import next_owed
from tests.unit.inventory.outboxes import Recorder, idle, quick, running, until  # noqa: F401 - quick is a fixture


async def test_results_arrive_in_order(ledger, make_row):
    sink = Recorder("hook")
    async with running(ledger, sink) as box:
        for attempt in range(1, 6):
            await ledger.record(make_row(attempt=attempt))
        await sink.has(5)
        await until(lambda: idle(box))
    assert [attempt for _, attempt, _ in sink.got] == [1, 2, 3, 4, 5]


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
