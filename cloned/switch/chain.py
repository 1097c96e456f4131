"""Several switches, plugged into each other: one capacity, one place for each laptop. Pure.

Which port leads to which switch is seen from addresses: a switch answers our questions, so its own
address is in the forwarding table of every switch on the way from the server to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cloned.core.warnings import Warn
from cloned.saying import Phrase
from cloned.switch.forwarding import Station
from cloned.switch.ports import IMPLAUSIBLE, Port, SwitchView

COUNTED = "ports free for laptops on"
"""How the words for a capacity that was read begin."""


@dataclass(frozen=True)
class SwitchPort:
    """Where an address is plugged in. `behind` counts the other addresses on the same port."""

    switch: str
    port: Port
    behind: int = 0


@dataclass(frozen=True)
class SwitchLink:
    """A port of one switch that leads to another of ours, away from the server."""

    switch: str
    port: str
    to: str
    speed_mbps: int | None


@dataclass(frozen=True)
class Chain:
    """All switches together, with the roles that only their connection shows."""

    views: tuple[SwitchView, ...] = ()
    links: tuple[SwitchLink, ...] = ()
    warnings: tuple[Warn, ...] = ()

    @property
    def places(self) -> int:
        """How many laptops fit on all switches."""
        return sum(view.capacity for view in self.views)

    @property
    def reserved_whole(self) -> bool:
        """Whether there are ports and a person reserved every one that is not an uplink or the server's."""
        ports = [port for view in self.views for port in view.ports]
        return any(port.role == "reserved" for port in ports) and all(port.role != "access" for port in ports)

    @property
    def server_mbps(self) -> int | None:
        """Speed of the server's port, in Mb/s, if a switch tells."""
        speeds = [port.speed_mbps for view in self.views for port in view.ports if port.role == "server"]
        known = [speed for speed in speeds if speed]
        return min(known) if known else None

    def narrowest_mbps(self, own: int) -> int | None:
        """The slowest of the server's port and the links between switches: all streams pass there.

        `own`: what the server's card says of its link, in Mb/s, against which an implausible port does not count.
        """
        port = self.server_mbps
        if port is not None and port <= IMPLAUSIBLE < own:
            port = None
        known = [speed for speed in (port, *(link.speed_mbps for link in self.links)) if speed]
        return min(known) if known else None

    def locate(self, mac: str) -> SwitchPort | None:
        """The port an address is plugged in: on the switch where it is not behind an uplink."""
        found = [place for view in self.views if (place := _on(view, mac)) is not None]
        plugged = [place for place in found if place.port.role != "uplink"]
        return next(iter(plugged or found), None)

    def why(self) -> str:
        """The capacity in words: what was counted."""
        parts = [f"{view.sys_name or view.address}: {view.capacity}" for view in self.views]
        if not parts:
            return Phrase("no switch was read")
        return Phrase("ports free for laptops on {switches}", switches=", ".join(parts))


def _on(view: SwitchView, mac: str) -> SwitchPort | None:
    for station in view.stations:
        if station.mac == mac:
            port = view.port(station.if_index) or _behind_lag(view, station)
            return None if port is None else SwitchPort(view.address, port, max(0, len(port.macs) - 1))
    return None


def _behind_lag(view: SwitchView, station: Station) -> Port | None:
    """A member of the LAG an address is behind, if the members are known."""
    return next((port for port in view.ports if station.mac in port.macs), None)


def join(views: Sequence[SwitchView], server_macs: frozenset[str] = frozenset()) -> Chain:
    """Connect `views`; ports that lead to another of them become uplinks, the server's port is found once.

    Ports that the configuration reserved stay so.
    """
    links: list[SwitchLink] = []
    joined = []
    for view in views:
        others = [other for other in views if other.address != view.address]
        leads = _leads(view, others)
        towards = _towards_server(view, others, server_macs)
        links += [
            SwitchLink(view.address, port.name, next_one.address, port.speed_mbps)
            for port in view.ports
            if port.if_index != towards
            for next_one in _nearest(leads.get(port.if_index, ()), server_macs)
        ]
        joined.append(_with_roles(view, leads, towards))
    return Chain(tuple(joined), tuple(links), tuple(_unconnected(joined, links)))


def _leads(view: SwitchView, others: Iterable[SwitchView]) -> dict[int, list[SwitchView]]:
    """ifIndex to the switches whose own address is seen there, or that LLDP names."""
    found: dict[int, list[SwitchView]] = {}
    for other in others:
        seen = {port.if_index for port in view.ports if not other.own.isdisjoint(port.macs)}
        seen |= {index for index, neighbour in view.neighbours if neighbour.chassis in other.own}
        for index in seen:
            found.setdefault(index, []).append(other)
    return found


def _nearest(behind: Sequence[SwitchView], server_macs: frozenset[str]) -> list[SwitchView]:
    """Of the switches behind one port, those that are not behind another of them."""
    return [view for view in behind if not any(_sees_beyond(other, view, server_macs) for other in behind)]


def _sees_beyond(view: SwitchView, other: SwitchView, server_macs: frozenset[str]) -> bool:
    """Whether `view` sees the address of `other` on a port where the server is not."""
    if view.address == other.address:
        return False
    return any(not other.own.isdisjoint(port.macs) and server_macs.isdisjoint(port.macs) for port in view.ports)


def _towards_server(view: SwitchView, others: Sequence[SwitchView], server_macs: frozenset[str]) -> int | None:
    """The port on which this switch sees the server, if another of our switches lies between.

    It does if that other switch sees this one's address on a port where the server is not.
    """
    mine = next((port for port in view.ports if server_macs.intersection(port.macs)), None)
    if mine is None:
        return None
    return mine.if_index if any(_sees_beyond(other, view, server_macs) for other in others) else None


def _with_roles(view: SwitchView, leads: Mapping[int, list[SwitchView]], towards: int | None) -> SwitchView:
    """The view with uplinks to other switches of ours; told in the warnings."""
    ports, told = [], []
    for port in view.ports:
        behind = leads.get(port.if_index, ())
        if not behind and port.if_index != towards:
            ports.append(port)
            continue
        why = Phrase("the server is behind another switch there")
        if behind:
            why = Phrase(
                "it leads to switch {sys_name}", sys_name=", ".join(other.sys_name or other.address for other in behind)
            )
        if port.role in ("access", "server"):
            told.append(
                Warn(
                    "switch-uplink",
                    Phrase(
                        "{sys_name} {label} is an uplink: {why}",
                        sys_name=view.sys_name or view.address,
                        label=port.label,
                        why=why,
                    ),
                )
            )
            port = replace(port, role="uplink", why=why)
        ports.append(port)
    return replace(view, ports=tuple(ports), warnings=(*view.warnings, *told))


def _unconnected(views: Sequence[SwitchView], links: Sequence[SwitchLink]) -> Iterable[Warn]:
    """A switch that no other one sees, where there are several: maybe it is not on this network."""
    if len(views) < 2:
        return
    for view in views:
        reached = any(link.to == view.address for link in links)
        rooted = any(port.role == "server" for port in view.ports)
        if not reached and not rooted:
            yield Warn(
                "switch-unconnected",
                Phrase("switch {sys_name} is not seen behind any other switch", sys_name=view.sys_name or view.address),
                "check its uplink; its ports are counted all the same",
            )


def crowded(chain: Chain, laptop_macs: Mapping[str, str]) -> tuple[Warn, ...]:
    """Laptops behind a switch that can't be asked: several on one port, or one on an uplink.

    `laptop_macs` maps addresses to the names of laptops.
    """
    found: dict[tuple[str, str, bool], set[str]] = {}
    for mac, laptop in laptop_macs.items():
        place = chain.locate(mac)
        if place is not None:
            found.setdefault((place.switch, place.port.label, place.port.role == "uplink"), set()).add(laptop)
    names = {view.address: view.sys_name or view.address for view in chain.views}
    return tuple(
        Warn(
            "behind-switch",
            Phrase(
                "{names} {port}: {laptops} behind another switch",
                names=names[switch],
                port=port,
                laptops=", ".join(sorted(laptops)),
            ),
            "plug each into a port of its own: they share one link there",
        )
        for (switch, port, uplink), laptops in sorted(found.items())
        if uplink or len(laptops) > 1
    )
