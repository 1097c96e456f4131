from __future__ import annotations

import pytest

from cloned.stream.rate_meter import RateMeter


def test_it_tells_the_rate_of_the_last_seconds() -> None:
    meter = RateMeter(2.0)
    assert meter.rate(0.0, 0) == 0.0
    for tenth in range(1, 50):
        found = meter.rate(tenth / 10, tenth * 1_000_000)
    assert found == pytest.approx(10e6)
    for tenth in range(50, 80):
        found = meter.rate(tenth / 10, 49_000_000)
    assert found == 0.0


def test_the_next_partition_begins_anew() -> None:
    meter = RateMeter(2.0)
    meter.rate(0.0, 0)
    meter.rate(1.0, 5_000_000)
    assert meter.rate(1.5, 0) == 0.0
    assert meter.rate(2.5, 1_000_000) == pytest.approx(1e6)


def test_a_count_that_stands_still_for_a_moment_is_no_new_beginning() -> None:
    meter = RateMeter(2.0)
    meter.rate(0.0, 0)
    meter.rate(1.0, 3_000_000)
    assert meter.rate(1.5, 3_000_000) == pytest.approx(2e6)
