"""What reading needs of a conversation with an agent, whichever version of SNMP it is held in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cloned.switch.snmp.walk import Oid, VarBind


class SnmpSession(Protocol):
    """What reading needs: exact variables, and the ones that follow."""

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        """The values of `oids`; None for an object that is not there."""

    async def next(self, oids: Sequence[Oid]) -> list[VarBind]:
        """The successor of each of `oids` (GETNEXT)."""

    async def bulk(self, oids: Sequence[Oid], repetitions: int) -> list[VarBind]:
        """Up to `repetitions` successors of each of `oids`, row by row (GETBULK)."""

    def close(self) -> None:
        """Let go of the socket."""


class StepwiseSession:
    """A session whose agent knows no GETBULK: the rows are asked for one at a time."""

    def __init__(self, inner: SnmpSession) -> None:
        self._inner = inner
        self.get, self.next, self.close = inner.get, inner.next, inner.close

    async def bulk(self, oids: Sequence[Oid], repetitions: int) -> list[VarBind]:
        """See SnmpSession; one row, whatever `repetitions` says."""
        return await self._inner.next(oids)
