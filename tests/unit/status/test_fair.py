"""Each place has its share of our processor and of the press, and nobody waits because of another."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from aiohttp import web

from cloned.connections import Counted
from cloned.papers.press import draw
from cloned.status.fair import PLACES, PRESS, Metered, Shares, in_turn


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_who_has_used_up_its_share_waits_and_nobody_else() -> None:
    clock = Clock()
    shares = Shares(1.0, 0.2, clock)
    shares.spend("a", 1.0)
    assert shares.wait("a") == 0
    shares.spend("a", 0.5)
    assert shares.wait("a") == pytest.approx(2.5)
    assert shares.wait("b") == 0
    clock.now = 2.5
    assert shares.wait("a") == pytest.approx(0)
    clock.now = 100.0
    assert shares.used("a") == 0


def test_only_so_many_places_are_remembered() -> None:
    clock = Clock()
    shares = Shares(1.0, 0.2, clock)
    for number in range(PLACES):
        shares.spend(str(number), 0.001)
    clock.now = 60.0
    shares.spend("last", 5.0)
    assert list(shares._used) == ["last"]


def busy(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def test_what_it_costs_is_its_own_turns_alone() -> None:
    async def handler() -> web.StreamResponse:
        busy(0.05)
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError):
            await failing
        busy(0.05)
        return web.Response(text="done")

    async def other() -> None:
        busy(0.2)
        failing.set_exception(RuntimeError())

    failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    metered = Metered(handler())
    answer, _ = await asyncio.gather(metered, other())
    assert isinstance(answer, web.Response)
    assert 0.1 <= metered.seconds < 0.2


async def test_what_is_cancelled_hears_it() -> None:
    heard = []

    async def handler() -> web.StreamResponse:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise
        return web.Response()

    async def run() -> web.StreamResponse:
        return await Metered(handler())

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard == ["cancelled"]


async def test_papers_are_drawn_one_after_the_other_and_hold_up_no_other_thread() -> None:
    gate, drawing = threading.Event(), []

    def paper(number: int) -> int:
        drawing.append(number)
        gate.wait(10)
        return number

    asked = [asyncio.create_task(draw(paper, number)) for number in range(20)]
    while not drawing:
        await asyncio.sleep(0)
    assert await asyncio.to_thread(lambda: "the journal") == "the journal"
    assert drawing == [0]
    gate.set()
    assert await asyncio.gather(*asked) == list(range(20))


class Asked:
    """A request, as far as it is looked at."""

    def __init__(self, app: web.Application, remote: str) -> None:
        self.app, self.remote = app, remote


async def test_a_place_waits_for_a_few_papers_and_further_ones_are_refused() -> None:
    gate, app = asyncio.Event(), web.Application()
    app[PRESS] = Counted(2, 3)

    @in_turn
    async def paper(_request: web.Request) -> web.Response:
        await gate.wait()
        return web.Response()

    def ask(remote: str) -> asyncio.Task[web.Response]:
        return asyncio.ensure_future(paper(Asked(app, remote)))  # type: ignore[arg-type]

    first = [ask("10.0.0.1"), ask("10.0.0.1"), ask("10.0.0.2")]
    await asyncio.sleep(0)
    for where in ("10.0.0.1", "10.0.0.3"):
        with pytest.raises(web.HTTPServiceUnavailable) as refused:
            await ask(where)
        assert refused.value.headers["Retry-After"] == "5"
    gate.set()
    await asyncio.gather(*first, ask("10.0.0.1"))
    assert app[PRESS].all == 0
