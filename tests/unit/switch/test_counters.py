"""Error counters that climb."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.switch.counters import ErrorHistory, plausible


def test_errors_within_a_minute_count_and_old_ones_do_not() -> None:
    history = ErrorHistory()
    for at, count in ((0, 100), (5, 106), (10, 112), (58, 112)):
        history.add(at, {7: count, 8: 3})
    assert history.climbing(10) == {7: 12}
    for at in (70, 75, 80):
        history.add(at, {7: 112, 8: 3})
    assert history.climbing(10) == {}


def test_one_reading_says_nothing() -> None:
    history = ErrorHistory()
    history.add(0, {7: 5_000_000})
    assert history.climbing() == {}


def test_a_counter_that_wraps_and_one_that_was_cleared() -> None:
    history = ErrorHistory()
    history.add(0, {1: 2**32 - 5, 2: 900_000})
    history.add(5, {1: 20, 2: 0})
    assert history.climbing() == {1: 25}


def test_a_port_that_is_gone_is_forgotten() -> None:
    history = ErrorHistory()
    history.add(0, {1: 0})
    history.add(5, {2: 0})
    history.add(10, {1: 500})
    assert history.climbing() == {}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dictionaries(st.integers(1, 4), st.integers(-5, 2**40), max_size=4), max_size=20))
def test_no_reading_upsets_it(readings: list[dict[int, int]]) -> None:
    history = ErrorHistory()
    for at, reading in enumerate(readings):
        history.add(at * 5.0, reading)
        assert all(count >= 10 for count in history.climbing().values())


def test_plausible() -> None:
    assert plausible(5, 6)
    assert plausible(2**32 - 1, 3)
    assert not plausible(100, 0)
