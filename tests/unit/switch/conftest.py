"""Small switches written by hand: what a real one would answer, as raw cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pytest

from cloned.switch.snmp import oids as c
from cloned.switch.snmp.raw import Raw
from cloned.switch.snmp.walk import Cells, Oid, Value

MakeRaw = Callable[..., Raw]


def mac_oid(mac: str) -> Oid:
    return tuple(int(part, 16) for part in mac.split(":"))


def interface_cells(interfaces: Iterable[Mapping[str, Value]]) -> dict[str, Cells]:
    """Rows of ifTable and ifXTable: keys are object names, and `index`."""
    cells: dict[str, Cells] = {}
    for row in interfaces:
        for name, value in row.items():
            if name != "index":
                cells.setdefault(name, {})[(row["index"],)] = value  # type: ignore[index]
    return cells


@pytest.fixture
def make_raw() -> MakeRaw:
    """Build a Raw: ports 1…n as a plain switch has them, changed by `rows`, with forwarding tables and LLDP."""

    def made(
        ports: int = 0,
        rows: Iterable[Mapping[str, Value]] = (),
        base: Mapping[int, int] | None = None,
        fdb: Iterable[tuple[str, int]] = (),
        qfdb: Iterable[tuple[int, str, int]] = (),
        faults: tuple[tuple[str, str], ...] = (),
        **columns: Cells,
    ) -> Raw:
        plain: list[Mapping[str, Value]] = [
            {
                "index": number,
                "ifType": 6,
                "ifAdminStatus": 1,
                "ifOperStatus": 1,
                "ifHighSpeed": 1000,
                "ifName": f"gi{number}".encode(),
                "ifDescr": f"GigabitEthernet{number}".encode(),
            }
            for number in range(1, ports + 1)
        ]
        cells = interface_cells([*plain, *rows])
        base = {number: number for number in range(1, ports + 1)} if base is None else base
        cells[c.BASE_PORT.name] = {(port,): index for port, index in base.items()}
        cells[c.FDB_PORT.name] = {mac_oid(mac): port for mac, port in fdb}
        cells[c.QFDB_PORT.name] = {(vlan, *mac_oid(mac)): port for vlan, mac, port in qfdb}
        return Raw({**cells, **columns}, {c.SYS_DESCR: b"a switch", c.SYS_NAME: b"s1"}, faults=faults)

    return made
