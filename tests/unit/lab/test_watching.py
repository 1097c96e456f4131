"""Reading the daemon's snapshot."""

from __future__ import annotations

import pytest

from cloned.lab.watching import sights
from tests.unit.lab.snapshots import laptop, snapshot, who

ONE, TWO = who()


@pytest.mark.parametrize(
    ("state", "progress", "percent"),
    [
        ("ready", None, 0.0),
        ("receiving", None, 0.0),
        ("receiving", {"bytes": 30, "total": 120}, 25.0),
        ("receiving", {"bytes": 0, "total": 0}, 0.0),
        ("verifying", {"bytes": 1, "total": 2}, 100.0),
        ("done", None, 100.0),
    ],
)
def test_percent_is_of_what_it_has_to_receive(state: str, progress: dict[str, int] | None, percent: float) -> None:
    [sight] = sights(snapshot(laptop(ONE, state, progress=progress)), [ONE.mac])
    assert sight.received == percent
    assert sight.receiving is (state == "receiving")
    assert sight.final is (state == "done")


def test_laptops_come_in_the_labs_order_known_or_not() -> None:
    first, second = sights(snapshot(laptop(TWO)), [ONE.mac, TWO.mac])
    assert (first.state, first.spoke, first.verified) == ("off", False, False)
    assert (second.number, second.spoke, second.verified) == (2, True, True)


def test_the_pulse_beats_while_bytes_come_in() -> None:
    def pulse(count: int) -> object:
        return sights(snapshot(laptop(ONE, "receiving", progress={"bytes": count, "total": 9})), [ONE.mac])[0].pulse

    assert pulse(1) != pulse(2)
    assert pulse(2) == pulse(2)
