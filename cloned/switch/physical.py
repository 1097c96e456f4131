"""Which interfaces are physical Ethernet ports: by what the tables say of them, never by model."""

from __future__ import annotations

from cloned.switch.names import port_name, processor_name, virtual_name
from cloned.switch.snmp.raw import ETHERNET
from cloned.switch.tables import FALSE, NOT_PRESENT, InterfaceRow, Tables


def display_name(interface: InterfaceRow) -> str:
    """What people call the interface: ifName, else ifDescr, else its number."""
    return interface.name or interface.descr or str(interface.if_index)


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
    return interface.connector != FALSE and not _inside(interface, bridged, tables)


def _named_otherwise(interface: InterfaceRow, in_bridge: bool) -> bool:
    """Whether its name, or its description unless it is a bridge port properly named, rules it out.

    A description may be what somebody typed ("VLAN 20 room"), which must not lose a port.
    """
    names = (interface.name, interface.descr)
    if virtual_name(interface.name) or (not in_bridge and any(map(processor_name, names))):
        return True
    typed = in_bridge and port_name(interface.name) and interface.connector != FALSE
    return virtual_name(interface.descr) and not typed


def _inside(interface: InterfaceRow, bridged: frozenset[int], tables: Tables) -> bool:
    """Whether an interface outside the bridge table is the switch's own inner one.

    It is if ifXTable describes the bridge's ports but not this one, or if it bears the bridge's own
    address (the bridge device of a Linux switch).
    """
    if not bridged:
        return False
    others = any(tables.interfaces[index].in_ifx_table for index in bridged if index in tables.interfaces)
    if others and not interface.in_ifx_table:
        return True
    return bool(tables.bridge_address) and interface.phys_address == tables.bridge_address
