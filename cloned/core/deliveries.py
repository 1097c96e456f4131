"""Deliveries: opened by a person, booked by themselves when laptops first come, and kept as accounts."""

from __future__ import annotations

from dataclasses import replace

from cloned.core.delivery import FATES, Booked, Donation, booked
from cloned.core.events import Command
from cloned.core.happened import Happened, actor, happened
from cloned.core.ids import LaptopId
from cloned.core.laptop import Laptop, add_history
from cloned.core.refusals import Refusal, Refused
from cloned.core.verbs import Role, Target, Verb, Word, laptop_of
from cloned.core.workshop import Workshop

PAPERWORK_SECONDS = 24 * 3600.0
"""Seconds after an erasure within which the delivery that it was of may still be typed in."""


def tidy(text: str) -> str:
    """An organisation's name or a number, on one line."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:80]


def at_first_sight(workshop: Workshop, laptop: Laptop) -> Laptop:
    """A laptop that came for the first time, booked on the delivery that is open."""
    return replace(laptop, donation=workshop.booking) if workshop.booking and not laptop.donation else laptop


def after(before: Workshop, workshop: Workshop, now: float) -> Workshop:
    """The accounts follow every laptop that changed and came with a delivery."""
    for laptop in [each for each in workshop.changed_since(before) if each.donation]:
        workshop = _kept(workshop, laptop, before.laptops.get(laptop.id), now)
    return workshop


def _kept(workshop: Workshop, laptop: Laptop, was: Laptop | None, now: float) -> Workshop:
    """One laptop's line; a delivery that nobody opened is one from its first laptop on."""
    delivery = workshop.deliveries.get(laptop.donation) or Donation(laptop.donation, opened=now, closed=now)
    old = delivery.laptops.get(laptop.id, Booked())
    line = booked(laptop, was, old)
    if line.fate != old.fate:
        line = replace(line, fate_at=now if line.fate else 0.0)
    if line == old and laptop.id in delivery.laptops:
        return workshop
    moved = was is not None and was.donation != laptop.donation
    workshop = forgotten(workshop, laptop.id) if moved else workshop
    return _with(workshop, (workshop.deliveries.get(delivery.name) or delivery).with_laptop(laptop.id, line))


def forgotten(workshop: Workshop, ident: LaptopId) -> Workshop:
    """Without a laptop's line in any account."""
    for delivery in workshop.deliveries.values():
        if ident in delivery.laptops:
            workshop = _with(workshop, delivery.without(ident))
    return workshop


def _with(workshop: Workshop, delivery: Donation) -> Workshop:
    return replace(workshop, deliveries={**workshop.deliveries, delivery.name: delivery})


# -- the commands -----------------------------------------------------------------------------------


def _open(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """Open one, or book on an older one again; only one is open at a time."""
    name = tidy(command.text)
    workshop = _close(workshop, command, now, entropy)
    old = workshop.deliveries.get(name) or Donation(name, opened=now, by=command.by)
    organisation = tidy(command.organisation) or old.organisation
    return replace(_with(workshop, replace(old, organisation=organisation, closed=0.0)), booking=name)


def _close(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    was = workshop.deliveries.get(workshop.booking)
    workshop = workshop if was is None else _with(workshop, replace(was, closed=now))
    return replace(workshop, booking="")


def _nothing_open(workshop: Workshop, command: Command) -> Refusal | None:
    return None if workshop.booking else Refusal(Refused.NO_DELIVERY_OPEN)


def _no_name(workshop: Workshop, command: Command) -> Refusal | None:
    return None if tidy(command.text) else Refusal(Refused.NO_DELIVERY_NAME)


def _donation(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    laptop = _on_paper_too(replace(laptop_of(workshop, command), donation=tidy(command.text)), now)
    return workshop.with_laptop(laptop) if laptop.donation else forgotten(workshop, laptop.id).with_laptop(laptop)


def _on_paper_too(laptop: Laptop, now: float) -> Laptop:
    """A number is often typed in after the laptop was erased: that evening's erasure is recorded again, with it.

    Not an older one: the laptop may have been somebody's since, and what was erased then is no proof of today.
    """
    erasure = laptop.erasure
    if erasure is None or not erasure.over or now - erasure.ended > PAPERWORK_SECONDS:
        return laptop
    return replace(laptop, erasure=replace(erasure, recorded=False))


def _fate(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    laptop = replace(laptop_of(workshop, command), fate=command.text)
    why = happened(Happened.FATE, fate=command.text or "-", by=actor(command.by))
    return workshop.with_laptop(add_history(laptop, now, why))


def _no_such_fate(workshop: Workshop, command: Command) -> Refusal | None:
    known = not command.text or command.text in FATES
    return None if known else Refusal(Refused.NO_SUCH_FATE, {"name": command.text, "known": ", ".join(FATES)})


VERBS = (
    Verb(
        "delivery",
        "Open a delivery: laptops that come for the first time are booked on it, until it is closed or another opened.",
        _open,
        Target.NOTHING,
        (
            Word("text", "its number, or an organisation's name; never a private person", needed=True, name="number"),
            Word("organisation", "the organisation that gave it, never a private person"),
        ),
        role=Role.VOLUNTEER,
        refuse=_no_name,
        command_line="deliveries open",
    ),
    Verb(
        "delivery-close",
        "Close the delivery that is open: nothing more is booked on it.",
        _close,
        Target.NOTHING,
        role=Role.VOLUNTEER,
        refuse=_nothing_open,
        command_line="deliveries close",
    ),
    Verb(
        "donation",
        "Note which delivery a LAPTOP came with: an organisation or a number, never a private person.",
        _donation,
        Target.LAPTOP,
        (Word("text", "the organisation's name or the delivery's number", needed=True, name="name"),),
        role=Role.VOLUNTEER,
        command_line="erase donation",
    ),
    Verb(
        "fate",
        "Note what became of a LAPTOP: given (out), parts or scrapped; an empty word: it is still here.",
        _fate,
        Target.LAPTOP,
        (Word("text", "given, parts, scrapped, or empty", needed=True, name="what"),),
        role=Role.VOLUNTEER,
        refuse=_no_such_fate,
        command_line="deliveries fate",
    ),
)
"""Their lines in the table of commands."""
