"""What a session's sender does next: pure decisions, without clock, sockets or threads.

Nothing here waits for a receiver. Each packet carries a sequence number, each request says what its
receiver saw last, so what is lost and what is still on its way is known without timers
(casting/PROTOCOL.md).

An example: a piece of 100 packets goes out with the numbers 0 to 99, in bursts of 44, and A loses packet 7. A asks
when it has seen number 43 and lacks 7 and 44 to 99. The burst that ended with 43 has passed A by: 7 is lost and goes
out again at once, as number 100. What was sent later is on its way: nothing is done for it. B, which lost 7 too and
asks after it has seen 99, lacks 7 alone; number 100 carries it and B has not seen that far, so it is on its way to B
as well. One repair served both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from cloned.stream import bitsets
from cloned.stream.pacing import ReceiverSample
from cloned.stream.packets import BURST, SEQUENCES, Answer, Bye, Mark, Repair, Request
from cloned.stream.receivers import Receiver, Receivers

MARK_EVERY_SECONDS = 0.05
"""Seconds between marks while something is unresolved and there is nothing to send."""

QUIET_MARK_SECONDS = 1.0
"""Seconds between marks while nobody can be served; they find out who can hear again."""

AHEAD = 3
"""Pieces chosen and read in advance: a tenth of a second at a gigabit."""

MINORITY_SHARE = 0.25
"""What one receiver lacks of a piece is repaired at once up to this part; more waits until all others are served."""

BURSTS_KEPT = 512
"""Bursts of one piece that are remembered apart from each other."""


@dataclass(frozen=True)
class Burst:
    """Packets of one piece to send now, one after the other; sequence numbers count up from `sequence`."""

    piece: int
    indexes: Sequence[int]
    """A range in a first pass."""
    sequence: int
    repair: bool


@dataclass
class Open:
    """A piece whose frame is in memory."""

    packets: int
    bursts: list[tuple[int, int]] = field(default_factory=list)
    """(last sequence number, bit set of packets) of what was sent of it, oldest first."""
    touched: int = 0

    def on_its_way(self, through: int) -> int:
        """Packets sent after `through`."""
        members = 0
        for last, sent in reversed(self.bursts):
            if last <= through:
                break
            members |= sent
        return members

    def note(self, last: int, members: int) -> None:
        """`members` were sent, the last of them as `last`; the older half of a long memory becomes one burst."""
        self.bursts.append((last, members))
        self.touched = last
        if len(self.bursts) > BURSTS_KEPT:
            half, old = BURSTS_KEPT // 2, 0
            for _, sent in self.bursts[:half]:
                old |= sent
            self.bursts[:half] = [(self.bursts[half - 1][0], old)]


@dataclass
class Pending:
    """Packets of one piece to be sent again."""

    now: int = 0
    later: int = 0

    def take(self, *, later: bool) -> int:
        """The next of them, no longer pending."""
        taken = bitsets.take(self.later if later else self.now, BURST)
        self.now &= ~taken
        self.later &= ~taken
        return taken


class StreamSender:
    """Decides for one session. `epoch` is random and new at each start of a sender."""

    def __init__(self, session: int, pieces: int, epoch: int, room: int) -> None:
        """`room`: frames that may be in memory at once, beside AHEAD that are being read."""
        self.session, self.pieces, self.epoch, self.room = session, pieces, epoch, room
        self.receivers = Receivers(session, epoch)
        self.sequence = -1
        """The last one sent."""
        self.sent = 0
        self.repaired = 0
        self._open: dict[int, Open] = {}
        self._planned: list[int] = []
        self._changed = True
        """Whether planning again could give something else."""
        self._loading: set[int] = set()
        self._current: tuple[int, int] | None = None
        """Piece in its first pass, and its next packet."""
        self._passes: deque[tuple[int, int]] = deque(maxlen=512)
        """(last sequence number, piece) of the latest first passes."""
        self._last_sent: dict[int, int] = {}
        """Last sequence number of pieces that are not open any more."""
        self._pending: dict[int, Pending] = {}
        self._failed: set[int] = set()
        self._counts: dict[int, int] = {}
        """Packets of every frame that was read before."""

    # -- requests ---------------------------------------------------------------------------------

    def hear(self, request: Request, now: float, address: str = "") -> Answer | None:
        """Take in a request from `address`; the answer, if one is due, goes there."""
        receiver = self.receivers.admit(request, now, address)
        if receiver is None:
            return None
        self._changed = True
        if isinstance(request, Bye):
            del self.receivers.known[receiver.id]
            self._forget_later()
            return None
        if isinstance(request, Repair):
            self._hear_repair(receiver, request)
            return None
        if request.unicast and not receiver.unicast:
            self._forget_later()
        self.receivers.hear(receiver, request, self.sequence, now)
        return self.receivers.answer(receiver, self.sequence, now)

    def _forget_later(self) -> None:
        """Somebody left, perhaps the one for whom this waits; who still needs it asks again in the next round."""
        for piece, pending in list(self._pending.items()):
            pending.later = 0
            if not pending.now:
                del self._pending[piece]

    def _hear_repair(self, receiver: Receiver, repair: Repair) -> None:
        if receiver.deaf or receiver.unicast:
            return
        for piece, packets, missing in repair.missing:
            opened = self._open.get(piece)
            if opened is not None and packets != opened.packets:  # what it holds came damaged
                packets, missing = opened.packets, bitsets.first(opened.packets)
            if opened is None and self._counts.get(piece, packets) != packets:
                packets, missing = self._counts[piece], bitsets.first(self._counts[piece])
            lost = missing & ~self._on_its_way(receiver, piece, packets)
            if lost:
                self._note_lost(receiver, piece, packets, lost)

    def _on_its_way(self, receiver: Receiver, piece: int, packets: int) -> int:
        """Packets of a piece that this receiver may still see: sent already, or in a pass that goes on."""
        if piece not in self._open:
            return bitsets.first(packets) if self._last_sent.get(piece, -1) > receiver.through else 0
        coming = self._open[piece].on_its_way(receiver.through)
        if self._current is not None and self._current[0] == piece:
            coming |= bitsets.span(self._current[1], packets)
        return coming

    def _note_lost(self, receiver: Receiver, piece: int, packets: int, lost: int) -> None:
        pending = self._pending.setdefault(piece, Pending())
        receiver.owed += (lost & ~pending.now & ~pending.later).bit_count()
        much = lost.bit_count() > max(2, MINORITY_SHARE * packets)
        if (receiver.lagging or much) and not self.receivers.alone():
            pending.later |= lost & ~pending.now
        else:
            pending.now |= lost
            pending.later &= ~lost

    # -- frames -----------------------------------------------------------------------------------

    def to_load(self, now: float) -> list[int]:
        """Pieces whose frames should be read into memory now, most urgent first."""
        self._plan(now)
        if len(self._loading) >= AHEAD:
            return []
        have = self._open.keys() | self._loading | self._failed
        absent = [piece for piece in (*self._pending, *self._planned) if piece not in have]
        urgent = list(dict.fromkeys(absent))[: AHEAD - len(self._loading)]
        self._loading.update(urgent)
        return urgent

    def loaded(self, piece: int, packets: int) -> list[int]:
        """The frame of `piece` is in memory; returns the pieces whose frames must be let go."""
        self._loading.discard(piece)
        opened = self._open[piece] = Open(packets, touched=self.sequence)
        self._counts[piece] = packets
        self._clip(piece, packets)
        last = self._last_sent.pop(piece, None)
        if last is not None:
            opened.bursts.append((last, bitsets.first(packets)))
        return self._let_go()

    def _clip(self, piece: int, packets: int) -> None:
        """Nobody can be sent more of a frame than it has, whatever was asked for before it was read."""
        pending = self._pending.get(piece)
        if pending is None:
            return
        pending.now &= bitsets.first(packets)
        pending.later &= bitsets.first(packets)
        if not pending.now and not pending.later:
            del self._pending[piece]

    def failed(self, piece: int) -> None:
        """The frame of `piece` cannot be read: nobody gets it until `retry`."""
        self._loading.discard(piece)
        self._pending.pop(piece, None)
        self._planned = [other for other in self._planned if other != piece]
        self._failed.add(piece)
        self._changed = True

    def retry(self) -> None:
        """What could not be read may be tried again."""
        self._failed.clear()
        self._changed = True

    def _let_go(self) -> list[int]:
        """Close pieces until no more than `room` are open: idle ones first, then those that only need repairs."""
        excess = len(self._open) - self.room
        if excess <= 0:
            return []
        kept = {*self._planned, self._current[0] if self._current else -1}
        order = sorted(self._open, key=lambda p: (p in kept, p in self._pending, self._open[p].touched))
        gone = order[:excess]
        for piece in gone:
            opened = self._open.pop(piece)
            self._pending.pop(piece, None)  # asked for again in the next round
            if opened.bursts:
                self._last_sent[piece] = opened.bursts[-1][0]
        return gone

    # -- what to send -----------------------------------------------------------------------------

    def next(self, now: float) -> Burst | Mark | None:
        """What to send now; None if there is nothing. Frames named by `to_load` must be loaded for progress."""
        burst = self._repair(later=False) or self._first_pass(now) or self._repair(later=True)
        if burst is None:
            return self._mark(now)
        self.receivers.timeline.note(now, burst.sequence)
        return burst

    def samples(self, now: float) -> list[ReceiverSample]:
        """What pacing is judged by; call it every pacing.STEP_SECONDS."""
        return self.receivers.samples(self.sent, self.sequence, now)

    def slowed_down(self) -> None:
        """The rate is lower from now on: what is on its way does not count against it."""
        self.receivers.judged_from = self.sequence

    def _repair(self, *, later: bool) -> Burst | None:
        for piece, pending in self._pending.items():
            if piece not in self._open or not (pending.later if later else pending.now):
                continue
            taken = pending.take(later=later)
            if not pending.now and not pending.later:
                del self._pending[piece]
            self.repaired += taken.bit_count()
            return self._burst(piece, list(bitsets.numbers(taken)), taken, repair=True)
        return None

    def _first_pass(self, now: float) -> Burst | None:
        if self._current is None and not self._begin(now):
            return None
        assert self._current is not None
        piece, index = self._current
        end = min(index + BURST, self._open[piece].packets)
        self._current = piece, end
        burst = self._burst(piece, range(index, end), bitsets.span(index, end), repair=False)
        if end == self._open[piece].packets:
            self._passes.append((self.sequence, piece))
            self._current = None
            self._changed = True
        return burst

    def _begin(self, now: float) -> bool:
        """Make the first planned piece that is in memory the current one."""
        self._plan(now)
        piece = next((piece for piece in self._planned if piece in self._open), None)
        if piece is None:
            return False
        self._planned.remove(piece)
        self._current = piece, 0
        self._pending.pop(piece, None)  # all of it goes out now
        return True

    def _burst(self, piece: int, indexes: Sequence[int], members: int, *, repair: bool) -> Burst:
        if self.sequence + len(indexes) >= SEQUENCES - 1:
            self._next_epoch()
        burst = Burst(piece, indexes, self.sequence + 1, repair)
        self.sequence += len(indexes)
        self.sent += len(indexes)
        self._open[piece].note(self.sequence, members)
        return burst

    def _next_epoch(self) -> None:
        """After 6 TB the numbers begin again: for receivers it is as if the sender had been started anew."""
        self.epoch = self.receivers.epoch = (self.epoch + 1) % SEQUENCES
        self.sequence = self.receivers.judged_from = -1
        self._passes.clear()
        self._last_sent.clear()
        for opened in self._open.values():
            opened.bursts.clear()
        for receiver in self.receivers.known.values():
            receiver.through = -1

    def _mark(self, now: float) -> Mark | None:
        receivers = self.receivers
        every = MARK_EVERY_SECONDS if receivers.unresolved(self.sequence, now) else QUIET_MARK_SECONDS
        if self.sequence < 0 or not receivers.known or now - receivers.timeline.latest < every:
            return None
        receivers.timeline.latest = now
        return Mark(self.session, self.epoch, self.sequence)

    # -- choosing pieces --------------------------------------------------------------------------

    def _plan(self, now: float) -> None:
        """Choose AHEAD pieces, if anything has changed since the last time."""
        if not self._changed:
            return
        self._changed = False
        wanted = 0
        for receiver in self.receivers.known.values():
            wanted |= receiver.wants
        self._planned = [piece for piece in self._planned if wanted >> piece & 1]
        while len(self._planned) < AHEAD:
            piece = self._choose(now)
            if piece is None:
                return
            self._planned.append(piece)

    def _choose(self, now: float) -> int | None:
        """The piece that most receivers want and have room for; of several the first on the disk."""
        wishes = []
        for receiver in self.receivers.known.values():
            if receiver.counts(now) and not receiver.deaf and receiver.room > 0:
                coming = self._coming(receiver)
                if (receiver.wants & coming).bit_count() < receiver.room:
                    wishes.append(receiver.wants & ~coming)
        best = bitsets.most_common(wishes)
        return bitsets.lowest(best) if best else None

    def _coming(self, receiver: Receiver) -> int:
        """Pieces planned, in their first pass, sent after the last that this receiver saw, or unreadable."""
        coming = 0
        for piece in (*self._planned, *self._failed):
            coming |= 1 << piece
        if self._current is not None:
            coming |= 1 << self._current[0]
        for last, piece in reversed(self._passes):
            if last <= receiver.through:
                break
            coming |= 1 << piece
        return coming
