"""The only way to start a background task: named, owned, and never silently dead."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TypeVar

from cloned.errors import ClonedError

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Work = Callable[[], Coroutine[object, object, object]]
"""Gives a service anew, each time that it is started."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds until a service that failed is started again; twice as long after each time."""
REPEATS, WITHIN = 5, 600.0
"""So many faults of one service in so many seconds end its owner: it is no accident any more."""
WELL_AFTER_SECONDS = 60.0
"""Seconds after which a service that was started again counts as well."""


@dataclass
class Trouble:
    """A service that failed and was started again."""

    name: str
    error: str = ""
    since: float = 0.0
    faults: deque[float] = field(default_factory=lambda: deque(maxlen=REPEATS))
    pause: float = FIRST_PAUSE

    def failed(self, error: Exception) -> float:
        """Note a fault; seconds until the next try. What the world around does to it is not its fault."""
        now = time.monotonic()
        if now - self.since > WELL_AFTER_SECONDS:
            self.pause = FIRST_PAUSE
        self.error, self.since = str(error) or type(error).__name__, now
        if not isinstance(error, OSError | ClonedError):
            self.faults.append(now)
        pause, self.pause = self.pause, min(LONGEST_PAUSE, self.pause * 2)
        return pause

    @property
    def repeats(self) -> bool:
        """Whether it fails again and again by itself."""
        return len(self.faults) == REPEATS and self.faults[-1] - self.faults[0] < WITHIN

    @property
    def recent(self) -> bool:
        """Whether somebody should still hear of it."""
        return bool(self.error) and time.monotonic() - self.since < WELL_AFTER_SECONDS


_LEFT: set[asyncio.Task[object]] = set()


async def at_most(seconds: float, work: Awaitable[Result], name: str) -> Result:
    """What `work` gives. TimeoutError after so long: it is cancelled, and nobody waits until it has ended.

    For what takes long to end, such as a driver that first asks a server which is silent to give up.
    """
    task = asyncio.create_task(_awaited(work), name=name)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        _leave(task)
        raise
    if done:
        return task.result()
    _leave(task)
    raise TimeoutError


async def _awaited(work: Awaitable[Result]) -> Result:
    return await work


def _leave(task: asyncio.Task[object]) -> None:
    _LEFT.add(task)
    task.add_done_callback(_ended)
    task.cancel()


def _ended(task: asyncio.Task[object]) -> None:
    """What it died of is nobody's trouble any more."""
    _LEFT.discard(task)
    if not task.cancelled():
        task.exception()


class TaskOwner:
    """Owns background tasks; the first one that fails is raised by `wait()`.

    A service task that ends, with or without an exception, ends its owner: a listener that
    died quietly would leave the workshop half alive. One that is supervised is started again instead.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._tasks: set[asyncio.Task[object]] = set()
        self._failed: asyncio.Future[None] | None = None
        self._troubles: dict[str, Trouble] = {}

    def start(
        self, work: Coroutine[object, object, Result], name: str, *, service: bool = False
    ) -> asyncio.Task[Result]:
        """Run `work` as a task called `owner.name`; `service` tasks are meant to run until cancelled."""
        task = asyncio.create_task(work, name=f"{self.name}.{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended_service if service else self._ended)
        return task

    def supervise(self, make: Work, name: str, *, ends: bool = False) -> asyncio.Task[object]:
        """Run what `make` gives, and start it again where it fails; a fault that repeats is raised.

        It is meant to run until cancelled, unless it `ends`.
        """
        return self.start(self._supervised(make, name, ends), name, service=not ends)

    def troubles(self) -> list[Trouble]:
        """Services that failed within the last minute."""
        self._troubles = {name: trouble for name, trouble in self._troubles.items() if trouble.recent}
        return list(self._troubles.values())

    async def _supervised(self, make: Work, name: str, ends: bool) -> None:
        trouble = Trouble(name)
        while True:
            try:
                await make()
                if ends:
                    return
                raise RuntimeError(f"{self.name}.{name} ended by itself")
            except Exception as error:  # the boundary: a fault of one service must not be the others'
                pause = trouble.failed(error)
                self._troubles[name] = trouble
                known = isinstance(error, OSError | ClonedError)
                log.error("%s.%s failed: %s", self.name, name, error, exc_info=None if known else error)
                if trouble.repeats:
                    raise
            await asyncio.sleep(pause)

    async def wait(self) -> None:
        """Return never, or raise what the first failed task raised."""
        await self._future()

    async def close(self) -> None:
        """Cancel every task and wait until all have ended."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._failed is not None and self._failed.done() and not self._failed.cancelled():
            self._failed.exception()  # mark as retrieved: close() is also called without wait()

    def _future(self) -> asyncio.Future[None]:
        if self._failed is None:
            self._failed = asyncio.get_running_loop().create_future()
        return self._failed

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("%s failed: %s", task.get_name(), error, exc_info=error)
            self._fail(error)

    def _ended_service(self, task: asyncio.Task[object]) -> None:
        self._ended(task)
        if not task.cancelled() and task.exception() is None:
            self._fail(RuntimeError(f"{task.get_name()} ended by itself"))

    def _fail(self, error: BaseException) -> None:
        future = self._future()
        if not future.done():
            future.set_exception(error)
