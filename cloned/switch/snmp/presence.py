"""Why a switch is silent: is nothing there, is SNMP off, or does it know our community not?

SNMP v2c answers a wrong community with silence (RFC 1157 §4.1), so three other questions are put:
an SNMP v3 engine discovery (RFC 3414 §4), which an agent answers whatever its communities; the
ICMP "port unreachable" that a host without an agent sends; and whether the address answered ARP.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from enum import StrEnum

from cloned.switch.snmp.credentials import Address

WAIT_SECONDS = 0.7
"""Seconds for one answer."""


class Presence(StrEnum):
    """What can be known of an agent that did not answer us."""

    SPEAKS = "speaks"
    """SNMP answers there: not to this community."""
    CLOSED = "closed"
    """A host is there, without SNMP."""
    THERE = "there"
    """A host is there; it answers no SNMP at all."""
    NOTHING = "nothing"
    """No host answers at this address."""
    UNKNOWN = "unknown"


HINTS = {
    Presence.SPEAKS: "SNMP answers there, so the community is wrong, or SNMP v2c or our address is not allowed",
    Presence.CLOSED: "a machine is there but SNMP is off: enable it on the switch, or check the address and port",
    Presence.THERE: "a machine is there but says nothing by SNMP: is SNMP on, and the community right?",
    Presence.NOTHING: "nothing is at this address: is the switch on, plugged in, and the address right?",
    Presence.UNKNOWN: "is it on, at this address, with SNMP v2c enabled? A wrong community is answered by silence too",
}


def _kernel_says(address: str) -> bool | str | None:
    from cloned.netlink import neighbour  # half a second of imports, which a switch that answers need not wait for

    return neighbour(address)


async def presence(address: Address, arp: Callable[[str], bool | str | None] = _kernel_says) -> Presence:
    """Ask `address` in other ways; never raises, takes at most about a second.

    `arp` says what the kernel knows of an address: its MAC, False if it was asked in vain, None if never.
    """
    answer = await _discovery(address)
    if answer is not None:
        return answer
    try:
        known = arp(address.host)
    except (OSError, ValueError):  # no address but a name
        known = None
    if known is None:
        return Presence.UNKNOWN
    return Presence.THERE if known else Presence.NOTHING


async def _discovery(address: Address) -> Presence | None:
    """SPEAKS if an engine discovery is answered, CLOSED if the port is refused, else None."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
    except OSError:
        return None
    family, kind, proto, _, where = found[0]
    with socket.socket(family, kind, proto) as probe:
        probe.setblocking(False)
        try:
            await loop.sock_connect(probe, where)
            await loop.sock_sendall(probe, engine_discovery())
            async with asyncio.timeout(WAIT_SECONDS):
                answer = await loop.sock_recv(probe, 2048)
        except ConnectionRefusedError:
            return Presence.CLOSED
        except (TimeoutError, OSError):
            return None
    return Presence.SPEAKS if answer[:1] == b"\x30" and answer != engine_discovery() else None


def engine_discovery() -> bytes:
    """An SNMP v3 message without user, engine and variables: whoever gets it reports its engine id."""
    header = _sequence(_integer(1), _integer(65507), _octets(b"\x04"), _integer(3))
    security = _sequence(_octets(b""), _integer(0), _integer(0), _octets(b""), _octets(b""), _octets(b""))
    get = _tlv(0xA0, _integer(1) + _integer(0) + _integer(0) + _sequence())
    return _sequence(_integer(3), header, _octets(security), _sequence(_octets(b""), _octets(b""), get))


def _tlv(tag: int, content: bytes) -> bytes:
    """BER with a definite short length: nothing here is longer than 127 octets."""
    return bytes((tag, len(content))) + content


def _integer(number: int) -> bytes:
    return _tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _octets(content: bytes) -> bytes:
    return _tlv(0x04, content)


def _sequence(*parts: bytes) -> bytes:
    return _tlv(0x30, b"".join(parts))
