"""A volunteers' evening, simulated whole: people, their minutes, laptops of every kind, from a seed.

    python -m cloned.lab.bench.evening --laptops 30 --volunteers 3 --seed 1

What is simulated is people's and machines' time; what a laptop is fit for, its grade and its needs are what the rules
that ship make of it. Every assumed time stands in evening_table.py, is printed, and is halved and doubled as well;
beside it the same evening with a program that clones and does nothing else.
"""

from __future__ import annotations

import heapq
import json
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, TypedDict

import click
from rich.console import Console
from rich.table import Table

from cloned.core.disks import Disk
from cloned.core.hardware import Battery, Hardware, MemorySlot
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Contact, Facts, Laptop, State
from cloned.core.triage import Course, Triage, judge
from cloned.core.triage_shipped import SHIPPED
from cloned.core.trial_result import Trial, TrialResult
from cloned.lab.bench.evening_table import SHARES, TESTS, TIMES

NOW = 1_790_000_000.0
_GOOD = Hardware(
    cores=4, threads=8, slots=(MemorySlot("A", 8 << 30, "DDR4", 2400),), batteries=(Battery("BAT0", 50.0, 47.0, 80),),
    wifi="Intel", tpm="2.0", firmware_date="2019-05-01", portable=True, charger=True, camera=True, bluetooth=True,
    sound=True, uefi=True, passwords=(), wpbt=False, product_key=True, clock="2026-11-29",
)  # fmt: skip
PERSON, MACHINE = "person", "machine"
WALK = "walk to the next laptop"


@dataclass(frozen=True)
class Step:
    """Something that takes time: the laptop's own, or what a person does there before walking on."""

    who: str
    names: tuple[str, ...]


def visit(*names: str) -> Step:
    """What a person does at one laptop, one thing after the other."""
    return Step(PERSON, names)


def machine(name: str) -> Step:
    """What a laptop does alone."""
    return Step(MACHINE, (name,))


Process = Generator["Step | list[Process]", None, None]
"""What happens to one laptop: a step at a time, or several beside each other."""


@dataclass(frozen=True)
class SimulatedLaptop:
    """One that was given: what it is, and what it will turn out to have."""

    number: int
    facts: Facts
    hard_disk: bool
    firmware_set: bool
    dead: tuple[str, ...]
    """Tests with a person that will fail."""

    def judged(self, *, tested: bool) -> Triage:
        """What the rules that ship make of it; `tested`: after a person tested it."""
        trials = tuple(Trial(name, TrialResult.FAILED) for name in self.dead if tested)
        laptop = Laptop(LaptopId(f"l{self.number}"), self.number, self.facts, State.ASKING, NOW, NOW)
        return judge(SHIPPED, replace(laptop, contact=Contact(hellos=1), trials=trials), NOW)


def laptops(number: int, seed: int) -> list[SimulatedLaptop]:
    """So many laptops of every kind; the same seed gives the same."""
    chance = random.Random(seed)  # noqa: S311 - a simulation's
    return [_laptop(each, chance) for each in range(1, number + 1)]


def _laptop(number: int, chance: random.Random) -> SimulatedLaptop:
    is_so = {name: chance.random() < share.value for name, share in SHARES.items()}
    battery = Battery("BAT0", 50.0, 20.0 if is_so["has a worn battery"] else 45.0, 300)
    memory = (3 if is_so["has little memory"] else 8) << 30
    hardware = replace(
        _GOOD,
        batteries=(battery,),
        slots=(MemorySlot("A", memory, "DDR4", 2400),),
        passwords=("administrator",) if is_so["is locked"] else (),
        charger=not is_so["has no charger"],
    )
    smart = "failing" if is_so["has a dying disk"] else "ok"
    disk = Disk(path="/dev/sda", serial=f"S{number}", size=256 * 10**9, smart=smart, eligible=True)
    cpu = "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz"
    facts = Facts(
        Identity(serial=f"L{number}"), firmware="uefi", cpu=cpu, memory=memory, disks=(disk,), hardware=hardware
    )
    dead = [name for name, so in (("camera", "has a dead camera"), ("keyboard", "has dead keys")) if is_so[so]]
    return SimulatedLaptop(number, facts, is_so["has a hard disk"], is_so["needs its firmware set"], tuple(dead))


@dataclass
class Evening:
    """People and laptops in simulated minutes: an event at a time."""

    volunteers: int
    scale: float = 1.0
    now: float = 0.0
    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Person-minutes by step."""
    waited: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Laptop-minutes that a step waited for a free person."""
    machine: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    ended: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._free = self.volunteers
        self._asks: deque[tuple[float, tuple[str, ...], Callable[[], None]]] = deque()

    def run(self, all_of_them: Iterator[tuple[int, Process]]) -> None:
        """Until every laptop is through."""
        for number, process in all_of_them:
            self._go(process, lambda number=number: self.ended.update({number: self.now}))  # type: ignore[misc]
        while self._events:
            self.now, _, happens = heapq.heappop(self._events)
            happens()

    def _go(self, process: Process, then: Callable[[], None]) -> None:
        """Take a process to its next step."""
        step = next(process, None)
        if step is None:
            then()
        elif isinstance(step, list):
            self._beside(step, lambda: self._go(process, then))
        elif step.who == MACHINE:
            [name] = step.names
            self.machine[name] += self._minutes(name)
            self._after(self._minutes(name), lambda: self._go(process, then))
        else:
            self._asks.append((self.now, step.names, lambda: self._go(process, then)))
            self._work()

    def _beside(self, processes: list[Process], then: Callable[[], None]) -> None:
        left = [len(processes)]

        def ended() -> None:
            left[0] -= 1
            if not left[0]:
                then()

        for process in processes:
            self._go(process, ended)

    def _work(self) -> None:
        """Whoever is free takes what has waited longest."""
        while self._free and self._asks:
            asked, names, then = self._asks.popleft()
            self._free -= 1
            doing = (WALK, *names)
            for name in doing:
                self.spent[name] += self._minutes(name)
            self.waited[names[0]] += self.now - asked
            self._after(sum(map(self._minutes, doing)), lambda then=then: self._done(then))  # type: ignore[misc]

    def _done(self, then: Callable[[], None]) -> None:
        self._free += 1
        then()
        self._work()

    def _after(self, minutes: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + minutes, next(self._order), happens))

    def _minutes(self, name: str) -> float:
        return TIMES[name].value * self.scale


def one_touch(laptop: SimulatedLaptop) -> Process:
    """With triage first, tests while the bytes flow, and papers by themselves."""
    yield from _arrives(laptop)
    if laptop.judged(tested=False).course is not Course.CLONE:
        yield visit("look at one held back")
        return
    yield [_person_tests(laptop), _written(laptop, choose=False)]
    yield machine("test alone")
    yield _papers(laptop)


def _arrives(laptop: SimulatedLaptop) -> Process:
    yield visit("unpack and plug in", *(["set the firmware"] if laptop.firmware_set else []))
    yield machine("start from the network")


def _person_tests(laptop: SimulatedLaptop) -> Process:
    """One visit; what is done with the charger is the agent's (agent/attended_charger.py)."""
    left_out = {TESTS + "charger", TESTS + "charger's plug"} - {_charger(laptop.facts.hardware)}
    yield visit(*(name for name in TIMES if name.startswith(TESTS) and name not in left_out))


def _charger(hardware: Hardware) -> str:
    """It is plugged in where it is not; else its plug is moved, unless the battery is worn."""
    if not hardware.charger:
        return TESTS + "charger"
    return TESTS + "charger's plug" if (hardware.left or 0) >= 0.5 else ""


def _written(laptop: SimulatedLaptop, *, choose: bool) -> Process:
    kind = "hard" if laptop.hard_disk else "flash"
    if choose:
        yield visit("erase by hand")
    yield machine(f"erase a {kind} disk")
    if choose:
        yield visit("choose the image in a menu")
    yield machine(f"clone a {kind} disk")


def _papers(laptop: SimulatedLaptop, *before: str) -> Step:
    charger = laptop.facts.hardware.charger is False
    return visit(*before, "stick the label on", *(["fetch and label a charger"] if charger else []))


def cloning_alone(laptop: SimulatedLaptop) -> Process:
    """What is done by hand around a program that only clones: locked and dying ones are found at the end."""
    yield from _arrives(laptop)
    yield from _written(laptop, choose=True)
    if laptop.judged(tested=True).course is Course.CLONE:
        yield _papers(laptop, "test by hand", "note serials by hand", "make a label by hand")
    else:
        yield visit("test by hand")


WAYS = {"one touch": one_touch, "cloning alone": cloning_alone}


@dataclass(frozen=True)
class EveningOutcome:
    """How an evening went; minutes."""

    way: str
    scale: float
    person_minutes: float
    """For each laptop."""
    through: float
    spent: dict[str, float]
    waited: dict[str, float]


def outcome(way: str, given: list[SimulatedLaptop], volunteers: int, scale: float) -> EveningOutcome:
    """One evening, with every time that is assumed multiplied by `scale`."""
    evening = Evening(volunteers, scale)
    evening.run((each.number, WAYS[way](each)) for each in given)
    each_laptop = sum(evening.spent.values()) / len(given)
    spent, waited = (
        {name: round(value, 1) for name, value in each.items()} for each in (evening.spent, evening.waited)
    )
    return EveningOutcome(way, scale, round(each_laptop, 2), round(max(evening.ended.values()), 1), spent, waited)


class EveningReport(TypedDict):
    """What came of an evening, in every way and at every scale."""

    laptops: int
    volunteers: int
    seed: int
    outcomes: list[dict[str, Any]]
    courses: dict[str, int]
    grades: dict[str, int]
    needs: dict[str, int]
    assumed: list[dict[str, Any]]


def report(number: int, volunteers: int, seed: int) -> EveningReport:
    """Every way and scale, and what came of the laptops."""
    given = laptops(number, seed)
    outcomes = [outcome(way, given, volunteers, scale) for scale in (1.0, 0.5, 2.0) for way in WAYS]
    found = [each.judged(tested=True) for each in given]
    return {
        "laptops": number,
        "volunteers": volunteers,
        "seed": seed,
        "outcomes": [vars(each) for each in outcomes],
        "courses": dict(Counter(str(each.course) for each in found)),
        "grades": dict(sorted(Counter(each.grade for each in found).items())),
        "needs": dict(Counter(need for each in found for need in each.needs).most_common()),
        "assumed": [vars(each) for each in (*TIMES.values(), *SHARES.values())],
    }


@click.command()
@click.option("--laptops", "number", default=30, show_default=True, help="Laptops that were given.")
@click.option("--volunteers", default=3, show_default=True, help="People who work.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same evening.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def main(number: int, volunteers: int, seed: int, as_json: bool) -> None:
    """Simulate an evening of so many laptops and volunteers."""
    if min(number, volunteers) < 1:
        raise click.UsageError("an evening needs a laptop and a volunteer")
    found = report(number, volunteers, seed)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        _print(found)


def _print(found: EveningReport) -> None:
    console = Console(width=130)
    table = Table(title="Simulated, from times that are assumed: not measured on any evening")
    for name in (
        "times",
        "way",
        "person-minutes a laptop",
        "all through after",
        "what people did most",
        "most waited for",
    ):
        table.add_column(name)
    for each in found["outcomes"]:
        most = [max(each[key], key=each[key].get) for key in ("spent", "waited")]
        held = f"{most[1]} ({each['waited'][most[1]]:.0f} laptop-minutes)"
        clock = f"{int(each['through']) // 60}:{int(each['through']) % 60:02d} h"
        table.add_row(f"x {each['scale']:g}", each["way"], f"{each['person_minutes']:.1f}", clock, most[0], held)
    console.print(table)
    for name, counts in (("courses", found["courses"]), ("grades", found["grades"]), ("needs", found["needs"])):
        console.print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in counts.items()))
    table = Table(title="What is assumed, and where it comes from")
    for name in ("what", "value", "source"):
        table.add_column(name)
    for each in found["assumed"]:
        table.add_row(
            each["name"], f"{each['value']:.0%}" if each["share"] else f"{each['value']:g} min", each["source"]
        )
    console.print(table)


if __name__ == "__main__":
    main()
