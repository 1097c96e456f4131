"""A person's word that a laptop is another one of the screen, or of the ledger, with another disk."""

from __future__ import annotations

from dataclasses import replace

from cloned.core import deliveries, weighing
from cloned.core.arrivals import what_now
from cloned.core.confirm import maybe_called
from cloned.core.events import Command
from cloned.core.evidence import here
from cloned.core.happened import Happened, actor, happened
from cloned.core.ids import LaptopId
from cloned.core.laptop import Laptop, State, add_history, called, unconfirmed
from cloned.core.refusals import Refusal, Refused
from cloned.core.verbs import Role, Target, Verb, laptop_of
from cloned.core.workshop import Workshop


def _same(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """One laptop again, under the older id and with its number; it asks, for its disk is another one."""
    laptop = laptop_of(workshop, command)
    name = maybe_called(workshop, laptop)
    other = _older(workshop, laptop)
    if other is None:
        return _out_of_the_ledger(workshop, laptop, name, command, now, entropy)
    joined = unconfirmed(_joined(other, laptop))
    joined = add_history(joined, now, happened(Happened.THE_SAME, name=name, by=actor(command.by)))
    rest = {key: each for key, each in workshop.laptops.items() if key != other.id}
    workshop = deliveries.forgotten(replace(workshop, laptops=rest), laptop.id)
    workshop = weighing.moved(workshop, laptop.id, other.id, laptop).with_laptop(joined)
    return _asked_again(workshop, joined, laptop.state, now)


def _out_of_the_ledger(
    workshop: Workshop, laptop: Laptop, name: str, command: Command, now: float, entropy: str
) -> Workshop:
    assert laptop.perhaps is not None
    made = weighing.become(workshop, laptop, laptop.perhaps, entropy, now)
    if made is None:
        return workshop
    found = unconfirmed(made.laptops[LaptopId(laptop.perhaps.laptop)])
    found = add_history(found, now, happened(Happened.THE_SAME, name=name, by=actor(command.by)))
    return _asked_again(made.with_laptop(found), found, laptop.state, now)


def _asked_again(workshop: Workshop, laptop: Laptop, was: State, now: float) -> Workshop:
    """It asks, if it is here."""
    return workshop if was is State.GONE else workshop.with_laptop(what_now(workshop, laptop, now))


def _older(workshop: Workshop, laptop: Laptop) -> Laptop | None:
    return workshop.laptops.get(LaptopId(laptop.perhaps.laptop)) if laptop.perhaps is not None else None


def _joined(other: Laptop, laptop: Laptop) -> Laptop:
    """The older row with what the newer one was seen with."""
    identity = other.identity.merged(laptop.identity)
    lent = {*other.facts.dongles, *laptop.facts.dongles}
    dongles = tuple(mac for mac in identity.macs if mac in lent)
    return replace(
        other,
        facts=replace(laptop.facts, identity=identity, dongles=dongles),
        contact=replace(laptop.contact, hellos=other.contact.hellos + laptop.contact.hellos),
        link=laptop.link,
        media=laptop.media,
        session=None,
        tag=other.tag or laptop.tag,
    )


def _against(workshop: Workshop, command: Command) -> Refusal | None:
    """Only where that is in question, both rest, and nothing was done to it under its own name."""
    laptop, other = laptop_of(workshop, command), _older(workshop, laptop_of(workshop, command))
    if laptop.perhaps is None:
        return Refusal(Refused.NO_OTHER, {"name": called(laptop)})
    for each in (laptop, other):
        if each is not None and (weighing.at_work(each) or (each is other and here(each))):
            return Refusal(Refused.AT_WORK, {"name": called(each)})
    if laptop.job.number or laptop.erasures or laptop.lendings:
        return Refusal(Refused.HAS_RESULTS, {"name": called(laptop)})
    return None


VERBS = (
    Verb(
        "same",
        "Say that a LAPTOP is the one that it may be, with another disk: it gets that one's number back, and asks.",
        _same,
        Target.LAPTOP,
        role=Role.VOLUNTEER,
        refuse=_against,
    ),
)
"""Its line in the table of commands."""
