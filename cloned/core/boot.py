"""What a laptop that asks for its boot script is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cloned.core import erasing
from cloned.core.confirm import may_start_unasked
from cloned.core.events import Booted
from cloned.core.evidence import here
from cloned.core.ids import Identity, clean
from cloned.core.laptop import ACTIVE, Laptop, State, named, worded
from cloned.core.reasons import Reason
from cloned.core.workshop import BootGiven, Workshop
from cloned.saying import Phrase

Kind = Literal["clone", "menu", "refuse"]

STARTING_SECONDS = 120.0
"""Seconds from its boot script in which a laptop is taken to be starting, though it says nothing yet: thirty that
fetch the live system over 100 Mbit/s at once take 75."""


@dataclass(frozen=True)
class BootRequest:
    """What firmware or boot loader tells of the laptop; texts may be empty or placeholders."""

    mac: str
    address: str
    uuid: str = ""
    serial: str = ""
    vendor: str = ""
    product: str = ""
    firmware: str = ""
    """bios, uefi or secureboot, where known."""
    arch: int | None = None
    """RFC 4578 client architecture."""
    via: Literal["ipxe", "grub", "thin"] = "ipxe"
    proven: bool = True
    """Whether `mac` really is at `address`, as far as a wire proves anything; netboot/gate.py says so."""


@dataclass(frozen=True)
class BootAnswer:
    """What the script shall offer."""

    kind: Kind
    token: str
    """Goes into `cloned.boot=`."""
    why: str
    """One line for the person in front of it."""
    tag: str = ""
    state: str = ""
    image: str = ""


def answer_kind(workshop: Workshop, laptop: Laptop, now: float) -> tuple[Kind, str]:
    """Whether the live system starts by itself, and why or why not."""
    if erasing.under_way(laptop) and not laptop.left_out:
        return "clone", Phrase("This laptop is being erased; it goes on with that")
    if laptop.state is State.ERASED:
        return "menu", Phrase("This laptop is erased")
    if laptop.state in ACTIVE or laptop.unfinished or may_start_unasked(workshop, laptop, now):
        gets = Phrase("This laptop gets {image}", image=laptop.goal.image)
        return "clone", gets if laptop.goal.image else Phrase("This laptop is looked at for cloning")
    if laptop.state is State.DONE:
        done = Phrase("It is known as {laptop}, which is done and verified", laptop=named(laptop))
        return "menu", done  # its disk was not seen yet
    return "menu", worded(laptop.reason, laptop.detail) or Reason.NOT_CONFIRMED.sentence


def unbelieved(workshop: Workshop, event: Booted, now: float) -> bool:
    """Whether nothing proves that it is this MAC that asks, while that is just starting at another address.

    Between its boot script and its hello a laptop says nothing: whoever names its MAC then must not take its token.
    """
    return not event.proven and any(boot.mac == event.boot_mac for boot in _starting_elsewhere(workshop, event, now))


def taken_for(workshop: Workshop, event: Booted, now: float) -> Laptop | None:
    """The laptop that a boot request is of; None for one that nobody has seen.

    Words alone make no laptop of one that is just starting elsewhere with another card: a twin that tells the same
    serial number, or a stranger who names it, gets a row of its own. Its hello shows disks, and those decide. The same
    goes for a dock that once hung on a laptop which works through another card now.
    """
    known = workshop.find(event.identity)
    if known is None or not workshop.settings.judging:
        return known
    if event.boot_mac in (known.facts.boot_mac, *known.identity.macs):
        busy = here(known) and known.contact.came_by not in ("", event.boot_mac)
        return None if busy and known.contact.address != event.address else known
    starting = any(boot.laptop == known.id for boot in _starting_elsewhere(workshop, event, now))
    return None if starting else known


def _starting_elsewhere(workshop: Workshop, event: Booted, now: float) -> list[BootGiven]:
    return [
        boot for boot in workshop.boots.values() if boot.at > now - STARTING_SECONDS and boot.address != event.address
    ]


def identity_of(request: BootRequest) -> Identity:
    """The identity in a boot request, cleaned."""
    return clean(request.uuid, request.serial, request.vendor, request.product, [request.mac])
