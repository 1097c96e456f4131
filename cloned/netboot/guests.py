"""What stock Clonezilla clients fetch before they join a session that was opened for guests.

They have no token and are never verified: they get the image's small files, and only while such a session is open.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiohttp import web

from cloned.core.ids import SessionId
from cloned.engine import Engine
from cloned.errors import ImageError


class PseudoImageStore(Protocol):
    """Where the images are."""

    def pseudo_image(self, name: str, disk: str) -> bytes:
        """A tar with what ocs-sr needs to restore by multicast onto `disk`; ImageError, ValueError. Blocking."""


class Guests:
    """The routes for guests."""

    def __init__(self, engine: Engine, store: PseudoImageStore) -> None:
        self._engine, self._store = engine, store

    def routes(self) -> list[web.RouteDef]:
        """To be added to the boot server's application."""
        return [web.get("/classic/{session}/{disk}.tar", self._tar)]

    async def _tar(self, request: web.Request) -> web.Response:
        """The image's directory without its data, for a disk of that name."""
        session = self._engine.workshop.sessions.get(SessionId(request.match_info["session"]))
        if session is None or not session.open or session.kind != "guests":
            return web.Response(status=404, text="this session is over\n")
        return await tar(self._store, session.image, request.match_info["disk"])


async def tar(store: PseudoImageStore, image: str, disk: str) -> web.Response:
    """The pseudo image as a response; 400 for what is no disk, 409 where the image is damaged."""
    try:
        data = await asyncio.to_thread(store.pseudo_image, image, disk)
    except ValueError as error:
        return web.Response(status=400, text=f"{error}\n")
    except ImageError as error:
        return web.Response(status=409, text=f"{error}\n")
    return web.Response(body=data, content_type="application/x-tar")
