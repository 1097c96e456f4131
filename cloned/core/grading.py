"""A grade that a person gives, with a word why; the rules' own comes back with an empty one."""

from __future__ import annotations

from dataclasses import replace

from cloned.core.events import Command
from cloned.core.happened import Happened, actor, happened
from cloned.core.laptop import add_history
from cloned.core.refusals import Refusal, Refused
from cloned.core.triage import GRADES
from cloned.core.verbs import Role, Target, Verb, Word, laptop_of
from cloned.core.workshop import Workshop

LONGEST_WHY = 120


def _grade(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    laptop, grade = laptop_of(workshop, command), command.text.upper()
    why = " ".join(command.why.split())[:LONGEST_WHY]
    by = actor(command.by)
    said = happened(Happened.GRADED, grade=grade, by=by, why=why) if grade else happened(Happened.GRADE_OF_RULES, by=by)
    return workshop.with_laptop(add_history(replace(laptop, given_grade=grade, given_why=why), now, said))


def _against(workshop: Workshop, command: Command) -> Refusal | None:
    if command.text.upper() not in ("", *GRADES):
        return Refusal(Refused.NO_SUCH_GRADE, {"name": command.text})
    return Refusal(Refused.GRADE_WITHOUT_WHY) if command.text and not command.why.strip() else None


VERBS = (
    Verb(
        "grade",
        "Give a LAPTOP another GRADE (A to D) than the rules do, with a word why; an empty one is the rules' own.",
        _grade,
        Target.LAPTOP,
        (Word("text", "A, B, C or D", needed=True, name="grade"), Word("why", "why: what the rules do not know")),
        role=Role.VOLUNTEER,
        refuse=_against,
    ),
)
"""Its line in the table of commands."""
