"""What people do with one laptop, or with all: retry, pause, continue, exclude, move, mark, forget."""

from __future__ import annotations

from dataclasses import replace

from cloned.core import capture, deliveries, erasing, triage
from cloned.core.confirm import ask_or_wait
from cloned.core.events import Command
from cloned.core.happened import Happened, actor, happened
from cloned.core.ids import LaptopId
from cloned.core.laptop import Laptop, State, VerdictKind, add_history, finish_again, transition
from cloned.core.ledger import with_row
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal, Refused
from cloned.core.tagged import TagGiven
from cloned.core.verbs import Holds, Role, Target, Verb, Word, laptop_of
from cloned.core.workshop import Workshop, not_in_the_list
from cloned.saying import Phrase

EVERYWHERE = "everywhere"
LONGEST_WORD = 40
"""Characters kept of a mark."""


def _retry(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """Take a laptop in again: what is right on its disk stays, only the rest is fetched."""
    laptop = replace(laptop_of(workshop, command), left_out=False, paused=False)
    if laptop.state is not State.ASIDE:
        return workshop.with_laptop(laptop)
    again_finishing = (Reason.FINISH_FAILED, Reason.NO_TAG, Reason.NO_NUMBER)
    if laptop.reason in again_finishing and laptop.job.verdict is VerdictKind.VERIFIED:
        again = finish_again(laptop)
        return workshop.with_laptop(
            transition(again, State.FINISHING, now, happened(Happened.FINISHING_AGAIN, by=actor(command.by)))
        )
    if (erasing_again := erasing.taken_up(laptop, now)) is not None:
        return workshop.with_laptop(erasing_again)
    laptop = add_history(replace(laptop, session=None), now, happened(Happened.RETRIED, by=actor(command.by)))
    return workshop.with_laptop(ask_or_wait(workshop, laptop, now))


def _pause(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """A paused laptop gives its place back and keeps what it has."""
    if not command.target:
        return _pause_each(replace(workshop, paused=True), list(workshop.active()), command, now)
    laptop = replace(laptop_of(workshop, command), paused=True)
    return _pause_each(workshop.with_laptop(laptop), [laptop], command, now)


def _pause_each(workshop: Workshop, laptops: list[Laptop], command: Command, now: float) -> Workshop:
    for laptop in laptops:
        if laptop.active and laptop.state is not State.FINISHING:
            paused = replace(laptop, session=None)
            workshop = workshop.with_laptop(
                transition(paused, State.WAITING, now, happened(Happened.PAUSED_BY, by=actor(command.by)))
            )
    return workshop


def _continue(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    if command.target:
        return workshop.with_laptop(replace(laptop_of(workshop, command), paused=False))
    return replace(workshop, paused=False, holds={})


def _exclude(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    laptop = capture.cut_short(replace(laptop_of(workshop, command), left_out=True), Phrase("it was left out"), now)
    if laptop.state in (State.DONE, State.FINISHING):
        return workshop
    return workshop.with_laptop(transition(laptop, State.ASIDE, now, reason=Reason.LEFT_OUT))


def _move_image(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """Another image: the confirmation was for the old one, so it is void."""
    laptop = laptop_of(workshop, command)
    same, chosen = laptop.goal.image == command.image, Phrase("chosen by {by}", by=actor(command.by))
    laptop = replace(laptop, goal=replace(laptop.goal, image=command.image, chosen=chosen))
    if same:
        return workshop.with_laptop(laptop)
    laptop = replace(laptop, session=None, goal=replace(laptop.goal, confirmation=None, written=False))
    if laptop.capture.image or laptop.state is State.ERASING:
        return workshop.with_laptop(laptop)
    return workshop.with_laptop(transition(laptop, State.ASKING, now, reason=Reason.IMAGE_CHANGED))


def _mark(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    laptop = replace(laptop_of(workshop, command), mark=command.text[:LONGEST_WORD])
    return workshop.with_laptop(triage.judged(workshop.settings.triage, laptop, laptop.contact.last_hello))


def _for_whom(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """Note the organisation that will lend a laptop out."""
    laptop = replace(laptop_of(workshop, command), organisation=command.text)
    why = happened(Happened.FOR_ORGANISATION, name=command.text or "-", by=actor(command.by))
    return workshop.with_laptop(add_history(laptop, now, why))


def _not_in_the_list(workshop: Workshop, command: Command) -> Refusal | None:
    """One of the configured ones, spelt as there; an empty text takes it away."""
    return not_in_the_list(workshop, command.text)


def _forget(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """Take a laptop off the screen; the ledger keeps its results, unless it is to be forgotten everywhere."""
    laptop = laptop_of(workshop, command)
    if command.text == EVERYWHERE:
        bare = {
            key: TagGiven(each.tag, LaptopId("")) for key, each in workshop.tags.items() if each.laptop == laptop.id
        }
        owed, held = (
            {key: row for key, row in rows.items() if row["laptop"] != laptop.id}
            for rows in (workshop.unrecorded, workshop.held)
        )
        workshop = replace(workshop, tags=workshop.tags.having(bare), unrecorded=owed, held=held)
        workshop = deliveries.forgotten(workshop, laptop.id)
    elif laptop.unrecorded:
        workshop = with_row(workshop, laptop, now)
    laptops = {key: laptop for key, laptop in workshop.laptops.items() if key != command.target}
    boots = {key: boot for key, boot in workshop.boots.items() if boot.laptop != command.target}
    return replace(workshop, laptops=laptops, boots=boots)


def _being_finished(workshop: Workshop, command: Command) -> Refusal | None:
    """Another image would take the verdict from what is on the disk."""
    return Refusal(Refused.BEING_FINISHED) if laptop_of(workshop, command).unfinished else None


def _at_work(workshop: Workshop, command: Command) -> Refusal | None:
    laptop = laptop_of(workshop, command)
    busy = laptop.active or laptop.state is State.ERASING
    return Refusal(Refused.AT_WORK, {"name": laptop.tag or laptop.number}) if busy else None


VERBS = (
    Verb(
        "retry",
        "Take a LAPTOP in again that was set aside; what is right on its disk stays.",
        _retry,
        Target.LAPTOP,
        role=Role.VOLUNTEER,
    ),
    Verb("pause", "Pause a LAPTOP, or everything.", _pause, Target.LAPTOP_OR_ALL, role=Role.VOLUNTEER),
    Verb(
        "continue",
        "Go on with a LAPTOP, or with everything that was paused or held.",
        _continue,
        Target.LAPTOP_OR_ALL,
        role=Role.VOLUNTEER,
    ),
    Verb("exclude", "Leave a LAPTOP out until `cloned retry` takes it in again.", _exclude, Target.LAPTOP),
    Verb(
        "move",
        "Give a LAPTOP another IMAGE; it must be confirmed again.",
        _move_image,
        Target.LAPTOP,
        (Word("image", "the image it is to get", Holds.IMAGE, needed=True),),
        refuse=_being_finished,
    ),
    Verb(
        "mark",
        "Give a LAPTOP a WORD that image rules look at; an empty one takes it away.",
        _mark,
        Target.LAPTOP,
        (Word("text", "the word", needed=True, name="word"),),
        also=("label",),
    ),
    Verb(
        "organisation",
        "Note for which organisation of the configuration's list a LAPTOP is; an empty one takes it away.",
        _for_whom,
        Target.LAPTOP,
        (Word("text", "the organisation, as [inventory] names it", needed=True, name="name"),),
        role=Role.VOLUNTEER,
        refuse=_not_in_the_list,
    ),
    Verb(
        "forget",
        "Take a LAPTOP off the screen; the ledger keeps its results.",
        _forget,
        Target.LAPTOP,
        (Word("text", "take its results away too; its number stays used", flag=EVERYWHERE, name=EVERYWHERE),),
        refuse=_at_work,
    ),
)
"""Their lines in the table of commands."""
