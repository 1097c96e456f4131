"""The table of commands: what people and machines may ask for, with the same words on page, API and command line.

A verb is described once (verbs.py says how, and what a new one takes), beside the function that obeys it. This file
puts the lines together and holds a command against its line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from cloned.core import (
    capture,
    confirm,
    deliveries,
    erasing,
    evening,
    grading,
    laptop_commands,
    lending,
    same,
    session_commands,
    tags,
    trials,
)
from cloned.core.events import Command
from cloned.core.ids import LaptopId, SessionId
from cloned.core.laptop import Laptop
from cloned.core.naming import find_laptop, find_session
from cloned.core.refusals import Refusal, Refused
from cloned.core.session import Session
from cloned.core.verbs import Holds, Role, Target, Verb, Word
from cloned.core.workshop import Workshop

ELSEWHERE = (
    Verb(
        "inventory-retry",
        "Send again what a SINK (or every sink) refused.",
        None,
        Target.SINK_OR_ALL,
        command_line="inventory retry",
    ),
    Verb(
        "print",
        "Have a paper of a LAPTOP printed, again if it was: its label or hand-over sheet.",
        None,
        Target.LAPTOP,
        (Word("text", "label or sheet", needed=True, name="paper"),),
        role=Role.VOLUNTEER,
        command_line="print",
    ),
    Verb(
        "forget-name",
        "Take the NAME of a person out of the history and the journal: somebody did it.",
        None,
        takes=(Word("text", "the name, as it stands there", needed=True, name="name"),),
        command_line="user forget",
    ),
    Verb("recheck", "Look over everything now, as `cloned check` does, for the page and the metrics.", None),
    Verb(
        "seen",
        "Say that a notice which stands until somebody saw it was seen, such as journal-empty.",
        None,
        takes=(Word("text", "the notice's code", needed=True, name="notice"),),
    ),
    Verb("reload", "Take a changed configuration without a restart, as far as that can be.", None),
)
"""What other rooms carry out."""

TABLE: tuple[Verb, ...] = (
    *confirm.VERBS,
    *session_commands.VERBS,
    *laptop_commands.VERBS,
    *same.VERBS,
    *lending.VERBS,
    *tags.VERBS,
    *capture.VERBS,
    *erasing.VERBS,
    *deliveries.VERBS,
    *evening.VERBS,
    *trials.VERBS,
    *grading.VERBS,
    *ELSEWHERE,
)
"""Every verb, in the order in which help lists them."""

VERBS = {name: verb for verb in TABLE for name in (verb.name, *verb.also)}
"""Verbs by their names, older ones included."""


def verb_of(do: str) -> Verb | Refusal:
    """The line of the table for a verb."""
    known = ", ".join(verb.name for verb in TABLE)
    return VERBS.get(do) or Refusal(Refused.NO_SUCH_COMMAND, {"do": do or "(none)", "known": known})


def accept(workshop: Workshop, asked: Command) -> Command | Refusal:
    """What somebody asked for, in full, as the journal is to hold it; or why it cannot be done.

    People's names of laptops and sessions become ids, a disk's path its key, and what is left out is filled in.
    """
    verb = verb_of(asked.do)
    if isinstance(verb, Refusal):
        return verb
    command = _meant(workshop, verb, replace(asked, do=verb.name))
    if isinstance(command, Refusal):
        return command
    refused = _target_against(workshop, verb, command.target) or _words_against(workshop, verb, command)
    if refused is not None:
        return refused
    command = verb.complete(workshop, command)
    return refusal(workshop, command) or command


def refusal(workshop: Workshop, command: Command) -> Refusal | None:
    """Why a command cannot be obeyed now; None if it can."""
    verb = verb_of(command.do)
    if isinstance(verb, Refusal):
        return verb
    against = _target_against(workshop, verb, command.target) or _words_against(workshop, verb, command)
    return against or verb.refuse(workshop, command)


def obey(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """The state after a command; one that no longer applies changes nothing."""
    verb = VERBS.get(command.do)
    if verb is None or verb.obey is None or refusal(workshop, command) is not None:
        return workshop
    return verb.obey(workshop, command, now, entropy)


def _meant(workshop: Workshop, verb: Verb, command: Command) -> Command | Refusal:
    """The command with the ids of its target, and of another laptop, for whatever people call them."""
    if command.other:
        other = find_laptop(workshop, command.other)
        if isinstance(other, Refusal):
            return other
        command = replace(command, other=str(other.id))
    if not command.target:
        return command
    finds: Mapping[str, Callable[[Workshop, str], Laptop | Session | Refusal]]
    finds = {"laptop": find_laptop, "session": find_session}
    if verb.target.noun not in finds:
        return command
    found = finds[verb.target.noun](workshop, command.target)
    return found if isinstance(found, Refusal) else replace(command, target=found.id)


def _target_against(workshop: Workshop, verb: Verb, target: str) -> Refusal | None:
    """Whether what it is about is there."""
    if verb.target.optional and not target:
        return None
    name = {"name": target or "(none)"}
    if verb.target.noun == "laptop" and LaptopId(target) not in workshop.laptops:
        return Refusal(Refused.NO_SUCH_LAPTOP, name)
    if verb.target.noun == "session" and SessionId(target) not in workshop.sessions:
        return Refusal(Refused.NO_SUCH_SESSION, name)
    if verb.target is Target.BATCH and target not in workshop.batches:
        return Refusal(Refused.NO_SUCH_BATCH, name)
    return None


def _words_against(workshop: Workshop, verb: Verb, command: Command) -> Refusal | None:
    """Whether every word that is needed was said, and images that were named are there."""
    for word in verb.takes:
        said = getattr(command, word.field)
        if word.holds is Holds.IMAGE and (said or word.needed) and said not in workshop.images:
            return Refusal(Refused.NO_SUCH_IMAGE, {"name": said or "(none was named)"})
        if word.needed and not said and not _may_be_empty(verb, word):
            return Refusal(Refused.LACKS, {"do": verb.name, "word": word.shown, "help": word.help})
    return None


def _may_be_empty(verb: Verb, word: Word) -> bool:
    """An empty tag or mark takes the old one away."""
    return verb.target is Target.LAPTOP and word.field == "text"
