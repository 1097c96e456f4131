"""Cells to rows: odd types, encodings and indexes become warnings that name switch and table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloned.switch.ports import understand
from cloned.switch.snmp import oids as c
from cloned.switch.snmp.raw import Raw
from cloned.switch.tables import LldpRow, build, capabilities, mac_of


def test_names_in_any_encoding(make_raw: Any) -> None:
    tables = build(
        "10.0.0.2", make_raw(2, [{"index": 1, "ifName": "Köln".encode()}, {"index": 2, "ifName": b"Gen\xe8ve\x00\n"}])
    )
    assert [tables.interfaces[index].name for index in (1, 2)] == ["Köln", "Genève"]
    assert tables.warnings == ("switch 10.0.0.2, ifXTable: holds text that is not UTF-8; read as Latin-1",)


def test_wrong_types_are_told_once_and_left_out(make_raw: Any) -> None:
    rows = [
        {"index": 1, "ifOperStatus": b"up", "ifHighSpeed": b" 100 ", "ifName": 7},
        {"index": 2, "ifOperStatus": (1, 3)},
    ]
    tables = build("s", make_raw(3, rows))
    assert [tables.interfaces[index].oper for index in (1, 2, 3)] == [None, None, 1]
    assert tables.interfaces[1].high_speed == 100
    assert tables.warnings == (
        "switch s, ifTable: ifOperStatus holds something that is no number",
        "switch s, ifXTable: ifHighSpeed has numbers written as text",
        "switch s, ifXTable: ifName holds something that is no text",
    )


def test_rows_with_strange_indexes_are_left_out(make_raw: Any) -> None:
    fdb = {(1, 2, 3): 1, (0, 1, 2, 3, 4, 999): 1, (2, 0, 0, 0, 0, 1): 1}
    tables = build("s", make_raw(1, dot1dTpFdbPort=fdb, dot1dBasePortIfIndex={(1, 1): 1, (1,): 1}))
    assert [row.mac for row in tables.fdb] == ["02:00:00:00:00:01"]
    assert tables.base_ports == {1: 1}
    assert len(tables.warnings) == 2


def test_a_mac_with_its_length_before_it(make_raw: Any) -> None:
    tables = build("s", make_raw(1, dot1qTpFdbPort={(1, 6, 0, 4, 19, 97, 106, 43): 7}))
    assert [(row.mac, row.fdb_id, row.port) for row in tables.fdb] == [("00:04:13:61:6a:2b", 1, 7)]
    assert tables.warnings == ()


def test_what_reading_found_wrong_is_passed_on(make_raw: Any) -> None:
    tables = build("10.0.0.2", make_raw(1, faults=(("dot1dTpFdbTable", "more than 20000 rows"),)))
    assert tables.warnings == ("switch 10.0.0.2, dot1dTpFdbTable: more than 20000 rows",)


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        (b"\x28\x00", {2, 4}),
        (b"\x28", {2, 4}),
        (b"28 00 2 4", {2, 4}),
        (20, {2}),
        (b"", set()),
        (b"30 30 2 3 10 11", {2, 3}),
        (None, set()),
        ((1, 2), set()),
        (b"bridge", set()),
        (b"01 00 7", {7}),
        (b"\x28\0\0\0", {2, 4}),
        (-4, set()),
    ],
)
def test_capabilities_as_octets_and_as_text(value: Any, bits: set[int]) -> None:
    assert capabilities(value) == bits


@pytest.mark.parametrize(
    ("value", "mac"),
    [
        (b"\x00\x0c)\xfbS<", "00:0c:29:fb:53:3c"),
        (b"0:C:29:FB:53:3C", "00:0c:29:fb:53:3c"),
        (b"", ""),
        (b"\0" * 6, ""),
        (b"20-4C-9E-6E-08-FE", "20:4c:9e:6e:08:fe"),
        (b"nonsense", None),
        (5, None),
        (None, ""),
    ],
)
def test_mac_addresses_as_octets_and_as_text(value: Any, mac: str | None) -> None:
    assert mac_of(value) == mac


def test_neighbours_and_where_they_are(make_raw: Any) -> None:
    raw = make_raw(
        2,
        lldpRemChassisId={(0, 2, 1): b"\x20\x4c\x9e\x6e\x08\xfe", (9,): b"64:D1:54:F2:A4:16"},
        lldpRemSysName={(0, 2, 1): b"core"},
        lldpRemPortId={(0, 2, 1): b"gi1/10"},
        lldpRemSysCapEnabled={(0, 2, 1): b"\x28"},
    )
    tables = build("s", raw)
    assert tables.neighbours == (
        LldpRow(2, "core", "20:4c:9e:6e:08:fe", "gi1/10", True),
        LldpRow(None, "", "64:d1:54:f2:a4:16", "", False),
    )
    assert tables.warnings == (
        "switch s, lldpRemTable: its index does not tell the local port: neighbours can't be placed",
    )


COLUMNS = [value for value in vars(c).values() if isinstance(value, c.Column)]
INDEXES = st.lists(st.integers(0, 300), max_size=9).map(tuple)
VALUES = st.one_of(
    st.none(),
    st.integers(-3, 300),
    st.integers(),
    st.binary(max_size=20),
    st.text(max_size=12).map(str.encode),
    st.lists(st.integers(0, 2**32), max_size=5).map(tuple),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=25)
@given(
    st.dictionaries(
        st.sampled_from([column.name for column in COLUMNS]), st.dictionaries(INDEXES, VALUES, max_size=12)
    ),
    st.dictionaries(st.sampled_from(c.SCALARS), VALUES),
    st.dictionaries(st.integers(1, 9), st.just(Raw({})), max_size=2),
)
def test_nothing_that_a_switch_answers_raises(cells: Any, scalars: Any, vlans: Any) -> None:
    view = understand(build("s", Raw(cells, scalars, vlans)))
    shown = view.to_json()
    assert 0 <= view.capacity <= len(view.ports)
    assert all(port["role"] in ("access", "uplink", "server", "reserved") for port in shown["ports"])
    assert all(isinstance(warning, str) and "s" in warning for warning in shown["warnings"])
    for row in shown["fdb"]:
        assert row["vlan"] is None or 1 <= row["vlan"] <= 4094
