"""What one reading of a switch brought, before anybody has made sense of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cloned.switch.snmp.oids import Column
from cloned.switch.snmp.walk import Cells, Oid, Value

UP = 1
"""ifOperStatus, ifAdminStatus up; also vtpVlanState operational."""
ETHERNET = frozenset({6, 62, 117})
"""ifType ethernetCsmacd; fastEther and gigabitEthernet, which some still use (IANAifType-MIB)."""
LAG = 161
"""ifType ieee8023adLag."""


@dataclass(frozen=True)
class Raw:
    """What one reading brought: cells by column name, scalars by OID, and what went wrong."""

    cells: Mapping[str, Cells]
    scalars: Mapping[Oid, Value] = field(default_factory=dict)
    vlan_fdb: Mapping[int, Raw] = field(default_factory=dict)
    """Forwarding tables of switches that keep one for each VLAN, by VLAN."""
    faults: tuple[tuple[str, str], ...] = ()
    """Table and what was wrong with it."""
    seconds: float = 0.0
    requests: int = 0

    def column(self, column: Column) -> Cells:
        """The cells of `column`, empty if it was not there."""
        return self.cells.get(column.name, {})
