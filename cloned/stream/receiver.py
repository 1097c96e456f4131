"""What a receiver holds of a stream and asks for next: pure decisions, without clock, sockets or threads.

An example: pieces 3 and 4 are wanted, two may be held. Packets of piece 9 come: not wanted, only counted. Packet 0 of
piece 3 comes: it is begun, which leaves room for one. Piece 4 is first heard of at its packet 90 of 100: more than a
quarter has gone by, so it is not begun, and the sender will choose it again. A round of asking says: I want piece 4,
have room for one, saw number 1234 last, and of piece 3 packets 17 and 18 are missing. They come, piece 3 is complete
and held until it is on the disk.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import Struct

from cloned.stream import bitsets
from cloned.stream.packets import (
    DATA_HEADER,
    HEADER_BYTES,
    PACKET,
    PAYLOAD_BYTES,
    SEQUENCES,
    Answer,
    Ask,
    Bye,
    ask,
    bye,
    read_data,
    read_mark,
    read_prefix,
    repairs,
)

REPAIR_PACKETS = 6
"""Most repair packets in one round of asking."""

BEGIN_WITHIN = 4
"""A piece is begun if this part (a quarter) of its packets has not gone by yet: the rest costs the others a repair."""

CHUNK = 88
"""Packets read from a frame at once: with 124 KiB the memory stays in the processor's cache and is never given back."""

_PAYLOADS = Struct(f"{HEADER_BYTES}x{PAYLOAD_BYTES}s" * CHUNK)

LANDING_BYTES = 65536
"""Bytes that one call may bring: as much as the kernel ever puts together."""

_LACKED = bytes((ord("1"), *[ord("0")] * 255))


@dataclass
class Begun:
    """A piece of which some packets are here, each at its place and with its header still on."""

    prefix: bytes
    count: int
    crc: int
    packets: memoryview
    """Often longer than what belongs to the piece."""
    have: bytearray
    """One byte for each packet: 1 if it is here."""
    left: int
    length: int
    """Bytes of all packets; known once the last one is here."""
    strikes: int = 0
    next: int = 0
    """Index after the packet that came last: where the next ones probably belong."""

    def missing(self) -> int:
        """Bit set of the packets that are not here."""
        return int(self.have.translate(_LACKED)[::-1], 2)


class Frame:
    """A piece of which all packets are here; read it once, from its start, as a file."""

    def __init__(self, piece: int, packets: memoryview, crc: int) -> None:
        self.piece = piece
        self._packets, self._crc = packets, crc
        self._at = 0
        self._found = 0
        self._checks_itself = _checks_itself(bytes(packets[HEADER_BYTES : HEADER_BYTES + 5]))

    def read(self, size: int = -1) -> bytes:
        """The next CHUNK packets' payloads; empty at the end. `size` is for those who expect a file."""
        del size
        start, self._at = self._at, self._at + CHUNK * PACKET
        if self._at <= len(self._packets):
            chunk = b"".join(_PAYLOADS.unpack_from(self._packets, start))
        else:
            starts = range(start + HEADER_BYTES, len(self._packets), PACKET)
            chunk = b"".join([self._packets[each : each + PAYLOAD_BYTES] for each in starts])
        if not self._checks_itself:
            self._found = zlib.crc32(chunk, self._found)
        return chunk

    def sound(self) -> bool:
        """After all was read: whether it is what was sent, as far as is known. zstd looks at its own checksums."""
        return self._checks_itself or self._found == self._crc


def _checks_itself(start: bytes) -> bool:
    """Whether a zstd frame ends in a checksum of its content (RFC 8878 §3.1.1.1.1.5)."""
    return start[:4] == b"\x28\xb5\x2f\xfd" and bool(start[4:] and start[4] & 4)


class Assembly:
    """Puts pieces together and says what to ask for.

    `slots` pieces at most are held: begun, or complete and not yet released by who writes them.
    """

    def __init__(self, session: int, receiver: int, pieces: int, wanted: Iterable[int], slots: int) -> None:
        """`receiver`: 64 random bits, new at each start."""
        self.session, self.receiver, self.pieces, self.slots = session, receiver, pieces, slots
        self.wants = bitsets.of(wanted)
        """Pieces not begun."""
        self.begun: dict[int, Begun] = {}
        self.held: dict[int, memoryview | None] = {}
        """Pieces that are complete, or fetched otherwise, and not yet released; with the memory of their packets."""
        self._spare: list[memoryview] = []
        self._ground = memoryview(bytearray(LANDING_BYTES))
        self._landed: tuple[Begun, int] | None = None
        self.number = 0
        self.epoch = 0
        """The sender's, from its answers; before there are any, that of the first packet that came."""
        self._told = False
        self.through = -1
        self.base = -1
        """First sequence number seen in this epoch."""
        self.received = 0
        self.lost_before = 0
        self._here = 0
        """Packets received in this epoch."""
        self._prefix = b""
        self._current: Begun | None = None
        self._at_last_ask = -1

    # -- what comes in ----------------------------------------------------------------------------

    def landing(self) -> memoryview:
        """LANDING bytes for the next call to receive into: if all goes on as it did, their final place."""
        begun = self._current
        if begun is not None:
            start, end = begun.next, begun.next + -(-LANDING_BYTES // PACKET)
            if end <= begun.count and begun.have.find(1, start, end) < 0:
                self._landed = begun, start
                return begun.packets[start * PACKET : start * PACKET + LANDING_BYTES]
        self._landed = None
        return self._ground

    def feed(self, data: memoryview, segment: int) -> list[Frame]:
        """Take in what one call received: packets of `segment` bytes, the last one perhaps shorter."""
        whole = len(data) // PACKET if segment == PACKET else 0
        frames = self._feed_full(data, whole) if whole else []
        rest = data[whole * PACKET :]
        for start in range(0, len(rest), max(segment, 1)):
            frames += self._feed_short(bytes(rest[start : start + segment]))
        return frames

    def _feed_full(self, data: memoryview, count: int) -> list[Frame]:
        """Packets of full size; mostly they follow each other, and the first and last headers tell."""
        prefix, index, epoch, offset = DATA_HEADER.unpack_from(data)
        last = DATA_HEADER.unpack_from(data, (count - 1) * PACKET)
        if last == (prefix, index + count - 1, epoch, offset):
            return self._place(prefix, index, count, epoch, offset, data[: count * PACKET])
        self._landed, data = None, memoryview(bytes(data))  # to be moved about where it lies
        frames = []
        for start, run in _runs(data, count):
            prefix, index, epoch, offset = DATA_HEADER.unpack_from(data, start)
            frames += self._place(prefix, index, run, epoch, offset, data[start : start + run * PACKET])
        return frames

    def _feed_short(self, packet: bytes) -> list[Frame]:
        """A mark, or the last packet of a frame."""
        if len(packet) == HEADER_BYTES:
            seen = read_mark(packet)
            if seen is not None and seen.session == self.session:
                self._saw(seen.epoch, seen.sequence, 0)
                self._prefix, self._current = b"", None
            return []
        data = read_data(packet)
        if data is None:
            return []
        offset = (data.sequence - data.index) % SEQUENCES
        return self._place(data.prefix, data.index, 1, data.epoch, offset, memoryview(packet))

    def _place(self, prefix: bytes, index: int, count: int, epoch: int, offset: int, data: memoryview) -> list[Frame]:
        """Put packets that follow each other where they belong."""
        if prefix != self._prefix and not self._turn_to(prefix, index):
            return []
        self._saw(epoch, (offset + index + count - 1) % SEQUENCES, count)
        begun = self._current
        if begun is None or index + count > begun.count:
            return []
        if self._landed is None or self._landed[0] is not begun or self._landed[1] != index:
            begun.packets[index * PACKET : index * PACKET + len(data)] = data
        begun.next = index + count
        if index + count == begun.count:
            begun.length = index * PACKET + len(data)
        new = begun.have.count(0, index, index + count)
        if new:
            begun.have[index : index + count] = b"\1" * count
            begun.left -= new
        return [] if begun.left else [self._complete(begun)]

    def _turn_to(self, prefix: bytes, index: int) -> bool:
        """Make the frame that `prefix` names the current one; False if it is not of our session."""
        top = read_prefix(prefix)
        if top is None or top.session != self.session or top.piece >= self.pieces:
            self._prefix, self._current = b"", None
            return False
        self._current = self._find(top.piece, prefix, top.count, top.crc, index)
        self._prefix = prefix if self._current is not None else b""
        return True

    def _find(self, piece: int, prefix: bytes, count: int, crc: int, index: int) -> Begun | None:
        begun = self.begun.get(piece)
        if begun is not None and begun.prefix == prefix:
            return begun
        if begun is not None:
            begun.strikes += 1
            if begun.strikes <= begun.count - begun.left:
                return None  # a damaged or forged one; the majority is right
            self.again(piece)
        if not self.wants >> piece & 1 or index * BEGIN_WITHIN > count or self.room() < 1:
            return None
        self.wants &= ~(1 << piece)
        packets = self._buffer(count * PACKET)
        self.begun[piece] = new = Begun(
            prefix=prefix, count=count, crc=crc, packets=packets, have=bytearray(count), left=count, length=0
        )
        return new

    def _buffer(self, size: int) -> memoryview:
        """Memory for a piece's packets: what another piece left, since fresh memory costs more than the copying."""
        spare = self._spare.pop() if self._spare else None
        return spare if spare is not None and len(spare) >= size else memoryview(bytearray(size))

    def _give_back(self, packets: memoryview | None) -> None:
        if packets is not None:
            self._spare.append(packets)

    def _complete(self, begun: Begun) -> Frame:
        piece = int.from_bytes(begun.prefix[12:16], "big")
        del self.begun[piece]
        self.held[piece] = begun.packets
        self._prefix, self._current = b"", None
        return Frame(piece, begun.packets[: begun.length], begun.crc)

    def heed(self, answer: Answer) -> None:
        """Take in what the sender says of itself; forged packets with another epoch are then not believed."""
        if (answer.session, answer.receiver) == (self.session, self.receiver):
            self._told = True
            if answer.epoch != self.epoch:
                self._adopt(answer.epoch)

    def begin_anew(self) -> None:
        """Count losses from the next packet on: what is sent until then was not meant for this receiver."""
        self._adopt(self.epoch)

    def _adopt(self, epoch: int) -> None:
        """Follow a sender that was started (again)."""
        self.lost_before = self.lost
        self.epoch, self.through, self.base, self._here = epoch, -1, -1, 0

    def _saw(self, epoch: int, sequence: int, packets: int) -> None:
        """Count what came."""
        if epoch != self.epoch:
            if self._told:
                return
            self._adopt(epoch)
        if self.base < 0:
            self.base = sequence - packets + 1
        self.received += packets
        self._here += packets
        self.through = sequence  # the last one, not the highest: one that was damaged is forgotten at once

    @property
    def lost(self) -> int:
        """Packets that were sent, as their numbers tell, and did not come."""
        if self.base < 0:
            return self.lost_before
        return self.lost_before + max(0, self.through - self.base + 1 - self._here)

    # -- what is done with it ---------------------------------------------------------------------

    def room(self) -> int:
        """Pieces that can be begun now."""
        return self.slots - len(self.begun) - len(self.held)

    def left(self) -> int:
        """Pieces not yet released."""
        return self.wants.bit_count() + len(self.begun) + len(self.held)

    def complete(self) -> bool:
        """Whether nothing more is needed from the network."""
        return not self.wants and not self.begun

    def release(self, piece: int) -> None:
        """A complete piece is written, and its memory free."""
        self._give_back(self.held.pop(piece, None))

    def again(self, piece: int) -> None:
        """What is here of a piece is no good: want it once more."""
        begun = self.begun.pop(piece, None)
        self._give_back(begun.packets if begun is not None else self.held.pop(piece, None))
        self.wants |= 1 << piece
        self._prefix, self._current = b"", None

    def take(self) -> int | None:
        """Take the lowest wanted piece, or one begun, out of the stream's hands; None if there is none or no room."""
        if self.wants and self.room() > 0:
            piece = bitsets.lowest(self.wants)
        elif self.begun:
            piece = min(self.begun)
        else:
            return None
        self.again(piece)
        self.wants &= ~(1 << piece)
        self.held[piece] = None
        return piece

    def asks(self, held_by: str = "network", *, unicast: bool = False) -> list[bytes]:
        """The packets of one round of asking."""
        self.number += 1
        room = 0 if unicast else self.room()
        question = Ask(
            session=self.session,
            receiver=self.receiver,
            number=self.number,
            epoch=self.epoch,
            through=self.through,
            received=self.received,
            lost=self.lost,
            room=max(0, room),
            held_by=held_by,
            unicast=unicast,
            wants=self.wants,
        )
        if unicast:
            return [ask(question)]
        packets = [ask(question), *repairs(question, self._missing(), REPAIR_PACKETS)]
        self._at_last_ask = self.received
        return packets

    def _missing(self) -> Iterator[tuple[int, int, int]]:
        for piece, begun in self.begun.items():
            missing = begun.missing()
            if missing and not self._still_coming(begun, missing):
                yield piece, begun.count, missing

    def _still_coming(self, begun: Begun, missing: int) -> bool:
        """Whether only the end is missing of the piece whose packets are coming in."""
        if begun is not self._current or self.received == self._at_last_ask:
            return False
        return missing == bitsets.span(bitsets.lowest(missing), begun.count)

    def bye(self) -> bytes:
        """The packet that tells the sender that nothing more is needed."""
        self.number += 1
        return bye(Bye(self.session, self.receiver, self.number))


def _runs(data: memoryview, count: int) -> Iterator[tuple[int, int]]:
    """Split full packets where one does not follow on the one before: (first byte, packets)."""
    start, expected = 0, DATA_HEADER.unpack_from(data)
    for number in range(count):
        found = DATA_HEADER.unpack_from(data, number * PACKET)
        if found != expected:
            yield start * PACKET, number - start
            start = number
        prefix, index, epoch, offset = found
        expected = prefix, index + 1, epoch, offset
    yield start * PACKET, count - start
