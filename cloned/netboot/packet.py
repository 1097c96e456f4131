"""DHCP messages on the wire (RFC 2131, 2132, 3396): strict in what is taken, plain in what is sent.

Pure. Anything that is not a well-formed BOOTP message of an Ethernet client raises BadPacket with the
reason in words, and nothing else is ever raised: the bytes come from whoever is on the cable.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv4Address

COOKIE = b"\x63\x82\x53\x63"
ZERO = IPv4Address(0)
BROADCAST_FLAG = 0x8000
MINIMUM_BYTES = 300
"""Bytes of the smallest message sent: some boot ROMs drop shorter ones (BOOTP, RFC 951)."""
MAXIMUM_BYTES = 4096
"""Bytes of the largest message looked at."""
_FIXED = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_HEAD = struct.Struct("!BBBxIHH4s4s4s4s6s10x64s128s4s")
"""The same for reading: of the hardware address what Ethernet has, and the cookie behind it."""
_NOWHERE = bytes(4)


class Option(IntEnum):
    """Option codes (RFC 2132, 3004, 4578; 175 is iPXE's own)."""

    MASK = 1
    ROUTER = 3
    DNS = 6
    VENDOR = 43
    REQUESTED = 50
    LEASE = 51
    OVERLOAD = 52
    TYPE = 53
    SERVER = 54
    PARAMETERS = 55
    MESSAGE = 56
    RENEW = 58
    REBIND = 59
    CLASS = 60
    CLIENT_ID = 61
    TFTP_SERVER = 66
    BOOT_FILE = 67
    USER_CLASS = 77
    ARCHITECTURE = 93
    MACHINE_ID = 97
    IPXE = 175


class MessageType(IntEnum):
    """DHCP message types (option 53)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


_KINDS = {bytes((kind,)): kind for kind in MessageType}


class BadPacket(ValueError):  # noqa: N818 - it names what came, not what we did
    """The bytes are no DHCP message that we answer."""


@dataclass(slots=True)
class Packet:
    """One message; `options` in the order they are sent, and ZERO itself where there is no address.

    Nobody changes one; it is not frozen because making one that is takes three times as long, and thousands come.
    """

    op: int
    xid: int
    mac: str
    """Lower case with colons."""
    secs: int = 0
    flags: int = 0
    ciaddr: IPv4Address = ZERO
    yiaddr: IPv4Address = ZERO
    siaddr: IPv4Address = ZERO
    giaddr: IPv4Address = ZERO
    sname: bytes = b""
    file: bytes = b""
    options: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def kind(self) -> MessageType | None:
        """The DHCP message type; None for plain BOOTP or a type that we don't know."""
        return _KINDS.get(self.options.get(Option.TYPE, b""))

    def address(self, option: int) -> IPv4Address | None:
        """The address that `option` holds; None if it is absent or no address."""
        value = self.options.get(option, b"")
        return address_of(value) if len(value) == 4 else None

    def text(self, option: int) -> str:
        """`option` as printable ASCII, up to its first NUL; anything else becomes `?`."""
        return printable(self.options.get(option, b""))


class KnownAddress(IPv4Address):
    """An address that knows its text and bytes: both take a microsecond to make, and are asked for again and again."""

    __slots__ = ("_bytes", "_text")

    def __init__(self, four: bytes, text: str = "") -> None:
        """`text`: the same, where it is known already."""
        super().__init__(int.from_bytes(four))
        self._bytes, self._text = four, text or super().__str__()

    def __str__(self) -> str:
        """Dotted."""
        return self._text

    @property
    def packed(self) -> bytes:
        """Four bytes."""
        return self._bytes


@lru_cache(maxsize=4096)
def address_of(four: bytes) -> IPv4Address:
    """The address that four bytes are; ZERO itself for zeros."""
    return KnownAddress(four) if any(four) else ZERO


@lru_cache(maxsize=4096)
def address_in(text: str) -> IPv4Address:
    """The address that a text of ours names: one that `str` of an address made."""
    return KnownAddress(bytes(map(int, text.split("."))), text)


def decode(data: bytes) -> Packet:
    """Understand a datagram, or raise BadPacket."""
    if not _FIXED.size + len(COOKIE) <= len(data) <= MAXIMUM_BYTES:
        raise BadPacket(f"{len(data)} bytes are no DHCP message")
    op, htype, hlen, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, mac, sname, file, cookie = _HEAD.unpack_from(
        data
    )
    if op not in (1, 2) or htype != 1 or hlen != 6:
        raise BadPacket(f"op {op}, hardware type {htype}, address length {hlen}: not Ethernet BOOTP")
    if cookie != COOKIE:
        raise BadPacket("no DHCP magic cookie")
    options = _options(data, _HEAD.size)
    if Option.OVERLOAD in options:  # RFC 2132 §9.3: options go on in `file`, then in `sname`
        overload = options[Option.OVERLOAD]
        if overload in (b"\1", b"\3"):
            options, file = _joined(options, _options(file)), b""
        if overload in (b"\2", b"\3"):
            options, sname = _joined(options, _options(sname)), b""
    return Packet(
        op=op,
        xid=xid,
        mac=mac.hex(":"),
        secs=secs,
        flags=flags,
        ciaddr=ZERO if ciaddr == _NOWHERE else address_of(ciaddr),
        yiaddr=ZERO if yiaddr == _NOWHERE else address_of(yiaddr),
        siaddr=ZERO if siaddr == _NOWHERE else address_of(siaddr),
        giaddr=ZERO if giaddr == _NOWHERE else address_of(giaddr),
        sname=sname.split(b"\0", 1)[0],
        file=file.split(b"\0", 1)[0],
        options=options,
    )


def encode(packet: Packet) -> bytes:
    """The bytes to send, padded to 300. Options longer than 255 bytes are split (RFC 3396)."""
    fixed = _FIXED.pack(
        packet.op,
        1,
        6,
        0,
        packet.xid,
        packet.secs,
        packet.flags,
        _NOWHERE if packet.ciaddr is ZERO else packet.ciaddr.packed,
        _NOWHERE if packet.yiaddr is ZERO else packet.yiaddr.packed,
        _NOWHERE if packet.siaddr is ZERO else packet.siaddr.packed,
        _NOWHERE if packet.giaddr is ZERO else packet.giaddr.packed,
        bytes.fromhex(packet.mac.replace(":", "")),
        packet.sname[:63],
        packet.file[:127],
    )
    return (fixed + _body(tuple(packet.options.items()))).ljust(MINIMUM_BYTES, b"\0")


@lru_cache(maxsize=1024)
def _body(options: tuple[tuple[int, bytes], ...]) -> bytes:
    """Cookie and options. Kept: most of our answers differ in nothing but addresses, which stand before them."""
    return COOKIE + b"".join(map(_written, options)) + b"\xff"


def printable(value: bytes) -> str:
    """Up to its first NUL as printable ASCII; anything else becomes `?`."""
    return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in value.split(b"\0", 1)[0])


def is_host(address: IPv4Address) -> bool:
    """Whether a machine can have this address."""
    return not (address.is_multicast or address.is_loopback or address.is_reserved or address.is_unspecified)


def user_classes(data: bytes) -> list[bytes]:
    """The instances of option 77: a list of words with their lengths (RFC 3004 §4), else the one word it is.

    NULs that somebody padded a word or the list with belong to neither.
    """
    found, at = [], 0
    while at < len(data):
        length = data[at]
        if at + 1 + length > len(data):
            return [data.rstrip(b"\0")]
        found.append(data[at + 1 : at + 1 + length].rstrip(b"\0"))
        at += 1 + length
    return [each for each in found if each]


def suboptions(data: bytes) -> dict[int, bytes]:
    """The encapsulated options of a vendor field; what is cut short is left out rather than refused."""
    found: dict[int, bytes] = {}
    try:
        for code, value in _walk(data):
            found[code] = value
    except BadPacket:
        pass
    return found


def _written(option: tuple[int, bytes]) -> bytes:
    code, value = option
    if len(value) <= 255:
        return bytes((code, len(value))) + value
    parts = (value[at : at + 255] for at in range(0, len(value), 255))
    return b"".join(bytes((code, len(part))) + part for part in parts)


def _options(data: bytes, at: int = 0) -> dict[int, bytes]:
    """Every option of a field from `at` on; the parts of one that comes several times are joined (RFC 3396)."""
    found: dict[int, bytes] = {}
    for code, value in _walk(data, at):
        found[code] = found[code] + value if code in found else value
    return found


def _joined(first: dict[int, bytes], more: dict[int, bytes]) -> dict[int, bytes]:
    return {code: first.get(code, b"") + more.get(code, b"") for code in {**first, **more}}


def _walk(data: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield (code, value) up to the end option or the end of the field."""
    size = len(data)
    while at < size and (code := data[at]) != 255:
        at += 1
        if code == 0:
            continue
        if at >= size or (end := at + 1 + data[at]) > size:
            raise BadPacket(f"option {code} is cut short")
        yield code, data[at + 1 : end]
        at = end
