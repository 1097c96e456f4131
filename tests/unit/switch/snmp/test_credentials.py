"""Addresses understood, secrets kept."""

from __future__ import annotations

import traceback

import pytest

from cloned.errors import UsageError
from cloned.switch.snmp.credentials import Address, Community, Secret, User, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("switch", Address("switch", 161)),
        ("10.0.0.2", Address("10.0.0.2", 161)),
        ("10.0.0.2:1161", Address("10.0.0.2", 1161)),
        ("::1", Address("::1", 161)),
        ("[::1]", Address("::1", 161)),
        ("[fe80::2]:1161", Address("fe80::2", 1161)),
        (" core.example. ", Address("core.example.", 161)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", ":161", "host:", "host:0", "host:65536", "host:1e3", "host:²", "[::1", "[::g]:1", "a b", "-x"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_address(text)


def test_a_secret_does_not_show() -> None:
    secret = Secret("hush-hush-hush")
    user = User("ann", auth_key=secret, privacy_key=secret)
    try:
        raise ValueError(secret, Community(secret), user)
    except ValueError as error:
        shown = f"{secret} {secret!r} {user} {user!r} {Community(secret)!r} {secret:}" + "".join(
            traceback.format_exception(error)
        )
    assert "hush" not in shown
    assert secret.reveal() == "hush-hush-hush"
    assert (secret == Secret("hush-hush-hush"), secret == Secret("x"), bool(Secret(""))) == (True, False, False)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"name": ""}, "user name"),
        ({"name": "a", "auth_key": Secret("short")}, "shorter than 8"),
        ({"name": "a", "privacy_key": Secret("long enough")}, "authentication too"),
    ],
)
def test_users_that_cannot_be(given: dict[str, object], word: str) -> None:
    with pytest.raises(UsageError, match=word) as caught:
        User(**given)  # type: ignore[arg-type]
    assert "long enough" not in str(caught.value)


def test_the_bridge_of_one_vlan() -> None:
    assert Community(Secret("word")).in_vlan(12) == Community(Secret("word@12"))
    assert User("ann", context="x").in_vlan(12).context == "vlan-12"
