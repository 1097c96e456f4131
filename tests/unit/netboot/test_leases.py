from ipaddress import IPv4Address

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cloned.netboot.leases import DECLINED_SECONDS, FRESH_SECONDS, OFFER_SECONDS, Lease, LeaseFile, Pool

A, B, C = "52:54:00:00:00:0a", "52:54:00:00:00:0b", "52:54:00:00:00:0c"


def ip(last):
    return IPv4Address(f"10.0.0.{last}")


def pool(tmp_path, first=10, last=12, **more):
    made = Pool(ip(first), ip(last), 600, LeaseFile(tmp_path / "leases"), **more)
    check(made, 0)
    return made


def check(made, now):
    for address in made.to_check(64, now):
        made.checked(address, now)


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


def test_leases_outlive_the_daemon(tmp_path):
    made = pool(tmp_path)
    made.bind(A, IPv4Address(made.offer(A, None, 0)), 0)
    made.taken("10.0.0.11", 0)
    with (tmp_path / "leases").open("a") as file:
        file.write('{"address": "10.0.0.12", "ma')  # a power cut
    again = Pool(ip(10), ip(12), 600, LeaseFile(tmp_path / "leases"))
    assert again.lease_of(A) == Lease("10.0.0.10", A, 600)
    assert again.to_check(9, 1) == ["10.0.0.12"]
    assert len((tmp_path / "leases").read_text().splitlines()) == 2


class Never(RuleBasedStateMachine):
    """An address is never held by two MACs at a time, whatever comes."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

        class Nowhere:
            def load(self):
                return []

            def save(self, lease):
                pass

        self.pool = Pool(ip(10), ip(13), 600, Nowhere())
        self.given = {}

    @rule(mac=st.sampled_from("abcdef"), wanted=st.none() | st.integers(9, 15))
    def ask(self, mac, wanted):
        check(self.pool, self.now)
        address = self.pool.offer(mac, None if wanted is None else ip(wanted), self.now)
        if address:
            self.promise(address, mac, self.now + OFFER_SECONDS)

    @rule(mac=st.sampled_from("abcdef"), last=st.integers(9, 15))
    def take(self, mac, last):
        if self.pool.bind(mac, ip(last), self.now):
            self.promise(str(ip(last)), mac, self.now + 600)

    @rule(mac=st.sampled_from("abcdef"), last=st.integers(9, 15))
    def give_back(self, mac, last):
        self.pool.release(mac, ip(last), self.now)
        if self.given.get(str(ip(last)), ("", 0))[0] == mac:
            del self.given[str(ip(last))]

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


Never.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestNever = Never.TestCase
