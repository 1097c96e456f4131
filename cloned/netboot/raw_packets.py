"""Packets below UDP, built and read with scapy: ARP (RFC 826, 5227) and DHCP from a machine without an address.

Importing scapy takes half a second: import this module in a thread, and only where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from cloned.bare_scapy import bare

with bare():
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import ARP, Ether
    from scapy.packet import Packet, Raw

_NOBODY = "00:00:00:00:00:00"
_EVERYBODY = "ff:ff:ff:ff:ff:ff"
_ETHERNET, _REQUEST = 1, 1
_SMALLEST_BYTES = 60
"""Bytes of a frame without its check sum (IEEE 802.3)."""
_SENDER = slice(28, 32)
"""Where an ARP frame has its sender's IPv4 address."""


@dataclass(frozen=True)
class Arp:
    """Who says that it is at which address."""

    mac: str
    address: str


def arp_probe(mac: str, address: str) -> bytes:
    """An ARP probe (RFC 5227 §2.1.1): who has `address`, without claiming one of our own."""
    body = ARP(hwtype=_ETHERNET, op=_REQUEST, hwsrc=mac, psrc="0.0.0.0", hwdst=_NOBODY, pdst=address)  # noqa: S104
    return bytes(Ether(dst=_EVERYBODY, src=mac) / body).ljust(_SMALLEST_BYTES, b"\0")


def read_arp(frame: bytes) -> Arp | None:
    """The sender of an ARP message, if it claims an address. Hostile bytes give None."""
    if len(frame) < 42 or not any(frame[_SENDER]):
        return None  # looked at by hand first: most ARP on a network claims nothing that is ours
    try:
        said = Ether(frame).getlayer(ARP)
        return _claim(said) if said is not None else None
    except Exception:  # scapy raises whatever its fields meet in a malformed packet
        return None


def sender(frame: bytes) -> IPv4Address | None:
    """The address an ARP frame's sender claims, by its place alone: to pass over what is not of interest."""
    return IPv4Address(frame[_SENDER]) if len(frame) >= 42 else None


def _claim(said: Packet) -> Arp | None:
    if (said.hwtype, said.ptype, said.hwlen, said.plen) != (_ETHERNET, 0x0800, 6, 4):
        return None
    return Arp(str(said.hwsrc).lower(), str(IPv4Address(said.psrc)))


def dhcp_broadcast(mac: str, data: bytes) -> bytes:
    """`data` from 0.0.0.0:68 to everybody's port 67, as a machine without an address sends it."""
    head = Ether(dst=_EVERYBODY, src=mac) / IP(src="0.0.0.0", dst="255.255.255.255")  # noqa: S104
    return bytes(head / UDP(sport=68, dport=67) / Raw(data))
