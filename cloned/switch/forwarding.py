"""Which interface each MAC address is behind: port numbers and VLANs of forwarding tables, made sense of.

RFC 4188 says dot1dTpFdbPort is a dot1dBasePort, RFC 4363 that dot1qTpFdbTable is indexed by FDB id.
Agents exist that put an ifIndex or the number on the front panel there, or the VLAN id. Each
reading is tried against the table, and the one that explains most of it is taken; the standard's
own wins a draw.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cloned.switch.physical import display_name
from cloned.switch.tables import DOWN, LEARNED_IS_NOT, FdbRow, InterfaceRow, Tables

BRIDGE = 209
"""ifType bridge: the switch itself."""
LAG_TYPES = frozenset({54, 161})
"""ifType propMultiplexor and ieee8023adLag."""
VLANS = range(1, 4095)


@dataclass(frozen=True)
class Station:
    """A MAC address behind an interface; `vlan` None where the table does not say."""

    mac: str
    vlan: int | None
    if_index: int


@dataclass(frozen=True)
class Forwarding:
    """The forwarding table understood, with what could not be."""

    stations: tuple[Station, ...] = ()
    warnings: tuple[str, ...] = ()


def own_macs(tables: Tables) -> frozenset[str]:
    """The switch's own addresses: those of its interfaces and of its bridge."""
    macs = {interface.phys_address for interface in tables.interfaces.values()} | {tables.bridge_address}
    return frozenset(macs - {""})


def forwarding(tables: Tables, physical: Sequence[InterfaceRow]) -> Forwarding:
    """The stations of all forwarding tables of the switch, without the switch itself."""
    own = own_macs(tables)
    warnings: list[str] = []
    stations: dict[Station, None] = {}
    parts = [(tables.base_ports, tables.fdb), *tables.vlan_fdb.values()]
    for base_ports, rows in parts:
        for station in _stations(tables, base_ports, rows, physical, warnings):
            if station.mac not in own:
                stations[station] = None
    return Forwarding(tuple(stations), tuple(dict.fromkeys(warnings)))


def _stations(
    tables: Tables,
    base_ports: Mapping[int, int],
    rows: Sequence[FdbRow],
    physical: Sequence[InterfaceRow],
    warnings: list[str],
) -> Iterable[Station]:
    learned = [row for row in rows if row.port > 0 and row.status not in LEARNED_IS_NOT and _unicast(row.mac)]
    if not learned:
        return
    interface_of = port_reading({row.port for row in learned}, base_ports, tables, physical)
    vlan_of = vlan_reading({row.fdb_id for row in learned if row.fdb_id is not None}, tables.vlan_fdb_ids)
    lost: Counter[int] = Counter()
    for row in learned:
        index = interface_of(row.port)
        if index is None:
            lost[row.port] += 1
            continue
        yield Station(row.mac, row.vlan if row.fdb_id is None else vlan_of(row.fdb_id), index)
    if lost:
        ports = ", ".join(map(str, sorted(lost)[:8]))
        warnings.append(
            f"switch {tables.switch}, forwarding table: {sum(lost.values())} rows "
            f"on ports nobody knows ({ports}) left out"
        )


def _unicast(mac: str) -> bool:
    """Whether it can be a station: group addresses have the lowest bit of their first octet set."""
    return not int(mac[:2], 16) & 1


def port_reading(
    ports: set[int],
    base_ports: Mapping[int, int],
    tables: Tables,
    physical: Sequence[InterfaceRow],
) -> Callable[[int], int | None]:
    """How the port numbers of a forwarding table are to be read: the reading that explains most of them."""
    by_local = {port: found for port, name in tables.lldp_local.items() if (found := _named(name, tables)) is not None}
    readings: list[Mapping[int, int]] = [
        base_ports,
        {index: index for index in tables.interfaces},
        by_local,
        _front_numbers(physical),
    ]
    best = max(readings, key=lambda reading: _explains(reading, ports, tables))
    return lambda port: _bridging(best.get(port), tables)


def _explains(reading: Mapping[int, int], ports: set[int], tables: Tables) -> int:
    """How many of `ports` lead to an interface that can have learned something: not one that is down."""
    return sum(1 for port in ports if port in reading and _may_learn(reading[port], tables))


def _may_learn(index: int, tables: Tables) -> bool:
    interface = tables.interfaces.get(index)
    return interface is None or interface.oper != DOWN


def _bridging(index: int | None, tables: Tables) -> int | None:
    """`index`, unless it is the bridge itself."""
    interface = tables.interfaces.get(index) if index is not None else None
    return None if interface is not None and interface.type == BRIDGE else index


def _named(name: str, tables: Tables) -> int | None:
    """The interface called `name`, if there is one."""
    if not name:
        return None
    fits = (index for index, interface in tables.interfaces.items() if name in (interface.name, interface.descr))
    return next(fits, None)


def _front_numbers(physical: Sequence[InterfaceRow]) -> dict[int, int]:
    """Number on the front panel to ifIndex, from the last number of each name; empty if two share one."""
    found: dict[int, int] = {}
    for interface in physical:
        match = re.search(r"(\d{1,6})\D*$", display_name(interface))
        if match is None or int(match[1]) in found:
            return {}
        found[int(match[1])] = interface.if_index
    return found


def vlan_reading(fdb_ids: set[int], vlan_fdb_ids: Mapping[int, int]) -> Callable[[int], int | None]:
    """How FDB ids are to be read as VLANs: through dot1qVlanFdbId if that explains them, else as they are.

    An FDB id that several VLANs share (shared learning) tells no VLAN.
    """
    sharing: dict[int, list[int]] = {}
    for vlan, fdb_id in vlan_fdb_ids.items():
        sharing.setdefault(fdb_id, []).append(vlan)
    as_id = sum(1 for fdb_id in fdb_ids if fdb_id in sharing)
    as_vlan = sum(1 for fdb_id in fdb_ids if (fdb_id in vlan_fdb_ids if vlan_fdb_ids else fdb_id in VLANS))
    if as_id >= as_vlan and as_id:
        return lambda fdb_id: sharing[fdb_id][0] if len(sharing.get(fdb_id, ())) == 1 else None
    return lambda fdb_id: fdb_id if fdb_id in VLANS else None
