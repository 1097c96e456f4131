"""Which interfaces are physical Ethernet ports: by what the tables say of them, never by model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from cloned.switch.names import device_name, port_name, processor_name, stem_and_number, virtual_name
from cloned.switch.snmp.raw import ETHERNET
from cloned.switch.tables import FALSE, NOT_PRESENT, TRUE, InterfaceRow, Tables

ENUMERATED = 3
"""So many interfaces whose names differ in a number only are a row of sockets."""
_ON_THE_CASE = re.compile(r"(?:port|p)?[ -]?(\d{1,3})", re.IGNORECASE)


def display_name(interface: InterfaceRow) -> str:
    """What people call the interface: ifName, else ifDescr, else its number."""
    return interface.name or interface.descr or str(interface.if_index)


def port_names(physical: Sequence[InterfaceRow], tables: Tables) -> dict[int, str]:
    """What each port is called, by ifIndex, no two alike.

    Where names count from 0 and the case from 1 (LLDP or ifAlias tell), the number on the case is taken: a volunteer
    looks at the case. Equal names get their number behind them.
    """
    on_case = _case_numbers(physical, tables)
    if on_case:
        return {index: str(number) for index, number in on_case.items()}
    names = {each.if_index: display_name(each) for each in physical}
    often = Counter(names.values())
    numbers = {index: base for base, index in tables.base_ports.items()}
    told = {index: name if often[name] == 1 else f"{name} {numbers.get(index, index)}" for index, name in names.items()}
    twice = Counter(told.values())  # a number behind one name may make another of it
    return {
        index: name if twice[name] == 1 or often[names[index]] == 1 else f"{names[index]} ({index})"
        for index, name in told.items()
    }


def _case_numbers(physical: Sequence[InterfaceRow], tables: Tables) -> dict[int, int]:
    """The numbers on the case by ifIndex, where they are known for every port and differ from those of the names."""
    ends = {each.if_index: found[1] for each in physical if (found := stem_and_number(display_name(each)))}
    if len(ends) != len(physical) or min(ends.values(), default=1) != 0:
        return {}
    local = {index: tables.lldp_local.get(base, "") for base, index in tables.base_ports.items()}
    for told in ({each.if_index: each.alias for each in physical}, local):
        read = {index: _ON_THE_CASE.fullmatch(told.get(index, "").strip()) for index in ends}
        numbers = {index: int(match[1]) for index, match in read.items() if match}
        if len(numbers) == len(set(numbers.values())) == len(ends) and min(numbers.values()) > 0:
            return numbers
    return {}


def left_out(physical: Sequence[InterfaceRow], tables: Tables) -> list[InterfaceRow]:
    """Interfaces of an Ethernet type that are there and do not count, by reason of their name.

    Bridge ports, and what has a connector and a name that no system gives.
    """
    counted = {each.if_index for each in physical}
    bridged = frozenset(tables.base_ports.values())
    return [
        each
        for index, each in tables.interfaces.items()
        if index not in counted
        and each.type in ETHERNET
        and each.oper != NOT_PRESENT
        and each.connector != FALSE
        and (_named_otherwise(each, in_bridge=True) if index in bridged else _typed(each))
    ]


def _typed(interface: InterfaceRow) -> bool:
    """Whether somebody gave a name that sounds like a device that is no socket to something with a connector."""
    names = [interface.name, interface.descr]
    system = any(device_name(name, bare=True) or port_name(name) for name in names)
    return interface.connector == TRUE and any(map(virtual_name, names)) and not system


def physical_ports(tables: Tables) -> tuple[InterfaceRow, ...]:
    """The physical Ethernet ports of units that are present, by ifIndex.

    Two kinds count: rows of ifTable of an Ethernet type that nothing speaks against, and bridge
    ports that only ifXTable describes (an agent whose ifTable knows its management processor alone).
    """
    bridged = frozenset(tables.base_ports.values())
    found = [interface for interface in tables.interfaces.values() if _counts(interface, bridged, tables)]
    return tuple(sorted(found, key=lambda interface: interface.if_index))


def _counts(interface: InterfaceRow, bridged: frozenset[int], tables: Tables) -> bool:
    in_bridge = interface.if_index in bridged
    if not interface.in_if_table:
        return in_bridge and interface.connector != FALSE and port_name(interface.name)
    if interface.type not in ETHERNET or interface.oper == NOT_PRESENT or _named_otherwise(interface, in_bridge):
        return False
    if in_bridge:
        return True  # some vendors deny the connector of a port that is one
    return interface.connector != FALSE and not _inside(interface, bridged, tables) and not _device(interface, tables)


def _named_otherwise(interface: InterfaceRow, in_bridge: bool) -> bool:
    """Whether its name, or its description unless it is a bridge port properly named, rules it out.

    Either may be what somebody typed ("VLAN 20 room"), or both (RouterOS), which must not lose a port: of a bridge port
    with a connector one proper name is enough, and so is one that no system gives to anything else.
    """
    names = (interface.name, interface.descr)
    if not in_bridge and any(map(processor_name, names)):
        return True
    if in_bridge and interface.connector != FALSE and any(map(port_name, names)):
        return False
    if in_bridge and interface.connector != FALSE:
        return any(virtual_name(name) and device_name(name, bare=interface.connector != TRUE) for name in names)
    return any(map(virtual_name, names))


def _alone_of_its_kind(interface: InterfaceRow, bridged: frozenset[int], tables: Tables) -> bool:
    """Whether no port of the bridge has a name that begins as this one does."""
    begins = {_letters(tables.interfaces[index]) for index in bridged if index in tables.interfaces}
    return _letters(interface) not in begins


def _letters(interface: InterfaceRow) -> str:
    """What stands before the first digit of its name: `GigabitEthernet` of `GigabitEthernet0/0/1`."""
    return re.split(r"\d", display_name(interface), maxsplit=1)[0]


def _device(interface: InterfaceRow, tables: Tables) -> bool:
    """Whether an interface of a Linux switch is a bridge or VLAN device, whatever it is called.

    `lan1` to `lan10` beside `switch` and `switch.211`: the last is a VLAN on the one before, which is no socket since
    it has no number where the others have one.
    """
    names = {each.name or each.descr for each in tables.interfaces.values()}
    name = interface.name or interface.descr
    parent, dot, vlan = name.rpartition(".")
    if dot and vlan.isdigit() and (parent in names or _alone_with_a_dot(parent, names)):
        return True
    stems = Counter(found[0] for each in names if (found := stem_and_number(each)))
    typed = " " in name  # no system calls a device so, but for words that `_named_otherwise` knows
    return not typed and stem_and_number(name) is None and max(stems.values(), default=0) >= ENUMERATED


def _alone_with_a_dot(parent: str, names: Collection[str]) -> bool:
    """Whether `eth0.2` stands beside ports without a dot; `ge.1.2` beside `ge.1.1` and the others is one of them."""
    plain = sum("." not in each for each in names)
    return plain >= ENUMERATED and not parent.isdigit() and "." not in parent


def _inside(interface: InterfaceRow, bridged: frozenset[int], tables: Tables) -> bool:
    """Whether an interface outside the bridge table is the switch's own inner one.

    It is if ifXTable describes the bridge's ports but not this one, if it bears the bridge's own address (the bridge
    device of a Linux switch), or if its name is neither like theirs nor like any socket's (a management port).
    """
    if not bridged:
        return False
    if not any(map(port_name, (interface.name, interface.descr))) and _alone_of_its_kind(interface, bridged, tables):
        return True
    others = any(tables.interfaces[index].in_ifx_table for index in bridged if index in tables.interfaces)
    if others and not interface.in_ifx_table:
        return True
    return bool(tables.bridge_address) and interface.phys_address == tables.bridge_address
