"""The objects that are read, by table; nothing else is ever asked for."""

from __future__ import annotations

from dataclasses import dataclass

from cloned.switch.snmp.walk import Oid

_IF = (1, 3, 6, 1, 2, 1, 2, 2, 1)
_IFX = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
_DOT1D = (1, 3, 6, 1, 2, 1, 17)
_LLDP = (1, 0, 8802, 1, 1, 2, 1)


@dataclass(frozen=True)
class Column:
    """One column: the name of the object, of its table, and its OID."""

    name: str
    table: str
    oid: Oid


def _column(name: str, table: str, *oid: int) -> Column:
    return Column(name, table, oid)


# RFC 2863, IF-MIB
IF_DESCR = _column("ifDescr", "ifTable", *_IF, 2)
IF_TYPE = _column("ifType", "ifTable", *_IF, 3)
IF_SPEED = _column("ifSpeed", "ifTable", *_IF, 5)
IF_PHYS_ADDRESS = _column("ifPhysAddress", "ifTable", *_IF, 6)
IF_ADMIN = _column("ifAdminStatus", "ifTable", *_IF, 7)
IF_OPER = _column("ifOperStatus", "ifTable", *_IF, 8)
IF_IN_ERRORS = _column("ifInErrors", "ifTable", *_IF, 14)
IF_NAME = _column("ifName", "ifXTable", *_IFX, 1)
IF_HIGH_SPEED = _column("ifHighSpeed", "ifXTable", *_IFX, 15)
IF_ALIAS = _column("ifAlias", "ifXTable", *_IFX, 18)
IF_CONNECTOR = _column("ifConnectorPresent", "ifXTable", *_IFX, 17)
IF_STACK = _column("ifStackStatus", "ifStackTable", 1, 3, 6, 1, 2, 1, 31, 1, 2, 1, 3)
# RFC 3635, EtherLike-MIB
DUPLEX = _column("dot3StatsDuplexStatus", "dot3StatsTable", 1, 3, 6, 1, 2, 1, 10, 7, 2, 1, 19)
# RFC 4188, BRIDGE-MIB
BASE_NUMBER = _column("dot1dBasePort", "dot1dBasePortTable", *_DOT1D, 1, 4, 1, 1)
BASE_PORT = _column("dot1dBasePortIfIndex", "dot1dBasePortTable", *_DOT1D, 1, 4, 1, 2)
FDB_ADDRESS = _column("dot1dTpFdbAddress", "dot1dTpFdbTable", *_DOT1D, 4, 3, 1, 1)
FDB_PORT = _column("dot1dTpFdbPort", "dot1dTpFdbTable", *_DOT1D, 4, 3, 1, 2)
FDB_STATUS = _column("dot1dTpFdbStatus", "dot1dTpFdbTable", *_DOT1D, 4, 3, 1, 3)
# RFC 4363, Q-BRIDGE-MIB
QFDB_PORT = _column("dot1qTpFdbPort", "dot1qTpFdbTable", *_DOT1D, 7, 1, 2, 2, 1, 2)
QFDB_STATUS = _column("dot1qTpFdbStatus", "dot1qTpFdbTable", *_DOT1D, 7, 1, 2, 2, 1, 3)
VLAN_FDB_ID = _column("dot1qVlanFdbId", "dot1qVlanCurrentTable", *_DOT1D, 7, 1, 4, 2, 1, 3)
# IEEE 802.1AB-2005, LLDP-MIB
LLDP_LOCAL = _column("lldpLocPortId", "lldpLocPortTable", *_LLDP, 3, 7, 1, 3)
LLDP_CHASSIS = _column("lldpRemChassisId", "lldpRemTable", *_LLDP, 4, 1, 1, 5)
LLDP_PORT = _column("lldpRemPortId", "lldpRemTable", *_LLDP, 4, 1, 1, 7)
LLDP_NAME = _column("lldpRemSysName", "lldpRemTable", *_LLDP, 4, 1, 1, 9)
LLDP_SUPPORTED = _column("lldpRemSysCapSupported", "lldpRemTable", *_LLDP, 4, 1, 1, 11)
LLDP_ENABLED = _column("lldpRemSysCapEnabled", "lldpRemTable", *_LLDP, 4, 1, 1, 12)
# RFC 6933, ENTITY-MIB
ENT_CLASS = _column("entPhysicalClass", "entPhysicalTable", 1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 5)
ENT_MODEL = _column("entPhysicalModelName", "entPhysicalTable", 1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 13)
# IEEE 802.3ad, IEEE8023-LAG-MIB; CISCO-VTP-MIB, on switches that keep one bridge for each VLAN
LAG_OF = _column("dot3adAggPortAttachedAggID", "dot3adAggPortTable", 1, 2, 840, 10006, 300, 43, 1, 2, 1, 1, 13)
VLAN_STATE = _column("vtpVlanState", "vtpVlanTable", 1, 3, 6, 1, 4, 1, 9, 9, 46, 1, 3, 1, 1, 2)

SYS_DESCR = (1, 3, 6, 1, 2, 1, 1, 1, 0)
SYS_OBJECT_ID = (1, 3, 6, 1, 2, 1, 1, 2, 0)
SYS_UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SYS_NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
IF_NUMBER = (1, 3, 6, 1, 2, 1, 2, 1, 0)
BRIDGE_ADDRESS = (*_DOT1D, 1, 1, 0)
SCALARS = (SYS_DESCR, SYS_OBJECT_ID, SYS_UPTIME, SYS_NAME, IF_NUMBER, BRIDGE_ADDRESS)

WHOLE = (
    (IF_TYPE, IF_ADMIN, IF_OPER, IF_PHYS_ADDRESS),
    (IF_NAME, IF_HIGH_SPEED, IF_DESCR),
    (BASE_PORT,),
    (LLDP_CHASSIS, LLDP_PORT, LLDP_NAME, LLDP_SUPPORTED, LLDP_ENABLED),
)
"""What one whole reading walks, besides the forwarding table; the columns of a group share their index."""

ERRORS = (IF_IN_ERRORS,)
"""What a whole reading walks too for who follows the switch, unless it was read a moment before."""

MOVING = (IF_ADMIN, IF_OPER, IF_HIGH_SPEED, IF_IN_ERRORS)
"""What changes from one look to the next."""

FDB = (FDB_PORT, FDB_STATUS)
QFDB = (QFDB_PORT, QFDB_STATUS)

LOOKED_FOR = (
    *(column for group in WHOLE for column in group),
    *FDB,
    *QFDB,
    *ERRORS,
    DUPLEX,
    VLAN_FDB_ID,
    LAG_OF,
    VLAN_STATE,
    ENT_MODEL,
)
"""Columns whose first row is asked for at the start, to know which tables there are at all."""
