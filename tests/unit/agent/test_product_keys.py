"""The group of a key for Windows: computed from the bytes that firmware has, and nothing else of it told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.agent import product_keys
from cloned.lab.windows_key import body, made_up

GROUPS = st.integers(1, (1 << 20) - 1)
SERIALS = st.integers(0, (1 << 30) - 1)


def table(key: str) -> bytes:
    """As firmware's table MSDM has it, its header left empty."""
    return b"MSDM" + bytes(32) + body(key)


@given(GROUPS, SERIALS)
def test_the_group_of_any_key_is_found(group: int, serial: int) -> None:
    key = made_up(group, serial)
    assert len(key) == 29
    assert key.count("N") == 1
    assert product_keys.group(table(key)) == group


@given(GROUPS, SERIALS, st.integers(0, 28), st.sampled_from(product_keys.DIGITS + "N"))
def test_a_sign_that_is_wrong_is_noticed_but_once_in_a_thousand(group: int, serial: int, at: int, sign: str) -> None:
    key = made_up(group, serial)
    wrong = key[:at] + sign + key[at + 1 :]
    found = product_keys.group(table(wrong))
    assert found == 0 or wrong == key or product_keys.checksum(product_keys._number(wrong)) == _held(wrong)


def _held(key: str) -> int:
    return product_keys._number(key) >> product_keys.CHECKSUM_AT & (1 << product_keys.CHECKSUM_BITS) - 1


@pytest.mark.parametrize(
    "key",
    [
        "",
        "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX",
        "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
        "12345-67890-12345-67890-12345",
        "NNNNN-NNNNN-NNNNN-NNNNN-NNNNN",
        "\0" * 29,
        "\xff" * 29,
        made_up(3306).replace("-", ""),
        made_up(3306).lower(),
        made_up(3306)[:-1],
        made_up(3306)[:-6],
    ],
)
def test_what_is_no_such_key_has_none(key: str) -> None:
    assert product_keys.group(table(key)) == 0


@given(st.binary(max_size=120))
def test_no_table_is_too_strange(noise: bytes) -> None:
    assert product_keys.group(noise) == 0
    assert product_keys.group(table(made_up(3306))[:56] + noise) in (0, 3306)


def test_a_length_that_lies_finds_no_key(tmp_path: Path) -> None:
    whole = table(made_up(3306))
    assert product_keys.group(whole[:52] + (4).to_bytes(4, "little") + whole[56:]) == 0
    assert product_keys.group(whole[:52] + b"\xff" * 4 + whole[56:]) == 3306, "there is no more than the table has"


def test_it_is_told_as_a_number_and_only_where_there_is_a_table(tmp_path: Path) -> None:
    assert product_keys.key_facts(str(tmp_path)) == {}
    (tmp_path / "MSDM").write_bytes(table(made_up(3258)))
    assert product_keys.key_facts(str(tmp_path)) == {"product_key_group": 3258}
    (tmp_path / "MSDM").write_bytes(table("XXXXX-XXXXX-XXXXX-XXXXX-XXXXX"))
    assert product_keys.key_facts(str(tmp_path)) == {"product_key_group": 0}
