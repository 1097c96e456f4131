"""Machines whose firmware says untrue things, arriving by the thousand: none is ever told done by another's disk."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from cloned.core.disk_names import named
from cloned.core.disks import Disk
from cloned.core.effect_types import Effect
from cloned.core.events import (
    Booted,
    Command,
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
    Vanished,
)
from cloned.core.evidence import here
from cloned.core.fillers import usable_text
from cloned.core.ids import LaptopId, clean
from cloned.core.laptop import Facts, Laptop, State, VerdictKind
from cloned.core.reasons import Reason
from tests.story import Telling

IMAGE = ImageInfo("school", "a" * 64, 10**9, 10**10)
UUIDS = (
    "",
    "4c4c4544-0000-2010-8020-80c04f202020",
    "03000200-0400-0500-0006-000700080009",
    "00112233-4455-6677-8899-aabbccddeeff",
    "fefefefe-fefe-fefe-fefe-fefefefefefe",
    "b2f1a3c4-77d0-4e21-9a55-0c1d2e3f4a5b",
    "a real one",
)
"""Nothing, Dell's empty tag, AMI's, counting and repeated bytes, one on a whole batch that no list knows, one of its own."""
SERIALS = (
    "", "To be filled by O.E.M.", "SystemSerialNumb", "(null string)", "12345678", "OEM_Serial", "Unknow", "EVAL",
    "A1B2C3", "a real one",
)  # fmt: skip
WWNS = ("", "naa.0000000000000000", "naa.5002538e40a0b0c0", "a real one")
DISK_SERIALS = ("", "0123456789ABCDEF", "000000000000", "BATCH77Q1", "a real one")
DONGLES = tuple(f"00:e0:4c:68:01:{n:02x}" for n in range(3))
DOCKS = tuple(f"a4:ae:12:68:01:{n:02x}" for n in range(2))
"""Cards that hang on Thunderbolt: agents do not tell them from built-in ones. A machine hangs on one of them at a time."""


@dataclass(eq=False)
class Platter:
    """A disk that one can hold in the hand, whatever it says of itself."""

    serial: str
    wwn: str
    size: int
    read_back: bool = False
    """Whether it was, and found right, since something was written to it last."""


@dataclass(eq=False)
class Odd:
    """A machine out of the oddities, with one disk or two."""

    number: int
    chance: random.Random
    platters: list[Platter] = field(init=False)
    confirmed: list[Platter] = field(default_factory=list)
    """Disks of which a person said, at this machine, that they may be overwritten."""

    def __post_init__(self) -> None:
        own = f"{self.number:06x}"
        self.uuid = self.chance.choice(UUIDS).replace("a real one", f"5d8e1f00-6a3b-11cb-9c4e-a7d3b5{own}")
        self.serial = self.chance.choice(SERIALS).replace("a real one", f"PF{own}XQ")
        self.card = f"3c:97:0e:{own[:2]}:{own[2:4]}:{own[4:]}"
        if self.chance.random() < 0.2:  # it has no socket: whatever it comes by goes to another afterwards
            self.card = ""
            self.platters = [Platter(f"S{own}9K7", "", 256 * 10**9)]
            return
        self.platters = [self._platter(f"{own}{which}") for which in range(self.chance.choice((1, 1, 1, 2)))]

    def _platter(self, own: str) -> Platter:
        wwn = self.chance.choice(WWNS).replace("a real one", f"naa.5002538e4{own}bc")
        serial = self.chance.choice(DISK_SERIALS).replace("a real one", f"S{own}K7")
        return Platter(serial, wwn, self.chance.choice((256, 256, 500)) * 10**9)

    def comes_by(self, *others: str) -> str:
        """One of its cards, or of those that are there for all."""
        return self.chance.choice((self.card, *others) if self.card else others)

    @property
    def cards(self) -> tuple[str, ...]:
        """Its own."""
        return (self.card,) if self.card else ()

    @property
    def told(self) -> set[tuple[str, str, int]]:
        """What its disks say, where it looks like their own: a serial number on a whole batch of them is none."""
        return {(each.serial, each.wwn, each.size) for each in self.platters if usable_text(each.serial)}

    @property
    def address(self) -> str:
        """Where it is in the network."""
        return f"10.0.{self.number >> 8 & 255}.{self.number & 255}"

    @property
    def disks(self) -> tuple[Disk, ...]:
        """What its agent tells of them."""
        told = [Disk(f"/dev/sd{'ab'[at]}", each.size, serial=each.serial, wwn=each.wwn)
                for at, each in enumerate(self.platters)]  # fmt: skip
        return named(told)


class Hall(Telling):
    """A workshop in which odd machines come and go."""

    def __init__(self, seed: int) -> None:
        self.chance, self.count = random.Random(seed), itertools.count(1)
        self.owner: dict[int, Odd] = {}
        """Whose row each is, by its number on the screen."""
        configured = Configured(Settings(default_image="school"))
        super().__init__(configured, ImageKnown(IMAGE), SwitchChanged(24, "24", 1000), now=1e6)

    def tell(self, event: Event, after: float = 30.0) -> list[Effect]:
        return super().tell(event, after)

    def draw(self) -> str:
        return self.chance.randbytes(16).hex()

    def heed(self, effects: Sequence[Effect]) -> None:
        """A hundred thousand arrivals have too many to keep."""

    def arrive(self, odd: Odd) -> Laptop:
        """It boots, perhaps through somebody's dongle or dock, and its agent says hello."""
        mac = odd.comes_by(*odd.cards, *odd.cards, self.chance.choice(DONGLES), self.chance.choice(DOCKS))
        token = self.boot(odd, mac)
        self.say_hello(odd, mac, token)
        return self.known_by(token)

    def boot(self, odd: Odd, mac: str, after: float = 30.0) -> str:
        """It asks for its boot script through this card; returns its token."""
        token = f"t{next(self.count)}"
        self.tell(Booted(token, clean(odd.uuid, odd.serial, "Maker", "Model", [mac]), mac, odd.address), after)
        return token

    def say_hello(self, odd: Odd, mac: str, token: str, after: float = 30.0) -> None:
        """Its agent does."""
        who = clean(odd.uuid, odd.serial, "Maker", "Model", dict.fromkeys([*odd.cards, mac]))
        dongles = (mac,) if mac in DONGLES else ()
        self.tell(Hello(token, Facts(who, mac, disks=odd.disks, dongles=dongles), odd.address), after)

    def known_by(self, token: str) -> Laptop:
        """The laptop that a token is of."""
        ident = self.state.boots[token].laptop
        assert ident is not None
        return self.state.laptops[ident]

    def machine(self, ident: LaptopId) -> Odd | None:
        """Whose row it is."""
        known = self.state.laptops.get(ident)
        return self.owner.get(known.number) if known is not None else None

    def answer(self, odd: Odd, laptop: Laptop) -> Laptop:
        """Where it is asked whether a machine is another one with a new disk, a person looks at the sticker, and says so."""
        if laptop.perhaps is None or laptop.reason is not Reason.PERHAPS:
            return laptop
        other = LaptopId(laptop.perhaps.laptop)
        if self.machine(other) is not odd:
            return laptop
        self.tell(Command("same", "page", laptop.id))
        if laptop.id not in self.state.laptops:
            self.owner.pop(laptop.number, None)
        return self.state.laptops.get(laptop.id) or self.state.laptops[other]

    def look(self, odd: Odd, laptop: Laptop, excused: set[Odd]) -> None:
        """AssertionError where a machine has the row of another, or does what somebody said of another."""
        holder = self.owner.setdefault(laptop.number, odd)
        alike = holder is not odd and ({holder, odd} <= excused or holder.told & odd.told)
        assert holder is odd or alike, f"{odd} was taken for {holder}"
        if holder is not odd:
            excused |= {holder, odd}  # what is of both now tells them apart no more
        given = laptop.goal.confirmation
        if given is not None and odd not in excused and not alike:
            disk = laptop.disk_called(given.disk)
            assert disk is not None
            assert odd.platters[[each.path for each in odd.disks].index(disk.path)] in odd.confirmed, f"{odd} was not"

    def clone(self, odd: Odd, laptop: Laptop) -> None:
        """A person confirms one of its disks, and it is cloned; perhaps power fails before the finishing steps."""
        wanted = self.chance.choice(odd.disks)
        odd.confirmed.append(odd.platters[odd.disks.index(wanted)])
        self.tell(Confirmed(laptop.id, wanted.key, "school", "page"))
        after = self.state.laptops[laptop.id]
        if after.session is None:
            return
        target = after.target()
        assert target is not None
        begun = laptop.active  # by a word given before
        assert begun or target.path == wanted.path, "another disk than the one that was confirmed"
        at, key = [disk.path for disk in odd.disks].index(target.path), target.key
        self.tell(Ready(laptop.id, after.session, key, (), False))
        odd.platters[at].read_back = False
        if self.chance.random() < 0.1:
            return  # it is cut off before its verdict
        self.tell(Judged(laptop.id, after.session, 1, VerdictKind.VERIFIED, 0, (), IMAGE.image_hash, 10**9))
        odd.platters[at].read_back = True
        if self.chance.random() < 0.5:
            self.tell(Finished(laptop.id, ()))

    def swap(self, one: Odd, other: Odd) -> None:
        """Somebody puts the disk of one machine into another, and the other way round."""
        one.platters[0], other.platters[0] = other.platters[0], one.platters[0]

    def leave(self, ident: LaptopId) -> None:
        self.tell(Vanished(ident))


def alike(platter: Platter, odds: list[Odd]) -> list[Platter]:
    """The disk, and those that nothing which could be asked tells from it: a serial number that looks real, on several."""
    if not usable_text(platter.serial):
        return [platter]
    said = (platter.serial, platter.wwn, platter.size)
    return [each for odd in odds for each in odd.platters if (each.serial, each.wwn, each.size) == said]


def evening(seed: int, machines: int, arrivals: int, swaps: float = 0.1) -> None:
    """AssertionError where one is told done, or finished, by another's disk, or gets what is another's."""
    hall = Hall(seed)
    odds = [Odd(number, hall.chance) for number in range(1, machines + 1)]
    swapped: set[Odd] = set()
    """A machine that says the same as another and has its disk is that one, for all that can be seen."""
    for _ in range(arrivals):
        odd = hall.chance.choice(odds)
        other = hall.chance.choice(odds)
        if hall.chance.random() < swaps and odd.card and other.card:
            hall.swap(odd, other)
            swapped |= {odd, other}
        laptop = hall.answer(odd, hall.arrive(odd))
        hall.look(odd, laptop, swapped)
        if laptop.state in (State.FINISHING, State.DONE):
            target = laptop.target()
            assert target is not None
            platter = odd.platters["ab".index(target.path[-1])]
            assert any(each.read_back for each in alike(platter, odds)), f"seed {seed}: {odd} was told {laptop.state}"
            hall.tell(Finished(laptop.id, ()))
        elif hall.chance.random() < 0.7:
            hall.clone(odd, laptop)
        hall.leave(laptop.id)


@pytest.mark.parametrize("swaps", [0.1, 0.0])
@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_told_done_by_anothers_disk(seed: int, swaps: float) -> None:
    evening(seed, 12, 60, swaps)


@pytest.mark.nightly
@pytest.mark.parametrize("block", range(100))
def test_nobody_is_told_done_by_anothers_disk_over_many_arrivals(block: int) -> None:
    for seed in range(1000 + block * 10, 1010 + block * 10):
        evening(seed, 20, 100, 0.1 * (seed % 2))


class Bench:
    """Machines that are here at once; a dongle or a dock hangs on one of them at a time."""

    def __init__(self, seed: int) -> None:
        self.hall = Hall(seed)
        self.odds = [Odd(number, self.hall.chance) for number in range(1, 13)]
        self.cards: dict[Odd, str] = {}
        """Through which card those that are here came."""
        self.starting: dict[Odd, str] = {}
        self.here: dict[Odd, str] = {}
        """Their tokens."""

    def somebody_does_something(self) -> None:
        """One of the machines is switched on, gets so far that its agent speaks, is cloned, or is taken away."""
        odd = self.hall.chance.choice(self.odds)
        if odd in self.starting:
            self.here[odd] = self.starting.pop(odd)
            self.hall.say_hello(odd, self.cards[odd], self.here[odd], 2.0)
        elif odd not in self.here:
            free = [mac for mac in (*DONGLES, *DOCKS) if mac not in self.cards.values()]
            if not (free or odd.card):
                return
            self.cards[odd] = odd.comes_by(*odd.cards, self.hall.chance.choice(free or [odd.card]))
            self.starting[odd] = self.hall.boot(odd, self.cards[odd], 2.0)
        elif (token := self.here[odd]) in self.hall.state.boots and self.hall.chance.random() < 0.6:
            laptop = self.hall.known_by(token)
            if laptop.state is State.ASKING:
                self.hall.tell(Confirmed(laptop.id, self.hall.chance.choice(odd.disks).key, "school", "page"), 2.0)
        else:
            if token in self.hall.state.boots:
                self.hall.leave(self.hall.known_by(token).id)
            del self.here[odd], self.cards[odd]

    def at_work(self) -> dict[Odd, LaptopId]:
        """Those whose agents run and have something to do."""
        tokens = {odd: token for odd, token in self.here.items() if token in self.hall.state.boots}
        laptops = {odd: self.hall.known_by(token) for odd, token in tokens.items()}
        return {odd: laptop.id for odd, laptop in laptops.items() if here(laptop)}


def evening_at_once(seed: int, steps: int) -> None:
    """AssertionError where one at work loses its token, or its row, to another that comes."""
    bench = Bench(seed)
    for _ in range(steps):
        before = bench.at_work()
        bench.somebody_does_something()
        for odd, ident in before.items():
            if odd in bench.here:
                assert bench.here[odd] in bench.hall.state.boots, f"seed {seed}: {odd} lost its token"
                assert bench.hall.known_by(bench.here[odd]).id == ident
        idents = list(bench.at_work().values())
        assert len(set(idents)) == len(idents), f"seed {seed}: two machines are one row"


@pytest.mark.parametrize("seed", range(12))
def test_nobody_at_work_loses_its_token_to_one_that_says_the_same(seed: int) -> None:
    evening_at_once(seed, 200)
