from __future__ import annotations

from cloned.core.portbases import FIRST, LAST, REST, PortBases


def test_no_port_base_is_given_out_twice_within_a_day() -> None:
    ports = PortBases({FIRST: 1000.0})
    given = [ports.take(1000.0 + n) for n in range(5)]
    assert given == [FIRST + 2, FIRST + 4, FIRST + 6, FIRST + 8, FIRST + 10]
    assert PortBases(ports.used).take(2000.0) == FIRST + 12
    assert PortBases(ports.used).take(1000.0 + REST) == FIRST


def test_when_all_are_used_there_is_none() -> None:
    ports = PortBases(dict.fromkeys(range(FIRST, LAST + 1, 2), 5.0))
    assert ports.take(6.0) is None


def test_a_clock_that_was_ahead_does_not_hold_a_port_for_years() -> None:
    ports = PortBases({FIRST: 1e12})
    assert ports.take(1000.0) == FIRST + 2
    assert ports.take(1000.0 + REST) == FIRST
