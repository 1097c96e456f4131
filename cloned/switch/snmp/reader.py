"""Reads a switch's tables with pysnmp.

A whole reading is: one GET of the scalars, one GETBULK that shows which tables exist, the walks
(several columns in each request, a few requests under way), and a few exact questions that only
the answers make possible. All of it runs in the loop that calls, at 0.2 ms of processor for each
variable with v3: the daemon therefore reads through `worker.py`, in a process of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

from cloned.switch.snmp.credentials import Address, Community, Credentials
from cloned.switch.snmp.faults import SilentError, SnmpAgentError, SnmpRefusedError, WrongKeysError
from cloned.switch.snmp.oids import SYS_OBJECT_ID
from cloned.switch.snmp.presence import presence
from cloned.switch.snmp.raw import Raw
from cloned.switch.snmp.reading import Reading
from cloned.switch.snmp.walk import Limits

if TYPE_CHECKING:
    from cloned.switch.snmp.conversation import SnmpSession

log = logging.getLogger(__name__)


class Reader:
    """Reads one switch, and keeps its socket from one reading to the next."""

    def __init__(
        self,
        address: Address,
        credentials: Credentials,
        limits: Limits | None = None,
        timeout: float = 1.0,
        retries: int = 2,
    ) -> None:
        self.address = address
        self._credentials = credentials
        self._limits = limits or Limits()
        self._timeout, self._retries = timeout, retries
        self._session: SnmpSession | None = None
        self._v1 = False

    async def read(self, *, errors: bool = False) -> Raw:
        """Everything; error counters only if asked for.

        Raises SilentError, WrongKeysError or RefusedError; a fault in a table goes into `faults`.
        """
        return await self._reading(lambda reading: reading.whole(errors=errors))

    async def refresh(self, known: Raw) -> Raw:
        """What changes (status, speed, errors, forwarding table, duplex), the rest from `known`."""
        return await self._reading(lambda reading: reading.moving(known))

    async def close(self) -> None:
        """Give the socket back."""
        if self._session is not None:
            self._session.close()
            self._session, self._v1 = None, False
            await asyncio.sleep(0)

    async def _reading(self, work: Callable[[Reading], Awaitable[Raw]]) -> Raw:
        asyncio.get_running_loop().set_exception_handler(quiet)
        if self._session is None:
            self._session = await _open(self.address, self._credentials, self._timeout, self._retries)
        try:
            try:
                return await self._worked(work)
            except SilentError:
                if not await self._speaks_v1():
                    raise
                return await self._worked(work)
        except SilentError as error:
            await self.close()
            raise SilentError(str(self.address), v3=error.v3, presence=await presence(self.address)) from None
        except (WrongKeysError, SnmpRefusedError):
            await self.close()  # a switch that was changed may come back with another engine id
            raise

    async def _worked(self, work: Callable[[Reading], Awaitable[Raw]]) -> Raw:
        assert self._session is not None
        reading = Reading(self._session, self._limits, self._vlan_session)
        try:
            return await work(reading)
        finally:
            self._session = reading.session  # it may have found that the agent knows no GETBULK

    async def _speaks_v1(self) -> bool:
        """Whether an agent that is silent to SNMP v2c answers v1; the session is then one of that version."""
        if self._v1 or not isinstance(self._credentials, Community):
            return False
        older = await _open(self.address, self._credentials, self._timeout, 0, version=1)
        try:
            await older.get([SYS_OBJECT_ID])
        except (SilentError, SnmpAgentError):
            older.close()
            return False
        await self.close()
        self._session, self._v1 = older, True
        return True

    async def _vlan_session(self, vlan: int) -> SnmpSession:
        version: Literal[1, 2] = 1 if self._v1 else 2
        return await _open(self.address, self._credentials.in_vlan(vlan), self._timeout, 0, version)


async def _open(
    address: Address, credentials: Credentials, wait: float, retries: int, version: Literal[1, 2] = 2
) -> SnmpSession:
    from cloned.switch.snmp.session import open_session  # takes 0.75 s: only for those who read

    return await open_session(address, credentials, wait, retries, version)


def quiet(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Report what failed in a callback by its kind: asyncio's own report prints datagrams, community and all."""
    error = context.get("exception")
    what = type(error).__name__ if error is not None else context.get("message")
    log.warning("an SNMP answer could not be understood (%s)", what)
