"""Forwarding tables: port numbers and VLANs as vendors mean them."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.switch.forwarding import forwarding, vlan_reading
from cloned.switch.physical import physical_ports
from cloned.switch.snmp.raw import Raw
from cloned.switch.tables import build

A, B, C, D = (f"98:fa:9b:00:00:0{number}" for number in range(1, 5))


def stations(raw: Any) -> list[tuple[str, int | None, int]]:
    tables = build("s", raw)
    return [(each.mac, each.vlan, each.if_index) for each in forwarding(tables, physical_ports(tables)).stations]


def test_ports_go_through_the_bridge_ports(make_raw: Any) -> None:
    raw = make_raw(4, base={11: 1, 12: 2, 13: 3, 14: 4}, fdb=[(A, 11), (B, 14)])
    assert stations(raw) == [(A, None, 1), (B, None, 4)]


def test_q_bridge_wins_over_bridge_where_it_has_rows(make_raw: Any) -> None:
    assert stations(make_raw(2, fdb=[(A, 1)], qfdb=[(7, A, 2)])) == [(A, 7, 2)]


def test_rows_that_are_no_stations(make_raw: Any) -> None:
    multicast, own = "01:00:5e:00:00:01", "02:00:00:00:00:09"
    raw = make_raw(
        3,
        [{"index": 3, "ifPhysAddress": b"\x02\0\0\0\0\x09"}],
        fdb=[(A, 0), (B, 1), (C, 2), (D, 2), (multicast, 1), (own, 2)],
        dot1dTpFdbStatus={
            tuple(bytes.fromhex(mac.replace(":", ""))): status for mac, status in ((C, 4), (B, 3), (D, 2))
        },
    )
    assert stations(raw) == [(B, None, 1)]


def test_an_ifindex_where_a_bridge_port_belongs(make_raw: Any) -> None:
    """Of five ports, two happen to be bridge ports as well, and would lead to interfaces that are down."""
    rows = [{"index": number, "ifOperStatus": 2} for number in (1, 2, 8)]
    rows += [
        {"index": 21, "ifType": 161, "ifOperStatus": 1},
        {"index": 22, "ifType": 161, "ifOperStatus": 1},
        {"index": 18, "ifType": 209, "ifOperStatus": 1},
    ]
    base = {24: 1, 25: 2, 22: 8, 31: 9, 21: 10}
    raw = make_raw(12, rows, base=base, fdb=[(A, 9), (B, 11), (C, 22), (D, 18)])
    assert stations(raw) == [(A, None, 9), (B, None, 11), (C, None, 22)]
    tables = build("s", raw)
    assert forwarding(tables, physical_ports(tables)).warnings == (
        "switch s, forwarding table: 1 rows on ports nobody knows (18) left out",
    )


def test_the_number_on_the_front_panel_where_a_bridge_port_belongs(make_raw: Any) -> None:
    front = [
        {"index": 49152 + number, "ifType": 6, "ifOperStatus": 1, "ifName": b"gigabitEthernet 1/0/%d" % number}
        for number in range(1, 5)
    ]
    vlan = {"index": 1, "ifType": 6, "ifOperStatus": 1, "ifName": b"Vlan-interface1"}
    base = {49152 + number: 49152 + number for number in range(1, 5)}
    assert stations(make_raw(0, [*front, vlan], base=base, qfdb=[(31, A, 1), (31, B, 4)])) == [
        (A, 31, 49153),
        (B, 31, 49156),
    ]


def test_the_lldp_number_of_a_port_where_its_name_does_not_tell(make_raw: Any) -> None:
    front = [
        {"index": 100 + number, "ifType": 6, "ifOperStatus": 1, "ifName": name.encode()}
        for number, name in enumerate(("left1", "right1"))
    ]
    raw = make_raw(
        0, front, base={900: 100, 901: 101}, fdb=[(A, 5), (B, 6)], lldpLocPortId={(5,): b"left1", (6,): b"right1"}
    )
    assert stations(raw) == [(A, None, 100), (B, None, 101)]


def test_a_lag_that_is_not_among_the_ports_keeps_its_stations(make_raw: Any) -> None:
    lag = {"index": 5001, "ifType": 161, "ifOperStatus": 1, "ifName": b"Po1"}
    assert stations(make_raw(2, [lag], base={1: 1, 456: 5001}, fdb=[(A, 456)])) == [(A, None, 5001)]


def test_fdb_ids_through_the_vlan_table(make_raw: Any) -> None:
    raw = make_raw(3, qfdb=[(1, A, 1), (2, B, 2), (8, C, 3)], dot1qVlanFdbId={(0, 1): 1, (0, 95): 2, (0, 2081): 8})
    assert stations(raw) == [(A, 1, 1), (B, 95, 2), (C, 2081, 3)]


def test_vlan_ids_although_a_vlan_table_says_otherwise(make_raw: Any) -> None:
    raw = make_raw(2, qfdb=[(602, A, 1), (2004, B, 2)], dot1qVlanFdbId={(0, 1): 1, (0, 602): 90, (0, 2004): 212})
    assert stations(raw) == [(A, 602, 1), (B, 2004, 2)]


def test_an_fdb_that_vlans_share_tells_no_vlan(make_raw: Any) -> None:
    raw = make_raw(2, qfdb=[(1, A, 1)], dot1qVlanFdbId={(0, 10): 1, (0, 20): 1})
    assert stations(raw) == [(A, None, 1)]


def test_a_forwarding_table_for_each_vlan(make_raw: Any) -> None:
    part = make_raw(0, base={3: 2}, fdb=[(B, 3)])
    whole = make_raw(2, base={1: 1}, fdb=[(A, 1)])
    assert stations(Raw(whole.cells, whole.scalars, {30: part})) == [(A, None, 1), (B, 30, 2)]


@settings(max_examples=25, deadline=None)
@given(
    st.sets(st.integers(0, 5000), max_size=9), st.dictionaries(st.integers(0, 5000), st.integers(0, 5000), max_size=9)
)
def test_every_fdb_id_reads_as_a_vlan_or_as_none(fdb_ids: set[int], table: dict[int, int]) -> None:
    reading = vlan_reading(fdb_ids, table)
    for fdb_id in fdb_ids:
        vlan = reading(fdb_id)
        assert vlan is None or vlan in table or 1 <= vlan <= 4094
