"""Which thing people mean: laptops by id, number, tag, serial, MAC or port; sessions by id, number or image."""

from __future__ import annotations

from collections.abc import Iterable

from cloned.core.ids import LaptopId
from cloned.core.laptop import Laptop, State
from cloned.core.refusals import Refusal, Refused
from cloned.core.session import Session
from cloned.core.tagged import TagGiven
from cloned.core.workshop import Workshop


def find_laptop(workshop: Workshop, name: str) -> Laptop | Refusal:
    """The laptop with this id, number, tag, serial or MAC; else the one in this port, or that once had this tag."""
    known = workshop.laptops.get(LaptopId(name))
    if known is not None:
        return known
    wanted = name.strip().lower()
    for called in (_names, _ports):
        found = [laptop for laptop in workshop.laptops.values() if wanted in called(laptop)]
        if len(found) == 1:
            return found[0]
        if found:
            return Refusal(Refused.SEVERAL_LAPTOPS, {"count": len(found), "name": name})
    once = workshop.tags.get(name.strip().casefold())
    back = _that_had(workshop, once) if once is not None else None
    return back or Refusal(Refused.NO_SUCH_LAPTOP, {"name": name or "(nobody)"})


def _that_had(workshop: Workshop, once: TagGiven) -> Laptop | None:
    """The laptop that a tag was given to, also if it was forgotten and came again."""
    if once.laptop in workshop.laptops:
        return workshop.laptops[once.laptop]
    found = [each for each in workshop.laptops.values() if had(once, each)]
    return found[0] if len(found) == 1 else None


def had(once: TagGiven, laptop: Laptop) -> bool:
    """Whether this is the laptop that had the tag, and was forgotten: it says the same, and has one of its cards."""
    uuid, serial = laptop.identity.uuid, laptop.identity.serial
    told = bool(once.uuid or once.serial) and (once.uuid, once.serial) == (uuid, serial)
    own = set(laptop.identity.macs) - set(laptop.facts.dongles)
    return told and (not once.macs or not own.isdisjoint(once.macs))


def find_session(workshop: Workshop, name: str) -> Session | Refusal:
    """The open session with this id or number, else the newest open one of this image."""
    opened = [session for session in workshop.sessions.values() if session.open]
    exact = [session for session in opened if name in (session.id, str(session.number))]
    found = exact or [session for session in opened if session.image == name]
    return found[-1] if found else Refusal(Refused.NO_SUCH_SESSION, {"name": name})


def _names(laptop: Laptop) -> Iterable[str]:
    """Everything a person might call a laptop, in lower case."""
    names = {str(laptop.number), laptop.tag.lower(), laptop.identity.serial.lower(), *laptop.identity.macs}
    return names - {""}


def _ports(laptop: Laptop) -> Iterable[str]:
    """The port it is in; one that went away is no longer there, whatever port it was seen in last."""
    return set() if laptop.state is State.GONE else {laptop.link.port.lower()} - {""}
