"""Which interfaces are ports: the quirks of real switches, each as a small table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.switch.names import port_name, virtual_name
from cloned.switch.physical import physical_ports
from cloned.switch.tables import build


def ports_of(raw: Any) -> list[int]:
    return [interface.if_index for interface in physical_ports(build("s", raw))]


@pytest.mark.parametrize(
    "name",
    [
        "1",
        "1/24",
        "gi1/0/3",
        "GigabitEthernet 1/7",
        "sfp-sfpplus2",
        "ether1",
        "Slot0/12",
        "port 1: Gigabit Copper",
        "RMON Port 01 on unit 1",
        "ethernet1/1/1",
        "TenGigabitEthernet1/0/4",
        "Te1/0/1",
        "xe-0/0/1",
        "swp12",
        "Port7",
        "A12",
        "FastEthernet0/1",
        "2.5GigabitEthernet1/0/1",
        "et-0/0/48",
        "TwoGigabitEthernet1/0/1",
    ],
)
def test_names_of_ports(name: str) -> None:
    assert not virtual_name(name)
    assert port_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Vlan-interface99",
        "vlan1",
        "Vl20",
        "Loopback0",
        "lo",
        "cpu",
        "Port-channel1",
        "port-channel 3",
        "Po1",
        "po8",
        "LAG1",
        "bond0",
        "Management Port 172.31.16.13    on unit 1",
        "management",
        "mgmt0",
        "oob",
        "FastEthernet0",
        "Fa0",
        "br0",
        "bridge1",
        "vtss.vlan.2",
        "Null0",
        "tunnel1",
        "vlanMgmt",
        "CPU Interface for Slot: 5 Port: 1",
        "Console Port",
        "StackPort1",
        "br-lan",
        "me0",
        "lag 4",
        "Trk1",
        "ae0",
    ],
)
def test_names_that_are_no_ports(name: str) -> None:
    assert virtual_name(name)
    assert not port_name(name)


def test_a_plain_switch(make_raw: Any) -> None:
    assert ports_of(make_raw(3)) == [1, 2, 3]


def test_vlan_interfaces_of_an_ethernet_type_with_a_connector(make_raw: Any) -> None:
    vlan = {"index": 255, "ifType": 6, "ifOperStatus": 1, "ifName": b"Vlan-interface255", "ifConnectorPresent": 1}
    assert ports_of(make_raw(2, [vlan])) == [1, 2]


def test_members_of_a_stack_that_are_not_there(make_raw: Any) -> None:
    assert ports_of(make_raw(3, [{"index": 3, "ifOperStatus": 6}])) == [1, 2]


def test_lags_among_the_bridge_ports(make_raw: Any) -> None:
    lag = {"index": 1000, "ifType": 161, "ifOperStatus": 1, "ifName": b"LAG1"}
    assert ports_of(make_raw(2, [lag], base={1: 1, 2: 2, 1000: 1000})) == [1, 2]


def test_bridge_ports_without_a_row_in_either_table_of_interfaces(make_raw: Any) -> None:
    assert ports_of(make_raw(2, base={1: 1, 2: 2, 25: 25})) == [1, 2]


def test_bridge_ports_of_which_only_ifxtable_knows_and_does_not_call_them_ports(make_raw: Any) -> None:
    lags = [{"index": 25, "ifName": b"po1", "ifConnectorPresent": 1}, {"index": 26, "ifName": b"vlanMgmt"}]
    assert ports_of(make_raw(2, lags, base={1: 1, 2: 2, 25: 25, 26: 26})) == [1, 2]


def test_ports_that_only_ifxtable_knows_while_iftable_has_the_processor(make_raw: Any) -> None:
    inner = [
        {"index": 2, "ifType": 6, "ifOperStatus": 1, "ifDescr": b"vtss.ifh"},
        {"index": 3, "ifType": 6, "ifOperStatus": 1, "ifDescr": b"eth0"},
        {"index": 4, "ifType": 6, "ifOperStatus": 1, "ifDescr": b"vtss.vlan.2"},
    ]
    front = [
        {"index": 1000000 + number, "ifName": b"GigabitEthernet 1/%d" % number, "ifHighSpeed": 1000}
        for number in (1, 2)
    ]
    assert ports_of(make_raw(0, [*inner, *front], base={1: 1000001, 2: 1000002})) == [1000001, 1000002]


def test_lag_members_missing_from_the_bridge_table_are_ports(make_raw: Any) -> None:
    assert ports_of(make_raw(4, base={1: 1, 2: 2})) == [1, 2, 3, 4]


def test_a_bridge_port_whose_connector_is_denied_is_a_port(make_raw: Any) -> None:
    rows = [{"index": 2, "ifConnectorPresent": 2}, {"index": 3, "ifConnectorPresent": 2}]
    assert ports_of(make_raw(3, rows, base={1: 1, 2: 2})) == [1, 2]


def test_what_somebody_typed_as_description_loses_no_port(make_raw: Any) -> None:
    rows = [{"index": 1, "ifDescr": b"VLAN 20, room 3"}, {"index": 2, "ifDescr": b"CPU", "ifConnectorPresent": 2}]
    assert ports_of(make_raw(3, rows)) == [1, 3]


def test_an_out_of_band_port_with_a_connector(make_raw: Any) -> None:
    oob = {
        "index": 25,
        "ifType": 6,
        "ifOperStatus": 1,
        "ifName": b"",
        "ifDescr": b"Management Port",
        "ifConnectorPresent": 1,
    }
    assert ports_of(make_raw(2, [oob])) == [1, 2]


def test_the_bridge_device_of_a_linux_switch(make_raw: Any) -> None:
    rows = [{"index": number, "ifName": b"port%d" % number, "ifDescr": b"port%d" % number} for number in (1, 2)]
    rows.append(
        {"index": 9, "ifType": 6, "ifOperStatus": 1, "ifName": b"workshop", "ifPhysAddress": b"\x02\0\0\0\0\x09"}
    )
    raw = make_raw(2, rows)
    raw = replace(raw, scalars={**raw.scalars, (1, 3, 6, 1, 2, 1, 17, 1, 1, 0): b"\x02\0\0\0\0\x09"})
    assert ports_of(raw) == [1, 2]


def test_the_processors_own_card_unless_it_is_a_bridge_port(make_raw: Any) -> None:
    rows = [{"index": 1, "ifName": b"eth0"}, {"index": 2, "ifName": b"eth0", "ifDescr": b"eth0"}]
    assert ports_of(make_raw(3, rows, base={1: 1, 3: 3})) == [1, 3]


def test_mixed_ethernet_types(make_raw: Any) -> None:
    rows = [
        {"index": 1, "ifType": 62},
        {"index": 2, "ifType": 117},
        {"index": 3, "ifType": 23},
        {"index": 4, "ifType": 53},
    ]
    assert ports_of(make_raw(4, rows)) == [1, 2]
