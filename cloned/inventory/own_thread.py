"""Threads with a connection of their own, each of which goes through a whole transaction in one.

Statement by statement a result takes fifty changes of thread or of turns in the loop, each of which waits for a
processor: on a busy machine that is three times as long. And SQLAlchemy's asyncio layer brings its mapper along, which
nothing here uses: 8 MB and 80 ms of each start.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import Any, Protocol, TypeVar, TypeVarTuple

from sqlalchemy import Connection, Engine, event

from cloned.inventory.database import another

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

    def close(self) -> None:
        """End it."""


class OwnThread:
    """Transactions, one after the other, on the database that `engine` opens, for this thread alone."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine, self._thread = engine, ThreadPoolExecutor(1, name)
        self.waiting: set[Future[Any]] = set()
        """What was asked and is not done, also what nobody waits for any more."""
        self._now: object = None
        """What the thread is at."""
        self._turn = threading.Lock()
        """Held while it begins or ends something: what is cut must not be the next one's."""
        self._lines: list[ServerLine | sqlite3.Connection] = []
        """Connections, the newest last."""
        event.listen(engine, "connect", lambda made, _: self._opened(made), insert=True)

    async def transaction(self, work: Work[*Arguments, Result], *arguments: *Arguments) -> Result:
        """What `work` gives, committed."""
        return await self._run(self.engine.begin, _cut_server, work, *arguments)

    async def look(self, work: Work[*Arguments, Result], *arguments: *Arguments) -> Result:
        """What `work` gives, which changes nothing."""
        return await self._run(self.engine.connect, _cut, work, *arguments)

    async def close(self) -> None:
        """Wait for what is under way; everything recorded is on disk."""
        await asyncio.to_thread(self._thread.shutdown)
        self.engine.dispose()

    async def _run(
        self,
        opened: Opened,
        cut: Callable[[ServerLine | sqlite3.Connection], None],
        work: Work[*Arguments, Result],
        *arguments: *Arguments,
    ) -> Result:
        ticket = object()

        def in_one() -> Result:
            self._at(ticket)
            try:
                with ExitStack() as stack:
                    return work(self._connected(stack, opened), *arguments)
            finally:
                self._at(None)

        begun = self._thread.submit(in_one)
        self.waiting.add(begun)
        begun.add_done_callback(self.waiting.discard)
        try:
            return await asyncio.wrap_future(begun)
        except asyncio.CancelledError:
            with self._turn:
                for line in self._lines if self._now is ticket else ():
                    cut(line)
            raise

    def _connected(self, stack: ExitStack, opened: Opened) -> Connection:
        """A connection until `stack` ends. One that is cut while it is made ready would be dropped and not closed."""
        try:
            return stack.enter_context(opened())
        except BaseException:
            lines, self._lines = self._lines, []
            for line in lines:
                with suppress(Exception):
                    line.close()
            raise

    def _at(self, ticket: object) -> None:
        with self._turn:
            self._now = ticket

    def _opened(self, made: ServerLine | sqlite3.Connection) -> None:
        self._lines = [made]  # there is one at a time


class OwnThreads:
    """As many as need be, at most `most`: one who looks at all results holds up no other for as long as that takes."""

    def __init__(self, engine: Engine, name: str, most: int) -> None:
        self._engine, self._name, self._most = engine, name, most
        self.made: list[OwnThread] = []

    async def look(self, work: Work[*Arguments, Result], *arguments: *Arguments) -> Result:
        """What `work` gives, which changes nothing. Of a file no connection stays, with what it had read of it."""
        return await self._free().look(work, *arguments)

    async def close(self) -> None:
        """Wait for what is under way."""
        for each in self.made:
            await each.close()

    def _free(self) -> OwnThread:
        found = min(self.made, key=lambda each: len(each.waiting), default=None)
        if found is None or (found.waiting and len(self.made) < self._most):
            found = OwnThread(another(self._engine, kept=False), f"{self._name}-{len(self.made)}")
            self.made.append(found)
        return found


def _cut(line: ServerLine | sqlite3.Connection) -> None:
    """Have a question end for the thread that waits for its answer: nobody else does any more."""
    if isinstance(line, sqlite3.Connection):
        with suppress(sqlite3.ProgrammingError):  # it is closed
            line.interrupt()
    else:
        _cut_server(line)


def _cut_server(line: ServerLine | sqlite3.Connection) -> None:
    """Have a server that says nothing be gone for its thread; what is written to a file comes to its end."""
    if isinstance(line, sqlite3.Connection) or line.closed:
        return
    with suppress(OSError), socket.socket(fileno=os.dup(line.fileno())) as made:
        made.shutdown(socket.SHUT_RDWR)
