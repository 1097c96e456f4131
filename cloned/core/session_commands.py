"""What people do with sessions and images: start, hold, cancel; and batch confirmations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cloned.core.classic_sessions import new_session
from cloned.core.events import Command
from cloned.core.ids import derive_id
from cloned.core.laptop import State, transition
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal, Refused
from cloned.core.verbs import Holds, Target, Verb, Word
from cloned.core.workshop import Batch, Workshop, not_in_the_list

MOST_GUESTS = 250
"""In one classic session."""


def _cancel(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """End a session, or all: its laptops stop where they are and must be confirmed again."""
    chosen = [each for each in workshop.sessions.values() if each.open and command.target in ("", each.id)]
    images = {session.image for session in chosen}
    for laptop in list(workshop.laptops.values()):
        hit = laptop.session in {each.id for each in chosen} and laptop.active
        queued = laptop.state is State.WAITING and laptop.goal.image in images
        if (hit and laptop.state is not State.FINISHING) or queued:
            stopped = replace(
                laptop, session=laptop.session if hit else None, goal=replace(laptop.goal, confirmation=None)
            )
            workshop = workshop.with_laptop(transition(stopped, State.ASIDE, now, reason=Reason.CANCELLED))
    for session in chosen:
        busy = any(laptop.session == session.id for laptop in workshop.active())
        workshop = workshop.with_session(replace(session, ended=None if busy else now))
    return workshop


def _start(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """Lift hold and pause for an image: whoever is confirmed for it starts; a classic session waits for no others."""
    if command.guests:
        return _open_for_guests(workshop, command, now, entropy)
    holds = {image: until for image, until in workshop.holds.items() if image != command.image}
    gathering = workshop.open_session(command.image)
    if gathering is not None and gathering.kind == "classic":
        workshop = workshop.with_session(replace(gathering, go=True))
    return replace(workshop, holds=holds, paused=False)


def _open_for_guests(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """A classic session for stock Clonezilla clients; nothing of them is known but their number."""
    session = new_session(workshop, command.image, "guests", entropy, now)
    if session is None:
        return workshop
    return workshop.with_session(replace(session, guests=command.guests, started=now))


def _no_guests(workshop: Workshop, command: Command) -> Refusal | None:
    """Why no session can be opened for guests."""
    image = workshop.images[command.image]
    if not 0 <= command.guests <= MOST_GUESTS:
        return Refusal(Refused.TOO_MANY_GUESTS, {"most": MOST_GUESTS})
    if command.guests and image.unusable:
        return Refusal(Refused.CANNOT_BE_SENT, {"name": image.name, "why": image.unusable})
    return None


def _opened(workshop: Workshop, command: Command) -> Mapping[str, object] | Refusal:
    """The session for guests that was opened just now, if there was a port for it."""
    if not command.guests:
        return {}
    session = max(workshop.sessions.values(), key=lambda each: each.number, default=None)
    if session is None or session.kind != "guests":
        return Refusal(Refused.NO_PORT)
    return {"session": session.id, "port": session.port}


def _hold(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    return replace(workshop, holds={**workshop.holds, command.image: command.until})


def _no_such_level(_workshop: Workshop, command: Command) -> Refusal | None:
    """What erasing first is asked for by another word than the two there are."""
    if command.level in ("", "clear", "purge"):
        return None
    return Refusal(Refused.NO_SUCH_LEVEL, {"name": command.level})


def _batch_against(workshop: Workshop, command: Command) -> Refusal | None:
    return _no_such_level(workshop, command) or not_in_the_list(workshop, command.organisation)


def _batch(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    ident = derive_id(entropy, "batch", 6)
    until = command.until or now + workshop.settings.confirmation_seconds
    batch = Batch(
        id=ident,
        vendor=command.vendor,
        product=command.text,
        image=command.image,
        image_hash=workshop.images[command.image].image_hash,
        by=command.by,
        given=now,
        until=until,
        level=command.level,
        organisation=command.organisation,
    )
    return replace(workshop, batches={**workshop.batches, ident: batch})


def _unbatch(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    return replace(workshop, batches={key: each for key, each in workshop.batches.items() if key != command.target})


VERBS = (
    Verb(
        "start",
        "Lift a hold or pause: laptops confirmed for IMAGE start now, without waiting for more to gather.",
        _start,
        takes=(
            Word("image", "the image", Holds.IMAGE, needed=True),
            Word("guests", "open a classic session for so many stock Clonezilla clients instead", Holds.COUNT),
        ),
        refuse=_no_guests,
        answer=_opened,
    ),
    Verb(
        "cancel",
        "End a SESSION, or every one. Its laptops must be confirmed again.",
        _cancel,
        Target.SESSION_OR_ALL,
    ),
    Verb(
        "hold",
        "Hold the laptops of IMAGE UNTIL a time.",
        _hold,
        takes=(
            Word("image", "the image", Holds.IMAGE, needed=True),
            Word("until", "the time", Holds.TIME, needed=True),
        ),
    ),
    Verb(
        "batch",
        "Confirm every new laptop of model PRODUCT that comes from now on.",
        _batch,
        takes=(
            Word("text", "the model, as its firmware tells it", needed=True, name="product"),
            Word("image", "the image each of them gets", Holds.IMAGE, needed=True, option=True),
            Word("vendor", "only of this maker"),
            Word("until", "until when; else as long as confirmations last", Holds.TIME),
            Word("level", "erase them first, and how thoroughly: clear or purge", name="erase"),
            Word("organisation", "for which organisation of [inventory] they are"),
        ),
        refuse=_batch_against,
    ),
    Verb("unbatch", "Stop a BATCH: from now on each new laptop of its model asks.", _unbatch, Target.BATCH),
)
"""Their lines in the table of commands."""
