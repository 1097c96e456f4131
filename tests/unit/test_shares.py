"""Each place has its share of our processor, and nobody waits because of another."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from aiohttp import web

from cloned.shares import PLACES, SHARES, Metered, Shares, at_cost_of_the_wire, fairly
from tests.waiting import until


class Clock:
    now, asked = 0.0, 0

    def __call__(self) -> float:
        self.asked += 1
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
    for number in range(PLACES + 9):
        shares.spend(str(number), 5.0)
        shares.spend("busy", 5.0)
    assert len(shares._used) == PLACES
    assert (shares.wait("0"), shares.wait(str(PLACES)) > 0, shares.wait("busy") > 0) == (0, True, True)


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


class Asked(dict[str, Any]):
    """A request, as far as it is looked at."""

    def __init__(self, app: web.Application, remote: str) -> None:
        super().__init__()
        self.app, self.remote = app, remote


@pytest.mark.parametrize(("remote", "pays"), [("10.0.0.1", True), ("127.0.0.1", False), ("::1", False), (None, False)])
async def test_a_request_counts_for_whoever_sent_it_and_not_where_nobody_else_can_be(remote: str, pays: bool) -> None:
    app = web.Application()
    shares = app[SHARES] = Shares()

    async def handler(_: web.Request) -> web.StreamResponse:
        busy(0.01)
        return web.Response()

    await fairly(Asked(app, remote), handler)  # type: ignore[arg-type]
    assert bool(shares._used) == pays


async def test_an_image_on_its_way_counts_for_nobody() -> None:
    app = web.Application()
    shares = app[SHARES] = Shares()

    async def handler(request: web.Request) -> web.StreamResponse:
        busy(0.01)
        at_cost_of_the_wire(request)
        return web.Response()

    await fairly(Asked(app, "10.0.0.1"), handler)  # type: ignore[arg-type]
    assert not shares._used


async def test_who_has_used_up_its_share_is_not_even_begun_with() -> None:
    clock, begun = Clock(), asyncio.Event()
    app = web.Application()
    shares = app[SHARES] = Shares(0.0, 1.0, clock)
    shares.spend("10.0.0.1", 0.001)

    async def handler(_: web.Request) -> web.StreamResponse:
        begun.set()
        return web.Response()

    waits = asyncio.ensure_future(fairly(Asked(app, "10.0.0.1"), handler))  # type: ignore[arg-type]
    await fairly(Asked(app, "10.0.0.2"), handler)  # type: ignore[arg-type]
    assert begun.is_set()
    begun.clear()
    before = clock.asked
    await until(lambda: clock.asked > before + 2)  # it came back again and again: its clock stands
    assert not begun.is_set()
    clock.now = 1.0
    await waits
    assert begun.is_set()
