"""Which thing people mean: laptops by id, number, tag, serial, MAC or port; sessions by id, number or image."""

from __future__ import annotations

from collections.abc import Iterable

from cloned.core.ids import LaptopId
from cloned.core.laptop import Laptop, State
from cloned.core.refusals import Refusal, Refused
from cloned.core.session import Session
from cloned.core.workshop import Workshop


def find_laptop(workshop: Workshop, name: str) -> Laptop | Refusal:
    """The laptop with this id, number, tag, serial or MAC, else the one in the port of this name."""
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
    return Refusal(Refused.NO_SUCH_LAPTOP, {"name": name or "(nobody)"})


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
    return set() if laptop.state is State.GONE else {laptop.port.lower()} - {""}
