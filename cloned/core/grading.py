"""What a person says of a laptop: a grade with a word why, and what was seen on it ("scratch on the lid")."""

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
MOST_NOTES = 20


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


def _note(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    laptop, by = laptop_of(workshop, command), actor(command.by)
    note = " ".join(command.text.split())[:LONGEST_WHY]
    if not note:
        return workshop.with_laptop(add_history(replace(laptop, notes=()), now, happened(Happened.NOTES_GONE, by=by)))
    notes = tuple(dict.fromkeys((*laptop.notes, note)))[-MOST_NOTES:]
    return workshop.with_laptop(
        add_history(replace(laptop, notes=notes), now, happened(Happened.NOTED, by=by, note=note))
    )


VERBS = (
    Verb(
        "note",
        "Note what was seen on a LAPTOP, such as a scratch, never who has it; an empty text takes its notes away.",
        _note,
        Target.LAPTOP,
        (Word("text", "what was seen: scratch on the lid", needed=True, name="note"),),
        role=Role.VOLUNTEER,
    ),
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
"""Their lines in the table of commands."""
