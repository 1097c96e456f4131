"""What goes over the wire in a piece stream, to the byte (casting/PROTOCOL.md says why).

All numbers are big-endian. Decoders are strict: anything malformed, of another version or of another
session gives None, so a foreign packet costs nothing but the look at it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct

from cloned.order_types import StreamPlace
from cloned.stream import bitsets

MAGIC = b"cl"
VERSION = 1

DATA, MARK, ASK, REPAIR, BYE, ANSWER = 1, 2, 3, 4, 5, 6

HEADER_BYTES = 32
"""Bytes before the payload of a data packet."""

PAYLOAD_BYTES = 1440
"""Bytes of a frame in a data packet; only a frame's last packet may carry fewer."""

PACKET = HEADER_BYTES + PAYLOAD_BYTES
"""1,472 = an MTU of 1,500 less 20 bytes of IPv4 and 8 of UDP."""

WIRE_BYTES = PACKET + 8 + 20 + 38
"""Bytes a full packet takes on Ethernet: UDP, IPv4, header, checksum, preamble and gap."""

BURST = 44
"""Full packets in one system call: as many as fit into a 65,507 byte datagram before it is segmented."""

MAX_FRAME_BYTES = 8 * 1024 * 1024
"""No piece's frame is longer: 4 MiB that do not compress take some hundred bytes more."""

MAX_PACKETS = -(-MAX_FRAME_BYTES // PAYLOAD_BYTES)

SEQUENCES = 1 << 32
"""Sequence numbers of an epoch: 6 TB."""

_HIGH = bytes(index >> 8 for index in range(MAX_PACKETS))
_LOW = bytes(index & 255 for index in range(MAX_PACKETS))

HELD_BY = ("network", "processor", "disk")
"""What can hold a receiver up, in the order of their numbers on the wire."""

_TOP = Struct("!2sBBQ")
_PREFIX = Struct("!2sBBQIHI")
_STAMP = Struct("!II")
DATA_HEADER = Struct("!22sHII")
"""Prefix (the same for all packets of a frame), index, epoch, offset."""

_REQUEST = Struct("!2sBBQQIII")
_ASK = Struct("!QQHBBBIH")
_ENTRY = Struct("!IHHBH")
_ANSWER = Struct("!IIIHB")

PREFIX = _PREFIX.size
ASK_ROOM = PACKET - _REQUEST.size - _ASK.size
"""Bytes that say which pieces are wanted."""

UNICAST = 1
"""Flag of an ask: this receiver fetches its pieces one by one and wants none by multicast."""

DEAF = 2
"""Flag of an answer: what was multicast does not seem to reach this receiver. Bit 0 is reserved (a paused session)."""


@dataclass(frozen=True)
class StreamAddress:
    """Where a session's stream is heard and asked for; stays the same when the daemon restarts."""

    session: int
    """64 random bits that every packet of the session carries."""
    group: str
    """IPv4 multicast address (239.0.0.0/8, RFC 2365)."""
    port: int
    """UDP port of the data on the group."""
    server: str
    """IPv4 address that requests go to."""
    request_port: int

    def to_json(self) -> StreamPlace:
        """As plain data."""
        return {
            "session": f"{self.session:016x}",
            "group": self.group,
            "port": self.port,
            "server": self.server,
            "request_port": self.request_port,
        }

    @classmethod
    def from_json(cls, data: StreamPlace) -> StreamAddress:
        """The inverse of `to_json`."""
        return cls(
            int(data["session"], 16),
            str(data["group"]),
            int(data["port"]),
            str(data["server"]),
            int(data["request_port"]),
        )


@dataclass(frozen=True)
class Prefix:
    """The part of a data packet's header that all packets of a frame share."""

    session: int
    piece: int
    count: int
    """Packets in the frame."""
    crc: int
    """CRC-32 of the frame."""


@dataclass(frozen=True)
class Data:
    """One data packet, taken apart."""

    prefix: bytes
    index: int
    epoch: int
    sequence: int
    payload: bytes


@dataclass(frozen=True)
class Mark:
    """Says how far the sender has come when it has nothing to send."""

    session: int
    epoch: int
    sequence: int


@dataclass(frozen=True)
class Ask:
    """A receiver's state and the pieces it wants that are not begun yet."""

    session: int
    receiver: int
    number: int
    epoch: int
    through: int
    """Sequence number in `epoch` that came last; all sent later is still on its way. -1: nothing came yet."""
    received: int
    lost: int
    """Data packets received, and missed between those, since this receiver began."""
    room: int
    """Pieces it can begin now."""
    held_by: str = "network"
    unicast: bool = False
    wants: int = 0
    """Bit set of pieces (stream/bitsets.py)."""


@dataclass(frozen=True)
class Repair:
    """What a receiver lacks of pieces it has begun."""

    session: int
    receiver: int
    number: int
    epoch: int
    through: int
    missing: Sequence[tuple[int, int, int]] = ()
    """(piece, packets in its frame, bit set of missing packets)."""


@dataclass(frozen=True)
class Bye:
    """A receiver needs nothing more."""

    session: int
    receiver: int
    number: int


@dataclass(frozen=True)
class Answer:
    """The sender heard a receiver; sent to that receiver alone, at most once a second."""

    session: int
    receiver: int
    number: int
    epoch: int
    sequence: int
    receivers: int
    flags: int


Request = Ask | Repair | Bye


def packet_count(length: int) -> int:
    """Packets that a frame of `length` bytes takes."""
    return -(-length // PAYLOAD_BYTES)


def frame_crc(frame: bytes) -> int:
    """The CRC that data packets of this frame carry."""
    return zlib.crc32(frame)


def prefix(session: int, piece: int, count: int, crc: int) -> bytes:
    """The 22 bytes that begin every packet of a frame."""
    return _PREFIX.pack(MAGIC, VERSION, DATA, session, piece, count, crc)


def read_prefix(data: bytes) -> Prefix | None:
    """Take a data packet's first 22 bytes apart; None if they are not ours."""
    if len(data) < PREFIX:
        return None
    magic, version, kind, session, piece, count, crc = _PREFIX.unpack_from(data)
    if magic != MAGIC or version != VERSION or kind != DATA or not 0 < count <= MAX_PACKETS:
        return None
    return Prefix(session, piece, count, crc)


def packetize(top: bytes, frame: bytes) -> bytearray:
    """All packets of a frame, one after the other, PACKET bytes each but for the last; `stamp` before sending."""
    blank = bytes(HEADER_BYTES)
    parts: list[bytes] = []
    for start in range(0, len(frame), PAYLOAD_BYTES):
        parts += (blank, frame[start : start + PAYLOAD_BYTES])
    packets = bytearray().join(parts)
    count = packet_count(len(frame))
    for column, byte in enumerate(top):
        packets[column::PACKET] = bytes((byte,)) * count
    packets[PREFIX::PACKET] = _HIGH[:count]
    packets[PREFIX + 1 :: PACKET] = _LOW[:count]
    return packets


def stamp(packets: bytearray, start: int, end: int, epoch: int, sequence: int) -> None:
    """Give packets start … end-1 the sequence numbers from `sequence` on."""
    values = _STAMP.pack(epoch, (sequence - start) % SEQUENCES)
    for column, byte in enumerate(values, PREFIX + 2):
        packets[start * PACKET + column : end * PACKET : PACKET] = bytes((byte,)) * (end - start)


def read_data(packet: bytes) -> Data | None:
    """Take one data packet apart; None if it is malformed. The session is the caller's to compare."""
    top = read_prefix(packet)
    if top is None or not HEADER_BYTES < len(packet) <= PACKET:
        return None
    head, index, epoch, offset = DATA_HEADER.unpack_from(packet)
    if index >= top.count or (len(packet) != PACKET and index != top.count - 1):
        return None
    return Data(head, index, epoch, (offset + index) % SEQUENCES, bytes(packet[HEADER_BYTES:]))


def mark(mark: Mark) -> bytes:
    """Encode a mark: a data header without a piece."""
    top = _PREFIX.pack(MAGIC, VERSION, MARK, mark.session, 0, 0, 0)
    return DATA_HEADER.pack(top, 0, mark.epoch, mark.sequence)


def read_mark(packet: bytes) -> Mark | None:
    """Decode a mark."""
    if len(packet) != HEADER_BYTES or packet[:4] != MAGIC + bytes((VERSION, MARK)):
        return None
    top, index, epoch, sequence = DATA_HEADER.unpack(packet)
    _, _, _, session, piece, count, crc = _PREFIX.unpack(top)
    return None if index or piece or count or crc else Mark(session, epoch, sequence)


def ask(ask: Ask) -> bytes:
    """Encode an ask; wants that find no room in the packet are left out, highest first."""
    base, coding, body = bitsets.encode(ask.wants, ASK_ROOM)
    flags = UNICAST if ask.unicast else 0
    tail = _ASK.pack(
        ask.received, ask.lost, min(ask.room, 0xFFFF), HELD_BY.index(ask.held_by), flags, coding, base, len(body)
    )
    return _request(ASK, ask) + tail + body


def repairs(ask: Ask, missing: Iterable[tuple[int, int, int]], most: int) -> list[bytes]:
    """Encode what is missing of begun pieces into at most `most` packets that belong to `ask`."""
    packets: list[bytes] = []
    head = _request(REPAIR, ask)
    body = b""
    for piece, count, members in missing:
        entry = _entry(piece, count, members)
        if len(head) + len(body) + len(entry) > PACKET:
            packets.append(head + body)
            body = b""
            if len(packets) == most:
                return packets
        body += entry
    return [*packets, head + body] if body else packets


def bye(bye: Bye) -> bytes:
    """Encode a bye."""
    return _REQUEST.pack(MAGIC, VERSION, BYE, bye.session, bye.receiver, bye.number, 0, 0)


def read_request(packet: bytes, session: int, pieces: int) -> Request | None:
    """Decode what a receiver sent to the server; None if malformed or not of `session`, which has `pieces` pieces."""
    if not _REQUEST.size <= len(packet) <= PACKET:
        return None
    magic, version, kind, named, receiver, number, epoch, after = _REQUEST.unpack_from(packet)
    if magic != MAGIC or version != VERSION or named != session:
        return None
    body = packet[_REQUEST.size :]
    if kind == BYE:
        return Bye(session, receiver, number) if not (body or epoch or after) else None
    if kind == REPAIR:
        missing = _read_entries(body, pieces)
        return Repair(session, receiver, number, epoch, after - 1, missing) if missing else None
    return _read_ask((session, receiver, number, epoch, after - 1), body, pieces) if kind == ASK else None


def answer(answer: Answer) -> bytes:
    """Encode an answer."""
    top = _TOP.pack(MAGIC, VERSION, ANSWER, answer.session) + answer.receiver.to_bytes(8, "big")
    receivers = min(answer.receivers, 0xFFFF)
    return top + _ANSWER.pack(answer.number, answer.epoch, answer.sequence, receivers, answer.flags)


def read_answer(packet: bytes) -> Answer | None:
    """Decode an answer."""
    if len(packet) != _TOP.size + 8 + _ANSWER.size:
        return None
    magic, version, kind, session = _TOP.unpack_from(packet)
    if magic != MAGIC or version != VERSION or kind != ANSWER:
        return None
    receiver = int.from_bytes(packet[_TOP.size : _TOP.size + 8], "big")
    return Answer(session, receiver, *_ANSWER.unpack_from(packet, _TOP.size + 8))


def _request(kind: int, ask: Ask) -> bytes:
    return _REQUEST.pack(MAGIC, VERSION, kind, ask.session, ask.receiver, ask.number, ask.epoch, ask.through + 1)


def _read_ask(top: tuple[int, int, int, int, int], body: bytes, pieces: int) -> Ask | None:
    if len(body) < _ASK.size:
        return None
    received, lost, room, held_by, flags, coding, base, length = _ASK.unpack_from(body)
    if held_by >= len(HELD_BY) or flags & ~UNICAST or length != len(body) - _ASK.size:
        return None
    wants = bitsets.decode(base, coding, body[_ASK.size :], pieces)
    if wants is None:
        return None
    return Ask(*top, received, lost, room, HELD_BY[held_by], bool(flags & UNICAST), wants)


def _entry(piece: int, count: int, members: int) -> bytes:
    base, coding, body = bitsets.encode(members, PACKET - _REQUEST.size - _ENTRY.size)
    return _ENTRY.pack(piece, count, base, coding, len(body)) + body


def _read_entries(body: bytes, pieces: int) -> list[tuple[int, int, int]] | None:
    """What a repair packet lists; None if any of it is malformed."""
    found = []
    at = 0
    while at < len(body):
        if len(body) - at < _ENTRY.size:
            return None
        piece, count, base, coding, length = _ENTRY.unpack_from(body, at)
        at += _ENTRY.size + length
        if piece >= pieces or not 0 < count <= MAX_PACKETS or at > len(body):
            return None
        members = bitsets.decode(base, coding, body[at - length : at], count)
        if not members:
            return None
        found.append((piece, count, members))
    return found
