"""Nobody's requests hold up another's: each place has a share of our processor, and of the press.

What a request costs is measured while it runs on the loop. A place that has used up its share waits, and only it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from cloned.connections import Counted, place
from cloned.saying import Phrase
from cloned.status.guard import problem

BURST, RATE = 1.0, 0.2
"""Seconds of processor that a place may use at once, and that it gets back each second."""
PLACES = 4096
"""That are remembered."""
DRAWINGS, MOST_DRAWINGS = 4, 12
"""Papers that one place, and all together, may wait for."""


class Shares:
    """What each place has used of late, in seconds of processor."""

    def __init__(self, burst: float = BURST, rate: float = RATE, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._rate, self._clock = burst, rate, clock
        self._used: dict[str, tuple[float, float]] = {}
        """Place to what it had used, and when that was."""

    def used(self, where: str) -> float:
        """Seconds that it has not got back yet."""
        used, at = self._used.get(where, (0.0, 0.0))
        return max(0.0, used - (self._clock() - at) * self._rate)

    def wait(self, where: str) -> float:
        """Seconds until it may go on."""
        return max(0.0, self.used(where) - self._burst) / self._rate

    def spend(self, where: str, seconds: float) -> None:
        """It cost so much more."""
        self._used[where] = (self.used(where) + seconds, self._clock())
        if len(self._used) > PLACES:
            self._used = {key: each for key, each in self._used.items() if self.used(key) > 0}


class Metered:
    """Awaits a coroutine and counts the seconds of processor that it takes, not those in which others run."""

    def __init__(self, work: Coroutine[Any, Any, web.StreamResponse]) -> None:
        self._work, self.seconds = work, 0.0

    def __await__(self) -> Generator[Any, Any, web.StreamResponse]:
        value: Any = None
        raised: BaseException | None = None
        while True:
            began = time.thread_time()
            try:
                awaited = self._work.send(value) if raised is None else self._work.throw(raised)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            finally:
                self.seconds += time.thread_time() - began
            try:
                value, raised = (yield awaited), None
            except BaseException as error:  # whatever ends it is its own to hear
                raised = error


SHARES = web.AppKey[Shares]("shares")
PRESS = web.AppKey[Counted]("press")


@web.middleware
async def fairly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a place wait that has used up its share. Our own socket and loopback are not counted."""
    where, shares = place(request.remote or "socket"), request.app[SHARES]
    if where in ("socket", "loopback"):
        return await handler(request)
    while (left := shares.wait(where)) > 0:  # noqa: ASYNC110 - nobody tells: it comes back with time
        await asyncio.sleep(left)
    metered = Metered(_called(handler, request))
    try:
        return await metered
    finally:
        shares.spend(where, metered.seconds)


async def _called(handler: Handler, request: web.Request) -> web.StreamResponse:
    return await handler(request)


def in_turn(draw: Callable[[web.Request], Awaitable[web.Response]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler that draws papers, for so many at once of each place and of all."""

    async def drawn(request: web.Request) -> web.Response:
        where, press = place(request.remote or "socket"), request.app[PRESS]
        if not press.take(where):
            answer = problem(
                web.HTTPServiceUnavailable,
                Phrase("{count} papers are being drawn", count=press.all),
                "try again in a moment",
            )
            answer.headers["Retry-After"] = "5"
            raise answer
        try:
            return await draw(request)
        finally:
            press.give_back(where)

    drawn.__doc__ = draw.__doc__
    return drawn
