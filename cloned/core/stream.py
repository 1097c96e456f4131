"""What a session's sender does next: pure decisions, without clock, sockets or threads.

Nothing here waits for a receiver. Each packet carries a sequence number, each request says how far its
receiver has seen, so what is lost and what is still on its way is known without timers
(casting/PROTOCOL.md).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from cloned.core import bitsets
from cloned.core.packets import BURST, Answer, Ask, Bye, Mark, Repair, Request
from cloned.core.packets import DEAF as FLAG_DEAF
from cloned.core.packets import PAUSED as FLAG_PAUSED
from cloned.core.pacing import Sample

STALE = 1.5
"""Seconds without a request after which a receiver's wishes no longer count."""

FORGET = 30.0
"""Seconds without a request after which a receiver is forgotten."""

DEAF_AFTER = 3.0
"""Seconds of sending that a receiver has seen nothing of before it counts as not reached by multicast."""

MARK_EVERY = 0.05
"""Seconds between marks while something is unresolved and there is nothing to send."""

QUIET_MARK = 1.0
"""Seconds between marks while nobody can be served; they find out who can hear again."""

MOST_RECEIVERS = 256
"""More receivers than that in one session are forged."""

AHEAD = 3
"""Pieces chosen and read in advance."""

MINORITY_SHARE = 0.25
"""A minority may have this part of a piece repaired at once; more waits until nobody needs anything else."""

LAGGING = 0.10
"""Share of the packets that one receiver may have repaired at once while most need fewer."""


@dataclass(frozen=True)
class Burst:
    """Packets of one piece to send now, one after the other; sequence numbers count up from `sequence`."""

    piece: int
    indexes: tuple[int, ...]
    sequence: int
    repair: bool


@dataclass
class Receiver:
    """What the sender knows of one receiver."""

    id: int
    since: float
    heard: float
    number: int = -1
    epoch_seen: bool = False
    """Whether it has seen anything of this sender's epoch."""
    through: int = -1
    """Highest sequence number seen."""
    room: int = 0
    wants: int = 0
    held_by: str = "network"
    unicast: bool = False
    received: int = 0
    lost: int = 0
    owed: int = 0
    """Packets repaired for it, decaying: what it really costs, whatever it says of its losses."""
    answered: float = -1e9
    deaf: bool = False
    lagging: bool = False
    sampled: tuple[int, int] = (0, 0)


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


@dataclass
class Pending:
    """Packets of one piece to be sent again."""

    now: int = 0
    later: int = 0


class StreamSender:
    """Decides for one session. `epoch` is random and new at each start of a sender."""

    def __init__(self, session: int, pieces: int, epoch: int, room: int) -> None:
        """`room`: frames that may be in memory at once."""
        self.session, self.pieces, self.epoch, self.room = session, pieces, epoch, room
        self.receivers: dict[int, Receiver] = {}
        self.sequence = -1
        self.paused = False
        self.sent = 0
        self.repaired = 0
        self.done_passes = 0
        self._open: dict[int, Open] = {}
        self._planned: list[int] = []
        self._loading: set[int] = set()
        self._current: tuple[int, int] | None = None
        """Piece being sent for the first time, and its next packet."""
        self._passes: deque[tuple[int, int]] = deque(maxlen=512)
        """(last sequence number, piece) of pieces sent from end to end."""
        self._last_pass: dict[int, int] = {}
        self._pending: dict[int, Pending] = {}
        self._clock: deque[tuple[float, int]] = deque(maxlen=4096)
        """(time, sequence number) now and then: when was what sent."""
        self._marked = -1e9
        self._volume = 0.0
        """Packets sent lately, decaying as `Receiver.owed` does."""
        self._sampled = 0

    # -- requests ---------------------------------------------------------------------------------

    def hear(self, request: Request, now: float) -> Answer | None:
        """Take in a request; the answer, if one is due, goes to where it came from."""
        receiver = self._receiver(request, now)
        if receiver is None:
            return None
        if isinstance(request, Bye):
            del self.receivers[receiver.id]
            return None
        if isinstance(request, Repair):
            self._hear_repair(receiver, request)
            return None
        self._hear_ask(receiver, request, now)
        return self._answer(receiver, now)

    def _receiver(self, request: Request, now: float) -> Receiver | None:
        """Who sent this; None if it is old, repeated, impossible or one too many."""
        known = self.receivers.get(request.receiver)
        if known is None:
            if not isinstance(request, Ask) or len(self.receivers) >= MOST_RECEIVERS:
                return None
            known = self.receivers[request.receiver] = Receiver(request.receiver, now, now)
        elif isinstance(request, Repair):
            return known if request.number == known.number else None
        elif request.number <= known.number:
            return None
        return known

    def _hear_ask(self, receiver: Receiver, ask: Ask, now: float) -> None:
        ours = ask.epoch == self.epoch and ask.through <= self.sequence
        receiver.number, receiver.heard = ask.number, now
        receiver.epoch_seen = ours
        receiver.through = ask.through if ours else -1
        receiver.room, receiver.wants = ask.room, ask.wants
        receiver.held_by, receiver.unicast = ask.held_by, ask.unicast
        receiver.received, receiver.lost = ask.received, ask.lost
        receiver.deaf = self._behind(receiver, now) > DEAF_AFTER
        self._planned_again()

    def _hear_repair(self, receiver: Receiver, repair: Repair) -> None:
        if receiver.deaf or receiver.unicast:
            return
        for piece, packets, missing in repair.missing:
            self._want_again(receiver, piece, packets, missing)

    def _want_again(self, receiver: Receiver, piece: int, packets: int, missing: int) -> None:
        """Note what was lost for good: not what is on its way, not sent yet, or noted already."""
        opened = self._open.get(piece)
        if opened is not None:
            if packets != opened.packets:
                return
            missing &= ~opened.on_its_way(receiver.through)
            if self._current is not None and self._current[0] == piece:
                missing &= bitsets.first(self._current[1])
        elif self._last_pass.get(piece, -1) > receiver.through:
            return
        pending = self._pending.get(piece, Pending())
        missing &= ~pending.now
        if not missing:
            return
        lost = missing.bit_count()
        receiver.owed += (missing & ~pending.later).bit_count()
        if self._must_wait(receiver, lost, packets):
            pending.later |= missing
        else:
            pending.now |= missing
            pending.later &= ~missing
        self._pending[piece] = pending

    def _must_wait(self, receiver: Receiver, lost: int, packets: int) -> bool:
        """Whether this repair is for one that costs the others more than it should."""
        if sum(1 for other in self.receivers.values() if not other.deaf and not other.unicast) < 2:
            return False
        return receiver.lagging or lost > max(MINORITY_SHARE * packets, 2)

    def _answer(self, receiver: Receiver, now: float) -> Answer | None:
        if now - receiver.answered < 1.0:
            return None
        receiver.answered = now
        flags = (FLAG_PAUSED if self.paused else 0) | (FLAG_DEAF if receiver.deaf else 0)
        return Answer(
            self.session, receiver.id, receiver.number, self.epoch, max(self.sequence, 0), len(self.receivers), flags
        )

    # -- what to send -----------------------------------------------------------------------------

    def next(self, now: float) -> Burst | Mark | None:
        """What to send now; None if there is nothing. Frames named by `to_load` must be loaded for progress."""
        if self.paused:
            return self._mark(now, QUIET_MARK)
        burst = self._repair(later=False) or self._first_pass(now) or self._repair(later=True)
        if burst is None:
            return self._mark(now, MARK_EVERY if self._unresolved(now) else QUIET_MARK)
        self._note(burst, now)
        return burst

    def to_load(self, now: float) -> list[int]:
        """Pieces whose frames should be read into memory now, most urgent first."""
        self._plan(now)
        wanted = [*self._pending, *self._planned]
        urgent = [piece for piece in wanted if piece not in self._open and piece not in self._loading]
        urgent = list(dict.fromkeys(urgent))[:AHEAD]
        self._loading.update(urgent)
        return urgent

    def loaded(self, piece: int, packets: int) -> list[int]:
        """The frame of `piece` is in memory; returns the pieces whose frames can be let go."""
        self._loading.discard(piece)
        self._open[piece] = Open(packets, touched=self.sequence)
        last = self._last_pass.get(piece)
        if last is not None:
            self._open[piece].bursts.append((last, bitsets.first(packets)))
        return self._let_go()

    def failed(self, piece: int) -> None:
        """The frame of `piece` cannot be read: nobody gets it for now."""
        self._loading.discard(piece)
        self._pending.pop(piece, None)
        self._planned = [other for other in self._planned if other != piece]

    def _let_go(self) -> list[int]:
        """Close the pieces that were touched longest ago until no more than `room` are open."""
        needed = {*self._planned, *self._pending}
        if self._current is not None:
            needed.add(self._current[0])
        spare = sorted((piece for piece in self._open if piece not in needed), key=lambda p: self._open[p].touched)
        if len(spare) < len(self._open) - self.room:  # more repairs than memory: those wait for another ask
            extra = [piece for piece in self._pending if piece in self._open and piece not in spare]
            spare += extra[: len(self._open) - self.room - len(spare)]
        gone = spare[: max(0, len(self._open) - self.room)]
        for piece in gone:
            opened = self._open.pop(piece)
            self._pending.pop(piece, None)
            if opened.bursts:
                self._last_pass[piece] = max(self._last_pass.get(piece, -1), opened.bursts[-1][0])
        return gone

    def _repair(self, *, later: bool) -> Burst | None:
        for piece, pending in self._pending.items():
            members = pending.later if later else pending.now
            if not members or piece not in self._open:
                continue
            taken = bitsets.take(members, BURST)
            pending.now &= ~taken
            pending.later &= ~taken
            if not pending.now and not pending.later:
                del self._pending[piece]
            self.repaired += taken.bit_count()
            return self._burst(piece, taken, repair=True)
        return None

    def _first_pass(self, now: float) -> Burst | None:
        if self._current is None:
            self._plan(now)
            piece = next((piece for piece in self._planned if piece in self._open), None)
            if piece is None:
                return None
            self._planned.remove(piece)
            self._current = piece, 0
            self._pending.pop(piece, None)  # the whole piece goes out now
        piece, index = self._current
        packets = self._open[piece].packets
        end = min(index + BURST, packets)
        self._current = (piece, end) if end < packets else None
        burst = self._burst(piece, bitsets.span(index, end), repair=False)
        if end == packets:
            self._passes.append((self.sequence, piece))
            self._last_pass[piece] = self.sequence
            self.done_passes += 1
        return burst

    def _burst(self, piece: int, members: int, *, repair: bool) -> Burst:
        indexes = tuple(bitsets.numbers(members))
        burst = Burst(piece, indexes, self.sequence + 1, repair)
        self.sequence += len(indexes)
        self.sent += len(indexes)
        opened = self._open[piece]
        opened.bursts.append((self.sequence, members))
        opened.touched = self.sequence
        if len(opened.bursts) > 512:
            last, old = opened.bursts[255][0], 0
            for _, sent in opened.bursts[:256]:
                old |= sent
            opened.bursts[:256] = [(last, old)]
        return burst

    def _note(self, burst: Burst, now: float) -> None:
        if not self._clock or now - self._clock[-1][0] >= 0.02:
            self._clock.append((now, burst.sequence))
        self._marked = now

    def _mark(self, now: float, every: float) -> Mark | None:
        if self.sequence < 0 or not self.receivers or now - self._marked < every:
            return None
        self._marked = now
        return Mark(self.session, self.epoch, self.sequence)

    def _unresolved(self, now: float) -> bool:
        """Whether some receiver that is there has not yet told what became of all that was sent."""
        return any(self._counts(r, now) and not r.deaf and r.through < self.sequence for r in self.receivers.values())

    # -- choosing pieces --------------------------------------------------------------------------

    def _planned_again(self) -> None:
        """Forget what was planned but is not wanted any more."""
        wanted = 0
        for receiver in self.receivers.values():
            wanted |= receiver.wants
        self._planned = [piece for piece in self._planned if wanted >> piece & 1]

    def _plan(self, now: float) -> None:
        while len(self._planned) < AHEAD:
            piece = self._choose(now)
            if piece is None:
                return
            self._planned.append(piece)

    def _choose(self, now: float) -> int | None:
        """The piece that most receivers want and have room for; of several the first on the disk."""
        votes: list[int] = []
        for receiver in self.receivers.values():
            if not self._counts(receiver, now) or receiver.deaf:
                continue
            coming = self._coming(receiver)
            if (receiver.wants & coming).bit_count() < receiver.room:
                _add(votes, receiver.wants & ~coming)
        return _most(votes)

    def _coming(self, receiver: Receiver) -> int:
        """Pieces planned, being sent, or sent after the last that this receiver has seen."""
        coming = bitsets.of(self._planned)
        if self._current is not None:
            coming |= 1 << self._current[0]
        for last, piece in reversed(self._passes):
            if last <= receiver.through:
                break
            coming |= 1 << piece
        return coming

    def _counts(self, receiver: Receiver, now: float) -> bool:
        return now - receiver.heard < STALE and not receiver.unicast

    # -- how the receivers do ---------------------------------------------------------------------

    def _behind(self, receiver: Receiver, now: float) -> float:
        """Seconds since the newest thing that this receiver has seen was sent; 0 if it has seen all."""
        if receiver.through >= self.sequence:
            return 0.0
        newest = max(receiver.since, self._sent_at(receiver.through))
        last = self._clock[-1][0] if self._clock else newest
        return max(0.0, min(now, max(last, self._marked)) - newest)

    def _sent_at(self, sequence: int) -> float:
        """About when `sequence` was sent."""
        at = -1e9
        for when, first in reversed(self._clock):
            if first <= sequence:
                return when
            at = when
        return at

    def samples(self, now: float) -> list[Sample]:
        """What the receivers that take part reported since the last call; call it every pacing.STEP seconds."""
        found = []
        for receiver in list(self.receivers.values()):
            if now - receiver.heard > FORGET:
                del self.receivers[receiver.id]
                continue
            received, lost = receiver.sampled
            receiver.sampled = receiver.received, receiver.lost
            new, gone = receiver.received - received, receiver.lost - lost
            if new + gone >= 100 and self._counts(receiver, now) and not receiver.deaf:
                found.append(Sample(max(0, gone) / (new + gone), self._behind(receiver, now)))
        self._judge_lagging()
        return found

    def _judge_lagging(self) -> None:
        """Find the few whose repairs would hold the many up."""
        costs = sorted(receiver.owed for receiver in self.receivers.values())
        most = costs[(len(costs) - 1) // 2] if costs else 0
        self._volume = self._volume * 0.875 + self.sent - self._sampled
        self._sampled = self.sent
        for receiver in self.receivers.values():
            receiver.lagging = receiver.owed > max(4 * most, LAGGING * self._volume)
            receiver.owed = int(receiver.owed * 0.875)


def _add(votes: list[int], members: int) -> None:
    """Count one vote for each member: `votes` holds the binary digits of all counts, lowest first."""
    for digit, plane in enumerate(votes):
        votes[digit], members = plane ^ members, plane & members
        if not members:
            return
    if members:
        votes.append(members)


def _most(votes: list[int]) -> int | None:
    """The lowest number with the most votes."""
    best = 0
    for plane in reversed(votes):
        if best == 0:
            best = plane
        elif best & plane:
            best &= plane
    return bitsets.lowest(best) if best else None
