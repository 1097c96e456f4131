"""Server-sent events: each view is rendered once and sent to all who watch it, at most once a second.

A view gives named parts (`Rendered`). A watcher first gets all of them, then those that changed. One that reads too
slowly to keep up gets everything again instead of a backlog, so a phone in a dead corner costs nobody anything.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

from cloned.connections import Counted

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two events of one view."""
KEEPALIVE = 10.0
"""Seconds of silence after which a comment is sent, so that proxies and browsers see that we are there."""
BACKLOG = 4
"""Events a watcher may be behind before it gets everything anew."""
WATCHERS = 200
"""Altogether."""
PER_PLACE = 20
"""Of one address: a wall screen, phones behind one access point that hides them, programs."""


@dataclass(frozen=True)
class Rendered:
    """What a view shows: JSON values by name. While `shape` stays, only changed parts are sent."""

    parts: Mapping[str, Any]
    shape: str = ""
    frame: Callable[[], Mapping[str, Any]] | None = field(default=None, compare=False)
    """Gives what is sent instead of all parts, where those have to be put into something first."""

    def everything(self) -> Mapping[str, Any]:
        """What somebody needs who has nothing yet."""
        return self.parts if self.frame is None else self.frame()


Render = Callable[[], Awaitable[Rendered]]


class TooMany(Exception):  # noqa: N818
    """More watchers than a workshop has screens."""


@dataclass
class Topic:
    """One thing to watch, and who watches it."""

    render: Render
    watchers: set[asyncio.Queue[bytes]] = field(default_factory=set)
    last: Rendered | None = None
    broken: bool = False
    """Whether it could not be drawn the last time: said once, not every second."""

    async def update(self) -> None:
        """Render, and hand everybody what changed."""
        new, old = await self.render(), self.last
        self.last = new
        if old is None or old == new:
            return
        if old.shape != new.shape or old.parts.keys() - new.parts.keys():
            changed = event("all", new.everything())
        else:
            changed = event("some", {name: part for name, part in new.parts.items() if old.parts.get(name) != part})
        everything: bytes | None = None
        for queue in self.watchers:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                everything = everything or event("all", new.everything())
                queue.put_nowait(everything)
            else:
                queue.put_nowait(changed)


def event(name: str, parts: Mapping[str, Any]) -> bytes:
    """One server-sent event (WHATWG HTML §9.2); JSON has no raw line ends, so one data line does."""
    return f"event: {name}\ndata: {_compact(parts)}\n\n".encode()


def _compact(parts: Mapping[str, Any]) -> str:
    return json.dumps(parts, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Hub:
    """All views that are watched; `run` is a service for `tasks.TaskOwner`."""

    def __init__(self) -> None:
        self._views: dict[str, Topic] = {}
        self.counted = Counted(PER_PLACE, WATCHERS)
        self._watched = asyncio.Event()
        self._asked = asyncio.Event()

    def now(self) -> None:
        """Look at once, not within a second: something seldom and awaited has happened."""
        self._asked.set()

    @property
    def watchers(self) -> int:
        """How many screens and programs are watching."""
        return self.counted.all

    async def run(self) -> None:
        """Look every second at what is watched: progress moves without any event that could be waited for."""
        while True:
            await self._watched.wait()
            for name, view in list(self._views.items()):
                try:
                    await view.update()
                    view.broken = False
                except Exception:  # the boundary: a page that cannot be drawn must not stop the workshop
                    if not view.broken:
                        log.exception("the view %s cannot be drawn", name)
                    view.broken = True
            await self._pause()

    async def _pause(self) -> None:
        self._asked.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(INTERVAL):
                await self._asked.wait()

    async def watch(self, name: str, render: Render, where: str = "") -> AsyncIterator[bytes]:
        """Events of the view `name` for somebody at `where`, without end; `render` makes it if nobody watches it yet.

        TooMany where that place, or all together, watch enough already: counted before anything is awaited.
        """
        if not self.counted.take(where):
            raise TooMany
        try:
            async with aclosing(self._watch(name, render)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    yield chunk
        finally:
            self.counted.give_back(where)

    async def _watch(self, name: str, render: Render) -> AsyncIterator[bytes]:
        view = self._views.setdefault(name, Topic(render))
        queue: asyncio.Queue[bytes] = asyncio.Queue(BACKLOG)
        if view.last is None:
            view.last = await view.render()
        queue.put_nowait(event("all", view.last.everything()))
        view.watchers.add(queue)
        self._watched.set()
        try:
            while True:
                yield await self._next(queue)
        finally:
            view.watchers.discard(queue)
            self._forget(name, view)

    @staticmethod
    async def _next(queue: asyncio.Queue[bytes]) -> bytes:
        try:
            async with asyncio.timeout(KEEPALIVE):
                return await queue.get()
        except TimeoutError:
            return b": still here\n\n"

    def _forget(self, name: str, view: Topic) -> None:
        if not view.watchers and self._views.get(name) is view:
            del self._views[name]
        if not self._views:
            self._watched.clear()
