"""Pieces one by one over HTTP, for laptops that multicast does not reach, without taking the line from the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from cloned import wire
from cloned.casting.frames import PieceSource
from cloned.casting.link import LinkBudget
from cloned.connections import Counted, place
from cloned.errors import ClonedError
from cloned.saying import Phrase
from cloned.shares import at_cost_of_the_wire

SHARE = 0.15
"""Part of the link for all laptops that fetch one by one while sessions are multicast."""

AT_ONCE = 8
"""Pieces that are read and sent at the same time."""

PER_LAPTOP = 6
"""Of those, and of those on their way, at one address: an agent fetches a few at a time."""

MOST_HELD = 32
"""Of all: 130 MB where nothing compresses."""

OVERHEAD_BYTES = 1.06
"""Bytes on the wire for a byte of a frame: Ethernet, IPv4, TCP."""

MOST_WAITING_SECONDS = 10.0
"""Seconds after which a laptop is asked to come again rather than kept waiting."""


class PieceSources(Protocol):
    """What of a session can be fetched."""

    def source(self, session: str) -> PieceSource | None:
        """The pieces of an open session; None if there is no such session."""


class UnicastPace:
    """Lets bytes through no faster than the link has room for them beside the multicast sessions."""

    def __init__(self, link: LinkBudget) -> None:
        self._link = link
        self._due = 0.0

    async def wait(self, size: int) -> bool:
        """Wait until `size` bytes may go out; False if that is too far away."""
        now = time.monotonic()
        wish = self._link.rate * (SHARE if self._link.others(self, now) else 1.0)
        rate = self._link.share(self, wish, now)
        start = max(now, self._due)
        if start - now > MOST_WAITING_SECONDS:
            return False
        self._due = start + size * OVERHEAD_BYTES * 8 / rate
        await asyncio.sleep(start - now)
        return True


def piece_routes(
    frames: PieceSources,
    link: LinkBudget,
    may_fetch: Callable[[web.Request, str], bool],
    sent: Callable[[int], object] = lambda size: None,
) -> list[web.RouteDef]:
    """`GET /agent/v1/pieces/SESSION/PIECE`: a frame.

    `may_fetch` looks at the request's token: 401 if it may not have pieces of that session. 404: no such piece, or
    the session is not open; 503 with Retry-After: too many are waiting. `sent` hears the bytes of what was taken in.
    """
    pace, turns = UnicastPace(link), asyncio.Semaphore(AT_ONCE)
    counted = Counted(PER_LAPTOP, MOST_HELD)

    async def piece(request: web.Request) -> web.StreamResponse:
        session = request.match_info["session"]
        if not may_fetch(request, session):
            return _refuse(401, "this boot's token does not open this session", "wait for the next order")
        source, number = frames.source(session), int(request.match_info["piece"])
        if source is None or number >= source.count:
            return _refuse(
                404,
                Phrase("session {session} has no piece {number} to give now", session=session, number=number),
                "ask again",
            )
        where = place(request.remote or "")
        if not counted.take(where):
            return _refuse(503, "this laptop fetches enough already", "ask again")
        try:
            return await give(request, source, number)
        finally:
            counted.give_back(where)

    async def give(request: web.Request, source: PieceSource, number: int) -> web.StreamResponse:
        """A piece, which counts until it was taken in: one that reads nothing holds its own few and no more."""
        async with turns:
            try:
                frame = await asyncio.to_thread(source.frame, number)
            except (ClonedError, OSError) as error:
                return _refuse(
                    503,
                    Phrase("piece {number} cannot be read: {error}", number=number, error=error),
                    "see the daemon's log",
                )
            if not await pace.wait(len(frame)):
                return _refuse(503, "the line is full", "ask again")
        at_cost_of_the_wire(request)
        response = web.Response(body=frame, content_type="application/zstd")
        await response.prepare(request)
        await response.write_eof()
        sent(len(frame))
        return response

    return [web.get(r"/agent/v1/pieces/{session}/{piece:\d{1,7}}", piece)]


def _refuse(status: int, error: str, hint: str) -> web.Response:
    return wire.refuse(status, error, hint, {"Retry-After": "1"} if status == 503 else None)
