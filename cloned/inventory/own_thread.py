"""A thread with a connection of its own, which goes through a whole transaction in one.

Statement by statement a result takes fifty changes of thread or of turns in the loop, each of which waits for a
processor: on a busy machine that is three times as long.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from typing import Protocol, TypeVar, TypeVarTuple

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

from cloned.inventory.database import direct

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")
Work = Callable[[Connection, *Arguments], Result]
"""Given a connection and what else it was asked with."""
Opened = Callable[[], AbstractContextManager[Connection]]
"""Gives a connection for as long as the work takes: `begin` commits what was done on it, `connect` does not."""


class ServerLine(Protocol):
    """A connection to a server, as its driver has it."""

    @property
    def closed(self) -> bool:
        """Whether it is gone."""

    def fileno(self) -> int:
        """Its socket."""


class OwnThread:
    """Transactions, one after the other, on the database that `engine` opens. `close` lets it go."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        self._engine, self._thread = direct(engine), ThreadPoolExecutor(1, name)
        self._now: object = None
        """What the thread is at."""
        self._sockets: list[ServerLine] = []
        """Connections to a server, the newest last."""
        if self._engine.dialect.name != "sqlite":
            event.listen(self._engine, "connect", lambda made, _: self._opened(made))

    async def transaction(self, work: Work[*Arguments, Result], *arguments: *Arguments) -> Result:
        """What `work` gives, committed."""
        return await self._run(self._engine.begin, work, *arguments)

    async def look(self, work: Work[*Arguments, Result], *arguments: *Arguments) -> Result:
        """What `work` gives, which changes nothing."""
        return await self._run(self._engine.connect, work, *arguments)

    async def close(self) -> None:
        """Wait for what is under way; everything recorded is on disk."""
        await asyncio.to_thread(self._thread.shutdown)
        self._engine.dispose()

    async def _run(self, opened: Opened, work: Work[*Arguments, Result], *arguments: *Arguments) -> Result:
        ticket, loop = object(), asyncio.get_running_loop()

        def in_one() -> Result:
            self._now = ticket
            try:
                with opened() as connection:
                    return work(connection, *arguments)
            finally:
                self._now = None

        try:
            return await loop.run_in_executor(self._thread, in_one)
        except asyncio.CancelledError:
            if self._now is ticket:
                self._cut()
            raise

    def _opened(self, made: ServerLine) -> None:
        self._sockets = [made]  # there is one at a time

    def _cut(self) -> None:
        """Have a server that says nothing be gone for the thread that waits for it: nobody else does any more."""
        for made in self._sockets:
            if made.closed:
                continue
            with suppress(OSError), socket.socket(fileno=os.dup(made.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
