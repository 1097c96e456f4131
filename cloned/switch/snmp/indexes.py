"""How the rows of a table are indexed, by the standard and by agents that do otherwise. Pure.

An index is what follows the column in the OID of a cell (RFC 2578 §7.7).
"""

from __future__ import annotations

from cloned.switch.snmp.walk import Oid

_MAC = 6


def station(index: Oid, *, with_id: bool) -> tuple[int | None, bytes] | None:
    """FDB id (None where there is none) and MAC address in a forwarding table's index; None if it holds no address.

    `with_id`: the table's index begins with an FDB id (dot1qTpFdbTable), which some agents leave out; that of
    dot1dTpFdbTable is the address alone. Some write the address as a string of variable length, its length before it.
    Worked example: 20.0.30.131.1.2.3 is FDB 20 and 00:1e:83:01:02:03; 20.6.0.30.131.1.2.3 is the same.
    """
    before, octets = index[:-_MAC], index[-_MAC:]
    if len(octets) < _MAC or any(octet > 255 for octet in octets):
        return None
    if before[-1:] == (_MAC,) and len(before) == (2 if with_id else 1):
        before = before[:-1]
    if len(before) > 1:
        return None
    return (before[0] if before else None), bytes(octets)


def lldp_port(index: Oid) -> int | None:
    """The local port number in an index of lldpRemTable: the last but one; None if the index is too short.

    IEEE 802.1AB-2005 §12.2: TimeMark, local port, a serial number. Some agents leave the TimeMark out.
    """
    return index[-2] if len(index) >= 2 else None
