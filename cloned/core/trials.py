"""Tests of a laptop's parts: which are wanted, what they found, and when they may run. Pure.

They run in time that is there anyway: while a laptop asks, waits or is set aside, while its disks are erased (then none
that needs the disk), and after its verdict. A laptop that is at work on a session is never asked to test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cloned.core import triage
from cloned.core.events import Command, TrialTold
from cloned.core.ids import LaptopId
from cloned.core.refusals import Refusal, Refused
from cloned.core.trial_result import Trial, TrialName, TrialResult
from cloned.core.verbs import Role, Target, Verb, Word, laptop_of
from cloned.saying import sentence, short

if TYPE_CHECKING:
    from cloned.core.laptop import Laptop
    from cloned.core.workshop import Workshop


NEEDS_DISK = frozenset({TrialName.DISK_READ, TrialName.DISK_SELFTEST})
IDLE = frozenset({"asking", "waiting", "aside", "done", "erased"})


def newly_here(laptop: Laptop, wanted: tuple[str, ...]) -> Laptop:
    """`laptop` at its first hello: the workshop's tests are asked of it, unless somebody asked for some already."""
    return laptop if laptop.contact.hellos > 1 or laptop.trials_wanted else replace(laptop, trials_wanted=wanted)


def due(laptop: Laptop) -> list[str]:
    """Tests that its agent may run now, in order."""
    if laptop.state == "erasing":
        return [name for name in laptop.trials_wanted if name not in NEEDS_DISK]
    return list(laptop.trials_wanted) if laptop.state in IDLE and not laptop.capture.image else []


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


def read(data: Mapping[str, Any], now: float) -> Trial:
    """What an agent says of a test; ValueError where it is no test of ours."""
    name, result, why, seconds = (data.get(key) for key in ("name", "result", "why", "seconds"))
    took = float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 86400 else 0.0
    try:
        text = sentence(why or "")
        return Trial(str(TrialName(str(name))), TrialResult(str(result)), short(text), round(took, 1), now)
    except ValueError as error:
        raise ValueError("a test has a name and a result") from error


def _ask(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    laptop = laptop_of(workshop, command)
    return workshop.with_laptop(replace(laptop, trials_wanted=tuple(map(str, TrialName))))


def _against(workshop: Workshop, command: Command) -> Refusal | None:
    laptop = laptop_of(workshop, command)
    return None if laptop.contact.hellos else Refusal(Refused.NOT_RUNNING_ERASE)


def _answer(workshop: Workshop, command: Command) -> Mapping[str, Any]:
    laptop = workshop.laptops[LaptopId(command.target)]
    return {"laptop": laptop.id, "tests": list(laptop.trials_wanted)}


VERBS = (
    Verb(
        "test",
        "Test the parts of a LAPTOP as soon as it has time: never while it is cloned.",
        _ask,
        Target.LAPTOP,
        (Word("text", "those tests that need nobody; there are no others yet", flag="unattended", name="unattended"),),
        role=Role.VOLUNTEER,
        refuse=_against,
        answer=_answer,
    ),
)
"""Its line in the table of commands."""
