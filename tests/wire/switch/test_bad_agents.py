"""Agents that answer wrongly: every reading ends, says what was wrong, and keeps the community to itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cloned.switch import worker
from cloned.switch.ports import SwitchView, understand
from cloned.switch.snmp import oids as c
from cloned.switch.snmp.credentials import Community, Secret, parse_address
from cloned.switch.snmp.faults import SilentError
from cloned.switch.snmp.reader import Reader
from cloned.switch.snmp.walk import Limits, Oid
from cloned.switch.tables import build
from cloned.switch.watch import SwitchReading, SwitchWatch, Watched
from tests.waiting import until

pytestmark = pytest.mark.wire

WORD = "hush-hush-community"
Answer = Callable[[str, Oid, Any], tuple[Oid, Any] | None]
"""From "get" or "next", the OID asked for and the agent: a variable, or None for none there."""


class Agent(asyncio.DatagramProtocol):
    """Answers GET and GETBULK through `answer`; `garble` may spoil the datagram."""

    def __init__(
        self, answer: Answer, garble: Callable[[bytes, int], bytes | None], most: int, no_bulk: int = 0
    ) -> None:
        """`no_bulk`: the error-status that GETBULK gets; 0: it is answered."""
        self._answer, self._garble, self._most, self._no_bulk = answer, garble, most, no_bulk
        self.asked = 0
        self.community = ""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, where: Any) -> None:
        from pyasn1.codec.ber import decoder, encoder
        from pysnmp.proto import api

        self.asked += 1
        v2c = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
        try:
            message, _ = decoder.decode(data, asn1Spec=v2c.Message())
        except Exception:  # an engine discovery, which this agent does not know
            return
        request = v2c.apiMessage.get_pdu(message)
        self.community = bytes(v2c.apiMessage.get_community(message)).decode()
        response = v2c.apiPDU.get_response(request)
        bulk = request.isSameTypeWith(v2c.GetBulkRequestPDU())
        current = [tuple(oid) for oid, _ in v2c.apiPDU.get_varbinds(request)]
        kind = "next" if bulk or request.isSameTypeWith(v2c.GetNextRequestPDU()) else "get"
        if bulk and self._no_bulk:
            v2c.apiPDU.set_error_status(response, self._no_bulk)
            v2c.apiPDU.set_varbinds(response, v2c.apiPDU.get_varbinds(request))
            v2c.apiMessage.set_pdu(message, response)
            self.transport.sendto(encoder.encode(message), where)
            return
        rows = int(v2c.apiBulkPDU.get_max_repetitions(request)) if bulk else 1
        variables = []
        for _ in range(rows):
            for position, oid in enumerate(current):
                found = self._answer(kind, oid, self)
                current[position] = found[0] if found else oid
                nothing = v2c.EndOfMibView("") if kind == "next" else v2c.NoSuchObject("")
                variables.append((v2c.ObjectIdentifier(current[position]), found[1] if found else nothing))
        v2c.apiPDU.set_varbinds(response, variables[: self._most])
        v2c.apiMessage.set_pdu(message, response)
        sent = self._garble(encoder.encode(message), self.asked)
        if sent is not None:
            self.transport.sendto(sent, where)


@asynccontextmanager
async def answering(
    answer: Answer,
    garble: Callable[[bytes, int], bytes | None] = lambda data, _: data,
    most: int = 64,
    no_bulk: int = 0,
) -> AsyncIterator[tuple[str, Agent]]:
    loop = asyncio.get_running_loop()
    transport, agent = await loop.create_datagram_endpoint(
        lambda: Agent(answer, garble, most, no_bulk), local_addr=("127.0.0.1", 0)
    )
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}", agent
    finally:
        transport.close()


async def view_of(address: str, limits: Limits | None = None, wait: float = 0.3, retries: int = 0) -> SwitchView:
    reader = Reader(parse_address(address), Community(Secret(WORD)), limits, wait, retries)
    try:
        return understand(build(address, await reader.read()))
    finally:
        await reader.close()


def integer(number: int) -> Any:
    from pysnmp.proto.rfc1902 import Integer32

    return Integer32(number)


def text(data: bytes) -> Any:
    from pysnmp.proto.rfc1902 import OctetString

    return OctetString(data)


def plain(kind: str, oid: Oid, ports: int = 4) -> tuple[Oid, Any] | None:
    """A small switch that does everything right."""
    tables = {c.IF_TYPE: integer(6), c.IF_ADMIN: integer(1), c.IF_OPER: integer(1), c.IF_HIGH_SPEED: integer(1000)}
    tree = {(*column.oid, port): value for column, value in tables.items() for port in range(1, ports + 1)}
    tree |= {(*c.IF_NAME.oid, port): text(b"gi%d" % port) for port in range(1, ports + 1)}
    tree |= {(*c.BASE_PORT.oid, port): integer(port) for port in range(1, ports + 1)}
    tree[c.SYS_DESCR] = text(b"plain")
    if kind == "get":
        return (oid, tree[oid]) if oid in tree else None
    following = sorted(name for name in tree if name > oid)
    return (following[0], tree[following[0]]) if following else None


async def test_an_agent_that_does_everything_right() -> None:
    async with answering(lambda kind, oid, _: plain(kind, oid)) as (address, _):
        view = await view_of(address)
    assert ([port.name for port in view.ports], view.capacity, view.warnings) == (["gi1", "gi2", "gi3", "gi4"], 4, ())


@pytest.mark.parametrize("status", [5, 13])
async def test_an_agent_without_getbulk_is_read_row_by_row(status: int) -> None:
    """genErr(5), authorizationError... whatever it says to a GETBULK, GETNEXT is answered."""
    async with answering(lambda kind, oid, _: plain(kind, oid), no_bulk=status) as (address, _):
        view = await view_of(address)
    assert ([port.name for port in view.ports], view.capacity, view.warnings) == (["gi1", "gi2", "gi3", "gi4"], 4, ())


async def test_a_table_that_is_not_sorted_is_read_whole() -> None:
    order = [3, 1, 4, 2]

    def shuffled(kind: str, oid: Oid, agent: Agent) -> tuple[Oid, Any] | None:
        column = next((each for each in (c.IF_TYPE, c.IF_OPER, c.IF_NAME) if oid[: len(each.oid)] == each.oid), None)
        if kind != "next" or column is None:
            return plain(kind, oid)
        rest = order[order.index(oid[-1]) + 1 :] if len(oid) > len(column.oid) else order
        return plain("get", (*column.oid, rest[0])) if rest else plain("next", (*column.oid, 9))

    async with answering(shuffled) as (address, _):
        view = await view_of(address)
    assert ([port.name for port in view.ports], view.warnings) == (["gi1", "gi2", "gi3", "gi4"], ())


async def test_answers_of_three_variables_each() -> None:
    async with answering(lambda kind, oid, _: plain(kind, oid), most=3) as (address, _):
        view = await view_of(address)
    assert len(view.ports) == 4


async def test_a_table_without_end() -> None:
    def endless(kind: str, oid: Oid, agent: Agent) -> tuple[Oid, Any] | None:
        prefix = c.QFDB_PORT.oid
        if kind == "next" and oid[: len(prefix)] == prefix:
            return (*oid[:-1], oid[-1] + 1) if len(oid) > len(prefix) else (*prefix, 1, 2, 0, 0, 0, 0, 1), integer(1)
        return plain(kind, oid)

    async with answering(endless) as (address, agent):
        view = await view_of(address, Limits(rows=300))
    assert f"switch {address}, dot1qTpFdbTable: more than 300 rows" in [warning.text for warning in view.warnings]
    assert agent.asked < 60
    assert len(view.ports) == 4


async def test_a_table_that_goes_in_circles() -> None:
    def circling(kind: str, oid: Oid, agent: Agent) -> tuple[Oid, Any] | None:
        if kind == "next" and oid == (*c.IF_TYPE.oid, 3):
            return (*c.IF_TYPE.oid, 1), integer(6)
        return plain(kind, oid)

    async with answering(circling) as (address, _):
        view = await view_of(address)
    assert [port.name for port in view.ports][:3] == ["gi1", "gi2", "gi3"]
    told = [warning.text for warning in view.warnings]
    assert f"switch {address}, ifTable: the agent goes round in circles" in told


async def test_an_agent_that_chokes_on_large_questions() -> None:
    def only_small(data: bytes, asked: int) -> bytes | None:
        return data if len(data) < 300 else None

    async with answering(lambda kind, oid, _: plain(kind, oid), garble=only_small) as (address, _):
        view = await view_of(address)
    assert [port.name for port in view.ports] == ["gi1", "gi2", "gi3", "gi4"]


async def test_an_agent_that_falls_silent_in_the_middle() -> None:
    async with answering(
        lambda kind, oid, _: plain(kind, oid), garble=lambda data, asked: data if asked <= 4 else None
    ) as (address, _):
        view = await view_of(address)
    assert any("the switch stopped answering" in warning.text for warning in view.warnings)


async def test_time_runs_out() -> None:
    async def slowly(address: str) -> SwitchView:
        return await view_of(address, Limits(seconds=0.4, varbinds=6, at_once=1))

    def endless(kind: str, oid: Oid, agent: Agent) -> tuple[Oid, Any] | None:
        prefix = c.FDB_PORT.oid
        if kind == "next" and oid[: len(prefix)] == prefix:
            return (*oid[:-1], oid[-1] + 1) if len(oid) > len(prefix) else (*prefix, 2, 0, 0, 0, 0, 1), integer(1)
        return plain(kind, oid)

    async with answering(endless) as (address, _), asyncio.timeout(10):
        view = await slowly(address)
    assert any("time ran out" in warning.text for warning in view.warnings)


@pytest.mark.parametrize(
    "garble",
    [
        lambda data, asked: data[: len(data) // 2],
        lambda data, asked: b"\xff" * 40,
        lambda data, asked: data + data,
        lambda data, asked: b"",
    ],
)
async def test_datagrams_that_are_no_answers_are_silence(garble: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with answering(lambda kind, oid, _: plain(kind, oid), garble=garble) as (address, _):
        said = ""
        try:
            await view_of(address)
        except SilentError as error:
            said = f"{error} {error!r}"
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})  # nothing of it is left that could say more
    assert WORD not in caplog.text + said


async def test_values_of_the_wrong_type_are_told_and_not_believed() -> None:
    def wrong(kind: str, oid: Oid, agent: Agent) -> tuple[Oid, Any] | None:
        found = plain(kind, oid)
        if found is not None and found[0][:-1] in (c.IF_OPER.oid, c.IF_NAME.oid):
            return found[0], text(b"\xff\xfe up") if found[0][:-1] == c.IF_OPER.oid else integer(7)
        return found

    async with answering(wrong) as (address, _):
        view = await view_of(address)
    told = [warning.text for warning in view.warnings]
    assert f"switch {address}, ifTable: ifOperStatus holds something that is no number" in told
    assert f"switch {address}, ifXTable: ifName holds something that is no text" in told
    assert [port.oper for port in view.ports] == [None] * 4


async def test_errors_that_climb_are_told_at_whole_readings_too() -> None:
    """Seldom looked at, every second reading is a whole one."""

    def erring(kind: str, oid: Oid, agent: Agent) -> tuple[Oid, Any] | None:
        here, damaged = (*c.IF_IN_ERRORS.oid, 2), (*c.IF_IN_ERRORS.oid, 2) if kind == "get" else c.IF_IN_ERRORS.oid
        return (here, integer(agent.asked * 5)) if oid == damaged else plain(kind, oid)

    readings: list[SwitchReading] = []
    async with answering(erring) as (address, _), asyncio.timeout(30):
        watched = Watched(parse_address(address), Community(Secret(WORD)))
        watch = SwitchWatch([watched], readings.append, busy=0.2, whole_every=0)
        watch.hurry(True)
        looking = asyncio.create_task(watch.run())
        await until(lambda: any(each.code == "port-errors" for reading in readings for each in reading.warnings), 60)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    told = next(str(warning) for warning in readings[-1].warnings if warning.code == "port-errors")
    assert "port gi2" in told
    assert "try another cable" in told


async def test_a_switch_we_cannot_cope_with_does_not_end_the_reader(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def at_a_loss(*_: Any) -> SwitchView:
        raise KeyError(7)

    monkeypatch.setattr(worker, "understand", at_a_loss)
    async with answering(lambda kind, oid, _: plain(kind, oid)) as (address, _):
        watched = Watched(parse_address(address), Community(Secret(WORD)))
        looker = worker.Looker(watched)
        answer = await looker.answer(worker.Question(1, watched, whole=True))
        await looker._reader.close()
    assert (answer.state, answer.view) == ("refused", None)
    assert answer.error == f"what switch {address} says could not be understood"
    assert WORD not in caplog.text


async def test_a_forwarding_table_for_each_vlan_by_its_own_community() -> None:
    """As switches do that show one bridge for each VLAN to `word@vlan`; VLAN 30 is kept from us."""
    station = (0x98, 0xFA, 0x9B, 0, 0, 1)

    def per_vlan(kind: str, oid: Oid, agent: Agent) -> tuple[Oid, Any] | None:
        _, _, vlan = agent.community.partition("@")
        if vlan == "30":
            raise PermissionError(vlan)
        tree = {(*c.VLAN_STATE.oid, 1, each): integer(1) for each in (1, 20, 30, 40, 1002)}
        tree[(*c.FDB_PORT.oid, *station[:5], int(vlan or 1))] = integer(2 if vlan else 1)
        following = [name for name in tree if (name > oid if kind == "next" else name == oid)]
        ordinary = plain(kind, oid)
        best = min([*following, *([ordinary[0]] if ordinary else [])], default=None)
        return None if best is None else (best, tree[best] if best in tree else ordinary[1])

    async with answering(per_vlan) as (address, _):
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        view = await view_of(address)
    assert sorted((each.mac[-2:], each.vlan, each.if_index) for each in view.stations) == [
        ("01", None, 1),
        ("14", 20, 2),
        ("28", 40, 2),
    ]
    assert any("VLAN 30 is not shown to us" in warning.text for warning in view.warnings)
