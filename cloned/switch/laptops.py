"""Laptops put beside what the switches see: where each is plugged in, and how fast its link is. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cloned.core.events import Located
from cloned.core.laptop import Laptop, named
from cloned.core.rates import alone
from cloned.core.warnings import Warn
from cloned.saying import Phrase
from cloned.switch.chain import Chain, SwitchPort
from cloned.switch.ports import IMPLAUSIBLE, SLOW_HINT, link_words, slow_warning


def macs_of(laptop: Laptop) -> tuple[str, ...]:
    """Its addresses, the one it booted through first."""
    return tuple(mac for mac in dict.fromkeys((laptop.facts.boot_mac, *laptop.identity.macs)) if mac)


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
    now = (name, speed or laptop.link.speed_mbps, laptop.link.half_duplex if half is None else half)
    news = now != (laptop.link.port, laptop.link.speed_mbps, laptop.link.half_duplex)
    return Located(laptop.id, name, speed, half) if news else None


def _link(laptop: Laptop, place: SwitchPort) -> tuple[int | None, bool | None]:
    """Speed and half duplex of the laptop's link, None where nobody tells.

    The slower of what the port and the laptop's own card say: a port may tell nonsense, or lead to a small switch. A
    port that leads to others too has a link of its own: what the laptop says of itself stands, unless that is faster.
    """
    port, said = place.port, laptop.link.speed_mbps
    if misread(laptop, place):
        return laptop.facts.speed_mbps, None
    if port.role == "uplink" or place.behind:
        slower = port.speed_mbps is not None and (said is None or port.speed_mbps < said)
        return (port.speed_mbps if slower else None), None
    known = [speed for speed in (port.speed_mbps, laptop.facts.speed_mbps) if speed]
    return min(known, default=None), None if port.duplex is None else port.duplex == "half"


def misread(laptop: Laptop, place: SwitchPort) -> bool:
    """Whether a port's 10 Mb/s contradict the laptop's own card: both ends of a cable have one speed.

    At 100 Mb/s the switch is believed: a small switch in between may be what is slow.
    """
    speed, card = place.port.speed_mbps, laptop.facts.speed_mbps
    return speed is not None and card is not None and speed <= IMPLAUSIBLE < card


def misread_ports(laptops: Iterable[Laptop], chain: Chain) -> list[Warn]:
    """Ports whose speed the switch tells wrong, as the laptops in them show."""
    found = ((each, place) for each in laptops if (place := place_of(each, chain)) and misread(each, place))
    return [
        Warn(
            "switch-speed",
            Phrase(
                "{switch} {label}: the switch says {speed_mbps} Mb/s, the card of {named} says {card_mbps}",
                switch=place.switch,
                label=place.port.label,
                speed_mbps=place.port.speed_mbps,
                named=named(laptop),
                card_mbps=laptop.facts.speed_mbps,
            ),
            "the laptop is believed, the switch tells it wrong",
        )
        for laptop, place in found
    ]


def believed(warnings: Iterable[Warn], laptops: Iterable[Laptop], chain: Chain) -> list[Warn]:
    """`warnings` of the switches without "slow cable" for the ports whose speed they tell wrong."""
    names = {view.address: view.sys_name or view.address for view in chain.views}
    places = [place for each in laptops if (place := place_of(each, chain)) and misread(each, place)]
    wrong = {slow_warning(names[place.switch], place.port) for place in places}
    return [each for each in warnings if each not in wrong]


def slow_links(laptops: Iterable[Laptop], chain: Chain, link_mbps: int) -> list[Warn]:
    """What to say of laptops that will be served by themselves, where no warning of a switch's port says it.

    `link_mbps`: the server's own link.
    """
    return [
        Warn(
            "slow-port",
            Phrase(
                "{named}: {link_words}",
                named=named(each),
                link_words=link_words(each.link.speed_mbps, half=each.link.half_duplex),
            ),
            SLOW_HINT,
        )
        for each in laptops
        if alone(each, link_mbps) and not _told(each, chain)
    ]


def _told(laptop: Laptop, chain: Chain) -> bool:
    place = place_of(laptop, chain)
    return place is not None and place.port.role == "access" and place.port.slow
