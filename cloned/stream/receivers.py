"""Who listens to a stream and how each of them does: pure, without clock or sockets."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from cloned.stream.pacing import ReceiverSample
from cloned.stream.packets import DEAF, Answer, Ask, Repair, Request

STALE_SECONDS = 1.5
"""Seconds without a request after which a receiver's wishes no longer count: fifteen rounds of asking."""

FORGET_SECONDS = 30.0
"""Seconds without a request after which a receiver is forgotten."""

DEAF_AFTER_SECONDS = 3.0
"""Seconds of sending that a receiver has seen nothing of before it counts as not reached by multicast."""

MOST_RECEIVERS = 256
"""More receivers than that in one session are forged."""

PER_ADDRESS = 4
"""Receivers at one address: a laptop whose agent started again is a new one, and the old one is soon forgotten."""

ANSWER_EVERY_SECONDS = 1.0
ANSWER_SOON_SECONDS = 0.09
"""Seconds between two answers to one receiver; in its first rounds of asking each is answered."""

LAGGING = 0.10
"""Share of all packets that one receiver may have repaired at once while most need far fewer."""

DECAY = 0.875
"""Of what was counted, this much is left after each pacing.STEP_SECONDS: what counts is the last two seconds."""

ENOUGH = 100
"""Packets from which on a share of lost ones means something."""


@dataclass
class Receiver:
    """What the sender knows of one receiver."""

    id: int
    since: float
    heard: float
    number: int = -1
    through: int = -1
    """Sequence number it saw last; -1 if it has seen nothing of this sender yet."""
    room: int = 0
    wants: int = 0
    held_by: str = "network"
    unicast: bool = False
    received: int = 0
    lost: int = 0
    owed: float = 0.0
    """Packets repaired for it, decaying: what it really costs, whatever it says of its losses."""
    answered: float = -1e9
    deaf: bool = False
    lagging: bool = False
    sampled: tuple[int, int] = (0, 0)
    address: str = ""

    def counts(self, now: float) -> bool:
        """Whether it is there and listens to the group."""
        return now - self.heard < STALE_SECONDS and not self.unicast

    def take_in(self, ask: Ask, now: float) -> None:
        """Note what it says of itself."""
        self.number, self.heard = ask.number, now
        self.room, self.wants = ask.room, ask.wants
        self.held_by, self.unicast = ask.held_by, ask.unicast
        self.received, self.lost = ask.received, ask.lost


class Timeline:
    """When about each sequence number was sent."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque(maxlen=1024)
        self.latest = 0.0
        """When something was last sent, marks included."""

    def note(self, now: float, sequence: int) -> None:
        """`sequence` goes out now."""
        self.latest = now
        if not self._points or now - self._points[-1][0] >= 0.02:
            self._points.append((now, sequence))

    def sent_at(self, sequence: int) -> float:
        """About when `sequence` was sent; long ago for what is older than all that is remembered."""
        return next((when for when, point in reversed(self._points) if point <= sequence), -1e9)


class Receivers:
    """The receivers of one session."""

    def __init__(self, session: int, epoch: int) -> None:
        self.session, self.epoch = session, epoch
        self.known: dict[int, Receiver] = {}
        self.timeline = Timeline()
        self.judged_from = -1
        """What was lost before this sequence number says nothing about the rate of now."""
        self._volume = 0.0
        self._sent_before = 0

    def admit(self, request: Request, now: float, address: str = "") -> Receiver | None:
        """Who sent this from `address`; None if it is old, repeated, out of place or one too many.

        An address that has enough receivers loses the one that was heard of longest ago: it can only harm itself.
        """
        receiver = self.known.get(request.receiver)
        if receiver is None:
            if not isinstance(request, Ask):
                return None
            self._room_at(address)
            if len(self.known) >= MOST_RECEIVERS:
                return None
            receiver = self.known[request.receiver] = Receiver(request.receiver, now, now, address=address)
            return receiver
        if receiver.address != address:
            return None  # nobody speaks for another
        if isinstance(request, Repair):
            return receiver if request.number == receiver.number else None
        return receiver if request.number > receiver.number else None

    def _room_at(self, address: str) -> None:
        here = [each for each in self.known.values() if each.address == address]
        if address and len(here) >= PER_ADDRESS:
            del self.known[min(here, key=lambda each: each.heard).id]

    def hear(self, receiver: Receiver, ask: Ask, sequence: int, now: float) -> None:
        """Take in an ask; `sequence` is the last one sent. What it has seen of other epochs says nothing."""
        receiver.take_in(ask, now)
        ours = ask.epoch == self.epoch and ask.through <= sequence
        receiver.through = ask.through if ours else -1
        receiver.deaf = self.behind(receiver, sequence) > DEAF_AFTER_SECONDS

    def answer(self, receiver: Receiver, sequence: int, now: float) -> Answer | None:
        """What to tell it: once a second, and more often while it does not know our epoch."""
        if now - receiver.answered < (ANSWER_EVERY_SECONDS if receiver.through >= 0 else ANSWER_SOON_SECONDS):
            return None
        receiver.answered = now
        flags = DEAF if receiver.deaf else 0
        count = len(self.known)
        return Answer(
            session=self.session,
            receiver=receiver.id,
            number=receiver.number,
            epoch=self.epoch,
            sequence=max(sequence, 0),
            receivers=count,
            flags=flags,
        )

    def behind(self, receiver: Receiver, sequence: int) -> float:
        """Seconds of sending since the newest thing that it has seen; 0 if it has seen all."""
        if receiver.through >= sequence:
            return 0.0
        newest = max(receiver.since, self.timeline.sent_at(receiver.through))
        return max(0.0, self.timeline.latest - newest)

    def unresolved(self, sequence: int, now: float) -> bool:
        """Whether one that is there has not yet told what became of all that was sent."""
        return any(r.counts(now) and not r.deaf and r.through < sequence for r in self.known.values())

    def alone(self) -> bool:
        """Whether no more than one is reached by multicast."""
        return sum(1 for other in self.known.values() if not other.deaf and not other.unicast) < 2

    def samples(self, sent: int, sequence: int, now: float) -> list[ReceiverSample]:
        """What those that take part reported since the last call; forgets who is gone. Due each pacing.STEP_SECONDS."""
        self.known = {r.id: r for r in self.known.values() if now - r.heard <= FORGET_SECONDS}
        found = []
        for receiver in self.known.values():
            if receiver.through < self.judged_from:
                receiver.sampled = receiver.received, receiver.lost
                continue
            received, lost = receiver.sampled
            new, gone = receiver.received - received, max(0, receiver.lost - lost)
            if new + gone >= ENOUGH:
                receiver.sampled = receiver.received, receiver.lost
                if receiver.counts(now) and not receiver.deaf:
                    found.append(ReceiverSample(gone / (new + gone), self.behind(receiver, sequence)))
        self._judge(sent)
        return found

    def _judge(self, sent: int) -> None:
        """Find the few whose repairs would hold the many up."""
        self._volume = self._volume * DECAY + sent - self._sent_before
        self._sent_before = sent
        costs = sorted(receiver.owed for receiver in self.known.values())
        usual = costs[(len(costs) - 1) // 2] if costs else 0.0
        for receiver in self.known.values():
            receiver.lagging = receiver.owed > max(4 * usual, LAGGING * self._volume)
            receiver.owed *= DECAY
