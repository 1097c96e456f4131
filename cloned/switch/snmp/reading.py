"""The plan of one reading: which tables, in which order, how much of them, and when to give up."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from cloned.saying import Phrase
from cloned.switch.names import port_name, virtual_name
from cloned.switch.snmp import oids as c
from cloned.switch.snmp.conversation import SnmpSession, StepwiseSession
from cloned.switch.snmp.faults import SilentError, SnmpAgentError, SnmpRefusedError, WrongKeysError
from cloned.switch.snmp.indexes import lldp_port, station
from cloned.switch.snmp.oids import Column
from cloned.switch.snmp.raw import ETHERNET, LAG, UP, Raw
from cloned.switch.snmp.walk import Cells, Limits, Oid, Value, VarBind, Walk

SHRINKINGS = 2
"""How often a walk that gets no answer asks again, for a quarter: some agents choke on large answers."""
MOST_LAGS = 32
MOST_VLANS = 64
MOST_HIDDEN = 3
"""VLANs that are not shown to us, each after a second, before no other is asked for."""
FIRST_LEGACY_VLAN = 1002
"""VLANs 1002 to 1005 are FDDI and Token Ring, on every switch that has them."""
CHASSIS_ROWS = 2
"""Rows of entPhysicalTable that are looked at for the model: the chassis stands first."""

Known = Mapping[str, Cells]
"""Cells by the name of their column."""


class Reading:
    """One reading under way."""

    def __init__(
        self,
        session: SnmpSession,
        limits: Limits,
        vlan_session: Callable[[int], Awaitable[SnmpSession]],
        began: float | None = None,
    ) -> None:
        """`began`: monotonic seconds, of the reading that this one is a part of."""
        self.session, self._limits, self._vlan_session = session, limits, vlan_session
        self._slots = asyncio.Semaphore(limits.at_once)
        self._began = time.monotonic() if began is None else began
        self._faults: list[tuple[str, str]] = []
        self._requests = 0

    async def whole(self, *, errors: bool = False) -> Raw:
        """Every table, error counters if wanted. Raises what the first exact question raises if nobody answers."""
        scalars = dict(await self._get(c.SCALARS))
        there = await self._look()
        rows = scalars.get(c.IF_NUMBER)
        expected = rows if isinstance(rows, int) and 0 < rows <= self._limits.rows else 0
        fdb = c.QFDB if there.get(c.QFDB_PORT.name, True) else c.FDB
        wanted = (*c.WHOLE, fdb, *([c.ERRORS] if errors else []))
        groups = [[column for column in group if there.get(column.name, True)] for group in wanted]
        cells = _joined(
            await asyncio.gather(
                *(self._walk(group, expected if group and group[0].table.startswith("if") else 0) for group in groups)
            )
        )
        cells.update(await self._other_stations(cells, fdb))
        more = await asyncio.gather(
            self._exact(_questions(cells, there)),
            self._vlans(cells, there),
            self._lag_members(cells, there),
            self._model(there),
        )
        cells.update(_joined(more))
        vlans = await self._vlan_list(cells) if there.get(c.VLAN_STATE.name, False) else []
        return self._raw(cells, scalars, await self._per_vlan(vlans))

    async def moving(self, known: Raw) -> Raw:
        """What changes from one look to the next (status, speed, errors, duplex, stations); the rest from `known`.

        A switch that was restarted meanwhile may number its interfaces anew: it is read whole.
        """
        uptime = dict(await self._get([c.SYS_UPTIME])).get(c.SYS_UPTIME)
        if restarted(known.scalars.get(c.SYS_UPTIME), uptime):
            return await self.whole(errors=True)
        ports = len(known.column(c.IF_OPER))
        fdb = c.QFDB if _names_stations(known.column(c.QFDB_PORT), with_id=True) else c.FDB
        stations = len(known.column(fdb[0]))
        table, forwarding = await asyncio.gather(self._walk(c.MOVING, ports), self._walk(fdb, stations))
        if any(where == c.IF_OPER.table for where, _ in self._faults):
            table = {name: {**known.cells.get(name, {}), **found} for name, found in table.items()}
        cells = {**known.cells, **table, **forwarding}
        cells.update(await self._other_stations(cells, fdb))
        cells.update(await self._exact(_port_questions(cells, {c.DUPLEX.name: bool(known.column(c.DUPLEX))})))
        scalars = {**known.scalars, c.SYS_UPTIME: uptime}
        return self._raw(cells, scalars, await self._per_vlan(list(known.vlan_fdb)))

    def _raw(self, cells: Known, scalars: Mapping[Oid, Value], vlans: Mapping[int, Raw]) -> Raw:
        faults, seconds = tuple(dict.fromkeys(self._faults)), time.monotonic() - self._began
        return Raw(cells, scalars, vlans, faults, seconds, self._requests)

    async def _get(self, oids: Sequence[Oid]) -> list[VarBind]:
        """Exact variables, in requests of a bounded size; an agent's error gives nothing."""
        size = self._limits.varbinds
        parts = await asyncio.gather(
            *(self._one_get(oids[start : start + size]) for start in range(0, len(oids), size))
        )
        return [variable for part in parts for variable in part]

    def _late(self) -> bool:
        return time.monotonic() - self._began > self._limits.seconds

    async def _one_get(self, oids: Sequence[Oid]) -> list[VarBind]:
        try:
            async with self._slots:
                if self._late():
                    self._faults.append(("single values", self._out_of_time()))
                    return []
                self._requests += 1
                return await self.session.get(oids)
        except SnmpAgentError:
            return []

    async def _exact(self, wanted: Sequence[tuple[Column, Oid]]) -> dict[str, Cells]:
        """Single cells; a switch that does not answer for them leaves them out."""
        try:
            found = dict(await self._get([(*column.oid, *index) for column, index in wanted]))
        except SilentError:
            self._faults.append(("ifTable", Phrase("the switch stopped answering")))
            found = {}
        result: dict[str, Cells] = {column.name: {} for column, _ in wanted}
        for column, index in wanted:
            value = found.get((*column.oid, *index))
            if value is not None:
                result[column.name][index] = value
        return result

    async def _look(self) -> dict[str, bool]:
        """Which columns have a row; unknown (absent from the result) where the agent can't say."""
        try:
            self._requests += 1
            answer = await self.session.bulk([column.oid for column in c.LOOKED_FOR], 1)
        except (SnmpAgentError, SilentError):
            await self._without_bulk()
            return {}
        return {
            column.name: oid[: len(column.oid)] == column.oid and value is not None
            for column, (oid, value) in zip(c.LOOKED_FOR, answer, strict=False)
        }

    async def _without_bulk(self) -> None:
        """Go on by GETNEXT where that is answered and a small GETBULK is not (agents of SNMP v1 in v2c's clothes)."""
        first = [c.IF_TYPE.oid]
        try:
            self._requests += 1
            await self.session.bulk(first, 1)
        except (SnmpAgentError, SilentError):
            self._requests += 1
            try:
                await self.session.next(first)
            except (SnmpAgentError, SilentError):
                return
            self.session = StepwiseSession(self.session)

    async def _walk(self, group: Sequence[Column], expected: int = 0) -> dict[str, Cells]:
        """All rows of the columns of `group`."""
        if not group:
            return {}
        walk = Walk([column.oid for column in group], self._limits, expected)
        shrinkings = 0
        while not walk.done:
            if self._late():
                walk.give_up(self._out_of_time())
                break
            try:
                await self._step(walk)
            except SilentError:
                shrinkings += 1
                if shrinkings > SHRINKINGS or not walk.smaller(4):
                    walk.give_up(Phrase("the switch stopped answering"))
            except SnmpAgentError as error:
                if not walk.smaller() and not walk.narrower():
                    walk.give_up(Phrase("the switch answered with {error}", error=error))
        self._faults += [(group[0].table, fault) for fault in walk.faults]
        return {column.name: walk.cells[column.oid] for column in group}

    def _out_of_time(self) -> str:
        return Phrase("time ran out after {seconds} s", seconds=f"{self._limits.seconds:.0f}")

    async def _step(self, walk: Walk) -> None:
        async with self._slots:
            self._requests += 1
            oids, repetitions = walk.request()
            walk.feed(await self.session.bulk(oids, repetitions))

    async def _other_stations(self, cells: Known, read: tuple[Column, ...]) -> dict[str, Cells]:
        """Where the forwarding table names no station: the other table, and what rows that are numbered say."""
        found: dict[str, Cells] = {}
        if read is c.QFDB and not _names_stations(cells.get(c.QFDB_PORT.name, {}), with_id=True):
            found = await self._walk(c.FDB)
        rows = {**cells, **found}.get(c.FDB_PORT.name, {})
        if rows and not _names_stations(rows, with_id=False):
            found.update(await self._walk((c.FDB_ADDRESS,)))
        if not {(port,) for port in rows.values()} <= set(cells.get(c.BASE_PORT.name, {})):
            found.update(await self._walk((c.BASE_NUMBER,)))
        return found

    async def _vlans(self, cells: Known, there: Mapping[str, bool]) -> dict[str, Cells]:
        """dot1qVlanFdbId, whole only if some FDB id is not simply its VLAN (a table may have 4,095 rows)."""
        used = sorted({index[0] for index in cells.get(c.QFDB_PORT.name, {}) if index})
        if not used or not there.get(c.VLAN_FDB_ID.name, True):
            return {}
        if len(used) <= self._limits.varbinds:
            asked = [(c.VLAN_FDB_ID, (0, vlan)) for vlan in used]
            found = await self._exact(asked)
            if found[c.VLAN_FDB_ID.name] == {index: index[1] for _, index in asked}:
                return found
        return await self._walk((c.VLAN_FDB_ID,))

    async def _lag_members(self, cells: Known, there: Mapping[str, bool]) -> dict[str, Cells]:
        """Which interfaces lie under each LAG that is up: ifStackTable, row by row of that LAG, and 802.3ad's own."""
        oper = cells.get(c.IF_OPER.name, {})
        lags = [index for index, kind in cells.get(c.IF_TYPE.name, {}).items() if kind == LAG and oper.get(index) == UP]
        stack: Cells = {}
        for lag in lags[:MOST_LAGS]:
            column = Column(c.IF_STACK.name, c.IF_STACK.table, (*c.IF_STACK.oid, *lag))
            part = await self._walk((column,))
            stack.update({(*lag, *lower): value for lower, value in part[c.IF_STACK.name].items()})
        attached = await self._walk((c.LAG_OF,)) if lags and there.get(c.LAG_OF.name, True) else {}
        return {c.IF_STACK.name: stack, **attached}

    async def _model(self, there: Mapping[str, bool]) -> dict[str, Cells]:
        """What the box is called; entPhysicalTable has hundreds of rows, so only its beginning."""
        result: dict[str, Cells] = {c.ENT_CLASS.name: {}, c.ENT_MODEL.name: {}}
        if not there.get(c.ENT_MODEL.name, True):
            return result
        try:
            async with self._slots:
                self._requests += 1
                answer = await self.session.bulk([c.ENT_CLASS.oid, c.ENT_MODEL.oid], CHASSIS_ROWS)
        except (SnmpAgentError, SilentError):
            return result
        for oid, value in answer:
            for column in (c.ENT_CLASS, c.ENT_MODEL):
                if oid[: len(column.oid)] == column.oid and value is not None:
                    result[column.name][oid[len(column.oid) :]] = value
        return result

    async def _vlan_list(self, cells: Known) -> list[int]:
        """VLANs whose stations only their own community or context shows; the plain one shows VLAN 1."""
        if cells.get(c.QFDB_PORT.name):
            return []
        states = await self._walk((c.VLAN_STATE,))
        vlans = [index[-1] for index, state in states[c.VLAN_STATE.name].items() if state == UP and index]
        return [vlan for vlan in vlans if 1 < vlan < FIRST_LEGACY_VLAN or vlan > FIRST_LEGACY_VLAN + 3][:MOST_VLANS]

    async def _per_vlan(self, vlans: Iterable[int]) -> dict[int, Raw]:
        """The forwarding tables of a switch that keeps one for each VLAN (community@vlan, context vlan-N)."""
        found: dict[int, Raw] = {}
        hidden = 0
        for vlan in vlans:
            if self._late() or hidden == MOST_HIDDEN:
                self._faults.append(
                    ("dot1dTpFdbTable", Phrase("the tables of VLAN {vlan} and those after it were not read", vlan=vlan))
                )
                break
            part = await self._one_vlan(vlan)
            if part is None:
                self._faults.append(
                    ("dot1dTpFdbTable", Phrase("the table of VLAN {vlan} is not shown to us", vlan=vlan))
                )
                hidden += 1
            else:
                found[vlan] = part
        return found

    async def _one_vlan(self, vlan: int) -> Raw | None:
        session = await self._vlan_session(vlan)
        try:
            await session.get([c.SYS_OBJECT_ID])
            inner = Reading(session, self._limits, self._vlan_session, self._began)
            cells = _joined([await inner._walk((c.BASE_PORT,)), await inner._walk(c.FDB)])
            self._faults += [(f"{table} of VLAN {vlan}", fault) for table, fault in inner._faults]
            return Raw(cells)
        except (SilentError, WrongKeysError, SnmpRefusedError, SnmpAgentError):
            return None
        finally:
            session.close()


def _joined(parts: Iterable[Mapping[str, Cells]]) -> dict[str, Cells]:
    return {name: found for part in parts for name, found in part.items()}


def _questions(cells: Known, there: Mapping[str, bool]) -> list[tuple[Column, Oid]]:
    """The single cells that matter once the tables are known."""
    more = (_connector_questions(cells), _lldp_questions(cells), _alias_questions(cells))
    return [*_port_questions(cells, there), *(question for part in more for question in part)]


def _port_questions(cells: Known, there: Mapping[str, bool]) -> list[tuple[Column, Oid]]:
    """Duplex of what may be up, and ifSpeed where ifHighSpeed says nothing sensible, or may be in kbit/s."""
    oper, speeds = cells.get(c.IF_OPER.name, {}), cells.get(c.IF_HIGH_SPEED.name, {})
    indexes = sorted(index for index, status in oper.items() if status == UP) + sorted(set(speeds) - set(oper))
    wanted = [
        (c.IF_SPEED, index) for index in indexes if not sensible(speed := speeds.get(index)) or in_thousands(speed)
    ]
    if there.get(c.DUPLEX.name, True):
        wanted += [(c.DUPLEX, index) for index in indexes]
    return wanted


def _connector_questions(cells: Known) -> list[tuple[Column, Oid]]:
    """ifConnectorPresent of what is not plainly a bridge port of an Ethernet type."""
    bridged = set(cells.get(c.BASE_PORT.name, {}).values())
    types = cells.get(c.IF_TYPE.name, {})
    plain = {index for index in types if index[0] in bridged and _plainly_named(index, cells)}
    ethernet = {index for index, kind in types.items() if kind in ETHERNET}
    unknown = {index for index in cells.get(c.IF_NAME.name, {}) if index not in types and index[0] in bridged}
    return [(c.IF_CONNECTOR, index) for index in sorted((ethernet - plain) | unknown)]


def _plainly_named(index: Oid, cells: Known) -> bool:
    name, descr = (cells.get(column.name, {}).get(index) for column in (c.IF_NAME, c.IF_DESCR))
    return port_name(_latin(name) or _latin(descr)) and not virtual_name(_latin(descr))


def _latin(value: Value) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else ""


def _lldp_questions(cells: Known) -> list[tuple[Column, Oid]]:
    """What LLDP calls the local ports of its neighbours, and those the forwarding table numbers strangely."""
    known = {index[-1] for index in cells.get(c.BASE_PORT.name, {}) if index} | {0}
    fdb = (*cells.get(c.FDB_PORT.name, {}).values(), *cells.get(c.QFDB_PORT.name, {}).values())
    ports = {port for port in fdb if isinstance(port, int) and port > 0 and port not in known}
    ports |= {port for index in cells.get(c.LLDP_CHASSIS.name, {}) if (port := lldp_port(index)) is not None}
    if _counts_from_zero(cells):
        ports |= known - {0}
    return [(c.LLDP_LOCAL, (port,)) for port in sorted(ports)[:1024]]


def _names_stations(rows: Cells, *, with_id: bool) -> bool:
    return any(station(index, with_id=with_id) is not None for index in rows)


def _alias_questions(cells: Known) -> list[tuple[Column, Oid]]:
    """ifAlias of bridge ports whose names count from 0: it may say the number on the case."""
    bridged = cells.get(c.BASE_PORT.name, {}).values() if _counts_from_zero(cells) else ()
    return [(c.IF_ALIAS, (index,)) for index in sorted({each for each in bridged if isinstance(each, int)})[:1024]]


def _counts_from_zero(cells: Known) -> bool:
    """Whether the first port is called something with 0: the case may count from 1."""
    names = (cells.get(c.IF_NAME.name) or cells.get(c.IF_DESCR.name, {})).values()
    return any(re.search(r"(?<!\d)0+$", _latin(name)) for name in names)


def restarted(before: Value, now: Value) -> bool:
    """Whether sysUpTime went back (TimeTicks, 1/100 s): a restart, or its end after 497 days."""
    return isinstance(before, int) and isinstance(now, int) and now < before


def in_thousands(speed: Value) -> bool:
    """Whether it is one of Ethernet's speeds if it is in kbit/s: ifSpeed tells."""
    return speed in (10_000, 100_000)


def sensible(speed: Value) -> bool:
    """Whether an ifHighSpeed can be Mb/s as it stands: 1 to 800,000 (IEEE 802.3 ends at 800 Gb/s)."""
    return isinstance(speed, int) and 1 <= speed <= 800_000
