"""The tables as they were read, made into rows with types; what makes no sense becomes a warning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cloned.switch.snmp import oids as c
from cloned.switch.snmp.indexes import lldp_port, station
from cloned.switch.snmp.oids import Column
from cloned.switch.snmp.raw import LAG, Raw
from cloned.switch.snmp.walk import Oid, Value

DOWN, NOT_PRESENT = 2, 6
"""ifOperStatus."""
TRUE, FALSE = 1, 2
BRIDGE_BIT, TELEPHONE_BIT, STATION_BIT = 2, 5, 7
"""A telephone bridges to the laptop behind it, a PC between its virtual machines: both say bridge and are none for us.

lldpRemSysCapEnabled is BITS: other(0) repeater(1) bridge(2) wlanAccessPoint(3) router(4) telephone(5) …"""
LEARNED_IS_NOT = {2, 4}
"""dot1dTpFdbStatus invalid(2) and self(4): no station."""
LONGEST_TEXT = 255
CHASSIS = 3
"""entPhysicalClass chassis."""


@dataclass(frozen=True)
class InterfaceRow:
    """What ifTable, ifXTable and dot3StatsTable say of one ifIndex; None where they say nothing."""

    if_index: int
    type: int | None = None
    descr: str = ""
    name: str = ""
    phys_address: str = ""
    admin: int | None = None
    oper: int | None = None
    speed: int | None = None
    high_speed: int | None = None
    alias: str = ""
    """What somebody typed, or the maker printed on the case."""
    connector: int | None = None
    duplex: int | None = None
    in_errors: int | None = None
    in_if_table: bool = False
    in_ifx_table: bool = False


@dataclass(frozen=True)
class FdbRow:
    """One row of a forwarding table: `port` as the table has it, `fdb_id` None where there is no VLAN in it."""

    mac: str
    port: int
    status: int | None = None
    fdb_id: int | None = None
    vlan: int | None = None


@dataclass(frozen=True)
class LldpRow:
    """One row of lldpRemTable; `local_port` None where its index does not tell."""

    local_port: int | None
    name: str = ""
    chassis: str = ""
    port: str = ""
    bridge: bool = False


@dataclass(frozen=True)
class Tables:
    """A switch's tables with types. Pure data: everything in `ports` follows from it."""

    switch: str
    sys_descr: str = ""
    sys_name: str = ""
    sys_object_id: str = ""
    bridge_address: str = ""
    model: str = ""
    interfaces: Mapping[int, InterfaceRow] = field(default_factory=dict)
    base_ports: Mapping[int, int] = field(default_factory=dict)
    """dot1dBasePort to ifIndex."""
    fdb: tuple[FdbRow, ...] = ()
    vlan_fdb: Mapping[int, tuple[Mapping[int, int], tuple[FdbRow, ...]]] = field(default_factory=dict)
    """VLAN to base ports and rows, on switches that keep one forwarding table for each VLAN."""
    vlan_fdb_ids: Mapping[int, int] = field(default_factory=dict)
    """dot1qVlanFdbId: VLAN to FDB id."""
    lldp_local: Mapping[int, str] = field(default_factory=dict)
    neighbours: tuple[LldpRow, ...] = ()
    lag_members: Mapping[int, int] = field(default_factory=dict)
    """ifIndex of a member to ifIndex of its LAG."""
    warnings: tuple[str, ...] = ()


class _Builder:
    """Turns cells into rows and collects, once for each table, what was odd."""

    def __init__(self, switch: str) -> None:
        self._switch = switch
        self.warnings: list[str] = []

    def warn(self, table: str, text: str) -> None:
        line = f"switch {self._switch}, {table}: {text}"
        if line not in self.warnings:
            self.warnings.append(line)

    def ints(self, raw: Raw, column: Column, index_size: int | None = 1) -> Iterator[tuple[Oid, int]]:
        """The cells of a column of numbers; other types are told and left out."""
        for index, value in raw.column(column).items():
            number = _int(value)
            if number is None:
                self.warn(column.table, f"{column.name} holds something that is no number")
            elif index_size is not None and len(index) != index_size:
                self.warn(column.table, f"{column.name} has a row with an index that does not belong there")
            else:
                if not isinstance(value, int):
                    self.warn(column.table, f"{column.name} has numbers written as text")
                yield index, number

    def texts(self, raw: Raw, column: Column, index_size: int | None = 1) -> Iterator[tuple[Oid, str]]:
        """The cells of a column of strings, decoded whatever their encoding."""
        for index, value in raw.column(column).items():
            if index_size is not None and len(index) != index_size:
                self.warn(column.table, f"{column.name} has a row with an index that does not belong there")
            elif isinstance(value, bytes):
                yield index, self.decoded(column.table, value)
            else:
                self.warn(column.table, f"{column.name} holds something that is no text")

    def decoded(self, table: str, data: bytes) -> str:
        """One line of printable text, whatever the encoding."""
        text = self.as_sent(table, data)
        return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:LONGEST_TEXT]

    def as_sent(self, table: str, data: bytes) -> str:
        """The text with its line breaks."""
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            self.warn(table, "holds text that is not UTF-8; read as Latin-1")
            return data.decode("latin-1")

    def macs(self, raw: Raw, column: Column) -> Iterator[tuple[Oid, str]]:
        for index, value in raw.column(column).items():
            mac = mac_of(value)
            if mac is None or len(index) != 1:
                self.warn(column.table, f"{column.name} holds something that is no MAC address")
            elif mac:
                yield index, mac


def build(switch: str, raw: Raw) -> Tables:
    """Rows with types from a reading of `switch` (its address, for the warnings). Never raises."""
    builder = _Builder(switch)
    for table, fault in raw.faults:
        builder.warn(table, fault)
    return Tables(
        switch=switch,
        sys_descr=_sys_descr(builder, raw),
        sys_name=_scalar_text(builder, raw, c.SYS_NAME),
        sys_object_id=_dotted(raw.scalars.get(c.SYS_OBJECT_ID)),
        bridge_address=mac_of(raw.scalars.get(c.BRIDGE_ADDRESS)) or "",
        model=_model(builder, raw),
        interfaces=_interfaces(builder, raw),
        base_ports=_base_ports(builder, raw),
        fdb=tuple(_fdb(builder, raw)),
        vlan_fdb={
            vlan: (_base_ports(builder, part), tuple(_fdb(builder, part, vlan))) for vlan, part in raw.vlan_fdb.items()
        },
        vlan_fdb_ids={index[-1]: number for index, number in builder.ints(raw, c.VLAN_FDB_ID, None) if index},
        lldp_local={index[0]: text for index, text in builder.texts(raw, c.LLDP_LOCAL)},
        neighbours=tuple(_neighbours(builder, raw)),
        lag_members=_lag_members(builder, raw),
        warnings=tuple(builder.warnings),
    )


def _interfaces(builder: _Builder, raw: Raw) -> dict[int, InterfaceRow]:
    numbers = {
        "type": c.IF_TYPE,
        "admin": c.IF_ADMIN,
        "oper": c.IF_OPER,
        "speed": c.IF_SPEED,
        "high_speed": c.IF_HIGH_SPEED,
        "connector": c.IF_CONNECTOR,
        "duplex": c.DUPLEX,
        "in_errors": c.IF_IN_ERRORS,
    }
    found: dict[int, dict[str, object]] = {}
    for key, column in numbers.items():
        for index, number in builder.ints(raw, column):
            found.setdefault(index[0], {})[key] = number
    for key, column in {"descr": c.IF_DESCR, "name": c.IF_NAME, "alias": c.IF_ALIAS}.items():
        for index, text in builder.texts(raw, column):
            found.setdefault(index[0], {})[key] = text
    for index, mac in builder.macs(raw, c.IF_PHYS_ADDRESS):
        found.setdefault(index[0], {})["phys_address"] = mac
    rows = _indexes(raw, c.IF_TYPE, c.IF_OPER, c.IF_DESCR)
    x_rows = _indexes(raw, c.IF_NAME, c.IF_HIGH_SPEED)
    return {
        index: InterfaceRow(index, in_if_table=index in rows, in_ifx_table=index in x_rows, **values)  # type: ignore[arg-type]
        for index, values in sorted(found.items())
    }


def _indexes(raw: Raw, *columns: Column) -> set[int]:
    """ifIndexes that have a row in any of `columns`."""
    return {index[0] for column in columns for index in raw.column(column) if len(index) == 1}


def _numbers(builder: _Builder, raw: Raw, column: Column) -> dict[int, int]:
    return {index[0]: number for index, number in builder.ints(raw, column)}


def _base_ports(builder: _Builder, raw: Raw) -> dict[int, int]:
    """dot1dBasePort to ifIndex: the table's index, and the number in the row where rows are numbered otherwise."""
    by_index = _numbers(builder, raw, c.BASE_PORT)
    numbered = _numbers(builder, raw, c.BASE_NUMBER)
    return {number: by_index[row] for row, number in numbered.items() if row in by_index} | by_index


def _fdb(builder: _Builder, raw: Raw, vlan: int | None = None) -> Iterator[FdbRow]:
    """Rows of dot1qTpFdbTable if any names a station, else of dot1dTpFdbTable."""
    found = list(_fdb_rows(builder, raw, (c.QFDB_PORT, c.QFDB_STATUS), vlan))
    if not any(row.port > 0 and row.status not in LEARNED_IS_NOT for row in found):
        found += _fdb_rows(builder, raw, (c.FDB_PORT, c.FDB_STATUS), vlan)
    yield from found


def _fdb_rows(builder: _Builder, raw: Raw, table: tuple[Column, Column], vlan: int | None) -> Iterator[FdbRow]:
    """The rows of one forwarding table; the address is in the index or, where agents number rows, in a column."""
    port_column, status_column = table
    status = dict(builder.ints(raw, status_column, None))
    addresses = raw.column(c.FDB_ADDRESS) if port_column is c.FDB_PORT else {}
    for index, port in builder.ints(raw, port_column, None):
        mac = mac_of(addresses.get(index))
        if mac:
            yield FdbRow(mac, port, status.get(index), None, vlan)
        elif (known := station(index, with_id=port_column is c.QFDB_PORT)) is not None:
            yield FdbRow(mac_text(known[1]), port, status.get(index), known[0], vlan)
        else:
            builder.warn(port_column.table, "has a row with an index that holds no MAC address")


def _neighbours(builder: _Builder, raw: Raw) -> Iterator[LldpRow]:
    """Rows of lldpRemTable."""
    names = dict(builder.texts(raw, c.LLDP_NAME, None))
    for index, value in raw.column(c.LLDP_CHASSIS).items():
        local = lldp_port(index)
        if local is None:
            builder.warn(c.LLDP_CHASSIS.table, "its index does not tell the local port: neighbours can't be placed")
        enabled = capabilities(raw.column(c.LLDP_ENABLED).get(index))
        supported = capabilities(raw.column(c.LLDP_SUPPORTED).get(index))
        yield LldpRow(
            local,
            names.get(index, ""),
            _id_text(builder, value),
            _id_text(builder, raw.column(c.LLDP_PORT).get(index)),
            BRIDGE_BIT in (enabled or supported) and not (enabled | supported) & {TELEPHONE_BIT, STATION_BIT},
        )


def _lag_members(builder: _Builder, raw: Raw) -> dict[int, int]:
    """From ifStackTable (a LAG above its members) and, where there is one, 802.3ad's own table."""
    lags = {index[0] for index, kind in builder.ints(raw, c.IF_TYPE) if kind == LAG}
    found = {lower: higher for (higher, lower), _ in builder.ints(raw, c.IF_STACK, 2) if higher in lags and lower > 0}
    for index, lag in builder.ints(raw, c.LAG_OF):
        if lag in lags and lag != index[0]:
            found[index[0]] = lag
    return found


def _model(builder: _Builder, raw: Raw) -> str:
    """The model names of the boxes, in order, each once."""
    chassis = {index for index, kind in builder.ints(raw, c.ENT_CLASS) if kind == CHASSIS}
    models = [text for index, text in builder.texts(raw, c.ENT_MODEL) if index in chassis and text]
    return ", ".join(dict.fromkeys(models))


def _scalar_text(builder: _Builder, raw: Raw, oid: Oid) -> str:
    value = raw.scalars.get(oid)
    return builder.decoded("system", value) if isinstance(value, bytes) else ""


def _sys_descr(builder: _Builder, raw: Raw) -> str:
    """sysDescr with its line breaks, at most 1,024 characters."""
    value = raw.scalars.get(c.SYS_DESCR)
    return builder.as_sent("system", value).replace("\0", "")[:1024] if isinstance(value, bytes) else ""


def _id_text(builder: _Builder, value: Value) -> str:
    """A chassis or port id: a MAC address as such, else text."""
    mac = mac_of(value)
    if mac and not (isinstance(value, bytes) and len(value) == 6 and value.isascii() and value.decode().isprintable()):
        return mac  # six printable octets are a name such as "gi1/10"
    return builder.decoded(c.LLDP_CHASSIS.table, value) if isinstance(value, bytes) else ""


def _int(value: Value) -> int | None:
    """A number, also where an agent wrote it out as text."""
    if isinstance(value, int):
        return value
    if isinstance(value, bytes) and re.fullmatch(rb"\s*-?\d{1,19}\s*", value):
        return int(value)
    return None


def _dotted(value: Value) -> str:
    return ".".join(map(str, value)) if isinstance(value, tuple) else ""


def mac_text(octets: bytes) -> str:
    """Six octets as `aa:bb:cc:dd:ee:ff`."""
    return ":".join(f"{octet:02x}" for octet in octets)


def mac_of(value: Value) -> str | None:
    """A MAC address from six octets or from text with separators; "" for an empty one, None for none."""
    if not isinstance(value, bytes):
        return "" if value is None else None
    if len(value) == 6:
        return mac_text(value) if any(value) else ""
    if not value.strip(b"\0 "):
        return ""
    parts = re.split(rb"[:\-. ]", value.strip())
    if len(parts) == 6 and all(re.fullmatch(rb"[0-9A-Fa-f]{1,2}", part) for part in parts):
        return mac_text(bytes(int(part, 16) for part in parts))
    return None


def capabilities(value: Value) -> frozenset[int]:
    """Bit numbers of an LldpSystemCapabilitiesMap; the first bit of the first octet is 0.

    Its eight bits fit one octet, some agents send two or more. Longer text is a rendering as net-snmp
    prints it: octets in hex, then bit numbers ("28 00 2 4"); a number is the octet printed in hex.
    """
    if isinstance(value, int):
        value = str(value).encode() if 0 <= value <= 99 else b""
    elif isinstance(value, bytes) and (len(value) <= 2 or not value.decode("latin-1").isprintable()):
        return _bits(value[:1])
    if not isinstance(value, bytes):
        return frozenset()
    words = value.split()
    if not words or re.fullmatch(rb"[0-9A-Fa-f]{1,2}", words[0]) is None:
        return frozenset()
    return _bits(bytes([int(words[0], 16)]))


def _bits(octets: bytes) -> frozenset[int]:
    return frozenset(
        position * 8 + bit for position, octet in enumerate(octets) for bit in range(8) if octet & (0x80 >> bit)
    )
