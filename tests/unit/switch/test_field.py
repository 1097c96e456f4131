"""Switches met in the field that are unlike the standards: each file's README says what is right."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from cloned.core.events import Located
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Attachment, Facts, Laptop, State
from cloned.switch.chain import Chain, crowded, join
from cloned.switch.laptops import believed, located, misread_ports, slow_links
from cloned.switch.ports import Rules, understand
from cloned.switch.snmp import oids as c
from cloned.switch.tables import build
from tests.unit.switch.recorded import FIELD, field_view, recorded


def macs(name: str) -> dict[str, int]:
    return {station.mac: station.if_index for station in field_view(name).stations}


def mac(number: int) -> str:
    return f"02:00:5e:00:53:{number:02x}"


def test_a_forwarding_table_without_fdb_ids() -> None:
    assert macs("qfdb-without-id") == {mac(number): number for number in range(1, 6)}


def test_a_forwarding_table_with_numbered_rows() -> None:
    assert macs("fdb-by-row") == {mac(number): number for number in range(1, 5)}


def test_a_neighbour_without_time_mark_is_placed() -> None:
    roles = [port.role for port in field_view("lldp-two-part").ports]
    assert roles == ["access"] * 7 + ["uplink"]


def test_a_pc_and_a_telephone_that_bridge_are_no_uplinks() -> None:
    view = field_view("lldp-hosts")
    assert (view.capacity, {port.role for port in view.ports}) == (8, {"access"})


def test_bridge_and_vlan_devices_are_no_sockets() -> None:
    assert [port.name for port in field_view("openwrt").ports] == [f"lan{number}" for number in range(1, 11)]


def test_equal_names_are_numbered_and_nobody_is_behind_another_switch() -> None:
    view = field_view("same-descr")
    assert [port.name for port in view.ports] == [f"Ethernet Interface {number}" for number in range(1, 9)]
    assert crowded(join([view]), {mac(number): f"laptop {number}" for number in range(1, 5)}) == ()


def test_numbers_behind_equal_names_make_no_two_alike(make_raw: Any) -> None:
    rows = [{"index": n, "ifName": name, "ifDescr": name} for n, name in ((1, b"Port"), (2, b"Port"), (3, b"Port 2"))]
    names = [port.name for port in understand(build("s", make_raw(3, rows, base={1: 1, 2: 2, 3: 3}))).ports]
    assert names == ["Port 1", "Port (2)", "Port 2"]


@pytest.mark.parametrize("base", [{n: n for n in range(1, 6)}, {}], ids=["bridge", "no-bridge-table"])
@pytest.mark.parametrize("name", [
    "M-GigabitEthernet0/0/0", "fxp0", "vme", "eth0.2", "switch.211", "lan1.30", "me0", "Management0/0", "mgmt0", "dsa",
])  # fmt: skip
def test_what_many_makers_call_management_and_vlan_devices_is_no_place(
    name: str, base: dict[int, int], make_raw: Any
) -> None:
    told = {"index": 6, "ifName": name.encode(), "ifDescr": name.encode(), "ifConnectorPresent": 1}
    rows = [{"index": n, "ifName": b"lan%d" % n, "ifDescr": b"lan%d" % n, "ifConnectorPresent": 1} for n in range(1, 6)]
    assert understand(build("s", make_raw(6, [*rows, told], base=base))).capacity == 5


def test_names_with_dots_that_all_sockets_have_are_sockets(make_raw: Any) -> None:
    rows = [{"index": n, "ifName": b"ge.1.%d" % n, "ifDescr": b"ge.1.%d" % n} for n in range(1, 6)]
    assert understand(build("s", make_raw(5, rows, base={}))).capacity == 5


@pytest.mark.parametrize(("typed", "count"), [("trunk to hall", 5), ("Printer corner", 5), ("printer", 4)])
def test_what_somebody_typed_without_a_number_stays_a_port_where_there_is_no_bridge_table(
    typed: str, count: int, make_raw: Any
) -> None:
    """No system gives a device a name with a space; one without may be a Linux bridge of any name."""
    names = [b"gi1", b"gi2", typed.encode(), b"gi4", b"gi5"]
    rows = [{"index": n, "ifName": name, "ifDescr": name, "ifConnectorPresent": 1} for n, name in enumerate(names, 1)]
    assert understand(build("s", make_raw(5, rows, base={}))).capacity == count


def test_a_management_port_is_no_place() -> None:
    view = field_view("meth")
    assert view.capacity == 8
    assert "MEth0/0/1" not in [port.name for port in view.ports]


def test_the_number_on_the_case_is_shown_and_either_name_may_be_reserved() -> None:
    view = field_view("front-numbers", Rules(reserved=frozenset({"swp00"})))
    assert [port.name for port in view.ports] == [str(number) for number in range(1, 11)]
    assert [port.name for port in view.ports if port.role == "reserved"] == ["1"]


def test_ten_is_ten_where_both_columns_say_so_in_other_units() -> None:
    """10 as ifSpeed and 10000 as ifHighSpeed: a slow cable, unless the laptop at the other end knows better."""
    view = field_view("ten-is-ten")
    assert {(port.role, port.speed_mbps) for port in view.ports} == {("access", 10)}
    assert [warning.code for warning in view.warnings] == ["slow-port"] * 4


@pytest.mark.parametrize(("bits", "high", "mbps"), [
    (4294967295, 10_000, 10_000), (1_410_065_408, 10_000, 10_000), (0, 10_000, 10_000), (100, 100_000, 100),
    (1000, 1_000_000, 1000), (10_000_000, 10, 10), (10_000_000, 10_000_000, 10), (None, 10_000, 10_000),
])  # fmt: skip
def test_units_that_agents_mix_up(bits: int | None, high: int, mbps: int, make_raw: Any) -> None:
    rows = [{"index": 2, "ifHighSpeed": high} | ({} if bits is None else {"ifSpeed": bits})]
    view = understand(build("s", make_raw(3, rows, base={1: 1, 2: 2, 3: 3})))
    assert [port.speed_mbps for port in view.ports if port.if_index == 2] == [mbps]


def test_ten_megabits_that_are_ten_are_a_slow_cable(make_raw: Any) -> None:
    rows = [{"index": 2, "ifSpeed": 10_000_000, "ifHighSpeed": 10}]
    view = understand(build("s", make_raw(3, rows, base={1: 1, 2: 2, 3: 3})))
    assert [port.speed_mbps for port in view.ports if port.if_index == 2] == [10]
    assert [warning.code for warning in view.warnings] == ["slow-port"]


@pytest.mark.parametrize(("name", "places"), [("base-from-3", 7), ("slot-names", 8)])
def test_what_was_right_stays_right(name: str, places: int) -> None:
    assert field_view(name).capacity == places


@pytest.mark.parametrize("path", sorted(FIELD.glob("*.snmprec")), ids=lambda path: path.stem)
def test_rows_may_come_in_any_order(path: Any) -> None:
    raw = recorded(path)
    shuffled = {
        name: dict(random.Random(path.stem).sample(list(cells.items()), len(cells)))
        for name, cells in raw.cells.items()
    }
    one, other = (understand(build("s", each)) for each in (raw, replace(raw, cells=shuffled)))
    assert one.ports == other.ports
    assert set(one.stations) == set(other.stations)


@pytest.mark.parametrize(
    "typed", ["VLAN 20 room", "management", "trunk1 to office", "cpu", "stack of laptops", "bridge"]
)
def test_what_somebody_typed_loses_no_port(typed: str, make_raw: Any) -> None:
    """The maker's name stands in one of ifName and ifDescr, whatever a person typed into the other."""
    for column in ("ifName", "ifDescr"):
        rows = [
            {
                "index": 2,
                "ifName": b"gi2",
                "ifDescr": b"GigabitEthernet2",
                column: typed.encode(),
                "ifConnectorPresent": 1,
            }
        ]
        view = understand(build("s", make_raw(3, rows, base={1: 1, 2: 2, 3: 3})))
        assert view.capacity == 3, column


@pytest.mark.parametrize(("typed", "connector"), [
    ("VLAN 20 room", 1), ("VLAN 20 room", None), ("management", 1), ("CPU lab", None), ("trunk to the office", 1),
    ("bridge", 1), ("loopback hall", None), ("stack of laptops", 1),
])  # fmt: skip
def test_what_somebody_typed_as_both_names_loses_no_port(typed: str, connector: int | None, make_raw: Any) -> None:
    """RouterOS gives one name as ifName and ifDescr: a person's, where there is one."""
    rows = [{"index": 2, "ifName": typed.encode(), "ifDescr": typed.encode(), "ifConnectorPresent": connector}]
    rows = [{key: value for key, value in row.items() if value is not None} for row in rows]
    view = understand(build("s", make_raw(3, rows, base={1: 1, 2: 2, 3: 3})))
    assert view.capacity == 3
    assert view.warnings == ()


@pytest.mark.parametrize(("name", "connector"), [
    ("vlan20", 1), ("Vlanif20", 1), ("bridge1", 1), ("cpu0", 1), ("Po1", 1), ("lag 2", 1), ("management", None),
    ("bridge", None), ("docker0", None), ("VLAN 20 room", 2),
])  # fmt: skip
def test_what_a_system_calls_its_own_devices_is_no_socket(name: str, connector: int | None, make_raw: Any) -> None:
    row = {"index": 2, "ifName": name.encode(), "ifDescr": name.encode(), "ifConnectorPresent": connector}
    rows = [{key: value for key, value in row.items() if value is not None}]
    assert understand(build("s", make_raw(3, rows, base={1: 1, 2: 2, 3: 3}))).capacity == 2


def test_a_socket_outside_the_bridge_that_somebody_named_is_told(make_raw: Any) -> None:
    for name, told in (("VLAN 20 room", ["switch-left-out"]), ("mgmt0", []), ("vlan20", [])):
        rows = [{"index": 3, "ifName": name.encode(), "ifDescr": name.encode(), "ifConnectorPresent": 1}]
        view = understand(build("s", make_raw(3, rows, base={1: 1, 2: 2})))
        assert (view.capacity, [each.code for each in view.warnings]) == (2, told)


def test_a_socket_left_out_for_both_of_its_names_is_told(make_raw: Any) -> None:
    rows = [{"index": 2, "ifName": b"vlan20", "ifDescr": b"vlan20"}]
    view = understand(build("s", make_raw(3, rows, base={1: 1, 2: 2, 3: 3})))
    assert view.capacity == 2
    assert [warning.code for warning in view.warnings if "vlan20" in warning.text] == ["switch-left-out"]


MAC = "98:fa:9b:00:00:01"
LAPTOP = Laptop(
    LaptopId("l1"),
    3,
    Facts(Identity(macs=(MAC,)), boot_mac=MAC, speed_mbps=1000),
    State.WAITING,
    0.0,
    0.0,
    link=Attachment(speed_mbps=1000),
)


def ten(make_raw: Any, mbps: int = 10) -> Chain:
    return join([understand(build("s", make_raw(3, [{"index": 2, "ifHighSpeed": mbps}], fdb=[(MAC, 2)])))])


def test_a_laptop_is_believed_before_a_switch_that_says_ten(make_raw: Any) -> None:
    chain = ten(make_raw)
    assert located(LAPTOP, chain, several=False) == Located(LaptopId("l1"), "gi2", 1000, None)
    assert [each.code for each in misread_ports([LAPTOP], chain)] == ["switch-speed"]
    view = chain.views[0]
    assert [each.code for each in view.warnings] == ["slow-port"]
    assert believed(view.warnings, [LAPTOP], chain) == []


@pytest.mark.parametrize(("card", "told"), [(10, ["slow-port"]), (100, ["slow-port"]), (1000, []), (None, [])])
def test_a_laptop_that_is_slower_than_its_port_says_has_a_slow_cable(card: int | None, told: list[str]) -> None:
    """An agent says 10000 of a port, and nothing else; the card at the other end decides."""
    raw = recorded(FIELD / "ten-is-ten.snmprec")
    fdb = {**raw.cells, c.IF_SPEED.name: {}, c.FDB_PORT.name: {tuple(bytes.fromhex(MAC.replace(":", ""))): 1}}
    chain = join([understand(build("s", replace(raw, cells=fdb)))])
    laptop = replace(LAPTOP, facts=replace(LAPTOP.facts, speed_mbps=card), link=Attachment())
    place = located(laptop, chain, several=False)
    assert place == Located(LaptopId("l1"), "1", card or 10_000, None)
    there = replace(laptop, link=replace(laptop.link, port=place.port, speed_mbps=place.speed_mbps))
    assert [each.code for each in slow_links([there], chain, 1000)] == told


def test_a_hundred_megabits_may_be_a_small_switch_in_between(make_raw: Any) -> None:
    chain = ten(make_raw, 100)
    assert located(LAPTOP, chain, several=False) == Located(LaptopId("l1"), "gi2", 100, None)
    assert misread_ports([LAPTOP], chain) == []
    assert len(believed(chain.views[0].warnings, [LAPTOP], chain)) == 1
