"""What a laptop that asks for its boot script is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cloned.core import erasing
from cloned.core.confirm import may_start_unasked
from cloned.core.ids import Identity, clean
from cloned.core.laptop import ACTIVE, Laptop, State, named, said
from cloned.core.reasons import Reason
from cloned.core.workshop import Workshop

Kind = Literal["clone", "menu", "refuse"]


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
        return "clone", "This laptop is being erased; it goes on with that"
    if laptop.state is State.ERASED:
        return "menu", "This laptop is erased"
    if laptop.state in ACTIVE or laptop.unfinished or may_start_unasked(workshop, laptop, now):
        return "clone", f"This laptop gets {laptop.image}" if laptop.image else "This laptop is looked at for cloning"
    if laptop.state is State.DONE:
        return "menu", f"It is known as {named(laptop)}, which is done and verified"  # its disk was not seen yet
    return "menu", said(laptop.reason, laptop.detail) or Reason.NOT_CONFIRMED.sentence


def identity_of(request: BootRequest) -> Identity:
    """The identity in a boot request, cleaned."""
    return clean(request.uuid, request.serial, request.vendor, request.product, [request.mac])
