"""What a silent switch may be."""

from __future__ import annotations

import asyncio
import socket

import pytest

from cloned.switch.snmp.credentials import Address
from cloned.switch.snmp.faults import SilentError
from cloned.switch.snmp.presence import HINTS, Presence, engine_discovery, presence


@pytest.mark.parametrize(("known", "kind"), [
    ("98:fa:9b:25:70:08", Presence.THERE), (False, Presence.NOTHING), (None, Presence.UNKNOWN),
])  # fmt: skip
async def test_what_the_kernel_knows_of_a_silent_address(known: bool | str | None, kind: Presence) -> None:
    assert await presence(Address("no such host.invalid"), lambda _: known) is kind


def test_the_discovery_is_a_v3_message_of_rfc_3414() -> None:
    assert engine_discovery().hex() == (
        "3038020103300e020101020300ffe30401040201030410300e0400020100020100040004000400"
        "301104000400a00b0201010201000201003000"
    )


@pytest.mark.wire
async def test_a_port_that_refuses_and_one_that_answers() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert await presence(Address("127.0.0.1", port), lambda _: None) in (Presence.CLOSED, Presence.UNKNOWN)

    class Agent(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, where: object) -> None:
            self.transport.sendto(b"\x30\x00", where)  # type: ignore[attr-defined]

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Agent, local_addr=("127.0.0.1", 0))
    try:
        found = await presence(Address("127.0.0.1", transport.get_extra_info("sockname")[1]))
    finally:
        transport.close()
    assert found is Presence.SPEAKS


async def test_a_name_that_means_nothing_is_unknown() -> None:
    assert await presence(Address("no such host.invalid"), lambda _: None) is Presence.UNKNOWN


def test_silence_in_words() -> None:
    for kind in Presence:
        assert HINTS[kind] in str(SilentError("10.0.0.2", presence=kind))
    assert "SNMP v3" in str(SilentError("10.0.0.2", v3=True))
    assert "plugged in" in str(SilentError("10.0.0.2", v3=True, presence=Presence.NOTHING))
