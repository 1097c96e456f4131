"""What a switch's tables mean: ports and their roles, who is where, and how many laptops fit.

Pure functions over `Tables`; `understand` is the one others call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal

from cloned.core.shown_data import SwitchShown, SwitchTables
from cloned.core.warnings import Warn
from cloned.saying import Phrase, headed
from cloned.switch.forwarding import LAG_TYPES, Station, forwarding, own_macs
from cloned.switch.physical import display_name, left_out, physical_ports, port_names
from cloned.switch.snmp.raw import UP
from cloned.switch.tables import DOWN, InterfaceRow, LldpRow, Tables

Role = Literal["access", "uplink", "server", "reserved"]
Duplex = Literal["full", "half"]
HALF, FULL = 2, 3
"""dot3StatsDuplexStatus."""
MANY_MACS = 4
"""More addresses than this on one port are another switch: a laptop has one, or three with dock and firmware."""
SLOW_MBPS = 100
"""At this speed or below, a laptop would hold up a session at 1 Gb/s."""
IMPLAUSIBLE = 10
"""Mb/s that no card of this century runs at by itself; some agents say it of every port."""
SLOW_HINT = Phrase("try another cable, then another port; until then it is served by itself")
SHARED_HINT = Phrase("everybody beyond it shares this link: try another cable, then another port")
WRONG_BITS = 4_294_967_295
"""ifSpeed of anything faster than 4.29 Gb/s (RFC 2863 §3.1.8)."""


@dataclass(frozen=True)
class Rules:
    """What the workshop knows of this switch beyond its tables."""

    server_macs: frozenset[str] = frozenset()
    """Addresses of the server's own network cards."""
    reserved: frozenset[str] = frozenset()
    """Names or ifIndexes of ports that are never for laptops."""
    uplinks: frozenset[str] = frozenset()
    """Names or ifIndexes of ports that are uplinks whatever the tables say."""
    many_macs: int = MANY_MACS


@dataclass(frozen=True)
class Port:
    """One physical Ethernet port. Speed in Mb/s, None for a port that is down or does not say."""

    if_index: int
    name: str
    admin: Literal["up", "down"] | None
    oper: Literal["up", "down"] | None
    speed_mbps: int | None
    duplex: Duplex | None
    role: Role
    macs: tuple[str, ...] = ()
    in_errors: int | None = None
    why: str = ""
    """What speaks for the role, where it is not `access`."""

    @property
    def label(self) -> str:
        """Its name in a sentence: `port gi3`, or the name alone where it begins with "port"."""
        return self.name if self.name.lower().startswith("port") else f"port {self.name}"

    @property
    def slow(self) -> bool:
        """Whether its link would hold up others: 10 or 100 Mb/s, or half duplex."""
        return self.oper == "up" and ((self.speed_mbps or SLOW_MBPS + 1) <= SLOW_MBPS or self.duplex == "half")

    @property
    def usable(self) -> bool:
        """Whether a laptop may be plugged in: an access port that nobody shut down."""
        return self.role == "access" and self.admin != "down"


@dataclass(frozen=True)
class SwitchView:
    """A switch understood."""

    address: str
    sys_descr: str = ""
    sys_name: str = ""
    model: str = ""
    ports: tuple[Port, ...] = ()
    stations: tuple[Station, ...] = ()
    neighbours: tuple[tuple[int, LldpRow], ...] = ()
    """ifIndex of the local interface and the neighbour there."""
    warnings: tuple[Warn, ...] = ()
    own: frozenset[str] = field(default=frozenset(), repr=False)
    """Addresses of the switch itself."""

    @property
    def capacity(self) -> int:
        """How many laptops fit: ports that are administratively up, minus uplinks, the server's and reserved ones."""
        return sum(1 for port in self.ports if port.usable)

    def port(self, if_index: int) -> Port | None:
        """The physical port with this ifIndex."""
        return next((port for port in self.ports if port.if_index == if_index), None)

    def to_json(self) -> SwitchShown:
        """The object that `cloned switch show --json` prints."""
        return {**self.tables(), "warnings": [str(warning) for warning in self.warnings]}

    def tables(self) -> SwitchTables:
        """What was read, as plain data."""
        return {
            "address": self.address,
            "sys_descr": self.sys_descr,
            "sys_name": self.sys_name,
            "ports": [
                {
                    "if_index": port.if_index,
                    "name": port.name,
                    "admin": port.admin,
                    "oper": port.oper,
                    "speed_mbps": port.speed_mbps,
                    "duplex": port.duplex,
                    "role": port.role,
                    "macs": list(port.macs),
                }
                for port in self.ports
            ],
            "fdb": [
                {"mac": station.mac, "vlan": station.vlan, "if_index": station.if_index} for station in self.stations
            ],
            "lldp": [
                {"if_index": index, "neighbour": neighbour.name or neighbour.chassis or neighbour.port}
                for index, neighbour in self.neighbours
            ],
            "capacity": self.capacity,
        }


def understand(tables: Tables, rules: Rules | None = None) -> SwitchView:
    """Everything the tables say, for the workshop. Never raises, whatever the tables hold."""
    rules = rules or Rules()
    physical = physical_ports(tables)
    seen = forwarding(tables, physical)
    neighbours, placing = _placed(tables, physical)
    macs = _macs_by_port(seen.stations, tables)
    roles = _Roles(tables, rules, macs, neighbours)
    names = port_names(physical, tables)
    ports = tuple(_port(interface, names[interface.if_index], roles, macs) for interface in physical)
    odd = (Warn("switch-table", text) for text in (*tables.warnings, *seen.warnings, *placing))
    return SwitchView(
        address=tables.switch,
        sys_descr=tables.sys_descr,
        sys_name=tables.sys_name,
        model=tables.model,
        own=own_macs(tables),
        ports=ports,
        stations=seen.stations,
        neighbours=neighbours,
        warnings=(*odd, *_told(tables, ports, roles), *_left_out(tables, physical)),
    )


def _macs_by_port(stations: Iterable[Station], tables: Tables) -> dict[int, frozenset[str]]:
    """Addresses by ifIndex; those behind a LAG stand at each of its members too."""
    found: dict[int, set[str]] = {}
    for station in stations:
        found.setdefault(station.if_index, set()).add(station.mac)
    for member, lag in tables.lag_members.items():
        if lag in found:
            found.setdefault(member, set()).update(found[lag])
    return {index: frozenset(macs) for index, macs in found.items()}


class _Roles:
    """Which port is what, and the evidence."""

    def __init__(
        self,
        tables: Tables,
        rules: Rules,
        macs: Mapping[int, frozenset[str]],
        neighbours: Sequence[tuple[int, LldpRow]],
    ) -> None:
        self.rules = rules
        self._tables, self._macs = tables, macs
        self._bridges: dict[int, LldpRow] = {index: neighbour for index, neighbour in neighbours if neighbour.bridge}

    def of(self, interface: InterfaceRow) -> tuple[Role, str]:
        """The role of a port and why; the configuration wins, then evidence of another switch."""
        if _called(interface, self.rules.reserved):
            return "reserved", Phrase("reserved in the configuration")
        evidence = self.uplink(interface)
        if evidence:
            return "uplink", evidence
        if self._macs.get(interface.if_index, frozenset()) & self.rules.server_macs:
            return "server", Phrase("the server's own address is on it")
        return "access", ""

    def uplink(self, interface: InterfaceRow) -> str:
        """What says that another switch is behind this interface; "" if nothing does."""
        if _called(interface, self.rules.uplinks):
            return Phrase("an uplink by the configuration")
        lag = self._tables.lag_members.get(interface.if_index)
        for index in (interface.if_index, *([lag] if lag is not None else [])):
            neighbour = self._bridges.get(index)
            if neighbour is not None:
                return Phrase(
                    "LLDP says the bridge {name} is there", name=neighbour.name or neighbour.chassis or "without a name"
                )
            count = len(self._macs.get(index, ()))
            if count > self.rules.many_macs:
                return Phrase(
                    "{count} addresses are behind it, more than {many_macs}",
                    count=count,
                    many_macs=self.rules.many_macs,
                )
        return ""


def _called(interface: InterfaceRow, names: Set[str]) -> bool:
    return not names.isdisjoint({str(interface.if_index), interface.name, interface.descr} - {""})


def _port(interface: InterfaceRow, name: str, roles: _Roles, macs: Mapping[int, frozenset[str]]) -> Port:
    role, why = roles.of(interface)
    up = interface.oper == UP
    return Port(
        if_index=interface.if_index,
        name=name,
        admin=_status(interface.admin),
        oper=_status(interface.oper),
        speed_mbps=speed_of(interface) if up else None,
        duplex=_duplex(interface.duplex) if interface.oper != DOWN else None,
        role=role,
        why=why,
        macs=tuple(sorted(macs.get(interface.if_index, ()))),
        in_errors=interface.in_errors,
    )


def _status(value: int | None) -> Literal["up", "down"] | None:
    """ifAdminStatus or ifOperStatus; testing, dormant and lowerLayerDown carry no frames: down."""
    if value is None or value == 4 or not 1 <= value <= 7:
        return None
    return "up" if value == UP else "down"


def _duplex(value: int | None) -> Duplex | None:
    return "full" if value == FULL else "half" if value == HALF else None


def speed_of(interface: InterfaceRow) -> int | None:
    """Mb/s: ifHighSpeed, else ifSpeed, else None.

    ifHighSpeed is in bit/s where it equals ifSpeed, in kbit/s where that says the same number of Mbit/s, and in Gbit/s
    where that says so: mistakes of agents. Where nothing contradicts it, the card at the other end tells (laptops.py).
    """
    high, bits = interface.high_speed, interface.speed
    if high is not None and high > 0:
        if bits is not None and high == 1000 * bits:
            return bits
        if bits is not None and _in_gigabits(high, bits):
            return 1000 * high if bits in (WRONG_BITS, high * 10**9 % 2**32) and high > 4 else _mbps(bits)
        return _mbps(high) if high == bits or high > 800_000 else high
    if bits is not None and 0 < bits < WRONG_BITS:
        return _mbps(bits)
    return None


def _in_gigabits(high: int, bits: int) -> bool:
    """Whether ifHighSpeed counts Gbit/s: ifSpeed says a thousand times as much, or that it is more than it can say."""
    if bits == WRONG_BITS:
        return high in _ONLY_GIGABITS
    return high < 10**3 and bits >= 10**9 and (bits // 10**9 == high or high * 10**9 % 2**32 == bits)


_ONLY_GIGABITS = (5, 10, 25, 40, 50)
"""Speeds of copper and fibre in Gbit/s that no link has in Mbit/s, but for 10, where one has it beside an ifSpeed that
says what it is."""


def _mbps(bits: int) -> int | None:
    return bits // 1_000_000 or None


def _placed(tables: Tables, physical: Sequence[InterfaceRow]) -> tuple[tuple[tuple[int, LldpRow], ...], list[str]]:
    """Each LLDP neighbour at the interface its local port number stands for; what can't be placed is told."""
    found, lost = [], 0
    front = {interface.if_index for interface in physical}
    for neighbour in tables.neighbours:
        if neighbour.local_port is None:
            continue
        index = _local_interface(neighbour.local_port, tables, front)
        if index is None:
            lost += 1
        else:
            found.append((index, neighbour))
    if not lost:
        return tuple(found), []
    return tuple(found), [f"switch {tables.switch}, lldpRemTable: {lost} neighbours on ports nobody knows left out"]


def _local_interface(number: int, tables: Tables, front: Collection[int]) -> int | None:
    """The ifIndex of an LLDP port number: by the name LLDP gives that port, as a bridge port, or as an ifIndex."""
    name = tables.lldp_local.get(number, "")
    if name and not name.isdigit():
        for index, interface in tables.interfaces.items():
            if name in (interface.name, interface.descr, interface.phys_address or None) and index in front:
                return index
    for candidate in (tables.base_ports.get(number), number):
        if candidate is not None and (candidate in front or candidate in tables.interfaces):
            return candidate
    return None


def _told(tables: Tables, ports: Sequence[Port], roles: _Roles) -> Iterable[Warn]:
    """The warnings that follow from the ports: uplinks and their evidence, slow links, what is not known."""
    name = tables.sys_name or tables.switch
    if not ports:
        yield Warn(
            "switch-no-ports",
            Phrase("switch {switch}: no physical Ethernet port was found in its tables", switch=tables.switch),
            "set the number of ports in the configuration",
        )
    for port in ports:
        if port.role == "uplink":
            yield Warn(
                "switch-uplink", Phrase("{name} {label} is an uplink: {why}", name=name, label=port.label, why=port.why)
            )
        if port.role != "reserved" and port.slow:
            yield slow_warning(name, port)
    if ports and all(port.admin is None for port in ports):
        yield Warn(
            "switch-no-status",
            Phrase("switch {switch} does not tell which of its ports are up", switch=tables.switch),
            "all are counted; reserve those that are not for laptops",
        )
    yield from _lag_warnings(tables, name, roles)
    for unknown in sorted(_uncalled(tables, roles.rules.reserved | roles.rules.uplinks)):
        yield Warn(
            "switch-unknown-port",
            Phrase("{name} has no port {unknown}, which the configuration names", name=name, unknown=unknown),
            "take its name from `cloned switch show`",
        )


def _left_out(tables: Tables, physical: Sequence[InterfaceRow]) -> Iterable[Warn]:
    """Interfaces that their name alone keeps from being a place for a laptop."""
    for each in left_out(physical, tables):
        yield Warn(
            "switch-left-out",
            Phrase(
                "{sys_name}: {display_name} is not counted, for what it is called",
                sys_name=tables.sys_name or tables.switch,
                display_name=display_name(each),
            ),
            "if it is a socket, give it another name on the switch",
        )


def _uncalled(tables: Tables, names: frozenset[str]) -> frozenset[str]:
    """Those of `names` that no interface bears."""
    return frozenset(name for name in names if not any(_called(each, {name}) for each in tables.interfaces.values()))


def slow_warning(switch: str, port: Port) -> Warn:
    """What to say of a link at 10 or 100 Mb/s, or at half duplex."""
    what = headed(f"{switch} {port.label}", link_words(port.speed_mbps, half=port.duplex == "half"))
    return Warn("slow-port", what, SLOW_HINT if port.role == "access" else SHARED_HINT)


def link_words(mbps: int | None, *, half: bool) -> str:
    """Speed and duplex of a slow link: `100 Mb/s, half duplex`."""
    speed = f"{mbps} Mb/s" if mbps is not None else Phrase("speed unknown")
    return Phrase("{speed}, half duplex", speed=speed) if half else speed


def _lag_warnings(tables: Tables, name: str, roles: _Roles) -> Iterable[Warn]:
    """A LAG that leads to another switch, and whose members the switch does not name, hides uplinks."""
    named = set(tables.lag_members.values())
    for interface in tables.interfaces.values():
        if interface.type in LAG_TYPES and interface.if_index not in named and roles.uplink(interface):
            yield Warn(
                "switch-lag",
                Phrase(
                    "{name}: the link aggregate {display_name} is an uplink ({uplink}), but its ports are not known",
                    name=name,
                    display_name=display_name(interface),
                    uplink=roles.uplink(interface),
                ),
                "reserve its ports in the configuration",
            )
