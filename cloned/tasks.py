"""The only way to start a background task: named, owned, and never silently dead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class TaskOwner:
    """Owns background tasks; the first one that fails is raised by `wait()`.

    A service task that ends, with or without an exception, ends its owner: a listener that
    died quietly would leave the workshop half alive.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failed: asyncio.Future[None] | None = None

    def start(self, work: Coroutine[Any, Any, Any], name: str, *, service: bool = False) -> asyncio.Task[Any]:
        """Run `work` as a task called `owner.name`; `service` tasks are meant to run until cancelled."""
        task = asyncio.create_task(work, name=f"{self.name}.{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended_service if service else self._ended)
        return task

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

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("%s failed: %s", task.get_name(), error, exc_info=error)
            self._fail(error)

    def _ended_service(self, task: asyncio.Task[Any]) -> None:
        self._ended(task)
        if not task.cancelled() and task.exception() is None:
            self._fail(RuntimeError(f"{task.get_name()} ended by itself"))

    def _fail(self, error: BaseException) -> None:
        future = self._future()
        if not future.done():
            future.set_exception(error)
