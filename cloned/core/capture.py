"""Capturing a master: its disk is only read, and while it is one nothing may erase it.

A laptop becomes a master by its own boot menu ("capture this laptop") or by a person's command, and stays one until
it starts again without that wish or somebody confirms it by hand. A master is never cloned by itself, whatever
batch, configuration or earlier confirmation says. The upload's token is no part of the state: a capture that
was under way when the daemon ended has failed, and is tried again by the same command.
"""

from __future__ import annotations

import re
from dataclasses import replace

from cloned.core.disk_meant import disk_against, disk_meant, with_disk
from cloned.core.events import Captured, Command, Failed
from cloned.core.happened import Happened, actor, happened
from cloned.core.laptop import CaptureWish, Laptop, State, add_history, transition, unconfirmed, worded
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal, Refused
from cloned.core.verbs import Holds, Target, Verb, Word, laptop_of
from cloned.core.workshop import Workshop
from cloned.order_types import Order, WantedDisk
from cloned.saying import short

WANT = "capture"
"""The word of the kernel's command line, `cloned.want=capture`."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,62}[A-Za-z0-9])?")
_PRESENT = frozenset({State.ASKING, State.WAITING, State.ASIDE})


def _against(workshop: Workshop, command: Command) -> Refusal | None:
    """Why this laptop cannot be captured under this name."""
    name = {"name": command.image}
    if _NAME.fullmatch(command.image) is None:
        return Refusal(Refused.NO_NAME, name)
    if command.image in workshop.images:
        return Refusal(Refused.NAME_TAKEN, name)
    if any(each.capture.image == command.image for each in workshop.laptops.values()):
        return Refusal(Refused.NAME_UNDER_WAY, name)
    laptop = laptop_of(workshop, command)
    return _not_now(laptop) or disk_against(laptop, command.disk or command.text)


def _not_now(laptop: Laptop) -> Refusal | None:
    if laptop.capture.image:
        return Refusal(Refused.BEING_CAPTURED, {"image": laptop.capture.image})
    if laptop.active or laptop.unfinished:
        return Refusal(Refused.AT_WORK, {"name": laptop.tag or laptop.number})
    if laptop.state not in _PRESENT or not laptop.contact.running:
        return Refusal(Refused.NOT_RUNNING)
    return None


def begin(workshop: Workshop, command: Command, now: float, _entropy: str) -> Workshop:
    """Make a laptop a master that is to be read; any word that it may be overwritten is void."""
    laptop = laptop_of(workshop, command)
    disk = disk_meant(laptop, command.disk or command.text)
    if disk is None:
        return workshop
    laptop = replace(
        laptop,
        session=None,
        left_out=False,
        wants=WANT,
        capture=CaptureWish(command.image, disk.key),
        goal=replace(laptop.goal, confirmation=None),
    )
    laptop = add_history(laptop, now, happened(Happened.TO_BE_CAPTURED, image=command.image, by=actor(command.by)))
    return workshop.with_laptop(transition(laptop, State.ASKING, now, reason=Reason.CAPTURING, detail=command.image))


def as_master(laptop: Laptop, now: float) -> Laptop | None:
    """A master that is heard (again): it asks for a name or goes on being captured. None if it is no master."""
    if laptop.wants != WANT:
        return None
    laptop = unconfirmed(laptop)
    if laptop.capture.image:
        return transition(laptop, State.ASKING, now, reason=Reason.CAPTURING, detail=laptop.capture.image)
    return transition(laptop, State.ASKING, now, reason=Reason.WANTS_CAPTURE)


def ended(workshop: Workshop, event: Captured, now: float) -> Workshop:
    """The image is there, or there is none and the message says why."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or not laptop.capture.image or laptop.capture.image != event.image:
        return workshop
    return workshop.with_laptop(_over(laptop, event.error, now))


def failed(laptop: Laptop, event: Failed, now: float) -> Laptop:
    """`laptop` after its agent gave the capture up, if it still was to be captured."""
    if not laptop.capture.image:
        return laptop
    known = Reason(event.code) if event.code in set(Reason) else Reason.INTERNAL
    why = event.detail if known is Reason.CAPTURE_FAILED else worded(known, event.detail)
    return _over(laptop, short(why) or known.sentence, now)


def cut_short(laptop: Laptop, why: str, now: float) -> Laptop:
    """`laptop` without its capture, if it had one; its state is the caller's business."""
    if not laptop.capture.image:
        return laptop
    laptop = add_history(laptop, now, happened(Happened.CAPTURE_OVER, image=laptop.capture.image, why=why))
    return replace(laptop, capture=CaptureWish())


def _over(laptop: Laptop, error: str, now: float) -> Laptop:
    reason, detail = (Reason.CAPTURE_FAILED, error) if error else (Reason.CAPTURED, laptop.capture.image)
    laptop = replace(laptop, capture=CaptureWish())
    if laptop.state is State.ASKING:
        return transition(laptop, State.ASKING, now, reason=reason, detail=detail)
    return add_history(laptop, now, worded(reason, detail))


def order(laptop: Laptop) -> Order | None:
    """What a master's agent is to do, if it is to be captured now."""
    disk = laptop.disk_called(laptop.capture.disk)
    if not laptop.capture.image or laptop.state is not State.ASKING or disk is None:
        return None
    told = WantedDisk(serial=disk.serial, wwn=disk.wwn, path=disk.path, size=disk.size)
    return {"do": "capture", "image": laptop.capture.image, "disk": told}


VERBS = (
    Verb(
        "capture",
        "Capture a LAPTOP, which runs the live system, as a master: a new image. Its disk is only read.",
        begin,
        Target.LAPTOP,
        (
            Word("image", "the name that the new image gets", needed=True, name="name"),
            Word("disk", "which disk to read, where it has several: key or path", Holds.DISK),
        ),
        refuse=_against,
        complete=with_disk,
        command_line="image capture",
    ),
)
"""Its line in the table of commands."""
