"""The questions that the tables raise."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.switch.snmp import oids as c
from cloned.switch.snmp.reading import Reading, _questions, restarted, sensible
from cloned.switch.snmp.walk import Limits, Oid, VarBind


def asked(cells: Any, there: Any = None) -> dict[str, list[tuple[int, ...]]]:
    found: dict[str, list[tuple[int, ...]]] = {}
    for column, index in _questions(cells, there or {}):
        found.setdefault(column.name, []).append(index)
    return found


def test_a_plain_switch_is_asked_for_duplex_of_what_is_up(make_raw: Any) -> None:
    raw = make_raw(3, [{"index": 2, "ifOperStatus": 2}])
    assert asked(raw.cells) == {"dot3StatsDuplexStatus": [(1,), (3,)]}
    assert asked(raw.cells, {c.DUPLEX.name: False}) == {}


def test_a_speed_that_makes_no_sense_is_asked_for_elsewhere(make_raw: Any) -> None:
    raw = make_raw(3, [{"index": 1, "ifHighSpeed": 100_000_000}, {"index": 2, "ifHighSpeed": 0}])
    assert asked(raw.cells)["ifSpeed"] == [(1,), (2,)]
    assert (sensible(1000), sensible(0), sensible(None), sensible(b"x"), sensible(10**9)) == (
        True,
        False,
        False,
        False,
        False,
    )


def test_the_connector_of_what_is_not_plainly_a_port(make_raw: Any) -> None:
    rows = [
        {"index": 2, "ifDescr": b"CPU"},
        {"index": 9, "ifType": 6, "ifOperStatus": 1, "ifName": b"gi9"},
        {"index": 10, "ifType": 53, "ifOperStatus": 1, "ifName": b"vlan1"},
        {"index": 11, "ifName": b"gi11"},
    ]
    assert asked(make_raw(2, rows, base={1: 1, 2: 2, 11: 11}).cells)["ifConnectorPresent"] == [(2,), (9,), (11,)]


def test_ports_that_lldp_may_explain(make_raw: Any) -> None:
    raw = make_raw(
        2, fdb=[("98:fa:9b:00:00:01", 7), ("98:fa:9b:00:00:02", 1)], lldpRemChassisId={(0, 2, 1): b"x", (9,): b"y"}
    )
    assert asked(raw.cells)["lldpLocPortId"] == [(2,), (7,)]


def test_a_restart_shows_in_sysuptime() -> None:
    assert restarted(500, 20)
    assert not restarted(20, 500)
    assert not restarted(None, 500)
    assert not restarted(20, None)


INDEXES = st.lists(st.integers(0, 300), min_size=1, max_size=9).map(tuple)
VALUES = st.one_of(st.none(), st.integers(), st.binary(max_size=8), st.just((1, 3, 6)))
NAMES = st.sampled_from([value.name for value in vars(c).values() if isinstance(value, c.Column)])


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(NAMES, st.dictionaries(INDEXES, VALUES, max_size=8)))
def test_no_table_raises_a_question_that_raises(cells: Any) -> None:
    assert all(isinstance(index, tuple) for _, index in _questions(cells, {}))


class Counting:
    """A session with a switch that has nothing, and how often it was asked."""

    asked = 0

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        self.asked += 1
        return [(oid, None) for oid in oids]

    async def bulk(self, oids: Sequence[Oid], repetitions: int) -> list[VarBind]:
        return await self.get(oids)

    def close(self) -> None: ...


@pytest.mark.parametrize(("seconds_ago", "asked"), [(0, 3), (30, 0)])
async def test_a_reading_whose_time_is_over_asks_nothing_more(seconds_ago: float, asked: int) -> None:
    session = Counting()

    async def same(vlan: int) -> Counting:
        return session

    reading = Reading(session, Limits(varbinds=2), same, time.monotonic() - seconds_ago)
    assert await reading._exact([(c.DUPLEX, (port,)) for port in range(5)]) == {c.DUPLEX.name: {}}
    assert session.asked == asked
    told = [("single values", "time ran out after 20 s")]
    assert list(dict.fromkeys(reading._faults)) == ([] if asked else told)
    assert list(await reading._per_vlan([20, 30])) == ([20, 30] if asked else [])
