import contextlib
import errno
import hashlib
import os
import re
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.core.verbs import Role
from cloned.errors import ClonedError, MissingError
from cloned.status.auth import (
    FREE_TRIES,
    LONGEST_WAIT,
    SECRET_BYTES,
    SIGNED_IN_SECONDS,
    SLACK_SECONDS,
    STRANGERS_TRIES,
    Auth,
    Limiter,
    TooManyTries,
    Visitor,
    _secret,
    place,
)
from cloned.status.people import People

pytestmark = pytest.mark.usefixtures("cheap_hashes")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def auth(tmp_path, clock):
    return Auth(tmp_path, {"grafana": hashlib.sha256(b"long token").hexdigest().upper()}, clock, Limiter(clock))


async def test_a_pin_is_made_shown_once_and_kept_as_a_hash(tmp_path):
    auth = Auth(tmp_path / "state")
    assert len(auth.new_pin) == 6
    assert auth.new_pin.isdigit()
    again = Auth(tmp_path / "state")
    assert again.new_pin == ""
    assert await again.sign_in(auth.new_pin, "10.0.0.9")
    for path in (tmp_path / "state").iterdir():
        assert auth.new_pin not in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_pin_of_before_stays_valid_and_only_its_hash_is_kept(tmp_path):
    (tmp_path / "pin").write_text("123456\n", encoding="ascii")
    auth = Auth(tmp_path)
    assert auth.new_pin == ""
    assert not (tmp_path / "pin").exists()
    assert await auth.sign_in("123456", "10.0.0.9")
    assert await auth.sign_in("123457", "10.0.0.9") is None


@pytest.mark.parametrize("content", ["", "12345", "1234567", "abcdef", "１２３４５６"])  # noqa: RUF001
def test_a_damaged_pin_is_told_not_used(tmp_path, content):
    (tmp_path / "pin").write_text(content, encoding="utf-8")
    with pytest.raises(ClonedError, match="pin"):
        Auth(tmp_path)


def test_a_pin_that_is_a_link_elsewhere_makes_nothing_there(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "pin").symlink_to(tmp_path / "target")
    with pytest.raises(MissingError):
        Auth(tmp_path / "state")
    assert not (tmp_path / "target").exists()


async def test_a_cookie_outlives_a_restart_but_not_the_evening_nor_a_new_pin(tmp_path, auth, clock):
    cookie, who = await auth.sign_in(auth.new_pin, "10.0.0.9")
    assert (who.role, who.name, who.person) == (Role.VOLUNTEER, "page", "")
    assert Auth(tmp_path, {}, clock).who(cookie) == who
    clock.now += 12 * 3600 + 1
    assert not auth.who(cookie)
    clock.now = 1000.0
    assert auth.who(cookie)
    People(tmp_path).new_pin()
    assert not auth.who(cookie)


async def test_a_clock_that_is_set_back_makes_no_cookie_last_longer(auth, clock):
    clock.now = 365 * 86400.0
    cookie, _ = await auth.sign_in(auth.new_pin, "10.0.0.2")
    assert auth.who(cookie) is not None
    clock.now -= 30
    assert auth.who(cookie) is not None
    clock.now = 86400.0
    assert auth.who(cookie) is None


async def test_a_cookie_is_over_at_its_second_and_no_clock_may_stand_further_back_than_clocks_differ(auth, clock):
    cookie, _ = await auth.sign_in(auth.new_pin, "10.0.0.2")
    for since, holds in ((SIGNED_IN_SECONDS - 1, True), (SIGNED_IN_SECONDS, False), (-SLACK_SECONDS, True)):
        clock.now = 1000.0 + since
        assert (auth.who(cookie) is not None) is holds, since
    clock.now = 999.0 - SLACK_SECONDS
    assert auth.who(cookie) is None


async def test_people_sign_in_by_name_until_their_password_changes(tmp_path, auth):
    people = People(tmp_path)
    people.add("An P.", Role.ADMINISTRATOR, "correct horse battery")
    people.add("JD", Role.VOLUNTEER, "864209")
    cookie, who = await auth.sign_in("correct horse battery", "10.0.0.9", "an p.")
    assert (who.name, who.person, who.role) == ("An P.", "An P.", Role.ADMINISTRATOR)
    volunteer, who = await auth.sign_in("864209", "10.0.0.9", "JD")
    assert who.role is Role.VOLUNTEER
    assert await auth.sign_in("864209", "10.0.0.9", "An P.") is None
    assert await auth.sign_in("864209", "10.0.0.9", "nobody") is None
    assert await auth.sign_in("864209", "10.0.0.9") is None
    people.password("An P.", "another horse battery")
    assert (auth.who(cookie), auth.who(volunteer)) == (None, who)
    people.remove("jd")
    assert auth.who(volunteer) is None


async def test_signing_out_ends_every_copy_of_a_cookie_and_no_other(auth):
    one, _ = await auth.sign_in(auth.new_pin, "10.0.0.9")
    other, _ = await auth.sign_in(auth.new_pin, "10.0.0.9")
    auth.sign_out(one)
    assert auth.who(one) is None
    assert auth.who(other)
    auth.people.end()
    assert auth.who(other) is None
    assert await auth.sign_in(auth.new_pin, "10.0.0.9")


@given(st.text())
def test_no_made_up_cookie_holds(tmp_path_factory, cookie):
    assert not _shared(tmp_path_factory).who(cookie)


def _shared(factory, made=[]):  # noqa: B006
    if not made:
        made.append(Auth(factory.mktemp("auth")))
    return made[0]


async def test_a_changed_cookie_does_not_hold(auth):
    cookie, _ = await auth.sign_in(auth.new_pin, "10.0.0.9")
    for at in range(len(cookie)):
        changed = cookie[:at] + ("0" if cookie[at] != "0" else "1") + cookie[at + 1 :]
        assert not auth.who(changed)


def test_a_machine_is_known_by_its_token(auth):
    assert auth.machine("long token") == Visitor("grafana", Role.VOLUNTEER)
    assert auth.machine("long tokem") is None
    assert auth.machine("") is None


def test_guessing_from_one_address_gets_slow_and_stays_slow(limiter_of, clock):
    limiter = limiter_of()
    for _ in range(FREE_TRIES):
        limiter.admit("10.0.0.9")
    with pytest.raises(TooManyTries) as caught:
        limiter.admit("10.0.0.9")
    assert 0 < caught.value.seconds <= 5
    tries = 0
    for _ in range(24 * 120):
        clock.now += 30
        with contextlib.suppress(TooManyTries):
            limiter.admit("10.0.0.9")
            tries += 1
    assert 24 * 3600 / LONGEST_WAIT <= tries < 310


@pytest.fixture
def limiter_of(clock):
    return lambda: Limiter(clock)


def test_a_flood_from_everywhere_does_not_lock_the_workshop_out(limiter_of):
    limiter = limiter_of()
    limiter.admit("10.0.0.5")
    limiter.right("10.0.0.5")
    for number in range(int(STRANGERS_TRIES) - 1):
        limiter.admit(f"10.1.0.{number}")
    with pytest.raises(TooManyTries):
        limiter.admit("10.1.1.1")
    limiter.admit("10.0.0.5")
    limiter.admit("127.0.0.1")


def test_a_right_pin_forgives_the_wrong_ones(limiter_of):
    limiter = limiter_of()
    for _ in range(3 * FREE_TRIES):
        limiter.admit("10.0.0.5")
        limiter.right("10.0.0.5")


def test_addresses_that_were_never_right_are_forgotten_first(limiter_of, clock):
    limiter = limiter_of()
    limiter.admit("10.0.0.5")
    limiter.right("10.0.0.5")
    for number in range(4200):
        clock.now += 2
        limiter.admit(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(limiter._addresses) == 4096
    assert limiter._addresses["10.0.0.5"].known


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("2001:db8:1:2:aaaa::5", "2001:0db8:0001:0002::/64"),
        ("fe80::1%eth0", "fe80:0000:0000:0000::/64"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("unix", "unix"),
    ],
)
def test_who_can_pick_addresses_at_will_is_one_place(address, counts_as):
    assert place(address) == counts_as


@pytest.mark.parametrize("left", [b"", b"\n", b"ab" * 8, b"\xff\xfe" * 40], ids=["empty", "blank", "short", "noise"])
def test_a_key_that_could_be_guessed_is_made_anew(tmp_path, left):
    """A disk that was full when it was made left an empty one, with which anybody could have signed a cookie."""
    path = tmp_path / "page.key"
    path.write_bytes(left)
    key = Auth(tmp_path, {})._key
    assert re.fullmatch(r"[0-9a-f]{64}\n", path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert Auth(tmp_path, {})._key == key
    assert sorted(each.name for each in tmp_path.iterdir() if "key" in each.name) == ["page.key"]


def test_a_full_disk_leaves_no_key(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(MissingError, match="No space left"):
            _secret(tmp_path / "page.key")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("others", ["ab" * SECRET_BYTES, "short"])
def test_of_two_that_make_a_key_at_once_the_quicker_ones_counts_if_it_is_whole(tmp_path, monkeypatch, others):
    link, path = os.link, tmp_path / "page.key"

    def late(fresh, where):
        monkeypatch.setattr(os, "link", link)
        path.write_text(others)
        raise FileExistsError

    monkeypatch.setattr(os, "link", late)
    key = _secret(path)
    assert (key == others) is (others != "short")
    assert path.read_text().strip() == key
    assert _secret(path) == key
