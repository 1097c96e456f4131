"""Reads a switch's tables with pysnmp, in a thread of its own, so the daemon's loop never waits for it.

A whole reading is: one GET of the scalars, one GETBULK that shows which tables exist, the walks
(several columns in each request, a few requests under way), and a few exact questions that only
the answers make possible.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from cloned.switch import columns as c
from cloned.switch.columns import Column
from cloned.switch.credentials import Address, Credentials
from cloned.switch.faults import AgentError, RefusedError, SilentError, WrongKeysError
from cloned.switch.walk import Cells, Limits, Oid, Value, VarBind, Walk

if TYPE_CHECKING:
    from cloned.switch.session import Session

log = logging.getLogger(__name__)

T = TypeVar("T")
UP = 1
LAG = 161
"""ifType ieee8023adLag."""
SHRINKINGS = 3
"""How often a walk that gets no answer asks again for half as much."""
FIRST_VLAN_OF_LEGACY = 1002
"""VLANs 1002 to 1005 are FDDI and Token Ring on every switch that has them."""


@dataclass(frozen=True)
class Raw:
    """What one reading brought: cells by column name, scalars by OID, and what went wrong."""

    cells: Mapping[str, Cells]
    scalars: Mapping[Oid, Value] = field(default_factory=dict)
    vlan_fdb: Mapping[int, Raw] = field(default_factory=dict)
    """Forwarding tables of switches that keep one for each VLAN, by VLAN."""
    faults: tuple[tuple[str, str], ...] = ()
    """Table and what was wrong with it."""
    seconds: float = 0.0
    requests: int = 0

    def column(self, column: Column) -> Cells:
        """The cells of `column`, empty if it was not there."""
        return self.cells.get(column.name, {})


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
        return await self._thread.run(self._in_thread(_Reading.whole))

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

    async def _in_thread(self, work: Callable[[_Reading], Awaitable[Raw]]) -> Raw:
        if self._session is None:
            self._session = await _open(self.address, self._credentials, self._timeout, self._retries)
        try:
            return await work(_Reading(self._session, self._limits, self._vlan_session))
        except (SilentError, WrongKeysError, RefusedError):
            await self._drop()  # a switch that was changed may come back with another engine id
            raise

    async def _vlan_session(self, vlan: int) -> Session:
        return await _open(self.address, self._credentials.in_vlan(vlan), self._timeout, 0)


async def _open(address: Address, credentials: Credentials, wait: float, retries: int) -> Session:
    from cloned.switch.session import open_session  # takes 0.75 s: here it only holds up this thread

    return await open_session(address, credentials, wait, retries)


class _Reading:
    """One reading under way."""

    def __init__(self, session: Session, limits: Limits, vlan_session: Callable[[int], Awaitable[Session]]) -> None:
        self._session, self._limits, self._vlan_session = session, limits, vlan_session
        self._slots = asyncio.Semaphore(limits.at_once)
        self._began = time.monotonic()
        self._faults: list[tuple[str, str]] = []
        self._requests = 0

    async def whole(self) -> Raw:
        scalars = dict(await self._get(c.SCALARS))
        there = await self._look()
        rows = scalars.get(c.IF_NUMBER)
        expected = rows if isinstance(rows, int) and 0 < rows <= self._limits.rows else 0
        fdb = c.QFDB if there.get(c.QFDB_PORT.name, True) else c.FDB
        groups = [tuple(column for column in group if there.get(column.name, True)) for group in (*c.WHOLE, fdb)]
        parts = await asyncio.gather(*(
            self._walk(group, expected if group and group[0].table.startswith("if") else 0) for group in groups
        ))
        cells: dict[str, Cells] = {name: found for part in parts for name, found in part.items()}
        if fdb is c.QFDB and not cells.get(c.QFDB_PORT.name):
            cells.update(await self._walk(c.FDB))
        more = await asyncio.gather(
            self._port_facts(cells, there), self._lldp_ports(cells), self._vlans(cells, there),
            self._lag_members(cells, there), self._model(there),
        )
        cells.update({name: found for part in more for name, found in part.items()})
        return self._raw(cells, scalars, await self._per_vlan(cells, there))

    async def moving(self, known: Raw) -> Raw:
        ports = len(known.column(c.IF_OPER))
        fdb = c.QFDB if known.column(c.QFDB_PORT) else c.FDB
        parts = await asyncio.gather(*(self._walk(group, ports) for group in c.MOVING), self._walk(fdb))
        fresh: dict[str, Cells] = {name: found for part in parts for name, found in part.items()}
        if ports and not fresh.get(c.IF_OPER.name):
            await self._get(c.SCALARS)  # an empty table or a silent switch: this raises if it is the latter
        there = {c.DUPLEX.name: bool(known.column(c.DUPLEX))}
        cells = {**known.cells, **fresh}
        cells.update(await self._port_facts(cells, there))
        return self._raw(cells, known.scalars, await self._per_vlan(cells, {}))

    def _raw(self, cells: Mapping[str, Cells], scalars: Mapping[Oid, Value], vlans: Mapping[int, Raw]) -> Raw:
        faults, seconds = tuple(dict.fromkeys(self._faults)), time.monotonic() - self._began
        return Raw(cells, scalars, vlans, faults, seconds, self._requests)

    async def _get(self, oids: Sequence[Oid]) -> list[VarBind]:
        """Exact variables, in requests of a bounded size; an agent's error gives nothing."""
        found: list[VarBind] = []
        for start in range(0, len(oids), self._limits.varbinds):
            try:
                async with self._slots:
                    self._requests += 1
                    found += await self._session.get(oids[start:start + self._limits.varbinds])
            except AgentError:
                continue
        return found

    async def _look(self) -> dict[str, bool]:
        """Which columns have a row; unknown (absent from the result) where the agent can't say."""
        oids = [column.oid for column in c.LOOKED_FOR]
        try:
            self._requests += 1
            answer = await self._session.bulk(oids, 1)
        except (AgentError, SilentError):
            return {}
        pairs = zip(c.LOOKED_FOR, answer, strict=False)
        return {col.name: oid[:len(col.oid)] == col.oid and value is not None for col, (oid, value) in pairs}

    async def _walk(self, group: Sequence[Column], expected: int = 0) -> dict[str, Cells]:
        """All rows of the columns of `group`."""
        if not group:
            return {}
        walk = Walk([column.oid for column in group], self._limits, expected)
        shrinkings = 0
        while not walk.done:
            if time.monotonic() - self._began > self._limits.seconds:
                walk.give_up(f"time ran out after {self._limits.seconds:.0f} s")
                break
            try:
                await self._step(walk)
            except SilentError:
                shrinkings += 1
                if shrinkings > SHRINKINGS or not walk.smaller():
                    walk.give_up("the switch stopped answering")
            except AgentError as error:
                if not walk.smaller() and not walk.narrower():
                    walk.give_up(f"the switch answered with {error}")
        self._faults += [(group[0].table, fault) for fault in walk.faults]
        return {column.name: walk.cells[column.oid] for column in group}

    async def _step(self, walk: Walk) -> None:
        async with self._slots:
            self._requests += 1
            oids, repetitions = walk.request()
            walk.feed(await self._session.bulk(oids, repetitions))

    async def _port_facts(self, cells: Mapping[str, Cells], there: Mapping[str, bool]) -> dict[str, Cells]:
        """Duplex of what may be up, and ifSpeed where ifHighSpeed says nothing sensible: exact questions."""
        indexes = sorted(index for index, status in cells.get(c.IF_OPER.name, {}).items() if status == UP)
        indexes += sorted(set(cells.get(c.IF_HIGH_SPEED.name, {})) - set(cells.get(c.IF_OPER.name, {})))
        speeds = cells.get(c.IF_HIGH_SPEED.name, {})
        odd = [index for index in indexes if not _sensible(speeds.get(index))]
        wanted = [(c.IF_SPEED, index) for index in odd]
        if there.get(c.DUPLEX.name, True):
            wanted += [(c.DUPLEX, index) for index in indexes]
        found = dict(await self._get([(*column.oid, *index) for column, index in wanted]))
        result: dict[str, Cells] = {c.IF_SPEED.name: {}, c.DUPLEX.name: {}}
        for column, index in wanted:
            value = found.get((*column.oid, *index))
            if value is not None:
                result[column.name][index] = value
        return result

    async def _lldp_ports(self, cells: Mapping[str, Cells]) -> dict[str, Cells]:
        """The local ports as LLDP numbers them: needed for its neighbours, and where FDB ports are strange."""
        known = {index[-1] for index in cells.get(c.BASE_PORT.name, {})} | {0}
        fdb = (*cells.get(c.FDB_PORT.name, {}).values(), *cells.get(c.QFDB_PORT.name, {}).values())
        strange = any(port not in known for port in fdb)
        if not cells.get(c.LLDP_CHASSIS.name) and not strange:
            return {}
        return await self._walk((c.LLDP_LOCAL,), len(cells.get(c.BASE_PORT.name, {})))

    async def _vlans(self, cells: Mapping[str, Cells], there: Mapping[str, bool]) -> dict[str, Cells]:
        """dot1qVlanFdbId, whole only if some FDB id is not simply its VLAN (a table may have 4,095 rows)."""
        used = sorted({index[0] for index in cells.get(c.QFDB_PORT.name, {}) if index})
        if not used or not there.get(c.VLAN_FDB_ID.name, True):
            return {}
        if len(used) <= self._limits.varbinds:
            asked = [(*c.VLAN_FDB_ID.oid, 0, vlan) for vlan in used]
            found = dict(await self._get(asked))
            if all(found.get(oid) == oid[-1] for oid in asked):
                return {c.VLAN_FDB_ID.name: {oid[-2:]: oid[-1] for oid in asked}}
        return await self._walk((c.VLAN_FDB_ID,))

    async def _lag_members(self, cells: Mapping[str, Cells], there: Mapping[str, bool]) -> dict[str, Cells]:
        """Which interfaces lie under each LAG that is up: ifStackTable, row by row of that LAG, and 802.3ad's own."""
        oper = cells.get(c.IF_OPER.name, {})
        lags = [index for index, kind in cells.get(c.IF_TYPE.name, {}).items() if kind == LAG and oper.get(index) == UP]
        stack: Cells = {}
        for lag in lags[:32]:
            column = Column(c.IF_STACK.name, c.IF_STACK.table, (*c.IF_STACK.oid, *lag))
            part = await self._walk((column,))
            stack.update({(*lag, *lower): value for lower, value in part[c.IF_STACK.name].items()})
        attached = await self._walk((c.LAG_OF,)) if lags and there.get(c.LAG_OF.name, True) else {}
        return {c.IF_STACK.name: stack, **attached}

    async def _model(self, there: Mapping[str, bool]) -> dict[str, Cells]:
        """What the boxes are called; a table with hundreds of rows, so only its beginning."""
        if not there.get(c.ENT_MODEL.name, True):
            return {}
        try:
            async with self._slots:
                self._requests += 1
                answer = await self._session.bulk([c.ENT_CLASS.oid, c.ENT_MODEL.oid], self._limits.varbinds // 4)
        except (AgentError, SilentError):
            return {}
        result: dict[str, Cells] = {c.ENT_CLASS.name: {}, c.ENT_MODEL.name: {}}
        for oid, value in answer:
            for column in (c.ENT_CLASS, c.ENT_MODEL):
                if oid[:len(column.oid)] == column.oid and value is not None:
                    result[column.name][oid[len(column.oid):]] = value
        return result

    async def _per_vlan(self, cells: Mapping[str, Cells], there: Mapping[str, bool]) -> dict[int, Raw]:
        """The forwarding tables of a switch that keeps one for each VLAN (community@vlan, context vlan-N)."""
        if cells.get(c.QFDB_PORT.name) or not there.get(c.VLAN_STATE.name, bool(cells.get(c.VLAN_STATE.name))):
            return {}
        states = await self._walk((c.VLAN_STATE,))
        vlans = [index[-1] for index, state in states[c.VLAN_STATE.name].items() if state == UP and index]
        found: dict[int, Raw] = {}
        for vlan in vlans:
            if vlan == 1 or vlan >= FIRST_VLAN_OF_LEGACY:
                continue  # the plain community shows VLAN 1
            part = await self._one_vlan(vlan)
            if part is None:
                self._faults.append(("dot1dTpFdbTable", f"the table of VLAN {vlan} is not shown to us"))
                break
            found[vlan] = part
        return found

    async def _one_vlan(self, vlan: int) -> Raw | None:
        session = await self._vlan_session(vlan)
        try:
            await session.get([c.SYS_OBJECT_ID])
            reading = _Reading(session, self._limits, self._vlan_session)
            parts = [await reading._walk((c.BASE_PORT,)), await reading._walk(c.FDB)]
            return Raw({name: found for part in parts for name, found in part.items()})
        except (SilentError, WrongKeysError, RefusedError, AgentError):
            return None
        finally:
            session.close()


def _sensible(speed: Value) -> bool:
    """Whether an ifHighSpeed can be Mb/s as it stands: 1 to 800,000 (IEEE 802.3 ends at 800 Gb/s)."""
    return isinstance(speed, int) and 1 <= speed <= 800_000

