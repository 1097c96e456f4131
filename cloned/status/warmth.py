"""What the first to ask would else wait for, and everybody with them, is made in a thread; who asks before it is there
waits for it alone. The daemon is ready without it: laptops boot meanwhile.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from cloned.status import pages
from cloned.status.schema import adapter

_COLD = ("/healthz", "/readyz", "/metrics", "/static/")
"""What needs nothing of it."""


class Warmth:
    """How much is there. `warm` is a task of whoever runs the page."""

    def __init__(self, kept: Path | None = None) -> None:
        """`kept`: where compiled templates are kept from one start to the next."""
        self._kept = kept
        self._shapes, self._pages = asyncio.Event(), asyncio.Event()

    async def warm(self) -> None:
        """Make all of it: about half a second of processor, in which the loop has its turns."""
        await asyncio.to_thread(adapter)
        self._shapes.set()
        await asyncio.to_thread(pages.warm, self._kept)
        self._pages.set()

    async def enough_for(self, path: str) -> None:
        """Wait until what this path needs is there."""
        if path.startswith(_COLD):
            return
        await self._shapes.wait()
        if not path.startswith("/api/"):
            await self._pages.wait()


WARMTH = web.AppKey[Warmth | None]("warmth")


@web.middleware
async def warm_first(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request wait for what it needs, instead of making it on the loop."""
    warmth = request.app[WARMTH]
    if warmth is not None:
        await warmth.enough_for(request.path)
    return await handler(request)
