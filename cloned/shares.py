"""Nobody's requests hold up another's: each place has a share of our processor, for the page and for the boot port.

What a request costs is measured while it runs on the loop. A place that has used up its share waits, and only it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Generator

from aiohttp import web
from aiohttp.typedefs import Handler

from cloned.connections import place

BURST, RATE = 1.0, 0.2
"""Seconds of processor that a place may use at once, and that it gets back each second."""
PLACES = 4096
"""That are remembered; the one heard of longest ago goes first."""


class Shares:
    """What each place has used of late, in seconds of processor."""

    def __init__(self, burst: float = BURST, rate: float = RATE, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._rate, self._clock = burst, rate, clock
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()
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
        self._used.move_to_end(where)
        if len(self._used) > PLACES:
            self._used.popitem(last=False)


class Metered:
    """Awaits a coroutine and counts the seconds of processor that it takes, not those in which others run."""

    def __init__(self, work: Coroutine[object, object, web.StreamResponse]) -> None:
        self._work, self.seconds = work, 0.0

    def __await__(self) -> Generator[object, object, web.StreamResponse]:
        value: object = None
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
_BY_THE_WIRE = web.RequestKey("by_the_wire", bool)


def at_cost_of_the_wire(request: web.Request) -> None:
    """An image is on its way, for somebody who has a token for it: the wire bounds that, and it is what we are for."""
    request[_BY_THE_WIRE] = True


@web.middleware
async def fairly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a place wait that has used up its share. Our own socket and loopback are not counted.

    What a handler says of as `at_cost_of_the_wire` is not counted either.
    """
    where, shares = place(request.remote or "socket"), request.app[SHARES]
    if where in ("socket", "loopback"):
        return await handler(request)
    while (left := shares.wait(where)) > 0:  # noqa: ASYNC110 - nobody tells: it comes back with time
        await asyncio.sleep(left)
    metered = Metered(_called(handler, request))
    try:
        return await metered
    finally:
        if not request.get(_BY_THE_WIRE):
            shares.spend(where, metered.seconds)


async def _called(handler: Handler, request: web.Request) -> web.StreamResponse:
    return await handler(request)
