"""Ethernet frames that no UDP socket can send or see: what DHCP servers tell others, router advertisements.

ARP and our own DHCP probes are scapy's (raw_packets.py); here is what must be quick, or comes in floods.

The codecs are pure; `packet_socket` opens a socket with a filter (packet(7), BPF) so that the daemon wakes
up only for what it wants. Hostile bytes give None.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

ETH_IP, ETH_ARP, ETH_IPV6 = 0x0800, 0x0806, 0x86DD
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
_IP = struct.Struct("!BBHHHBBH4s4s")
_UDP = struct.Struct("!HHHH")
_ROUTER_SOLICITATION, _ROUTER_ADVERTISEMENT = 133, 134

Filter = tuple[tuple[int, int, int, int], ...]

DHCP_SERVERS: Filter = (
    (0x30, 0, 0, 23), (0x15, 0, 8, 17),       # UDP
    (0x28, 0, 0, 20), (0x45, 6, 0, 0x1FFF),   # not a later fragment
    (0xB1, 0, 0, 14), (0x48, 0, 0, 14),       # source port
    (0x15, 1, 0, 67), (0x15, 0, 1, 4011),
    (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0), (0x06, 0, 0, 0),
)  # fmt: skip
"""IPv4 UDP from port 67 or 4011: what DHCP and PXE servers send."""

SOLICITATIONS: Filter = (
    (0x30, 0, 0, 20),
    (0x15, 0, 3, 58),
    (0x30, 0, 0, 54),
    (0x15, 0, 1, 133),
    (0x06, 0, 0, 0xFFFF),
    (0x06, 0, 0, 0),
)
"""ICMPv6 router solicitations without extension headers."""


@dataclass(frozen=True)
class Datagram:
    """A UDP datagram as it came in a frame."""

    mac: str
    source: IPv4Address
    port: int
    data: bytes


def packet_socket(interface: str, protocol: int, accept: Filter = ()) -> socket.socket:
    """A raw socket for frames of `protocol` on `interface`; needs CAP_NET_RAW."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    try:
        if accept:  # before it is bound, so that nothing unfiltered can be queued
            attach(sock, accept)
        sock.bind((interface, protocol))
    except BaseException:
        sock.close()
        raise
    return sock


def attach(sock: socket.socket, accept: Filter) -> None:
    """Have the kernel pass only what the filter accepts, in place of what it passed before; all, where it is empty."""
    if not accept:
        sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        return
    code = b"".join(struct.pack("=HBBI", *step) for step in accept)
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HL", len(accept), ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def read_udp(frame: bytes) -> Datagram | None:
    """The datagram in an IPv4 frame; fragments and anything cut short are none."""
    if len(frame) < 14 + _IP.size + _UDP.size or frame[14] >> 4 != 4:
        return None
    size = (frame[14] & 15) * 4
    if size < 20 or frame[23] != 17 or int.from_bytes(frame[20:22], "big") & 0x3FFF or len(frame) < 14 + size + 8:
        return None
    port, _, length, _ = _UDP.unpack_from(frame, 14 + size)
    start = 14 + size + _UDP.size
    return Datagram(frame[6:12].hex(":"), IPv4Address(frame[26:30]), port, frame[start : start + max(length - 8, 0)])


def read_solicitation(frame: bytes) -> str | None:
    """The MAC that sends a router solicitation (RFC 4861 §4.1)."""
    if len(frame) < 62 or frame[20] != 58 or frame[21] != 255 or frame[54] != _ROUTER_SOLICITATION:
        return None
    return frame[6:12].hex(":")


def no_router(mac: str, to: str, target: bytes) -> bytes:
    """To `to` alone: a router advertisement (RFC 4861 §4.2) that there is no router here (lifetime 0, no prefix).

    `target` is the 16-byte source of the solicitation, or all zeros: then it goes to all nodes' address, but
    still to this one MAC.
    """
    ours = _mac(mac)
    source = link_local(mac).packed
    where = target if any(target) else IPv6Address("ff02::1").packed
    body = struct.pack("!BBHBBHII", _ROUTER_ADVERTISEMENT, 0, 0, 64, 0, 0, 0, 0) + bytes((1, 1)) + ours
    pseudo = source + where + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    head = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + source + where
    return _mac(to) + ours + struct.pack("!H", ETH_IPV6) + head + body


def link_local(mac: str) -> IPv6Address:
    """The address that a MAC makes (RFC 4291, appendix A)."""
    raw = _mac(mac)
    return IPv6Address(b"\xfe\x80" + bytes(6) + bytes((raw[0] ^ 2,)) + raw[1:3] + b"\xff\xfe" + raw[3:])


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    words: tuple[int, ...] = struct.unpack(f"!{len(data) // 2}H", data)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
