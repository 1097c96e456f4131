"""PINs and passwords are kept as hashes that take time to make."""

from __future__ import annotations

import hashlib

import pytest

from cloned.status import passwords


def test_a_hash_costs_what_it_should_and_its_secret_alone_matches() -> None:
    kept = passwords.hashed("864209")
    kind, cost, block, lanes, salt, known = kept.split("$")
    assert (kind, int(cost) * int(block) * 128 >= 32 * 2**20, int(lanes)) == ("scrypt", True, 3)
    assert (len(bytes.fromhex(salt)), len(bytes.fromhex(known))) == (16, 32)
    assert passwords.matches("864209", kept)


def test_another_secret_does_not_match(cheap_hashes: None) -> None:
    kept = passwords.hashed("864209")
    assert passwords.matches("864209", kept)
    assert not passwords.matches("864208", kept)


def test_one_made_when_less_was_asked_still_counts() -> None:
    made = hashlib.scrypt(b"864209", salt=b"salt", n=4, r=8, p=1, dklen=32)
    assert passwords.matches("864209", f"scrypt$4$8$1${b'salt'.hex()}${made.hex()}")


def test_the_same_secret_twice_gives_two_hashes(cheap_hashes: None) -> None:
    assert passwords.hashed("864209") != passwords.hashed("864209")


@pytest.mark.parametrize(
    "kept", ["", "scrypt", "md5$2$8$3$00$00", "scrypt$x$8$3$00$00", "scrypt$3$8$3$00$00", "scrypt$2$8$3$zz$00"]
)
def test_rubbish_matches_nothing(kept: str) -> None:
    assert not passwords.matches("864209", kept)
