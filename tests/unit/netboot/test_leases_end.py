"""When a lease, an offer, a check and a claim end, and what a late word takes from nobody."""

from cloned.netboot.leases import DECLINED_SECONDS, FRESH_SECONDS, OFFER_SECONDS, QUIET_SECONDS, Lease
from tests.unit.netboot.pools import A, B, check, ip, pool


def test_a_lease_is_over_at_its_second(tmp_path):
    made = pool(tmp_path, last=10)
    made.offer(A, None, 0)
    assert made.bind(A, ip(10), 0)
    assert made.used(A, "10.0.0.10")
    assert (made.seen_using(A, 599.9), made.in_use(599.9)) == (True, 1)
    assert (made.seen_using(A, 600), made.in_use(600)) == (False, 0)


def test_who_asks_again_once_its_lease_is_over_has_an_offer_and_no_lease(tmp_path):
    made = pool(tmp_path, last=10)
    made.offer(A, None, 0)
    assert made.bind(A, ip(10), 0)
    assert made.offer(A, None, 600) == "10.0.0.10"
    assert made.lease_of(A) == Lease("10.0.0.10", A, 600 + OFFER_SECONDS, bound=False)


def test_an_offer_that_is_repeated_is_still_no_lease(tmp_path):
    made = pool(tmp_path, last=10)
    made.offer(A, None, 0)
    made.offer(A, None, 5)
    assert made.lease_of(A) == Lease("10.0.0.10", A, 5 + OFFER_SECONDS, bound=False)
    made.withdraw(A)
    assert (made.knows(A), made.in_use(6)) == (False, 0)


def test_who_renews_too_late_has_its_address_to_itself_again(tmp_path):
    made = pool(tmp_path, last=10)
    made.offer(A, None, 0)
    assert made.bind(A, ip(10), 0)
    assert made.in_use(700) == 0
    assert made.bind(A, ip(10), 700)
    check(made, 701)
    assert (made.in_use(701), made.offer(B, None, 701)) == (1, "")


def test_who_renews_too_late_and_does_not_use_it_loses_it_as_anybody(tmp_path):
    made = pool(tmp_path, last=10)
    made.offer(A, None, 0)
    assert made.bind(A, ip(10), 0)
    assert made.used(A, "10.0.0.10")
    assert made.bind(A, ip(10), 600)
    assert made.offer(B, None, 600 + QUIET_SECONDS) == "10.0.0.10"


def test_what_was_given_back_and_found_free_stays_so_when_its_old_time_is_over(tmp_path):
    made = pool(tmp_path, last=10)
    made.offer(A, None, 0)
    assert made.bind(A, ip(10), 0)
    assert made.in_use(100) == 1
    made.release(A, ip(10), 110)
    check(made, 500)
    assert made.offer(B, None, 601) == "10.0.0.10"


def test_a_check_holds_for_five_minutes_to_the_second(tmp_path):
    made = pool(tmp_path)
    assert made.offer(A, ip(12), FRESH_SECONDS) == "10.0.0.12"
    assert made.offer(B, None, FRESH_SECONDS) == "10.0.0.10"


def test_a_check_that_is_answered_late_takes_nothing_from_who_has_the_address(tmp_path):
    made = pool(tmp_path, last=10)
    made.offer(A, None, 0)
    assert made.bind(A, ip(10), 0)
    assert made.used(A, "10.0.0.10")
    made.checked("10.0.0.10", 1)
    assert (made.in_use(1), made.offer(B, None, 1)) == (1, "")


def test_a_check_of_an_address_that_is_not_ours_makes_it_nobodys(tmp_path):
    made = pool(tmp_path, last=10)
    made.checked("10.0.0.99", 0)
    assert made.offer(A, ip(99), 0) == "10.0.0.10"
    assert made.offer(B, None, 0) == ""


def test_of_addresses_found_free_one_that_nobody_had_goes_first(tmp_path):
    made = pool(tmp_path, last=11)
    assert made.offer(A, None, 0) == "10.0.0.10"
    assert made.bind(A, ip(10), 0)
    assert made.used(A, "10.0.0.10")
    made.release(A, ip(10), 1)
    made.checked("10.0.0.10", 2)
    assert made.offer(B, None, 3) == "10.0.0.11"


def test_a_used_address_is_believed_to_be_used_for_an_hour_to_the_second(tmp_path):
    made = pool(tmp_path, last=10)
    assert made.taken("10.0.0.10", 0)
    assert not made.taken("10.0.0.10", DECLINED_SECONDS - 1)
    assert made.taken("10.0.0.10", DECLINED_SECONDS)


def test_the_first_and_the_last_address_may_be_reserved(tmp_path):
    made = pool(tmp_path, reserved=[ip(10), ip(12)])
    assert made.size == 1
    assert [made.offer(mac, None, 0) for mac in (A, B)] == ["10.0.0.11", ""]
