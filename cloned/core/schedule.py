"""Who may start now, and why the others wait. Pure, and told in reasons a volunteer can read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cloned.core import classic_sessions as classics
from cloned.core import clocks, erasing
from cloned.core.ids import LaptopId
from cloned.core.laptop import GIVEN_UP_SECONDS, Laptop, State
from cloned.core.rates import alone
from cloned.core.reasons import Reason
from cloned.core.words import Values
from cloned.core.workshop import Workshop
from cloned.saying import Phrase, Sentence


@dataclass(frozen=True)
class Wait:
    """Why a laptop waits."""

    reason: Reason
    detail: Sentence = ""
    values: Values = field(default_factory=dict)


_PAUSED, _ERASE_FIRST, _SWITCH_FULL, _LINK_FULL = map(
    Wait, (Reason.PAUSED, Reason.ERASE_FIRST, Reason.SWITCH_FULL, Reason.LINK_FULL)
)
"""Those that say nothing of their laptop are made once: a thousand may wait, and each event plans anew."""


@dataclass(frozen=True)
class Schedule:
    """What `plan` came to: who starts now, in order, and why each of the others waits."""

    start: tuple[LaptopId, ...]
    waits: dict[LaptopId, Wait]


def plan(workshop: Workshop, now: float) -> Schedule:
    """Give the free places to waiting laptops.

    Places go round the images that are asked for, each image's laptops in order of arrival, so that a
    company's dozen does not keep one odd laptop from its turn. An image whose stream already runs
    costs the link nothing more; another stream starts only while each still gets `stream_mbps`. A laptop
    on a slow port is a stream of its own.
    """
    waiting = sorted(workshop.waiting(), key=lambda laptop: (laptop.since, laptop.number))
    if not waiting:
        return Schedule((), {})
    return _Planner(workshop, now).run(waiting)


class _Planner:
    """One run of `plan`: counts places and streams down while it hands them out."""

    def __init__(self, workshop: Workshop, now: float) -> None:
        active = Counter(laptop.goal.image for laptop in workshop.active())
        self.workshop, self.now = workshop, now
        self.free = workshop.places - active.total()
        self.holding = active
        self.streams = {self.stream(laptop) for laptop in workshop.active()}
        self.most_streams = max(1, workshop.link_mbps // workshop.settings.stream_mbps)

    def run(self, waiting: list[Laptop]) -> Schedule:
        """Hand out places until none is left or nobody may start."""
        waits: dict[LaptopId, Wait] = {}
        queues: dict[str, list[Laptop]] = {}
        for laptop in waiting:
            wait = self.barred(laptop)
            if wait is None:
                queues.setdefault(laptop.goal.image, []).append(laptop)
            else:
                waits[laptop.id] = wait
        start = self.hand_out(queues, waits)
        return Schedule(tuple(start), waits)

    def barred(self, laptop: Laptop) -> Wait | None:
        """What keeps a laptop from starting whatever places are free."""
        image = self.workshop.images.get(laptop.goal.image)
        if self.workshop.paused or laptop.paused:
            return _PAUSED
        if erasing.needed(self.workshop, laptop):
            return _ERASE_FIRST
        if image is None or image.unusable:
            return Wait(
                Reason.IMAGE_UNUSABLE,
                image.unusable if image else Phrase("there is no image {image}", image=laptop.goal.image),
            )
        if image.classic and (wait := self.barred_from_classic(image.name)) is not None:
            return wait
        until = self.workshop.holds.get(laptop.goal.image, 0.0)
        return Wait(Reason.HELD, values={"until": until}) if until > self.now else None

    def barred_from_classic(self, image: str) -> Wait | None:
        """The members of a classic session are settled once its stream begins."""
        if classics.under_way(self.workshop, image):
            return Wait(Reason.CLASSIC_UNDER_WAY)
        if self.workshop.open_session(image) is None and classics.free_port(self.workshop, image, self.now) is None:
            return Wait(Reason.NEEDS_CLASSIC, Phrase("all of their ports were used within the last 24 hours"))
        return None

    def hand_out(self, queues: dict[str, list[Laptop]], waits: dict[LaptopId, Wait]) -> list[LaptopId]:
        """Places to the image that holds fewest, then by arrival."""
        start: list[LaptopId] = []
        turn: Laptop | None = None
        while queues:
            image = min(queues, key=lambda name: (self.holding[name], queues[name][0].since, queues[name][0].number))
            laptop = queues[image].pop(0)
            if not queues[image]:
                del queues[image]
            wait = self.full(laptop)
            if wait is None:
                start.append(laptop.id)
                self.take(laptop)
                continue
            if wait.reason is Reason.SWITCH_FULL:
                turn = turn or laptop
            waits[laptop.id] = _explained(wait, laptop, turn or laptop)
        return start

    def take(self, laptop: Laptop) -> None:
        """A place for `laptop`."""
        self.holding[laptop.goal.image] += 1
        self.streams.add(self.stream(laptop))
        self.free -= 1

    def stream(self, laptop: Laptop) -> str:
        """What carries its pieces: its image's stream, or one of its own on a slow port."""
        image = self.workshop.images.get(laptop.goal.image)
        shared = (image is not None and image.classic) or not alone(laptop, self.workshop.link_mbps)
        return f"image {laptop.goal.image}" if shared else f"laptop {laptop.id}"

    def full(self, laptop: Laptop) -> Wait | None:
        """Why one more laptop, this one, cannot start, if it cannot."""
        if self.free <= 0:
            return _SWITCH_FULL
        if self.stream(laptop) not in self.streams and len(self.streams) >= self.most_streams:
            return _LINK_FULL
        return None


def _explained(wait: Wait, laptop: Laptop, turn: Laptop) -> Wait:
    """Why `laptop` waits where the next place is for `turn`, who came later, since its image has fewer places."""
    came_later = (turn.since, turn.number) > (laptop.since, laptop.number)
    if wait.reason is Reason.SWITCH_FULL and turn.goal.image != laptop.goal.image and came_later:
        return Wait(Reason.OTHER_IMAGE_FIRST, turn.goal.image)
    return wait


def due(workshop: Workshop, now: float) -> bool:
    """Whether a moment passed that something was due at, so that a Tick would change the state, or note the clock."""
    if any(until <= now for until in workshop.holds.values()) or any(b.until <= now for b in workshop.batches.values()):
        return True
    for laptop in workshop.laptops.values():
        given = laptop.goal.confirmation
        if laptop.state is State.WAITING and given is not None and given.until <= now:
            return True
        if laptop.unrecorded and now - laptop.since >= GIVEN_UP_SECONDS:
            return True
    if classics.gathered(workshop, now) or now < workshop.latest or clocks.unnoted(workshop, now):
        return True
    linger = workshop.settings.linger_seconds
    return any(
        each.open and each.kind != "guests" and each.idle_since is not None and now - each.idle_since >= linger
        for each in workshop.sessions.values()
    )
