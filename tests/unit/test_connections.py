from __future__ import annotations

import pytest

from cloned.connections import NEW_AT_ONCE, NEW_PER_SECOND, PLACES, Arrivals, Counted, affordable, place


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
