"""What a receiver holds of a stream and asks for next: pure decisions, without clock, sockets or threads."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cloned.core import bitsets
from cloned.core.packets import (
    BODY, HEADER, PACKET, Ask, Bye, ask, bye, read_data, read_mark, read_prefix, repairs,
)

REPAIR_PACKETS = 6
"""Most repair packets in one round of asking."""

BEGIN_WITHIN = 4
"""A piece is begun if this part (a quarter) of its packets has not gone by yet: the rest costs the others a repair."""

STRIKES = 8
"""Packets that disagree with those held of a piece before the held ones are thrown away."""


@dataclass
class Begun:
    """A piece of which some packets are here."""

    prefix: bytes
    count: int
    crc: int
    payloads: dict[int, bytes] = field(default_factory=dict)
    strikes: int = 0

    def missing(self) -> int:
        """Bit set of the packets that are not here."""
        held = self.payloads
        highest = max(held, default=-1) + 1
        tail = bitsets.span(highest, self.count)
        if len(held) == highest:
            return tail
        return tail | bitsets.of(set(range(highest)).difference(held))


@dataclass(frozen=True)
class Frame:
    """A piece of which all packets are here."""

    piece: int
    payloads: dict[int, bytes]
    crc: int

    def join(self) -> bytes | None:
        """The frame; None if it is damaged."""
        payloads = self.payloads
        whole = b"".join([payloads[index] for index in range(len(payloads))])
        return whole if zlib.crc32(whole) == self.crc else None


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
        self.held: set[int] = set()
        """Pieces that are complete, or fetched otherwise, and not yet released."""
        self.number = 0
        self.epoch = 0
        self.through = 0
        self.base = -1
        """First sequence number seen in this epoch."""
        self.received = 0
        self.lost_before = 0
        self._here = 0
        """Packets received in this epoch."""
        self._prefix = b""
        self._current: Begun | None = None

    # -- what comes in ----------------------------------------------------------------------------

    def feed(self, data: memoryview, segment: int) -> list[Frame]:
        """Take in what one call received: packets of `segment` bytes, the last one perhaps shorter."""
        if segment != PACKET:
            return self._feed_singly(data, segment)
        whole = len(data) // PACKET * PACKET
        count = 0
        frames: list[Frame] = []
        epoch = sequence = 0
        for prefix, index, epoch, sequence, payload in BODY.iter_unpack(data[:whole]):  # noqa: B007
            if prefix != self._prefix:
                self._turn_to(prefix, index)
            current = self._current
            if current is not None and index < current.count:
                current.payloads[index] = payload
                if len(current.payloads) == current.count:
                    frames.append(self._complete())
            count += prefix == self._prefix
        if count:
            self._saw(epoch, sequence, count)
        if whole < len(data):
            frames += self._feed_singly(data[whole:], PACKET)
        return frames

    def _feed_singly(self, data: memoryview, segment: int) -> list[Frame]:
        frames = []
        for start in range(0, len(data), max(segment, 1)):
            packet = bytes(data[start : start + segment])
            frames += self._mark(packet) if len(packet) == HEADER else self._packet(packet)
        return frames

    def _mark(self, packet: bytes) -> list[Frame]:
        seen = read_mark(packet)
        if seen is not None and seen.session == self.session:
            self._saw(seen.epoch, seen.sequence, 0)
            self._prefix, self._current = b"", None
        return []

    def _packet(self, packet: bytes) -> list[Frame]:
        data = read_data(packet)
        if data is None:
            return []
        if data.prefix != self._prefix and not self._turn_to(data.prefix, data.index):
            return []
        self._saw(data.epoch, data.sequence, 1)
        if self._current is None:
            return []
        self._current.payloads[data.index] = data.payload
        return [self._complete()] if len(self._current.payloads) == self._current.count else []

    def _turn_to(self, prefix: bytes, index: int) -> bool:
        """Make the frame that `prefix` names the current one; False if it is not of our session."""
        top = read_prefix(prefix)
        if top is None or top.session != self.session or top.piece >= self.pieces:
            self._prefix, self._current = b"", None
            return False
        self._prefix = prefix
        self._current = self._find(top.piece, prefix, top.count, top.crc, index)
        return True

    def _find(self, piece: int, prefix: bytes, count: int, crc: int, index: int) -> Begun | None:
        begun = self.begun.get(piece)
        if begun is not None and begun.prefix == prefix:
            return begun
        if begun is not None:
            begun.strikes += 1
            if begun.strikes < STRIKES:
                return None
            self.again(piece)
        if not self.wants >> piece & 1 or index * BEGIN_WITHIN > count or self.room() < 1:
            return None
        self.wants &= ~(1 << piece)
        self.begun[piece] = new = Begun(prefix, count, crc)
        return new

    def _complete(self) -> Frame:
        piece = int.from_bytes(self._prefix[12:16], "big")
        begun = self.begun.pop(piece)
        self.held.add(piece)
        self._current = None
        return Frame(piece, begun.payloads, begun.crc)

    def _saw(self, epoch: int, sequence: int, packets: int) -> None:
        """Count what came; a new epoch is a sender that was started again."""
        if epoch != self.epoch or self.base < 0:
            self.lost_before = self.lost
            self.epoch, self.through, self._here = epoch, sequence, 0
            self.base = sequence - packets + 1
        self.received += packets
        self._here += packets
        self.through = max(self.through, sequence)

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
        self.held.discard(piece)

    def again(self, piece: int) -> None:
        """What is here of a piece is no good: want it once more."""
        self.begun.pop(piece, None)
        self.held.discard(piece)
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
        self.held.add(piece)
        return piece

    def asks(self, held_by: str = "network", *, unicast: bool = False) -> list[bytes]:
        """The packets of one round of asking."""
        self.number += 1
        if self._current is None:
            self._prefix = b""  # what there was no room for may be sent again
        room = 0 if unicast else self.room()
        question = Ask(
            self.session, self.receiver, self.number, self.epoch, self.through, self.received, self.lost,
            max(0, room), held_by, unicast, self.wants,
        )
        if unicast:
            return [ask(question)]
        return [ask(question), *repairs(question, self._missing(), REPAIR_PACKETS)]

    def _missing(self) -> Iterator[tuple[int, int, int]]:
        for piece, begun in self.begun.items():
            missing = begun.missing()
            if missing and not self._still_coming(begun, missing):
                yield piece, begun.count, missing

    def _still_coming(self, begun: Begun, missing: int) -> bool:
        """Whether only the end is missing of the piece whose packet came last."""
        return begun is self._current and missing == bitsets.span(bitsets.lowest(missing), begun.count)

    def bye(self) -> bytes:
        """The packet that tells the sender that nothing more is needed."""
        self.number += 1
        return bye(Bye(self.session, self.receiver, self.number))
