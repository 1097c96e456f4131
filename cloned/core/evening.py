"""The evening as a board: who waits for whom, how long each step took, people's minutes, what held it up. Pure.

From the workshop's snapshot alone, so it is the same after a restart. A person's minutes are those that were measured:
at the keyboard, while a laptop was tested with somebody. Somebody says when an evening is over: then its summary goes
to hooks and to inventories that take everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from cloned.core.attempts import ATTEMPTS
from cloned.core.events import Command
from cloned.core.ledger import iso
from cloned.core.refusals import Refusal, Refused
from cloned.core.shown import ShownLaptop, Snapshot
from cloned.core.snapshot import STAGES, snapshot
from cloned.core.trial_result import AttendedName
from cloned.core.verbs import Role, Target, Verb
from cloned.core.workshop import Workshop
from cloned.saying import Phrase

HOURS = 12
"""An evening is no longer than that: what is older belongs to another."""
FILED = "evening"
"""What its rows in the ledger are filed under, where others have their laptop."""
EVENINGS = 3 * ATTEMPTS
"""In the ledger evenings have attempts from this number on: with the hours since 1970, so that said twice is one."""
_ATTENDED = frozenset(map(str, AttendedName))
_FOR_PEOPLE = {
    "asking": Phrase("wait for somebody's word"),
    "aside": Phrase("are set aside"),
}
_AT_WORK = frozenset({"waiting", "ready", "receiving", "verifying", "finishing", "erasing"})
_THROUGH = frozenset({"done", "erased"})


@dataclass(frozen=True)
class WaitingGroup:
    """Laptops that wait for one thing, the longest first."""

    what: Phrase
    laptops: tuple[ShownLaptop, ...]
    longest: float
    """Seconds that the first of them waits."""
    person: bool
    """Whether it is people that they wait for."""


@dataclass(frozen=True)
class StepTook:
    """How long a step took, in seconds, of those laptops that went through it."""

    name: str
    laptops: int
    usual: float
    """The median."""
    longest: float


@dataclass(frozen=True)
class HeldUp:
    """One thing that laptops waited for."""

    what: Phrase
    seconds: float
    """Of all laptops together."""


@dataclass(frozen=True)
class Board:
    """The evening so far."""

    laptops: int
    through: int
    waiting: tuple[WaitingGroup, ...]
    steps: tuple[StepTook, ...]
    tested: int
    """Laptops that were tested with a person."""
    person_minutes: float | None
    """At the keyboard, for each of them; None where none was."""
    held_up: tuple[HeldUp, ...]
    grades: tuple[tuple[str, int], ...]


def board(seen: Snapshot) -> Board:
    """What of the workshop happened this evening."""
    now = datetime.fromisoformat(seen.now)
    begin = now - timedelta(hours=HOURS)
    laptops = [each for each in seen.laptops if _when(each.since) >= begin or each.state not in ("gone", *_THROUGH)]
    minutes = [found for each in laptops if (found := _at_keyboard(each)) > 0]
    return Board(
        laptops=len(laptops),
        through=sum(each.state in _THROUGH for each in laptops),
        waiting=tuple(sorted(_waiting(laptops, now), key=lambda each: (not each.person, -each.longest))),
        steps=tuple(_steps(laptops)),
        tested=len(minutes),
        person_minutes=round(sum(minutes) / len(minutes) / 60, 1) if minutes else None,
        held_up=tuple(sorted(_held_up(laptops, begin, now), key=lambda each: -each.seconds)),
        grades=tuple(sorted((grade, sum(each.grade == grade for each in laptops)) for grade in _grades(laptops))),
    )


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _at_keyboard(laptop: ShownLaptop) -> float:
    """Seconds of its tests with a person."""
    return sum(each.seconds for each in laptop.tests if each.name in _ATTENDED)


def _waiting(laptops: Sequence[ShownLaptop], now: datetime) -> Iterator[WaitingGroup]:
    groups: list[tuple[Phrase, bool, list[ShownLaptop]]] = [
        (what, True, [each for each in laptops if each.state == state]) for state, what in _FOR_PEOPLE.items()
    ]
    keyboard = [each for each in laptops if at_the_keyboard(each)]
    groups.append((Phrase("wait for two minutes at the keyboard"), True, keyboard))
    groups.append((Phrase("are cloned, with a part that is bad"), True, [each for each in laptops if each.undecided]))
    groups.append((Phrase("are at work"), False, [each for each in laptops if each.state in _AT_WORK]))
    for what, person, group in groups:
        if group:
            ordered = tuple(sorted(group, key=lambda each: each.since))
            yield WaitingGroup(what, ordered, max(0.0, (now - _when(ordered[0].since)).total_seconds()), person)


def at_the_keyboard(laptop: ShownLaptop) -> bool:
    """Whether it waits for somebody at its keyboard."""
    return laptop.state != "gone" and any(name in _ATTENDED for name in laptop.tests_wanted)


def _steps(laptops: Sequence[ShownLaptop]) -> Iterator[StepTook]:
    for name in STAGES:
        took = [each.seconds[name] for each in laptops if each.seconds.get(name)]
        if took:
            yield StepTook(name, len(took), median(took), max(took))
    erased = [seconds for each in laptops if (seconds := _erased(each)) > 0]
    if erased:
        yield StepTook("erase", len(erased), median(erased), max(erased))
    alone = [found for each in laptops if (found := sum(t.seconds for t in each.tests) - _at_keyboard(each)) > 0]
    if alone:
        yield StepTook("test", len(alone), median(alone), max(alone))


def _erased(laptop: ShownLaptop) -> float:
    """Seconds that its last erasure took, from its history."""
    return sum(seconds for state, seconds in _spent(laptop, None) if state == "erasing")


def _held_up(laptops: Iterable[ShownLaptop], begin: datetime, now: datetime) -> Iterator[HeldUp]:
    """What laptops stood still for: a person's word, being set aside, a place at the switch."""
    words = {
        "asking": Phrase("nobody said yet what to do"),
        "aside": Phrase("laptops that were set aside"),
        "waiting": Phrase("a place at the switch, or an image"),
    }
    total = dict.fromkeys(words, 0.0)
    for laptop in laptops:
        for state, seconds in _spent(laptop, now, begin):
            if state in total:
                total[state] += seconds
    yield from (HeldUp(words[state], seconds) for state, seconds in total.items() if seconds >= 1)


def _spent(laptop: ShownLaptop, now: datetime | None, begin: datetime | None = None) -> Iterator[tuple[str, float]]:
    """(state, seconds) of its history, the running one included where `now` is given."""
    entries = [(_when(each.at), str(each.state)) for each in laptop.history]
    ends = [at for at, _ in entries[1:]] + ([now] if now is not None else [])
    for (at, state), end in zip(entries, ends, strict=False):
        since = max(at, begin) if begin is not None else at
        yield state, max(0.0, (end - since).total_seconds())


def _grades(laptops: Iterable[ShownLaptop]) -> set[str]:
    return {each.grade for each in laptops if each.grade}


def summary(workshop: Workshop, now: float) -> dict[str, object]:
    """The board as plain data, for hooks and inventories: laptops by number and tag, seconds, English words."""
    seen = board(snapshot(workshop, {}, now))
    return {
        "laptops": seen.laptops,
        "through": seen.through,
        "waiting": [
            {"what": str(each.what), "laptops": [_called(one) for one in each.laptops], "longest": round(each.longest)}
            for each in seen.waiting
        ],
        "steps": [vars(each) | {"usual": round(each.usual, 1), "longest": round(each.longest)} for each in seen.steps],
        "tested": seen.tested,
        "person_minutes": seen.person_minutes,
        "held_up": [{"what": str(each.what), "seconds": round(each.seconds)} for each in seen.held_up],
        "grades": dict(seen.grades),
    }  # fmt: skip


def _called(laptop: ShownLaptop) -> str:
    return laptop.tag or str(laptop.number)


def row(workshop: Workshop, now: float) -> dict[str, object]:
    """What an evening that is over leaves in the ledger: no laptop's result, so it is filed under itself."""
    told = summary(workshop, now)
    known = {"laptop": FILED, "attempt": EVENINGS + int(now // 3600), "at": iso(now)}
    return {"kind": "evening", **known, "state": "over", "verdict": "none", "image": "", "why": "", "evening": told}


def _over(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    return replace(workshop, evening_over=now)


def _nothing_happened(workshop: Workshop, command: Command) -> Refusal | None:
    return None if workshop.laptops else Refusal(Refused.NO_EVENING)


VERBS = (
    Verb(
        "evening-over",
        "Say that the evening is over: its summary goes to hooks, and to inventories that take everything.",
        _over,
        Target.NOTHING,
        role=Role.VOLUNTEER,
        refuse=_nothing_happened,
        command_line="evening over",
    ),
)
"""Its line in the table of commands."""
