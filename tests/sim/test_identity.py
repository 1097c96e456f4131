"""Machines whose firmware says untrue things, arriving by the thousand: none is ever told done by another's disk."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import pytest

from cloned.core.events import (
    Booted,
    Configured,
    Confirmed,
    Finished,
    Hello,
    ImageInfo,
    ImageKnown,
    Judged,
    Ready,
    Settings,
    SwitchChanged,
    Vanished,
)
from cloned.core.ids import LaptopId, clean
from cloned.core.laptop import Disk, Facts, Laptop, State, VerdictKind
from cloned.core.reducer import step
from cloned.core.workshop import Workshop

IMAGE = ImageInfo("school", "a" * 64, 10**9, 10**10)
UUIDS = (
    "",
    "4c4c4544-0000-2010-8020-80c04f202020",
    "03000200-0400-0500-0006-000700080009",
    "b2f1a3c4-77d0-4e21-9a55-0c1d2e3f4a5b",
    "a real one",
)
"""Nothing, Dell's empty tag, AMI's, one on a whole batch that no list knows, one of its own."""
SERIALS = ("", "To be filled by O.E.M.", "SystemSerialNumb", "A1B2C3", "a real one")
WWNS = ("", "naa.0000000000000000", "naa.5002538e40a0b0c0", "a real one")
DONGLES = tuple(f"00:e0:4c:68:01:{n:02x}" for n in range(3))


@dataclass
class Odd:
    """A machine out of the oddities, with one disk; `read_back`: it was cloned, on this very disk."""

    number: int
    chance: random.Random
    read_back: bool = False
    disk: Disk = field(init=False)

    def __post_init__(self) -> None:
        own = f"{self.number:06x}"
        self.uuid = self.chance.choice(UUIDS).replace("a real one", f"5d8e1f00-6a3b-11cb-9c4e-a7d3b5{own}")
        self.serial = self.chance.choice(SERIALS).replace("a real one", f"PF{own}XQ")
        self.card = f"3c:97:0e:{own[:2]}:{own[2:4]}:{own[4:]}"
        wwn = self.chance.choice(WWNS).replace("a real one", f"naa.5002538e4{own}b1c")
        self.disk = Disk("/dev/sda", 256 * 10**9, serial=f"S{own}K7", wwn=wwn, name=f"{wwn}/{own}")


class Hall:
    """A workshop in which odd machines come and go."""

    def __init__(self, seed: int) -> None:
        self.chance, self.state, self.now, self.count = random.Random(seed), Workshop(), 1e6, itertools.count(1)
        for event in (Configured(Settings(default_image="school")), ImageKnown(IMAGE), SwitchChanged(24, "24", 1000)):
            self.tell(event)

    def tell(self, event: object) -> None:
        self.now += 30.0
        self.state, _ = step(self.state, event, self.now, self.chance.randbytes(16).hex())  # type: ignore[arg-type]

    def arrive(self, odd: Odd) -> Laptop:
        """It boots, perhaps through somebody's dongle, and its agent says hello."""
        plugged = self.chance.random() < 0.2
        mac = self.chance.choice(DONGLES) if plugged else odd.card
        token, address = f"t{next(self.count)}", f"10.0.{odd.number >> 8 & 255}.{odd.number & 255}"
        self.tell(Booted(token, clean(odd.uuid, odd.serial, "Maker", "Model", [mac]), mac, address))
        who = clean(odd.uuid, odd.serial, "Maker", "Model", dict.fromkeys([odd.card, mac]))
        self.tell(Hello(token, Facts(who, mac, disks=(odd.disk,), dongles=(mac,) if plugged else ()), address))
        ident = self.state.boots[token].laptop
        assert ident is not None
        return self.state.laptops[ident]

    def clone(self, odd: Odd, laptop: Laptop) -> None:
        """A person confirms it, and it is cloned; perhaps power fails before the finishing steps."""
        self.tell(Confirmed(laptop.id, odd.disk.key, "school", "page"))
        session = self.state.laptops[laptop.id].session
        if session is None:
            return
        self.tell(Ready(laptop.id, session, odd.disk.key, (), False))
        self.tell(Judged(laptop.id, session, 1, VerdictKind.VERIFIED, 0, (), IMAGE.image_hash, 10**9))
        odd.read_back = True
        if self.chance.random() < 0.5:
            self.tell(Finished(laptop.id, ()))

    def leave(self, ident: LaptopId) -> None:
        self.tell(Vanished(ident))


def evening(seed: int, machines: int, arrivals: int) -> None:
    """AssertionError where one is told done, or finished, by another's disk."""
    hall = Hall(seed)
    odds = [Odd(number, hall.chance) for number in range(1, machines + 1)]
    for _ in range(arrivals):
        odd = hall.chance.choice(odds)
        laptop = hall.arrive(odd)
        if laptop.state in (State.FINISHING, State.DONE):
            assert odd.read_back, f"seed {seed}: {odd} was told {laptop.state}"
            assert laptop.goal.onto is not None
            assert laptop.goal.onto.serial == odd.disk.serial, f"seed {seed}: {odd} was told {laptop.state}"
            hall.tell(Finished(laptop.id, ()))
        elif hall.chance.random() < 0.7:
            hall.clone(odd, laptop)
        hall.leave(laptop.id)


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_told_done_by_anothers_disk(seed: int) -> None:
    evening(seed, 12, 60)


@pytest.mark.nightly
@pytest.mark.parametrize("block", range(100))
def test_nobody_is_told_done_by_anothers_disk_over_many_arrivals(block: int) -> None:
    for seed in range(1000 + block * 10, 1010 + block * 10):
        evening(seed, 20, 100)
