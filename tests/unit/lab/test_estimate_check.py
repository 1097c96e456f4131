from __future__ import annotations

from cloned.lab.estimate_check import EstimateCheck
from cloned.lab.watching import LaptopSeen


def sight(state: str, left: float | None) -> list[LaptopSeen]:
    return [LaptopSeen(1, {"state": state, "left_seconds": left})]


def test_what_was_said_is_held_against_what_it_took() -> None:
    estimates = EstimateCheck()
    estimates.look([LaptopSeen(1, None)], 0.0)
    estimates.look(sight("waiting", 100.0), 0.0)  # right: it took 90
    estimates.look(sight("receiving", 70.0), 50.0)  # it took 40: wrong
    estimates.look(sight("verifying", 2.0), 88.0)
    estimates.look(sight("done", None), 90.0)
    estimates.look(sight("done", None), 99.0)
    assert estimates.to_json() == {"right": 0.667, "of": 3}


def test_who_never_ends_does_not_count() -> None:
    estimates = EstimateCheck()
    estimates.look(sight("receiving", 70.0), 50.0)
    assert estimates.to_json() == {"right": 0.0, "of": 0}
