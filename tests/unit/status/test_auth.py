import contextlib
import hashlib
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.errors import ClonedError, MissingError
from cloned.status.auth import FREE_TRIES, LONGEST_WAIT, STRANGERS_TRIES, Auth, Limiter, TooManyTries, place, read_pin


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


def test_the_pin_is_made_once_and_for_us_alone(tmp_path):
    pin = read_pin(tmp_path / "state")
    assert len(pin) == 6
    assert pin.isdigit()
    assert read_pin(tmp_path / "state") == pin
    assert stat.S_IMODE((tmp_path / "state" / "pin").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "12345", "1234567", "abcdef", "１２３４５６"])  # noqa: RUF001
def test_a_damaged_pin_is_told_not_used(tmp_path, content):
    (tmp_path / "pin").write_text(content, encoding="utf-8")
    with pytest.raises(ClonedError, match="pin"):
        read_pin(tmp_path)


def test_a_pin_that_is_a_link_elsewhere_makes_nothing_there(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "pin").symlink_to(tmp_path / "target")
    with pytest.raises(MissingError):
        read_pin(tmp_path / "state")
    assert not (tmp_path / "target").exists()


def test_a_cookie_outlives_a_restart_but_not_the_evening_nor_a_new_pin(tmp_path, auth, clock):
    cookie = auth.sign_in(read_pin(tmp_path), "10.0.0.9")
    assert Auth(tmp_path, {}, clock).cookie_holds(cookie)
    clock.now += 12 * 3600 + 1
    assert not auth.cookie_holds(cookie)
    clock.now = 1000.0
    (tmp_path / "pin").write_text("000000\n")
    assert not Auth(tmp_path, {}, clock).cookie_holds(cookie)


@given(st.text())
def test_no_made_up_cookie_holds(tmp_path_factory, cookie):
    assert not _shared(tmp_path_factory).cookie_holds(cookie)


def _shared(factory, made=[]):  # noqa: B006
    if not made:
        made.append(Auth(factory.mktemp("auth")))
    return made[0]


def test_a_changed_cookie_does_not_hold(tmp_path, auth):
    cookie = auth.sign_in(read_pin(tmp_path), "10.0.0.9")
    for at in range(len(cookie)):
        changed = cookie[:at] + ("0" if cookie[at] != "0" else "1") + cookie[at + 1 :]
        assert not auth.cookie_holds(changed)


def test_a_machine_is_known_by_its_token(auth):
    assert auth.machine("long token") == "grafana"
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
    assert len(limiter._addresses) <= 4096
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
