"""Roles, speeds, capacity and warnings."""

from __future__ import annotations

from typing import Any

import pytest

from cloned.switch.ports import Rules, SwitchView, understand
from cloned.switch.tables import build

SERVER = "02:00:00:00:00:01"


def view_of(raw: Any, **rules: Any) -> SwitchView:
    return understand(build("10.0.0.2", raw), Rules(**rules))


def many(count: int, port: int) -> list[tuple[str, int]]:
    return [(f"98:fa:9b:00:{port:02x}:{number:02x}", port) for number in range(count)]


def neighbour(port: int, capabilities: bytes, name: bytes = b"core") -> dict[str, Any]:
    index = (0, port, 1)
    return {
        "lldpRemChassisId": {index: b"\x20\x4c\x9e\x6e\x08\xfe"},
        "lldpRemSysName": {index: name},
        "lldpRemSysCapEnabled": {index: capabilities},
    }


def test_the_object_that_switch_show_prints(make_raw: Any) -> None:
    raw = make_raw(
        2,
        [{"index": 2, "ifOperStatus": 2, "ifHighSpeed": 10}],
        qfdb=[(7, SERVER, 1)],
        dot3StatsDuplexStatus={(1,): 3, (2,): 1},
        **neighbour(2, b"\x08"),
    )
    assert view_of(raw).to_json() == {
        "address": "10.0.0.2",
        "sys_descr": "a switch",
        "sys_name": "s1",
        "ports": [
            {
                "if_index": 1,
                "name": "gi1",
                "admin": "up",
                "oper": "up",
                "speed_mbps": 1000,
                "duplex": "full",
                "role": "access",
                "macs": [SERVER],
            },
            {
                "if_index": 2,
                "name": "gi2",
                "admin": "up",
                "oper": "down",
                "speed_mbps": None,
                "duplex": None,
                "role": "access",
                "macs": [],
            },
        ],
        "fdb": [{"mac": SERVER, "vlan": 7, "if_index": 1}],
        "lldp": [{"if_index": 2, "neighbour": "core"}],
        "capacity": 2,
        "warnings": [],
    }


def test_more_addresses_than_a_set_number_make_an_uplink(make_raw: Any) -> None:
    view = view_of(make_raw(3, fdb=[*many(5, 1), *many(4, 2)]))
    assert [port.role for port in view.ports] == ["uplink", "access", "access"]
    assert view.capacity == 2
    assert [str(warning) for warning in view.warnings] == [
        "s1 port gi1 is an uplink: 5 addresses are behind it, more than 4"
    ]
    assert [port.role for port in view_of(make_raw(3, fdb=many(5, 1)), many_macs=5).ports] == ["access"] * 3


def test_lldp_of_a_bridge_makes_an_uplink_and_of_a_router_or_telephone_does_not(make_raw: Any) -> None:
    assert [port.role for port in view_of(make_raw(2, **neighbour(2, b"\x28"))).ports] == ["access", "uplink"]
    assert [port.role for port in view_of(make_raw(2, **neighbour(2, b"\x0c"))).ports] == ["access", "access"]


def test_the_servers_port_by_its_address(make_raw: Any) -> None:
    view = view_of(make_raw(3, fdb=[(SERVER, 3)]), server_macs=frozenset({SERVER}))
    assert [port.role for port in view.ports] == ["access", "access", "server"]
    assert view.capacity == 2


def test_the_server_behind_another_switch_makes_no_server_port(make_raw: Any) -> None:
    view = view_of(make_raw(2, fdb=[(SERVER, 2), *many(5, 2)]), server_macs=frozenset({SERVER}))
    assert [port.role for port in view.ports] == ["access", "uplink"]


def test_reserved_wins_over_everything(make_raw: Any) -> None:
    raw = make_raw(4, fdb=[(SERVER, 1), *many(5, 2)])
    view = view_of(raw, server_macs=frozenset({SERVER}), reserved=frozenset({"gi1", "2", "GigabitEthernet3"}))
    assert [port.role for port in view.ports] == ["reserved", "reserved", "reserved", "access"]


def test_a_port_the_configuration_names_and_nobody_has_is_told(make_raw: Any) -> None:
    view = view_of(make_raw(3), reserved=frozenset({"gi1", "Port3"}), uplinks=frozenset({"2"}))
    told = [str(warning) for warning in view.warnings if warning.code == "switch-unknown-port"]
    assert told == ["s1 has no port Port3, which the configuration names: take its name from `cloned switch show`"]


def test_an_uplink_by_configuration(make_raw: Any) -> None:
    assert [port.role for port in view_of(make_raw(2), uplinks=frozenset({"gi2"})).ports] == ["access", "uplink"]


def test_ports_that_are_shut_down_hold_no_laptop(make_raw: Any) -> None:
    view = view_of(make_raw(3, [{"index": 2, "ifAdminStatus": 2}]))
    assert (view.capacity, view.ports[1].admin) == (2, "down")


def test_a_switch_that_does_not_tell_what_is_up(make_raw: Any) -> None:
    front = [
        {"index": 10 + number, "ifName": b"GigabitEthernet 1/%d" % number, "ifHighSpeed": 1000} for number in (1, 2)
    ]
    view = view_of(make_raw(0, front, base={1: 11, 2: 12}))
    assert [(port.admin, port.oper, port.speed_mbps) for port in view.ports] == [(None, None, None)] * 2
    assert view.capacity == 2
    assert [warning.code for warning in view.warnings] == ["switch-no-status"]


@pytest.mark.parametrize(
    ("high", "bits", "mbps"),
    [
        (1000, None, 1000),
        (100_000_000, 100_000_000, 100),
        (0, 1_000_000_000, 1000),
        (0, 0, None),
        (0, 4_294_967_295, None),
        (10_000, 4_294_967_295, 10_000),
        (None, 10_000_000, 10),
        (2500, None, 2500),
        (1_000_000_000, None, 1000),
        (0, 500_000, None),
        (10, 4_294_967_295, 10_000),
        (10, 10**10 % 2**32, 10_000),
        (25, 4_294_967_295, 25_000),
        (1, 1_000_000_000, 1000),
        (2, 2_500_000_000, 2500),
        (10, 10_000_000, 10),
        (100, 4_294_967_295, 100),
        (1000, 4_294_967_295, 1000),
    ],
)
def test_speeds(high: int | None, bits: int | None, mbps: int | None, make_raw: Any) -> None:
    rows = [
        {key: value for key, value in (("index", 1), ("ifHighSpeed", high), ("ifSpeed", bits)) if value is not None}
    ]
    raw = make_raw(1, rows)
    if high is None:
        raw.cells["ifHighSpeed"].clear()
    assert view_of(raw).ports[0].speed_mbps == mbps


def test_slow_ports_are_told_with_what_to_try(make_raw: Any) -> None:
    rows = [
        {"index": 1, "ifHighSpeed": 100},
        {"index": 2, "ifHighSpeed": 10},
        {"index": 4, "ifHighSpeed": 100, "ifOperStatus": 2},
    ]
    view = view_of(make_raw(4, rows, dot3StatsDuplexStatus={(1,): 3, (2,): 2, (3,): 2}))
    hint = "try another cable, then another port; until then it is served by itself"
    assert [(warning.text, warning.hint) for warning in view.warnings] == [
        ("s1 port gi1: 100 Mb/s", hint),
        ("s1 port gi2: 10 Mb/s, half duplex", hint),
        ("s1 port gi3: 1000 Mb/s, half duplex", hint),
    ]
    assert [port.slow for port in view.ports] == [True, True, True, False]


def test_members_of_a_lag_share_what_is_behind_it(make_raw: Any) -> None:
    lag = {"index": 50, "ifType": 161, "ifOperStatus": 1, "ifName": b"LAG1"}
    base = {1: 1, 2: 2, 3: 3, 50: 50}
    raw = make_raw(3, [lag], base=base, fdb=many(5, 50), ifStackStatus={(50, 1): 1, (50, 2): 1, (50, 0): 1})
    assert [port.role for port in view_of(raw).ports] == ["uplink", "uplink", "access"]
    unknown = view_of(make_raw(3, [lag], base=base, fdb=many(5, 50)))
    assert [port.role for port in unknown.ports] == ["access"] * 3
    assert [warning.code for warning in unknown.warnings] == ["switch-lag"]


def test_an_empty_switch_says_so(make_raw: Any) -> None:
    view = view_of(make_raw(0))
    assert (view.capacity, [warning.code for warning in view.warnings]) == (0, ["switch-no-ports"])
