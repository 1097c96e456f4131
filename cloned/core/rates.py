"""How fast each session may send, from what the switches and the laptops say of their links. Pure."""

from __future__ import annotations

from cloned.core.effect_types import Rates
from cloned.core.laptop import Laptop
from cloned.core.session import Session
from cloned.core.workshop import Workshop

UNKNOWN_MBPS = 1000
"""Mbit/s of a link of which neither the switch nor the laptop says anything."""

SLOW_MBPS = 100
"""Mbit/s: a port no faster than this would hold the others up or lose most; it is served by itself."""


def alone(laptop: Laptop, link_mbps: int) -> bool:
    """Whether a laptop gets its pieces one by one: its link is slow (switch or laptop say so), the server's is not."""
    speed = laptop.link.speed_mbps
    return laptop.link.half_duplex or (speed is not None and speed <= SLOW_MBPS and speed < link_mbps)


def rates(workshop: Workshop) -> Rates:
    """The limit of each open session, and of all of them together.

    A stream reaches everybody at once, so its limit is the slowest link of those who take it. Who is served
    by itself (`alone`) does not count, except where udpcast sends: there nobody is.
    """
    speeds: dict[str, list[int]] = {}
    for laptop in workshop.active():
        session = workshop.sessions.get(laptop.session) if laptop.session is not None else None
        if session is not None and (session.classic or not alone(laptop, workshop.link_mbps)):
            speeds.setdefault(session.id, []).append(laptop.link.speed_mbps or UNKNOWN_MBPS)
    found = ((each.id, _limit(workshop, each, speeds)) for each in workshop.sessions.values() if each.open)
    return Rates(workshop.link_mbps, tuple(found))


def _limit(workshop: Workshop, session: Session, speeds: dict[str, list[int]]) -> int:
    return min(workshop.link_mbps, *speeds.get(session.id, [UNKNOWN_MBPS]))
