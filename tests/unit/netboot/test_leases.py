"""Who gets which address, who keeps it, and what nobody can take from others."""

import sys
from ipaddress import IPv4Address

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cloned.netboot.lease_file import LeaseFile
from cloned.netboot.leases import (
    BLAMED_MOST,
    CLAIMED_MOST,
    DECLINED_SECONDS,
    FRESH_SECONDS,
    OFFER_SECONDS,
    OFFER_SECONDS_AT_LEAST,
    QUIET_SECONDS,
    Lease,
    Pool,
)
from tests.unit.netboot.pools import A, B, C, Nowhere, check, ip, pool


def test_nothing_is_offered_unchecked(tmp_path):
    made = Pool(ip(10), ip(12), 600, LeaseFile(tmp_path / "leases"))
    assert made.offer(A, None, 0) == ""
    assert made.to_check(2, 0) == ["10.0.0.10", "10.0.0.11"]
    made.checked("10.0.0.11", 0)
    assert made.offer(A, None, 1) == "10.0.0.11"


def test_a_check_goes_stale(tmp_path):
    made = pool(tmp_path)
    assert made.offer(A, None, FRESH_SECONDS + 1) == ""
    assert "10.0.0.10" in made.to_check(3, FRESH_SECONDS + 1)


def test_the_same_address_again(tmp_path):
    made = pool(tmp_path)
    address = made.offer(A, None, 0)
    assert made.bind(A, IPv4Address(address), 1)
    assert made.offer(A, ip(12), 2) == address
    assert made.offer(A, None, 10_000) == address  # long run out, and nobody else needed it


def test_what_it_asks_for_if_free(tmp_path):
    made = pool(tmp_path)
    assert made.offer(A, ip(12), 0) == "10.0.0.12"
    assert made.offer(B, ip(12), 0) == "10.0.0.10"


def test_exhausted_and_free_again(tmp_path):
    made = pool(tmp_path, last=11)
    for mac in (A, B):
        made.bind(mac, IPv4Address(made.offer(mac, None, 0)), 0)
    assert made.exhausted(1)
    assert made.offer(C, None, 1) == ""
    check(made, 601)
    assert not made.exhausted(601)
    assert made.offer(C, None, 601) == "10.0.0.10"


def test_an_offer_not_taken_is_free_after_a_minute(tmp_path):
    made = pool(tmp_path, last=10)
    assert made.offer(A, None, 0) == "10.0.0.10"
    check(made, OFFER_SECONDS + 1)
    assert made.offer(B, None, OFFER_SECONDS + 1) == "10.0.0.10"


def test_bind_refuses_what_is_not_its_own(tmp_path):
    made = pool(tmp_path)
    address = made.offer(A, None, 0)
    assert not made.bind(B, IPv4Address(address), 1)
    assert not made.bind(B, ip(99), 1)


def test_an_address_nobody_was_offered_is_given_only_after_an_arp_check(tmp_path):
    made = Pool(ip(10), ip(12), 600, LeaseFile(tmp_path / "leases"))
    assert not made.bind(A, ip(11), 1)
    made.checked("10.0.0.11", 2)
    assert made.bind(A, ip(11), 3)
    assert made.bind(A, ip(11), 500)  # renewed: its own


def test_declined_and_taken(tmp_path):
    made = pool(tmp_path, last=10)
    assert made.taken("10.0.0.10", 0)
    assert not made.taken("10.0.0.10", 1)
    assert made.exhausted(1)
    assert not made.bind(A, ip(10), 1)
    assert not made.exhausted(DECLINED_SECONDS + 1)


def test_released(tmp_path):
    made = pool(tmp_path, last=10)
    made.bind(A, IPv4Address(made.offer(A, None, 0)), 0)
    made.release(B, ip(10), 1)
    assert made.exhausted(2)
    made.release(A, ip(10), 3)
    check(made, 4)
    assert made.offer(B, None, 4) == "10.0.0.10"


def test_reserved_addresses_are_not_given(tmp_path):
    made = pool(tmp_path, reserved=[ip(11), ip(1)])
    assert made.size == 2
    assert [made.offer(mac, None, 0) for mac in (A, B, C)] == ["10.0.0.10", "10.0.0.12", ""]


class Never(RuleBasedStateMachine):
    """An address is never held by two MACs at a time, whatever comes."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

        self.pool = Pool(ip(10), ip(13), 600, Nowhere())
        self.given = {}

    @rule(mac=st.sampled_from("abcdef"), wanted=st.none() | st.integers(9, 15))
    def ask(self, mac, wanted):
        check(self.pool, self.now)
        address = self.pool.offer(mac, None if wanted is None else ip(wanted), self.now)
        if address:
            self.promise(address, mac, self.now + OFFER_SECONDS_AT_LEAST)

    @rule(mac=st.sampled_from("abcdef"), last=st.integers(9, 15))
    def take(self, mac, last):
        if self.pool.bind(mac, ip(last), self.now):
            _, until = self.given.get(str(ip(last)), ("", 0))
            self.promise(str(ip(last)), mac, max(until, self.now + QUIET_SECONDS))

    @rule(mac=st.sampled_from("abcdef"), last=st.integers(9, 15))
    def use(self, mac, last):
        lease = self.pool.lease_of(mac)
        if self.pool.used(mac, str(ip(last))) and lease.bound and lease.until > self.now:
            self.promise(lease.address, mac, lease.until)

    @rule(mac=st.sampled_from("abcdef"), last=st.integers(9, 15))
    def give_back(self, mac, last):
        self.pool.release(mac, ip(last), self.now)
        if self.given.get(str(ip(last)), ("", 0))[0] == mac:
            del self.given[str(ip(last))]

    @rule(mac=st.sampled_from("abcdef"), last=st.integers(10, 13))
    def decline(self, mac, last):
        lease = self.pool.lease_of(mac)
        if lease is not None and lease.address == str(ip(last)) and self.pool.declined(mac, lease.address, self.now):
            self.given.pop(lease.address, None)

    @rule(mac=st.sampled_from("abcdef"), last=st.integers(9, 15))
    def claim(self, mac, last):
        lease = self.pool.lease_of(mac)
        if lease is None or lease.address != str(ip(last)):
            self.pool.taken(str(ip(last)), self.now, mac)
            self.given.pop(str(ip(last)), None)

    @rule(seconds=st.floats(0, 700))
    def wait(self, seconds):
        self.now += seconds

    def promise(self, address, mac, until):
        holder, end = self.given.get(address, (mac, 0))
        assert holder == mac or end <= self.now, f"{address} is {holder}'s until {end}, and went to {mac} at {self.now}"
        for old in [one for one, (who, _) in self.given.items() if who == mac]:
            del self.given[old]
        self.given[address] = (mac, until)

    @invariant()
    def counts(self):
        assert self.pool.in_use(self.now) <= self.pool.size
        places = self.pool._active, self.pool._returned, self.pool._free, self.pool._asked, *self.pool._ready
        found = [address for place in places for address in place]
        assert len(found) == len(set(found))
        assert set(found) >= {str(IPv4Address(number)) for number in range(self.pool._first, self.pool._next)}


Never.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)


TestNever = Never.TestCase


def test_an_offer_that_nobody_came_for_goes_to_the_next_where_nothing_else_is_left(tmp_path):
    made = pool(tmp_path, last=10)
    assert made.offer(A, None, 0) == "10.0.0.10"
    assert made.offer(B, None, OFFER_SECONDS_AT_LEAST - 1) == ""
    assert made.offer(B, None, OFFER_SECONDS_AT_LEAST) == "10.0.0.10"
    assert not made.bind(A, ip(10), 5)
    assert made.bind(B, ip(10), 5)


def test_who_takes_every_address_and_uses_none_keeps_none_from_others(tmp_path):
    """A program that invents MAC addresses: DISCOVER, REQUEST, renewals, and not one frame from its address."""
    made = pool(tmp_path, last=29)
    strangers = [f"02:00:00:00:00:{number:02x}" for number in range(20)]
    for mac in strangers:
        assert made.bind(mac, IPv4Address(made.offer(mac, None, 0)), 0)
    assert made.offer(A, None, 1) == ""
    for mac in strangers:  # again and again, which is no use of it either
        made.offer(mac, None, 5)
        assert made.bind(mac, IPv4Address(made.lease_of(mac).address), 6)
    address = made.offer(A, None, QUIET_SECONDS)
    assert made.bind(A, IPv4Address(address), QUIET_SECONDS)
    assert made.used(A, address)
    for at in range(100):
        for mac in strangers:
            if found := made.offer(mac, None, QUIET_SECONDS + at):
                made.bind(mac, IPv4Address(found), QUIET_SECONDS + at)
    assert made.lease_of(A).address == address
    assert made.bind(A, IPv4Address(address), QUIET_SECONDS + 100)


def test_nobody_who_uses_an_address_loses_it_however_full_it_is(tmp_path):
    made = pool(tmp_path, last=11)
    for mac in (A, B):
        assert made.bind(mac, IPv4Address(made.offer(mac, None, 0)), 0)
        assert made.used(mac, made.lease_of(mac).address)
    assert not made.used(C, "10.0.0.10")
    assert made.offer(C, None, 599) == ""
    assert made.bind(A, ip(10), 599)


def test_one_mac_declines_a_few_addresses_and_no_more(tmp_path):
    made = pool(tmp_path, last=110)
    lost = 0
    for _ in range(100):
        address = made.offer(A, None, 1)
        made.bind(A, IPv4Address(address), 1)
        lost += made.declined(A, address, 1)
    assert lost == BLAMED_MOST
    assert made.in_use(1) == BLAMED_MOST + 1


def test_many_macs_decline_an_eighth_and_no_more(tmp_path):
    made = pool(tmp_path, last=110)
    for number in range(90):
        mac = f"02:00:00:00:00:{number:02x}"
        check(made, 1)
        address = made.offer(mac, None, 1)
        made.bind(mac, IPv4Address(address), 1)
        assert made.declined(mac, address, 1)
    assert made.in_use(1) == 12


def test_one_machine_is_not_at_every_address(tmp_path):
    made = pool(tmp_path, last=110)
    assert sum(made.taken(f"10.0.0.{last}", 1, A) for last in range(10, 110)) == CLAIMED_MOST
    assert made.taken("10.0.0.110", 1, B)


def test_a_request_costs_the_same_in_a_large_full_pool():
    """Counted in steps, not in seconds: nothing walks the leases."""
    made = Pool(IPv4Address("10.8.0.1"), IPv4Address("10.8.255.250"), 600, Nowhere())
    for number in range(20_000):
        made._put(Lease(str(IPv4Address(int(IPv4Address("10.8.0.1")) + number)), f"{number}", 600.0))
    check(made, 1)
    steps = []

    def trace(frame, event, arg):
        steps.append(event)
        return trace

    sys.settrace(trace)
    try:
        made.offer(A, None, 1)
        made.bind(A, IPv4Address("10.8.200.1"), 1)
        made.exhausted(1)
        made.to_check(64, 1)
    finally:
        sys.settrace(None)
    assert len(steps) < 2000


def test_whom_it_had_to_do_with_is_known(tmp_path):
    made = pool(tmp_path)
    made.offer(A, None, 0)
    assert (made.knows(A), made.knows(B)) == (True, False)


def test_an_address_that_ran_out_twice_is_free_again(tmp_path):
    made = pool(tmp_path, last=10)
    for mac, now in ((A, 0), (B, 1000), (C, 2000)):
        check(made, now)
        assert made.offer(mac, None, now) == "10.0.0.10", mac
        assert made.bind(mac, ip(10), now)
        assert made.used(mac, "10.0.0.10")  # else it would be given on as never used


def test_one_that_somebody_else_uses_is_not_given_on_as_never_used(tmp_path):
    made = pool(tmp_path, last=10)
    made.offer(A, None, 0)
    assert made.bind(A, ip(10), 1)
    assert made.taken("10.0.0.10", 2)
    assert made.offer(B, None, 3 + QUIET_SECONDS) == ""


def test_what_nobody_ever_had_is_given_before_what_ran_out(tmp_path):
    made = Pool(ip(10), ip(12), 600, LeaseFile(tmp_path / "leases"))
    check_one = lambda now: [made.checked(each, now) for each in made.to_check(1, now)]  # noqa: E731
    check_one(0)
    made.offer(A, None, 0)
    made.bind(A, ip(10), 0)
    check_one(1)
    assert made.offer(B, None, 1) == "10.0.0.11"
    made.withdraw(B)
    assert made.to_check(1, 601) == ["10.0.0.11"]
