import pytest

from cloned.netboot.shedding import EVERY_SECONDS, MOST_READ, Shedding


@pytest.fixture
def shedding():
    return Shedding(0.0)


def offer(shedding, rate, at, rounds=30):
    """So many a second for a while, of which those arrive that are let pass; returns when it ended."""
    for _ in range(rounds):
        at += EVERY_SECONDS
        shedding.came(round(rate * shedding.share * EVERY_SECONDS), at)
    return at


def test_what_can_be_read_is_read(shedding):
    offer(shedding, MOST_READ, 0.0)
    assert shedding.share == 1


@pytest.mark.parametrize("times", [2, 4, 30, 1000])
def test_of_far_too_many_as_many_are_read_as_of_enough(shedding, times):
    offer(shedding, times * MOST_READ, 0.0)
    assert times * shedding.share == pytest.approx(1, rel=0.3)


def test_it_follows_what_comes_and_ends(shedding):
    at = offer(shedding, 40 * MOST_READ, 0.0)
    at = offer(shedding, 4 * MOST_READ, at)
    assert 4 * shedding.share == pytest.approx(1, rel=0.3)
    offer(shedding, 10, at)
    assert shedding.share == 1


def test_small_changes_change_nothing(shedding):
    at = offer(shedding, 4 * MOST_READ, 0.0)
    shedding.came(0, at + 0.9 * EVERY_SECONDS)
    share = shedding.share
    offer(shedding, 4.4 * MOST_READ, at)
    assert shedding.share == share
