"""What people can do by hand, with the same words on the page, the API and the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cloned.core import capture
from cloned.core.classic_sessions import new_session
from cloned.core.confirm import ask_or_wait
from cloned.core.events import Command
from cloned.core.ids import LaptopId, SessionId, derive_id
from cloned.core.laptop import Laptop, State, VerdictKind, add_history, transition
from cloned.core.reasons import Reason
from cloned.core.workshop import Batch, Workshop

MOST_GUESTS = 250
"""In one classic session."""


def obey(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """The state after a command; one that no longer applies changes nothing (`refusal` says so beforehand)."""
    if refusal(workshop, command) is not None:
        return workshop
    if command.do == "batch":
        return _batch(workshop, command, now, derive_id(entropy, "batch", 6))
    if command.do == "start" and command.guests:
        return _open_for_guests(workshop, command, now, entropy)
    return _COMMANDS[command.do](workshop, command, now)


def refusal(workshop: Workshop, command: Command) -> str | None:
    """Why a command cannot be obeyed, in words; None if it can."""
    if command.do in ("retry", "exclude", "move", "tag", "label", "forget", "lent", "capture"):
        refused = _not_that_laptop(workshop, command)
        if refused is not None:
            return refused
    if command.do == "cancel" and command.target and SessionId(command.target) not in workshop.sessions:
        return f"there is no session {command.target}"
    if command.do in ("pause", "continue") and command.target and LaptopId(command.target) not in workshop.laptops:
        return f"there is no laptop {command.target}"
    if command.do in ("move", "batch", "start", "hold") and command.image not in workshop.images:
        return f"there is no image {command.image or '(none was named)'}"
    if command.do == "start" and command.guests:
        return _no_guests(workshop, command)
    if command.do == "batch" and not command.text:
        return "a batch confirmation names the model it is for"
    if command.do == "unbatch" and command.target not in workshop.batches:
        return f"there is no batch {command.target}"
    return None


def _not_that_laptop(workshop: Workshop, command: Command) -> str | None:
    """Why a command about one laptop cannot be obeyed."""
    laptop = workshop.laptops.get(LaptopId(command.target))
    if laptop is None:
        return f"there is no laptop {command.target}"
    if command.do == "move" and laptop.unfinished:
        return "it is verified and being finished; clone it again afterwards"
    return capture.refusal(workshop, command) if command.do == "capture" else None


def _no_guests(workshop: Workshop, command: Command) -> str | None:
    """Why no session can be opened for guests."""
    image = workshop.images[command.image]
    if not 1 <= command.guests <= MOST_GUESTS:
        return f"a session is for 1 to {MOST_GUESTS} guests"
    return f"image {image.name} cannot be sent: {image.unusable}" if image.unusable else None


def _open_for_guests(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """A classic session for stock Clonezilla clients; nothing of them is known but their number."""
    session = new_session(workshop, command.image, "guests", entropy, now)
    if session is None:
        return workshop
    return workshop.with_session(replace(session, guests=command.guests, started=now))


def _laptop(workshop: Workshop, command: Command) -> Laptop:
    return workshop.laptops[LaptopId(command.target)]


def _cancel(workshop: Workshop, command: Command, now: float) -> Workshop:
    """End a session, or all: its laptops stop where they are and must be confirmed again."""
    chosen = [each for each in workshop.sessions.values() if each.open and command.target in ("", each.id)]
    images = {session.image for session in chosen}
    for laptop in list(workshop.laptops.values()):
        hit = laptop.session in {each.id for each in chosen} and laptop.active
        queued = laptop.state is State.WAITING and laptop.image in images
        if (hit and laptop.state is not State.FINISHING) or queued:
            stopped = replace(laptop, confirmation=None, session=laptop.session if hit else None)
            workshop = workshop.with_laptop(transition(stopped, State.ASIDE, now, reason=Reason.CANCELLED))
    for session in chosen:
        busy = any(laptop.session == session.id for laptop in workshop.active())
        workshop = workshop.with_session(replace(session, ended=None if busy else now))
    return workshop


def _retry(workshop: Workshop, command: Command, now: float) -> Workshop:
    """Take a laptop in again: what is right on its disk stays, only the rest is fetched."""
    laptop = replace(_laptop(workshop, command), left_out=False, paused=False)
    if laptop.state is not State.ASIDE:
        return workshop.with_laptop(laptop)
    if laptop.reason is Reason.FINISH_FAILED and laptop.verdict is VerdictKind.VERIFIED:
        again = replace(laptop, job=laptop.job + 1, job_open=True)
        return workshop.with_laptop(transition(again, State.FINISHING, now, f"finishing again, asked by {command.by}"))
    laptop = add_history(replace(laptop, session=None), now, f"retry, asked by {command.by}")
    return workshop.with_laptop(ask_or_wait(workshop, laptop, now))


def _pause(workshop: Workshop, command: Command, now: float) -> Workshop:
    """A paused laptop gives its place back and keeps what it has."""
    if not command.target:
        return _pause_each(replace(workshop, paused=True), list(workshop.active()), command, now)
    laptop = replace(_laptop(workshop, command), paused=True)
    return _pause_each(workshop.with_laptop(laptop), [laptop], command, now)


def _pause_each(workshop: Workshop, laptops: list[Laptop], command: Command, now: float) -> Workshop:
    for laptop in laptops:
        if laptop.active and laptop.state is not State.FINISHING:
            paused = replace(laptop, session=None)
            workshop = workshop.with_laptop(transition(paused, State.WAITING, now, f"paused by {command.by}"))
    return workshop


def _continue(workshop: Workshop, command: Command, now: float) -> Workshop:
    if command.target:
        return workshop.with_laptop(replace(_laptop(workshop, command), paused=False))
    return replace(workshop, paused=False, holds={})


def _exclude(workshop: Workshop, command: Command, now: float) -> Workshop:
    laptop = capture.cut_short(replace(_laptop(workshop, command), left_out=True), "it was left out", now)
    if laptop.state in (State.DONE, State.FINISHING):
        return workshop
    return workshop.with_laptop(transition(laptop, State.ASIDE, now, reason=Reason.LEFT_OUT))


def _move_image(workshop: Workshop, command: Command, now: float) -> Workshop:
    """Another image: the confirmation was for the old one, so it is void."""
    laptop = replace(_laptop(workshop, command), image=command.image, chosen=f"chosen by {command.by}")
    if laptop.image == _laptop(workshop, command).image:
        return workshop.with_laptop(laptop)
    laptop = replace(laptop, confirmation=None, session=None, written=False)
    if laptop.capture:
        return workshop.with_laptop(laptop)
    return workshop.with_laptop(transition(laptop, State.ASKING, now, reason=Reason.IMAGE_CHANGED))


def _hold(workshop: Workshop, command: Command, now: float) -> Workshop:
    return replace(workshop, holds={**workshop.holds, command.image: command.until})


def _start(workshop: Workshop, command: Command, now: float) -> Workshop:
    """Lift hold and pause for an image: whoever is confirmed for it starts; a classic session waits for no others."""
    holds = {image: until for image, until in workshop.holds.items() if image != command.image}
    gathering = workshop.open_session(command.image)
    if gathering is not None and gathering.kind == "classic":
        workshop = workshop.with_session(replace(gathering, go=True))
    return replace(workshop, holds=holds, paused=False)


def _batch(workshop: Workshop, command: Command, now: float, ident: str) -> Workshop:
    until = command.until or now + workshop.settings.confirmation_seconds
    batch = Batch(
        ident,
        command.vendor,
        command.text,
        command.image,
        workshop.images[command.image].image_hash,
        command.by,
        now,
        until,
    )
    return replace(workshop, batches={**workshop.batches, ident: batch})


def _unbatch(workshop: Workshop, command: Command, now: float) -> Workshop:
    return replace(workshop, batches={key: each for key, each in workshop.batches.items() if key != command.target})


def _tag(workshop: Workshop, command: Command, now: float) -> Workshop:
    return workshop.with_laptop(replace(_laptop(workshop, command), tag=command.text[:40]))


def _label(workshop: Workshop, command: Command, now: float) -> Workshop:
    return workshop.with_laptop(replace(_laptop(workshop, command), label=command.text[:40]))


def _lent(workshop: Workshop, command: Command, now: float) -> Workshop:
    """Mark a laptop as lent out, or (text `no`) as back: only that, never to whom."""
    return workshop.with_laptop(replace(_laptop(workshop, command), lent=command.text != "no"))


def _forget(workshop: Workshop, command: Command, now: float) -> Workshop:
    """Take a laptop off the screen; the ledger keeps its results."""
    if _laptop(workshop, command).active:
        return workshop
    laptops = {key: laptop for key, laptop in workshop.laptops.items() if key != command.target}
    boots = {key: boot for key, boot in workshop.boots.items() if boot.laptop != command.target}
    return replace(workshop, laptops=laptops, boots=boots)


_COMMANDS: dict[str, Callable[[Workshop, Command, float], Workshop]] = {
    "cancel": _cancel,
    "retry": _retry,
    "pause": _pause,
    "continue": _continue,
    "exclude": _exclude,
    "move": _move_image,
    "hold": _hold,
    "start": _start,
    "unbatch": _unbatch,
    "tag": _tag,
    "label": _label,
    "lent": _lent,
    "forget": _forget,
    "capture": capture.begin,
}
