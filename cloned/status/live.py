"""Server-sent events: each view is rendered once and sent to all who watch it, at most once a second.

A view gives named parts (`Rendered`). A watcher first gets all of them, then those that changed. One that reads too
slowly to keep up gets everything again instead of a backlog, so a phone in a dead corner costs nobody anything.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from cloned.connections import Counted

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0
"""Seconds between two events of one view."""
LEAST_SECONDS = 0.25
"""The same where something happened in between: a busy evening costs no more than four looks a second."""
KEEPALIVE_SECONDS = 10.0
"""Seconds of silence after which a comment is sent, so that proxies and browsers see that we are there."""
BACKLOG = 4
"""Events a watcher may be behind before it gets everything anew."""
LINGER_SECONDS = 120.0
"""Seconds that a view for programs is kept up after the last one left."""
MOST_KEPT = 300
"""Events of one view that are kept for who comes back: five minutes at the most."""
KEPT_BYTES = 4 * 1024 * 1024
WATCHERS = 200
"""Altogether."""
PER_PLACE = 20
"""Of one address: a wall screen, phones behind one access point that hides them, programs."""


@dataclass(frozen=True)
class Rendered:
    """What a view shows: JSON values by name. While `shape` stays, only changed parts are sent."""

    parts: Mapping[str, object]
    shape: str = ""
    frame: Callable[[], Mapping[str, object]] | None = field(default=None, compare=False)
    """Gives what is sent instead of all parts, where those have to be put into something first."""

    def everything(self) -> Mapping[str, object]:
        """What somebody needs who has nothing yet."""
        return self.parts if self.frame is None else self.frame()


Render = Callable[[], Awaitable[Rendered]]


class TooMany(Exception):  # noqa: N818
    """More watchers than a workshop has screens."""


@dataclass
class Topic:
    """One thing to watch, and who watches it."""

    render: Render
    era: str = field(default_factory=lambda: secrets.token_hex(4))
    """Part of every event's id: those of another era, or of before a restart, mean nothing here."""
    lingers: bool = False
    """Whether it goes on for a while when nobody watches: a program that comes back is to miss nothing."""
    left: float = 0.0
    """When the last watcher left, monotonic seconds."""
    count: int = 0
    kept: deque[tuple[int, bytes]] = field(default_factory=deque)
    """The latest events with their numbers, for who lost the connection for a moment."""
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
        self.count += 1
        if old.shape != new.shape or old.parts.keys() - new.parts.keys():
            changed = event("all", new.everything(), self.ident)
        else:
            some = {name: part for name, part in new.parts.items() if old.parts.get(name) != part}
            changed = event("some", some, self.ident)
        self._keep(changed)
        everything: bytes | None = None
        for queue in self.watchers:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                everything = everything or event("all", new.everything(), self.ident)
                queue.put_nowait(everything)
            else:
                queue.put_nowait(changed)

    @property
    def ident(self) -> str:
        """The id of the latest event."""
        return f"{self.era}-{self.count}"

    def _keep(self, changed: bytes) -> None:
        self.kept.append((self.count, changed))
        size = sum(len(each) for _, each in self.kept)
        while self.kept and (len(self.kept) > MOST_KEPT or size > KEPT_BYTES):
            size -= len(self.kept.popleft()[1])

    def missed(self, ident: str) -> list[bytes] | None:
        """The events after the one with this id; None where not all of them are known any more."""
        era, _, number = ident.partition("-")
        if era != self.era or not number.isascii() or not number.isdigit() or len(number) > 9:
            return None
        after = int(number)
        known = after == self.count or any(count == after + 1 for count, _ in self.kept)
        return [each for count, each in self.kept if count > after] if known else None


def event(name: str, parts: Mapping[str, object], ident: str) -> bytes:
    """One server-sent event (WHATWG HTML §9.2); JSON has no raw line ends, so one data line does."""
    return f"id: {ident}\nevent: {name}\ndata: {_compact(parts)}\n\n".encode()


def _compact(parts: Mapping[str, object]) -> str:
    return json.dumps(parts, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Hub:
    """All views that are watched; `run` is a service for `tasks.TaskOwner`."""

    def __init__(self) -> None:
        self._views: dict[str, Topic] = {}
        self.counted = Counted(PER_PLACE, WATCHERS)
        self._watched = asyncio.Event()
        self._asked = asyncio.Event()

    def now(self) -> None:
        """Look soon, not only after a second: something happened."""
        self._asked.set()

    @property
    def watchers(self) -> int:
        """How many screens and programs are watching."""
        return self.counted.all

    async def run(self) -> None:
        """Look every second at what is watched: progress moves without any event that could be waited for."""
        while True:
            await self._watched.wait()
            self._asked.clear()
            for name, view in list(self._views.items()):
                if not view.watchers and time.monotonic() - view.left > LINGER_SECONDS:
                    self._drop(name)
                    continue
                try:
                    await view.update()
                    view.broken = False
                except Exception:  # the boundary: a page that cannot be drawn must not stop the workshop
                    if not view.broken:
                        log.exception("the view %s cannot be drawn", name)
                    view.broken = True
            await self._pause()

    async def _pause(self) -> None:
        """A second, or a quarter of it where something happened, also while we looked."""
        await asyncio.sleep(LEAST_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(INTERVAL_SECONDS - LEAST_SECONDS):
                await self._asked.wait()

    async def watch(self, name: str, render: Render, where: str = "", last: str | None = None) -> AsyncIterator[bytes]:
        """Events of the view `name` for somebody at `where`, without end; `render` makes it if nobody watches it yet.

        `last`: the id of the last event that a program got ("": none yet); it then gets what came since, where that is
        still known.

        TooMany where that place, or all together, watch enough already: counted before anything is awaited.
        """
        if not self.counted.take(where):
            raise TooMany
        try:
            async with aclosing(self._watch(name, render, last)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    yield chunk
        finally:
            self.counted.give_back(where)

    async def _watch(self, name: str, render: Render, last: str | None) -> AsyncIterator[bytes]:
        view = self._views.setdefault(name, Topic(render, lingers=last is not None))
        queue: asyncio.Queue[bytes] = asyncio.Queue(BACKLOG)
        if view.last is None:
            view.last = await view.render()
        missed = view.missed(last or "")
        first = [event("all", view.last.everything(), view.ident)] if missed is None else missed
        view.watchers.add(queue)
        self._watched.set()
        try:
            for each in first or [b": nothing was missed\n\n"]:
                yield each
            while True:
                yield await self._next(queue)
        finally:
            view.watchers.discard(queue)
            self._forget(name, view)

    @staticmethod
    async def _next(queue: asyncio.Queue[bytes]) -> bytes:
        try:
            async with asyncio.timeout(KEEPALIVE_SECONDS):
                return await queue.get()
        except TimeoutError:
            return b": still here\n\n"

    def _forget(self, name: str, view: Topic) -> None:
        if not view.watchers and self._views.get(name) is view:
            view.left = time.monotonic()
            if not view.lingers:
                self._drop(name)

    def _drop(self, name: str) -> None:
        del self._views[name]
        if not self._views:
            self._watched.clear()
