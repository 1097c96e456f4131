from __future__ import annotations

import pytest

from cloned.connections import NEW_AT_ONCE, NEW_PER_SECOND, PLACES, Arrivals, Counted, Crowd, affordable, place


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("127.0.0.1", "loopback"),
        ("127.9.9.9", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.2", "loopback"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("2001:db8::1", "2001:0db8:0000:0000::/64"),
        ("2001:db8::ffff%eth0", "2001:0db8:0000:0000::/64"),
        ("unix", "unix"),
    ],
)
def test_what_counts_as_one_place(address: str, where: str) -> None:
    assert place(address) == where


def test_each_place_has_so_many_and_all_together_too() -> None:
    counted = Counted(2, 3)
    assert [counted.take("a"), counted.take("a"), counted.take("a"), counted.take("b")] == [True, True, False, True]
    assert not counted.take("c")
    counted.give_back("a")
    assert counted.take("c")
    assert counted.all == 3


def test_descriptors_are_left_for_others() -> None:
    assert 16 <= affordable(0.5) <= 2048


def test_who_begins_connection_after_connection_is_cut_off_and_nobody_else() -> None:
    now = [0.0]
    arrivals = Arrivals(lambda: now[0])
    begun = sum(arrivals.admit("10.0.0.66") for _ in range(1000))
    assert begun == NEW_AT_ONCE
    assert arrivals.admit("10.0.0.7")
    now[0] = 2.0
    assert sum(arrivals.admit("10.0.0.66") for _ in range(1000)) == 2 * NEW_PER_SECOND
    assert all(arrivals.admit("loopback") for _ in range(10 * NEW_AT_ONCE))


def test_only_so_many_addresses_are_remembered() -> None:
    arrivals = Arrivals(lambda: 0.0)
    for number in range(PLACES + 100):
        arrivals.admit(str(number))
    assert len(arrivals._places) == PLACES


class Visitor:
    def __init__(self, *, silent: bool = True) -> None:
        self.silent, self.gone = silent, False

    def cut_off(self) -> None:
        self.gone = True


def test_where_all_have_enough_the_longest_silent_makes_room() -> None:
    crowd = Crowd(2, 4)
    busy, first, second, third, newest = Visitor(silent=False), Visitor(), Visitor(), Visitor(), Visitor()
    for visitor, where in ((busy, "a"), (first, "a"), (second, "b"), (third, "c")):
        assert crowd.enter(visitor, where)
    assert not crowd.enter(Visitor(), "a")  # it has its own two, and nobody goes for it
    assert crowd.enter(newest, "d")
    assert [each.gone for each in (busy, first, second, third, newest)] == [False, True, False, False, False]
    crowd.leave(first)
    assert crowd.all == 4
    crowd.leave(busy)
    crowd.leave(busy)
    assert crowd.all == 3


def test_where_everybody_is_being_answered_there_is_no_room() -> None:
    crowd = Crowd(2, 2)
    there = [Visitor(silent=False), Visitor(silent=False)]
    assert all(crowd.enter(each, "a") for each in there)
    assert not crowd.enter(Visitor(), "b")
    assert not any(each.gone for each in there)
