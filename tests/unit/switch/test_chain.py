"""Several switches plugged into each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloned.switch.chain import Chain, SwitchLink, crowded, join
from cloned.switch.ports import Rules, SwitchView, understand
from cloned.switch.tables import build

SERVER, LAPTOP, OTHER = "02:00:00:00:00:01", "98:fa:9b:00:00:01", "98:fa:9b:00:00:02"
MACS = frozenset({SERVER})
A, B, C = "02:aa:00:00:00:01", "02:bb:00:00:00:01", "02:cc:00:00:00:01"


def switch(make_raw: Any, address: str, own: str, fdb: list[tuple[str, int]], **rules: Any) -> SwitchView:
    raw = make_raw(4, fdb=fdb)
    bridge = bytes.fromhex(own.replace(":", ""))
    names = {(1, 3, 6, 1, 2, 1, 17, 1, 1, 0): bridge, (1, 3, 6, 1, 2, 1, 1, 5, 0): address.encode()}
    raw = replace(raw, scalars={**raw.scalars, **names})
    return understand(build(address, raw), Rules(server_macs=MACS, **rules))


def three(make_raw: Any) -> Chain:
    """The server on A port 1, B behind A port 2, C behind B port 3; the laptop on C port 4."""
    a = switch(make_raw, "a", A, [(SERVER, 1), (B, 2), (C, 2), (LAPTOP, 2)])
    b = switch(make_raw, "b", B, [(SERVER, 1), (C, 3), (LAPTOP, 3)])
    c = switch(make_raw, "c", C, [(SERVER, 1), (LAPTOP, 4)])
    return join([c, a, b], MACS)


def test_ports_between_switches_are_uplinks_and_the_server_is_once(make_raw: Any) -> None:
    chain = three(make_raw)
    roles = {view.address: [port.role for port in view.ports] for view in chain.views}
    assert roles == {
        "a": ["server", "uplink", "access", "access"],
        "b": ["uplink", "access", "uplink", "access"],
        "c": ["uplink", "access", "access", "access"],
    }
    assert chain.places == 2 + 2 + 3
    assert set(chain.links) >= {SwitchLink("a", "gi2", "b", 1000), SwitchLink("b", "gi3", "c", 1000)}
    assert chain.why() == "ports free for laptops on c: 3, a: 2, b: 2"
    assert not chain.warnings


def test_a_laptop_is_where_no_uplink_is(make_raw: Any) -> None:
    place = three(make_raw).locate(LAPTOP)
    assert place is not None
    assert (place.switch, place.port.name, place.behind) == ("c", "gi4", 1 - 1)
    assert three(make_raw).locate("98:fa:9b:99:99:99") is None


def test_a_laptop_seen_on_an_uplink_only_is_behind_it(make_raw: Any) -> None:
    chain = join([switch(make_raw, "a", A, [(SERVER, 1), (LAPTOP, 2)], uplinks=frozenset({"gi2"}))], MACS)
    place = chain.locate(LAPTOP)
    assert place is not None
    assert place.port.role == "uplink"


def test_the_narrowest_link_on_the_way(make_raw: Any) -> None:
    chain = three(make_raw)
    assert (chain.server_mbps, chain.narrowest_mbps(1000)) == (1000, 1000)
    slow = replace(chain, links=(*chain.links, SwitchLink("a", "gi9", "d", 100)))
    assert slow.narrowest_mbps(1000) == 100
    assert join([], MACS).narrowest_mbps(1000) is None


def test_lldp_names_the_switch_behind_a_port(make_raw: Any) -> None:
    a = switch(make_raw, "a", A, [(SERVER, 1)])
    b = switch(make_raw, "b", B, [])
    raw = make_raw(4, fdb=[(SERVER, 1)], lldpRemChassisId={(0, 3, 1): bytes.fromhex(B.replace(":", ""))})
    a = replace(a, neighbours=understand(build("a", raw)).neighbours)
    assert [port.role for port in join([a, b], MACS).views[0].ports] == ["server", "access", "uplink", "access"]


def test_a_role_the_configuration_gave_stays(make_raw: Any) -> None:
    a = switch(make_raw, "a", A, [(SERVER, 1), (B, 2)], reserved=frozenset({"gi2"}))
    b = switch(make_raw, "b", B, [(SERVER, 1)])
    joined = join([a, b], MACS)
    assert [port.role for port in joined.views[0].ports] == ["server", "reserved", "access", "access"]


def test_a_switch_that_nobody_sees_is_told(make_raw: Any) -> None:
    a = switch(make_raw, "a", A, [(SERVER, 1)])
    lonely = switch(make_raw, "b", B, [])
    assert [warning.code for warning in join([a, lonely], MACS).warnings] == ["switch-unconnected"]
    assert join([lonely], MACS).warnings == ()


def test_laptops_behind_a_switch_that_cannot_be_asked(make_raw: Any) -> None:
    chain = join([switch(make_raw, "a", A, [(SERVER, 1), (LAPTOP, 3), (OTHER, 3)])], MACS)
    warnings = crowded(chain, {LAPTOP: "1", OTHER: "2"})
    assert [warning.text for warning in warnings] == ["a port gi3: 1, 2 behind another switch"]
    assert crowded(chain, {LAPTOP: "1", OTHER: "1"}) == (), "two addresses of one laptop"
    assert crowded(three(make_raw), {LAPTOP: "1"}) == (), "behind switches that were asked"
    behind = join([switch(make_raw, "a", A, [(SERVER, 1), (LAPTOP, 2)], uplinks=frozenset({"gi2"}))], MACS)
    assert [warning.text for warning in crowded(behind, {LAPTOP: "1"})] == ["a port gi2: 1 behind another switch"]


ADDRESSES = st.sampled_from([SERVER, LAPTOP, OTHER, A, B, C])
SEEN = st.lists(st.tuples(ADDRESSES, st.integers(1, 4)), max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(SEEN, st.sampled_from([A, B, C])), max_size=4))
def test_switches_that_contradict_each_other_still_make_a_chain(make_raw: Any, switches: Any) -> None:
    views = [switch(make_raw, f"s{number}", own, fdb) for number, (fdb, own) in enumerate(switches)]
    chain = join(views, MACS)
    assert 0 <= chain.places <= 4 * len(views)
    assert [view.address for view in chain.views] == [view.address for view in views]
    for mac in (SERVER, LAPTOP, OTHER):
        place = chain.locate(mac)
        assert place is None or any(mac in port.macs for view in views for port in view.ports)
    crowded(chain, {LAPTOP: "1", OTHER: "2"})
