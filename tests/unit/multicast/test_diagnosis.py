"""The usual suspects, by what the probe shows."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.multicast.diagnosis import Probed, diagnose, reached
from cloned.stream.probe import Heard

ALL, HALF, NONE = Heard(20, 20), Heard(10, 20), Heard(0, 20)


def test_who_hears_everything_is_reached() -> None:
    assert reached(Probed("1", ALL))
    assert not reached(Probed("1", HALF))
    assert diagnose([Probed("1", ALL), Probed("2", ALL)], querier=True) == ()


def test_nobody_hears_and_nobody_asks() -> None:
    (told,) = diagnose([Probed("1", NONE), Probed("2", NONE)], querier=False)
    assert told.code == "no-multicast"
    assert "none of 2 laptops" in told.text
    assert "let cloned be the querier" in told.hint


def test_nobody_hears_although_somebody_asks() -> None:
    (told,) = diagnose([Probed("1", NONE)], querier=True)
    assert "multicast filtering" in told.hint
    assert "storm control" in told.hint


def test_all_behind_one_switch_are_deaf() -> None:
    results = [Probed("1", ALL, "a"), Probed("2", NONE, "b", "gi3"), Probed("3", NONE, "b", "gi4")]
    (told,) = diagnose(results, querier=True)
    assert told.text == "multicast does not get through switch b (2 (port gi3), 3 (port gi4))"


def test_one_port_is_deaf() -> None:
    (told,) = diagnose([Probed("1", ALL, "a", "gi1"), Probed("2", NONE, "a", "gi2")], querier=True)
    assert told.text == "multicast does not reach 2 (port gi2)"
    assert "small switch in between" in told.hint


def test_one_that_heard_before_was_forgotten() -> None:
    (told,) = diagnose([Probed("1", ALL), Probed("2", NONE, before=1.0)], querier=False)
    assert "forgot" in told.hint


def test_losses_on_the_way() -> None:
    storm, cable = diagnose([Probed("1", HALF, "a", "gi1"), Probed("2", HALF, "a", "gi2", slow=True)], querier=True)
    assert (storm.code, storm.text) == ("multicast-loss", "50 % of multicast is lost on the way to 1 (port gi1)")
    assert "storm control" in storm.hint
    assert "another cable" in cable.hint


PROBED = st.builds(
    Probed,
    st.text(max_size=3),
    st.builds(Heard, st.integers(0, 40), st.integers(0, 40)),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(["", "gi1"]),
    st.booleans(),
    st.floats(0, 1),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(PROBED, max_size=8), st.booleans())
def test_whoever_is_not_reached_is_told(results: list[Probed], querier: bool) -> None:
    told = diagnose(results, querier=querier)
    assert bool(told) == any(not reached(probed) for probed in results)
    assert all(warning.hint for warning in told)
