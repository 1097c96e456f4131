"""Evenings second by second, with laptops as fast and as slow as donated ones are: is the estimate right?"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cloned.core.disks import Disk
from cloned.core.estimate import estimate, right
from cloned.core.events import (
    Booted,
    Configured,
    Confirmed,
    Event,
    Finished,
    Hello,
    ImageInfo,
    ImageKnown,
    Judged,
    Ready,
    Settings,
    SwitchChanged,
    Verifying,
)
from cloned.core.ids import LaptopId, clean, token_digest
from cloned.core.laptop import Facts, Laptop, State, VerdictKind
from cloned.core.schedule import plan
from tests.story import Telling

IMAGES = [ImageInfo("school", "a" * 64, 12 * 10**9, 10**10), ImageInfo("office", "b" * 64, 20 * 10**9, 10**10)]
WIRE_BYTES = 115e6
"""Bytes a second that the link carries."""


@dataclass
class Box:
    """A laptop: when it comes, how fast its disk is, what it takes around the transfer."""

    number: int
    arrives: float
    image: ImageInfo
    disk: float
    prepare: float
    verify: float
    finish: float
    got: float = 0.0
    rate: float = 0.0


class Evening(Telling):
    """A workshop with a clock of seconds."""

    def __init__(self, seed: int, laptops: int, images: int) -> None:
        super().__init__(
            Configured(Settings(gather_seconds=0)), *map(ImageKnown, IMAGES), SwitchChanged(24, "24", 1000)
        )
        self.laptops, self.images, self.chance = laptops, images, random.Random(seed)
        self.boxes = {f"PF{number:04}": self.box(number) for number in range(laptops)}
        self.said: dict[LaptopId, list[tuple[float, float]]] = {}
        """(when, how long it was said to take) for each laptop."""
        self.said_of_all: list[tuple[float, float]] = []
        self.ended: dict[LaptopId, float] = {}

    def box(self, number: int) -> Box:
        chance = self.chance
        disk = chance.choice((300e6, 300e6, 300e6, 200e6, 90e6, 60e6, 35e6)) * chance.uniform(0.8, 1.2)
        arrives = self.now + chance.uniform(0, 600)
        image = IMAGES[number % self.images]
        return Box(number, arrives, image, disk, chance.uniform(0.5, 3), chance.uniform(0.5, 3), chance.uniform(2, 6))

    def happen(self, event: Event) -> None:
        """Within this second."""
        self.tell(event, 0.0)

    def run(self) -> None:
        """Second by second until everybody is done."""
        while len(self.ended) < self.laptops:
            self.now += 1
            assert self.now < 50_000
            for box in self.boxes.values():
                if box.arrives <= self.now < box.arrives + 1:
                    self.arrive(box)
            self.send()
            for laptop in list(self.state.laptops.values()):
                self.go_on(laptop, self.boxes[laptop.identity.serial])
            if self.now % 10 < 1:
                self.note()

    def arrive(self, box: Box) -> None:
        name, address = f"PF{box.number:04}", f"10.0.0.{box.number}"
        identity = clean(serial=name, macs=[f"02:00:00:00:00:{box.number:02x}"])
        self.happen(Booted(token_digest(name), identity, identity.macs[0], address))
        disk = Disk("/dev/sda", 10**11, serial=name)
        self.happen(Hello(token_digest(name), Facts(identity, disks=(disk,), speed_mbps=1000), address))
        laptop = next(each for each in self.state.laptops.values() if each.identity.serial == name)
        self.happen(Confirmed(laptop.id, name, box.image.name, "page"))

    def send(self) -> None:
        """Everybody who receives gets what its stream and its disk let through."""
        taking = [each for each in self.state.laptops.values() if each.state is State.RECEIVING]
        streams = max(1, len({each.goal.image for each in taking}))
        for laptop in taking:
            box = self.boxes[laptop.identity.serial]
            rate = min(WIRE_BYTES / streams, box.disk / 2) * self.chance.uniform(0.9, 1.1)
            box.rate, box.got = rate, min(box.image.used, box.got + rate)

    def go_on(self, laptop: Laptop, box: Box) -> None:
        spent = self.now - laptop.since
        session = laptop.session
        match laptop.state:
            case State.READY if session and spent >= box.prepare:
                self.happen(Ready(laptop.id, session, laptop.goal.disk, (), True))
            case State.RECEIVING if session and box.got >= box.image.used:
                self.happen(Verifying(laptop.id, session))
            case State.VERIFYING if session and spent >= box.verify:
                kind, used = VerdictKind.VERIFIED, box.image.used
                self.happen(Judged(laptop.id, session, 1, kind, 0, (), box.image.image_hash, used))
            case State.FINISHING if spent >= box.finish:
                self.happen(Finished(laptop.id, ()))
                self.ended[laptop.id] = self.now

    def note(self) -> None:
        """Ask for the estimate, as the page does."""
        taking = [each for each in self.state.laptops.values() if each.state is State.RECEIVING]
        boxes = {each.id: self.boxes[each.identity.serial] for each in taking}
        progress = {
            key: {"rate": box.rate, "left_seconds": (box.image.used - box.got) / box.rate if box.rate else None}
            for key, box in boxes.items()
        }
        found = estimate(self.state, progress, plan(self.state, self.now), self.now)
        for ident, left in found.laptops.items():
            self.said.setdefault(ident, []).append((self.now, left))
        if found.all is not None and self.now > 1600:
            self.said_of_all.append((self.now, found.all))

    def of_laptops(self) -> Iterator[tuple[float, float]]:
        """(said, took) whenever something was said of a laptop."""
        for ident, said in self.said.items():
            yield from ((left, self.ended[ident] - at) for at, left in said)

    def of_all(self) -> Iterator[tuple[float, float]]:
        """(said, took) of the whole evening."""
        last = max(self.ended.values())
        yield from ((left, last - at) for at, left in self.said_of_all)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("laptops", "images"), [(12, 1), (60, 1), (60, 2)])
def test_the_estimate_is_right_for_most(seed: int, laptops: int, images: int) -> None:
    evening = Evening(seed, laptops, images)
    evening.run()
    each, all_ = right(evening.of_laptops()), right(evening.of_all())
    print(f"{laptops} laptops, {images} images: {each:.0%} of laptops' estimates, {all_:.0%} of the evening's")
    assert each > 0.8
    assert all_ > 0.8
