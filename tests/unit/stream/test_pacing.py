from __future__ import annotations

import pytest

from cloned.stream.pacing import FLOOR, STEP_SECONDS, Pace, ReceiverSample, common, shares

GIGABIT = 1e9


def run(pace: Pace, seconds: float, losses: list[float], lag: float = 0.0) -> float:
    """Let the same report come in for a while."""
    now = 0.0
    while now < seconds:
        now += STEP_SECONDS
        pace.update([ReceiverSample(loss, lag) for loss in losses])
    return pace.rate


def behind_a_queue(pace: Pace, capacity: float, seconds: float, seen: list[float]) -> None:
    """Receivers all behind the same bottleneck: what exceeds it is lost."""
    now = 0.0
    while now < seconds:
        now += STEP_SECONDS
        loss = max(0.0, 1 - capacity / pace.rate)
        seen.append(pace.rate)
        pace.update([ReceiverSample(loss, 0.0)] * 4)


def test_it_starts_at_the_ceiling() -> None:
    assert Pace(GIGABIT).rate == GIGABIT


def test_one_of_many_that_loses_slows_nobody() -> None:
    assert run(Pace(GIGABIT), 20, [0.9, 0, 0, 0]) == GIGABIT
    assert run(Pace(GIGABIT), 20, [0.9, 0]) == GIGABIT


def test_a_single_receiver_is_most_of_one() -> None:
    assert run(Pace(GIGABIT), STEP_SECONDS, [0.5]) < 0.6 * GIGABIT


def test_one_percent_is_repaired_not_avoided() -> None:
    assert run(Pace(GIGABIT), 20, [0.01] * 8) == GIGABIT


def test_it_finds_a_bottleneck_and_stays_near_it() -> None:
    seen: list[float] = []
    behind_a_queue(Pace(GIGABIT), 1e8, 30, seen)
    later = seen[len(seen) // 3 :]
    assert min(later) > 0.7e8
    assert sum(later) / len(later) < 1.1e8


def test_loss_that_slowing_down_does_not_cure_is_put_up_with() -> None:
    pace = Pace(GIGABIT)
    assert run(pace, 30, [0.08] * 4) > 0.9 * GIGABIT


def test_receivers_that_fall_behind_slow_it_down() -> None:
    assert run(Pace(GIGABIT), 3, [0.0] * 4, lag=0.6) < 0.8 * GIGABIT
    assert run(Pace(GIGABIT), 300, [0.9] * 4, lag=2.0) >= FLOOR


def test_a_backlog_that_drains_is_left_to_drain() -> None:
    pace = Pace(GIGABIT)
    for lag in (0.1, 0.4, 0.8, 0.7, 0.6, 0.5, 0.4):
        pace.update([ReceiverSample(0.0, lag)])
    assert pace.rate > 0.8 * GIGABIT


def test_it_comes_back_within_seconds_from_the_floor() -> None:
    pace = Pace(GIGABIT)
    for loss in (0.9, 0.5):
        pace.update([ReceiverSample(loss, 0.0)])
    assert pace.rate < 0.06 * GIGABIT
    run(pace, 10, [0.0])
    assert pace.rate == GIGABIT


def test_a_new_ceiling_counts_at_once() -> None:
    pace = Pace(GIGABIT)
    pace.set_ceiling(1e8)
    assert pace.rate == 1e8


def test_a_higher_ceiling_is_used_at_once_where_only_the_old_one_held_it_down() -> None:
    pace = Pace(1e8)
    pace.set_ceiling(GIGABIT)
    assert pace.rate == GIGABIT
    pace.update([ReceiverSample(0.5, 0.0)])
    slowed = pace.rate
    pace.set_ceiling(2 * GIGABIT)
    assert pace.rate == slowed


def test_common_is_what_most_have_at_least() -> None:
    assert common([]) == 0
    assert common([3]) == 3
    assert common([1, 9]) == 1
    assert common([1, 2, 9]) == 2


def test_shares_are_equal_and_leave_nothing_over() -> None:
    assert shares(9.0, {1: 9, 2: 9, 3: 9}) == {1: 3, 2: 3, 3: 3}
    assert shares(9.0, {1: 1, 2: 9, 3: 9}) == {1: 1, 2: 4, 3: 4}
    assert shares(9.0, {1: 1, 2: 2}) == {1: 1, 2: 2}
    assert sum(shares(1e9, {n: 1e9 * (n + 1) / 10 for n in range(7)}).values()) == pytest.approx(1e9)
