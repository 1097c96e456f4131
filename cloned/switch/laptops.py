"""Laptops put beside what the switches see: where each is plugged in, and how fast its link is. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cloned.core.events import Located
from cloned.core.laptop import Laptop, named
from cloned.core.rates import alone
from cloned.core.warnings import Warn
from cloned.switch.chain import Chain, SwitchPort
from cloned.switch.ports import SLOW_HINT, link_words


def macs_of(laptop: Laptop) -> tuple[str, ...]:
    """Its addresses, the one it booted through first."""
    return tuple(mac for mac in dict.fromkeys((laptop.boot_mac, *laptop.identity.macs)) if mac)


def place_of(laptop: Laptop, chain: Chain) -> SwitchPort | None:
    """Where it is plugged in; None for a laptop that no switch sees."""
    return next((place for mac in macs_of(laptop) if (place := chain.locate(mac)) is not None), None)


def located(laptop: Laptop, chain: Chain, *, several: bool) -> Located | None:
    """Where a laptop is plugged in and how its link is, if that is news. A laptop that is off keeps its last port.

    With `several` switches the port is `ADDRESS/NAME`: each of them has a port 7.
    """
    place = place_of(laptop, chain)
    if place is None:
        return None
    name = f"{place.switch}/{place.port.name}" if several else place.port.name
    speed, half = _link(laptop, place)
    now = (name, speed or laptop.speed_mbps, laptop.half_duplex if half is None else half)
    news = now != (laptop.port, laptop.speed_mbps, laptop.half_duplex)
    return Located(laptop.id, name, speed, half) if news else None


def _link(laptop: Laptop, place: SwitchPort) -> tuple[int | None, bool | None]:
    """Speed and half duplex of the laptop's link, None where its port does not tell.

    A port that leads to others too has a link of its own: what the laptop says of itself stands, unless that is faster.
    """
    port, said = place.port, laptop.speed_mbps
    if port.role == "uplink" or place.behind:
        slower = port.speed_mbps is not None and (said is None or port.speed_mbps < said)
        return (port.speed_mbps if slower else None), None
    return port.speed_mbps, None if port.duplex is None else port.duplex == "half"


def slow_links(laptops: Iterable[Laptop], chain: Chain, link_mbps: int) -> list[Warn]:
    """What to say of laptops that will be served by themselves, where no warning of a switch's port says it.

    `link_mbps`: the server's own link.
    """
    return [
        Warn("slow-port", f"{named(each)}: {link_words(each.speed_mbps, half=each.half_duplex)}", SLOW_HINT)
        for each in laptops
        if alone(each, link_mbps) and not _told(each, chain)
    ]


def _told(laptop: Laptop, chain: Chain) -> bool:
    place = place_of(laptop, chain)
    return place is not None and place.port.role == "access" and place.port.slow
