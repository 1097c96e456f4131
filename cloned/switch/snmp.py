"""Reads a switch's tables with pysnmp, in a thread of its own, so the daemon's loop never waits for it.

A whole reading is: one GET of the scalars, one GETBULK that shows which tables exist, the walks
(several columns in each request, a few requests under way), and a few exact questions that only
the answers make possible.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from cloned.switch.credentials import Address, Credentials
from cloned.switch.faults import RefusedError, SilentError, WrongKeysError
from cloned.switch.presence import presence
from cloned.switch.raw import Raw
from cloned.switch.reading import Reading
from cloned.switch.walk import Limits

if TYPE_CHECKING:
    from cloned.switch.session import Session

log = logging.getLogger(__name__)

T = TypeVar("T")


class SnmpThread:
    """An event loop in a thread: pysnmp decodes there (about 0.2 ms a variable), not in the daemon's loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` in the thread and return, or raise, what it does; cancelling cancels it there."""
        if self._loop is None:
            self._start()
        assert self._loop is not None
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def close(self) -> None:
        """End the thread; what runs in it is cancelled."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop = self._thread = None

    def _start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_quiet)
        self._thread = threading.Thread(target=_live, args=(self._loop,), name="snmp", daemon=True)
        self._thread.start()


def _live(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _quiet(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A datagram that pysnmp can't decode: the usual report would print it, community and all."""
    log.warning("an SNMP answer could not be understood (%s)", type(context.get("exception")).__name__)


class Reader:
    """Reads one switch. Methods run in the daemon's loop; the work is done in `thread`."""

    def __init__(
        self, thread: SnmpThread, address: Address, credentials: Credentials,
        limits: Limits | None = None, timeout: float = 1.0, retries: int = 2,
    ) -> None:
        self.address = address
        self._thread, self._credentials = thread, credentials
        self._limits = limits or Limits()
        self._timeout, self._retries = timeout, retries
        self._session: Session | None = None

    async def read(self) -> Raw:
        """Everything. Raises SilentError, WrongKeysError or RefusedError; a fault in a table goes into `faults`."""
        return await self._thread.run(self._in_thread(Reading.whole))

    async def refresh(self, known: Raw) -> Raw:
        """What changes (status, speed, errors, forwarding table, duplex), the rest from `known`."""
        return await self._thread.run(self._in_thread(lambda reading: reading.moving(known)))

    async def close(self) -> None:
        """Give the socket back."""
        await self._thread.run(self._drop())

    async def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
            await asyncio.sleep(0)

    async def _in_thread(self, work: Callable[[Reading], Awaitable[Raw]]) -> Raw:
        if self._session is None:
            self._session = await _open(self.address, self._credentials, self._timeout, self._retries)
        try:
            return await work(Reading(self._session, self._limits, self._vlan_session))
        except SilentError as error:
            await self._drop()
            raise SilentError(str(self.address), v3=error.v3, presence=await presence(self.address)) from None
        except (WrongKeysError, RefusedError):
            await self._drop()  # a switch that was changed may come back with another engine id
            raise

    async def _vlan_session(self, vlan: int) -> Session:
        return await _open(self.address, self._credentials.in_vlan(vlan), self._timeout, 0)


async def _open(address: Address, credentials: Credentials, wait: float, retries: int) -> Session:
    from cloned.switch.session import open_session  # takes 0.75 s: here it only holds up this thread

    return await open_session(address, credentials, wait, retries)
