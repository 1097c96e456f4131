"""Switches as snmpsim keeps them (`.snmprec`: OID, type, value), as one whole reading would bring them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cloned.switch.ports import Rules, SwitchView, understand
from cloned.switch.snmp import oids as c
from cloned.switch.snmp.oids import Column
from cloned.switch.snmp.raw import Raw
from cloned.switch.snmp.walk import Oid, Value
from cloned.switch.tables import build

FIELD = Path(__file__).parents[2] / "data" / "field"
COLUMNS = [each for each in vars(c).values() if isinstance(each, Column)]


def value_of(kind: str, text: str) -> Value:
    """A value by its BER tag: `4` text, `4x` hexadecimal, `6` an OID, numbers otherwise."""
    if kind == "4x":
        return bytes.fromhex(text)
    if kind == "6":
        return tuple(map(int, text.split(".")))
    return text.encode() if kind == "4" else int(text)


def recorded(path: Path) -> Raw:
    """All columns that we ever ask for."""
    scalars: dict[Oid, Value] = {}
    cells: dict[str, Any] = {}
    for dotted, kind, text in re.findall(r"(?m)^([\d.]+)\|(\w+)\|(.*)$", path.read_text()):
        oid = tuple(map(int, dotted.split(".")))
        if oid[-1] == 0 and oid in c.SCALARS:
            scalars[oid] = value_of(kind, text)
        for column in COLUMNS:
            if oid[: len(column.oid)] == column.oid:
                cells.setdefault(column.name, {})[oid[len(column.oid) :]] = value_of(kind, text)
    return Raw(cells, scalars)


def field_view(name: str, rules: Rules | None = None) -> SwitchView:
    """A switch of tests/data/field, understood."""
    return understand(build(name, recorded(FIELD / f"{name}.snmprec")), rules)
