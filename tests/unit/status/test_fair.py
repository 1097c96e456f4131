"""Papers are drawn one after the other, and so many for each place."""

from __future__ import annotations

import asyncio
import threading

import pytest
from aiohttp import web

from cloned.connections import Counted
from cloned.papers.press import draw
from cloned.status.fair import PRESS, in_turn


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
