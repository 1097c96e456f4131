import pytest

from cloned.netboot.shedding import EVERY_SECONDS, READ, Shedding

MOST_READ = READ[0]


@pytest.fixture
def shedding():
    return Shedding(0.0)


def offer(shedding, rate, at, rounds=30, able=0):
    """So many a second for a while, of which those arrive that are let pass; returns when it ended.

    `able`: how many of these are answered each second.
    """
    for _ in range(rounds):
        at += EVERY_SECONDS
        came = round(rate * shedding.share * EVERY_SECONDS)
        shedding.came(came, max(0, came - round(able * EVERY_SECONDS)), at)
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
    shedding.came(0, 0, at + 0.9 * EVERY_SECONDS)
    share = shedding.share
    offer(shedding, 4.4 * MOST_READ, at)
    assert shedding.share == share


@pytest.mark.parametrize("able", [1000, 2000, 5000, 8000, 50_000])
def test_as_many_are_read_as_are_answered_and_some_more(shedding, able):
    at = offer(shedding, 40 * MOST_READ, 0.0, rounds=60, able=able)
    read = 40 * MOST_READ * shedding.share
    assert max(0.9 * READ[0], min(able, 0.9 * READ[1])) <= read <= max(1.2 * READ[0], min(2 * able, 1.2 * READ[1]))
    offer(shedding, 40 * MOST_READ, at, rounds=60, able=1000)
    assert 40 * MOST_READ * shedding.share < 1.2 * READ[0]
