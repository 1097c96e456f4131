"""What a boot ROM does on the wire, for thin laptops: DHCP as PXE firmware and as iPXE, then TFTP.

Packets are those of RFC 2131, 4578 (PXE options) and 1350, 2347 to 2349 (TFTP); which options firmware sends
was seen on OVMF and iPXE.
"""

from __future__ import annotations

import random
import socket
import struct
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from cloned.netboot.packet import BROADCAST_FLAG, ZERO, BadPacket, MessageType, Option, Packet, decode, encode

BIOS_ARCH, UEFI_ARCH = 0, 7
_ASKED = bytes((1, 3, 6, 43, 54, 60, 66, 67, 97, 175))
_IPXE_FEATURES = bytes((0x13, 1, 1, 0x12, 1, 1, 0x18, 1, 1))
"""Sub-options of option 175: HTTP, DNS, menus."""
_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each question is asked again; after the last a boot ROM gives up."""
_RRQ, _DATA, _ACK, _ERROR, _OACK = 1, 3, 4, 5, 6
_BLOCK = 1468


class BootError(Exception):
    """A laptop could not boot; the message is what its screen would show."""


@dataclass(frozen=True)
class OfferedLease:
    """The address and boot file that DHCP gave."""

    address: IPv4Interface
    router: IPv4Address | None
    server: IPv4Address
    """Whom the boot file is fetched from (siaddr)."""
    file: str


def dhcp(nic: str, mac: str, machine: bytes, arch: int, *, ipxe: bool) -> OfferedLease:
    """DISCOVER, OFFER, REQUEST, ACK as firmware (`ipxe` False) or as iPXE; BootError if nobody answers.

    `machine` is the SMBIOS UUID in the byte order of the wire (16 bytes).
    """
    with _dhcp_socket(nic) as channel:
        options = _options(machine, arch, ipxe=ipxe)
        xid = random.getrandbits(32)
        offer = _exchange(
            channel, Packet(1, xid, mac, 0, BROADCAST_FLAG, options={53: b"\1", **options}), MessageType.OFFER
        )
        server = offer.options.get(Option.SERVER, b"")
        wish = {53: b"\3", Option.REQUESTED: offer.yiaddr.packed, Option.SERVER: server, **options}
        ack = _exchange(channel, Packet(1, xid, mac, 0, BROADCAST_FLAG, options=wish), MessageType.ACK)
    return _lease(offer, ack)


def _lease(offer: Packet, ack: Packet) -> OfferedLease:
    """The boot file stands in the ACK of a leasing server, or was in a proxy's offer."""
    mask = ack.options.get(Option.MASK, b"\xff\xff\xff\0")
    length = f"{int.from_bytes(mask, 'big'):032b}".count("1")
    server = ack.siaddr if ack.siaddr != ZERO else offer.siaddr
    router = ack.options.get(Option.ROUTER, b"")[:4]
    file = ack.text(Option.BOOT_FILE) or ack.file.decode("ascii", "replace") or offer.text(Option.BOOT_FILE)
    if not file:
        raise BootError("PXE-E53: No boot filename received")
    gateway = IPv4Address(router) if len(router) == 4 else None
    return OfferedLease(IPv4Interface(f"{ack.yiaddr}/{length}"), gateway, server, file)


def _options(machine: bytes, arch: int, *, ipxe: bool) -> dict[int, bytes]:
    options: dict[int, bytes] = {
        Option.PARAMETERS: _ASKED,
        57: struct.pack("!H", 1472),  # maximum message size
        Option.ARCHITECTURE: struct.pack("!H", arch),
        94: bytes((1, 3, 10)),  # UNDI 3.10
        Option.MACHINE_ID: b"\0" + machine,
        Option.CLASS: f"PXEClient:Arch:{arch:05d}:UNDI:003010".encode(),
    }
    if ipxe:
        options |= {Option.USER_CLASS: b"iPXE", Option.IPXE: _IPXE_FEATURES}
    return options


def _dhcp_socket(nic: str) -> socket.socket:
    channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, nic.encode() + b"\0")
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    channel.bind(("", 68))
    return channel


def _exchange(channel: socket.socket, question: Packet, wanted: MessageType) -> Packet:
    """Ask until the right kind of answer to this transaction comes."""
    for wait in _WAITS:
        channel.sendto(encode(question), ("255.255.255.255", 67))
        until = time.monotonic() + wait
        while (left := until - time.monotonic()) > 0:
            channel.settimeout(left)
            answer = _receive(channel)
            if answer is None or answer.xid != question.xid or answer.op != 2:
                continue
            if answer.kind is wanted and (answer.yiaddr != ZERO):
                return answer
            if answer.kind is MessageType.NAK:
                raise BootError("PXE-E51: the DHCP server refused the address it had offered")
    raise BootError("PXE-E51: No DHCP or proxyDHCP offers were received")


def _receive(channel: socket.socket) -> Packet | None:
    try:
        return decode(channel.recv(4096))
    except (TimeoutError, BadPacket):
        return None


def tftp(server: IPv4Address, name: str, *, probe: bool = False) -> bytes:
    """Fetch a file by TFTP, after a probe for its size as UEFI does where `probe`; BootError if it fails."""
    if probe:
        _Transfer(server, name, {"tsize": "0", "blksize": str(_BLOCK)}).probe()
    return _Transfer(server, name, {"tsize": "0", "blksize": str(_BLOCK), "windowsize": "4"}).fetch()


class _Transfer:
    """One read request and what follows."""

    def __init__(self, server: IPv4Address, name: str, options: dict[str, str]) -> None:
        words = [name, "octet", *(word for pair in options.items() for word in pair)]
        self._request = struct.pack("!H", _RRQ) + b"".join(word.encode() + b"\0" for word in words)
        self._name = name
        self._peer = (str(server), 69)
        self._block_size = 512
        self._window = 1
        self._last = self._request
        self._channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._channel.bind(("", 0))

    def probe(self) -> None:
        """Learn that the file is there, then abort with error 8 as firmware does (RFC 2347)."""
        with self._channel:
            self._send(self._request)
            self._answer()
            self._send(struct.pack("!HH", _ERROR, 8) + b"option negotiation\0")

    def fetch(self) -> bytes:
        """The whole file."""
        with self._channel:
            self._send(self._request)
            data, block, unacknowledged = bytearray(), 0, 0
            while True:
                code, number, body = self._answer()
                if code == _OACK:
                    self._agree(body)
                    self._acknowledge(0)
                elif code == _DATA and number == (block + 1) & 0xFFFF:
                    data += body
                    block, unacknowledged = number, unacknowledged + 1
                    last = len(body) < self._block_size
                    if last or unacknowledged >= self._window:
                        self._acknowledge(block)
                        unacknowledged = 0
                    if last:
                        return bytes(data)
                elif code == _DATA:
                    self._acknowledge(block)
                    unacknowledged = 0

    def _agree(self, body: bytes) -> None:
        words = body.rstrip(b"\0").split(b"\0")
        agreed = {key.lower(): value for key, value in zip(words[::2], words[1::2], strict=False)}
        self._block_size = int(agreed.get(b"blksize", b"512"))
        self._window = int(agreed.get(b"windowsize", b"1"))

    def _answer(self) -> tuple[int, int, bytes]:
        """(opcode, block number, body) of the next packet; asks again when none comes."""
        for wait in _WAITS:
            self._channel.settimeout(wait)
            try:
                data, self._peer = self._channel.recvfrom(65536)
            except TimeoutError:
                self._send(self._last)
                continue
            code = int.from_bytes(data[:2], "big")
            if code == _ERROR:
                words = data[4:].split(b"\0")[0].decode("ascii", "replace")
                raise BootError(f"PXE-E3B: TFTP error for {self._name}: {words}")
            if code == _OACK:
                return code, 0, data[2:]
            return code, int.from_bytes(data[2:4], "big"), data[4:]
        raise BootError(f"PXE-E32: TFTP open timeout for {self._name}")

    def _acknowledge(self, block: int) -> None:
        self._last = struct.pack("!HH", _ACK, block)
        self._send(self._last)

    def _send(self, data: bytes) -> None:
        self._channel.sendto(data, self._peer)
