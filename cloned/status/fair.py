"""The press is nobody's alone: papers are drawn for so many at once of each place, and of all together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from cloned.connections import Counted, place
from cloned.saying import Phrase
from cloned.status.guard import problem

DRAWINGS, MOST_DRAWINGS = 4, 12
"""Papers that one place, and all together, may wait for."""

PRESS = web.AppKey[Counted]("press")


def in_turn(draw: Callable[[web.Request], Awaitable[web.Response]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler that draws papers, for so many at once of each place and of all."""

    async def drawn(request: web.Request) -> web.Response:
        where, press = place(request.remote or "socket"), request.app[PRESS]
        if not press.take(where):
            answer = problem(
                web.HTTPServiceUnavailable,
                Phrase("{count} {count:paper is|papers are} being drawn", count=press.all),
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
