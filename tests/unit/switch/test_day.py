"""What a switch's ports did in the hours before."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.switch.day import BUCKET_SECONDS, CHANGES, DAY_SECONDS, SwitchDay

START = 1_700_000_400.0


def test_links_and_damaged_frames_are_told_with_when():
    day = SwitchDay()
    day.add(START, (), {"gi1": 100, "gi2": 7})
    day.add(START + 5, (("gi1", "up"),), {"gi1": 104, "gi2": 7})
    day.add(START + 10, (("gi1", "down"),), {"gi1": 112, "gi2": 7})
    told = day.to_json()
    assert told["since"] == "2023-11-14T22:20:00+00:00"
    assert told["ports"] == {
        "gi1": {
            "links": [
                {"at": "2023-11-14T22:20:05+00:00", "link": "up"},
                {"at": "2023-11-14T22:20:10+00:00", "link": "down"},
            ],
            "errors": 12,
            "errors_at": "2023-11-14T22:20:00+00:00",
        }
    }


def test_a_port_of_which_the_switch_counts_nothing_is_not_said_to_have_none():
    day = SwitchDay()
    day.add(START, (("gi9", "up"),), {"gi1": 0})
    assert day.to_json()["counted"] == ["gi1"]


def test_a_day_later_nothing_of_it_is_left():
    day = SwitchDay()
    day.add(START, (("gi1", "up"),), {"gi1": 0})
    day.add(START + 1, (), {"gi1": 5})
    assert day.to_json()["ports"]["gi1"]["errors"] == 5
    day.add(START + DAY_SECONDS + BUCKET_SECONDS + 2, (), {"gi1": 5})
    assert day.to_json()["ports"] == {}
    assert day.to_json()["since"] == "2023-11-14T22:30:02+00:00"


def test_a_counter_that_was_cleared_or_wrapped_says_no_more_than_it_can():
    day = SwitchDay()
    day.add(START, (), {"cleared": 900_000, "wrapped": 2**32 - 5})
    day.add(START + 5, (), {"cleared": 0, "wrapped": 5})
    assert {name: each["errors"] for name, each in day.to_json()["ports"].items()} == {"wrapped": 10}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["up", "down"]), st.integers(-5, 2**40)), max_size=300))
def test_no_reading_makes_it_grow_beyond_its_bounds(readings):
    day = SwitchDay()
    for at, (link, counter) in enumerate(readings):
        day.add(START + at * 60, (("gi1", link),), {"gi1": counter})
    for each in day.to_json()["ports"].values():
        assert len(each["links"]) <= CHANGES
        assert each["errors"] >= 0
