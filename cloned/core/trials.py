"""Tests of a laptop's parts: which are wanted, what they found, and when they may run. Pure.

They run in time that is there anyway: while a laptop asks, waits or is set aside, while its disks are erased (then none
that needs the disk), and after its verdict. A laptop that is at work on a session is never asked to test. Those with
a person at the keyboard may run at any time: they touch neither disk nor network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from cloned.core import triage
from cloned.core.events import Command, TrialTold
from cloned.core.ids import LaptopId
from cloned.core.laptop import add_history
from cloned.core.refusals import Refusal, Refused
from cloned.core.trial_result import AttendedName, Trial, TrialName, TrialResult
from cloned.core.verbs import Role, Target, Verb, Word, laptop_of
from cloned.saying import sentence, short

if TYPE_CHECKING:
    from cloned.core.laptop import Laptop
    from cloned.core.workshop import Workshop


NEEDS_DISK = frozenset({TrialName.DISK_READ, TrialName.DISK_SELFTEST})
_UNATTENDED, _ATTENDED = frozenset(map(str, TrialName)), frozenset(map(str, AttendedName))
LONGEST_WHY = 300
IDLE = frozenset({"asking", "waiting", "aside", "done", "erased"})


def newly_here(laptop: Laptop, wanted: tuple[str, ...]) -> Laptop:
    """`laptop` at its first hello: the workshop's tests are asked of it, unless somebody asked for some already."""
    return laptop if laptop.contact.hellos > 1 or laptop.trials_wanted else replace(laptop, trials_wanted=wanted)


def due(laptop: Laptop) -> list[str]:
    """Tests that its agent may run now, in order."""
    alone = [name for name in laptop.trials_wanted if name in _UNATTENDED]
    if laptop.state == "erasing":
        return [name for name in alone if name not in NEEDS_DISK]
    return alone if laptop.state in IDLE and not laptop.capture.image else []


def for_a_person(laptop: Laptop) -> list[str]:
    """Tests that somebody at its keyboard may begin now, whatever else it does: none of a laptop that is not here."""
    return [name for name in laptop.trials_wanted if name in _ATTENDED] if laptop.state != "gone" else []


def undecided(laptop: Laptop) -> tuple[str, ...]:
    """Parts of a laptop that is cloned that failed, or do not answer, until somebody decided: names of their tests."""
    if laptop.state != "done":
        return ()
    parts = laptop.facts.hardware
    passed = {each.name for each in laptop.trials if each.result is TrialResult.PASSED}
    dead = ["camera"] if parts.portable and parts.camera is False and "camera" not in passed else []
    bad = dict.fromkeys((*dead, *(each.name for each in laptop.trials if each.result is TrialResult.FAILED)))
    return tuple(name for name in bad if name not in laptop.accepted)


def told(workshop: Workshop, event: TrialTold, now: float) -> Workshop:
    """A test came to its end; what it found counts for the grade."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or event.trial.name not in laptop.trials_wanted:
        return workshop
    others = tuple(each for each in laptop.trials if each.name != event.trial.name)
    laptop = replace(
        laptop,
        trials=(*others, event.trial),
        trials_wanted=tuple(name for name in laptop.trials_wanted if name != event.trial.name),
    )
    return workshop.with_laptop(triage.judged(workshop.settings.triage, laptop, laptop.contact.last_hello))


def read(data: Mapping[str, object], now: float) -> Trial:
    """What an agent says of a test; ValueError where it is no test of ours."""
    name, result, why, seconds = (data.get(key) for key in ("name", "result", "why", "seconds"))
    took = float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 86400 else 0.0
    try:
        text = sentence(why or "")
        kind = AttendedName if str(name) in _ATTENDED else TrialName
        return Trial(str(kind(str(name))), TrialResult(str(result)), short(text), round(took, 1), now)
    except ValueError as error:
        raise ValueError("a test has a name and a result") from error


def _ask(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    laptop = laptop_of(workshop, command)
    asked = tuple(map(str, AttendedName if command.text == "attended" else TrialName))
    others = tuple(name for name in laptop.trials_wanted if name not in asked)
    return workshop.with_laptop(replace(laptop, trials_wanted=(*others, *asked)))


def _skip(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """What is still to come of it is left out, with the reason as its result."""
    laptop = laptop_of(workshop, command)
    why = f"{' '.join(command.why.split())[:LONGEST_WHY]} ({command.by})"
    for name in laptop.trials_wanted:
        workshop = told(workshop, TrialTold(laptop.id, Trial(name, TrialResult.SKIPPED, why, 0.0, now)), now)
    return workshop


def _accept(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """It goes on as it is: what is bad now is asked of nobody any more."""
    laptop = laptop_of(workshop, command)
    bad = undecided(laptop)
    why = " ".join(command.why.split())[:LONGEST_WHY]
    said = f"goes on with {', '.join(bad)} as it is, by {command.by}" + (f": {why}" if why else "")
    return workshop.with_laptop(add_history(replace(laptop, accepted=(*laptop.accepted, *bad)), now, said))


def _against_accepting(workshop: Workshop, command: Command) -> Refusal | None:
    laptop = laptop_of(workshop, command)
    return None if undecided(laptop) else Refusal(Refused.NOTHING_TO_DECIDE, {"name": laptop.number})


def _against_skipping(workshop: Workshop, command: Command) -> Refusal | None:
    if not laptop_of(workshop, command).trials_wanted:
        return Refusal(Refused.NO_TESTS_WANTED, {"name": laptop_of(workshop, command).number})
    return None if command.why.strip() else Refusal(Refused.SKIP_WITHOUT_WHY)


def _against(workshop: Workshop, command: Command) -> Refusal | None:
    laptop = laptop_of(workshop, command)
    return None if laptop.contact.hellos else Refusal(Refused.NOT_RUNNING_ERASE)


def _answer(workshop: Workshop, command: Command) -> Mapping[str, object]:
    laptop = workshop.laptops[LaptopId(command.target)]
    return {"laptop": laptop.id, "tests": list(laptop.trials_wanted)}


VERBS = (
    Verb(
        "test",
        "Test the parts of a LAPTOP as soon as it has time: never while it is cloned.",
        _ask,
        Target.LAPTOP,
        (
            Word(
                "text",
                "those that need nobody: where nothing is said, too",
                flag="unattended",
                name="unattended",
            ),
            Word("text", "those with a person at the laptop, two minutes", flag="attended", name="attended"),
        ),
        role=Role.VOLUNTEER,
        refuse=_against,
        answer=_answer,
    ),
    Verb(
        "skip",
        "Leave out the tests that a LAPTOP still has to do, with a word why.",
        _skip,
        Target.LAPTOP,
        (Word("why", "why: no time, no such part", needed=True),),
        role=Role.VOLUNTEER,
        refuse=_against_skipping,
    ),
    Verb(
        "accept",
        "Let a LAPTOP go on that is cloned though a part of it is bad: it leaves the wall.",
        _accept,
        Target.LAPTOP,
        (Word("why", "why: what becomes of it"),),
        role=Role.VOLUNTEER,
        refuse=_against_accepting,
    ),
)
"""Their lines in the table of commands."""
