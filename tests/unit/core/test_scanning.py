"""Scans: what a scanner set to US types on Belgian and French keyboards, addresses, MACs, and nonsense."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.refusals import Refusal, Refused
from cloned.core.scanning import _BELGIAN, _FRENCH, _US, find_scanned, scanned
from cloned.core.workshop import Workshop

KEYBOARDS = {"belgian": str.maketrans(_US, _BELGIAN), "french": str.maketrans(_US, _FRENCH)}
LAPTOP = Laptop(
    LaptopId("1f2e3d4c5b"), 7, Facts(Identity(serial="PF1ABCDE", macs=("d8:9e:f3:10:00:01",))), State.DONE, 0, 0,
    tag="DM-2026-0042",
)  # fmt: skip


def test_the_keyboards_have_a_sign_for_each_key() -> None:
    assert len(_US) == len(_BELGIAN) == len(_FRENCH)
    assert "0123456789".translate(KEYBOARDS["belgian"]) == "à&é\"'(§è!ç"
    assert "AZQWM-,".translate(KEYBOARDS["belgian"]) == "QWAZ?);"
    assert "0123456789".translate(KEYBOARDS["french"]) == "à&é\"'(-è_ç"


@pytest.mark.parametrize("keyboard", KEYBOARDS)
@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("DM-2026-0042", "DM-2026-0042"),
        ("PC250200", "PC250200"),
        ("PF1ABCDE", "PF1ABCDE"),
        ("http://10.0.0.5:8080/laptops/DM-2026-0042", "DM-2026-0042"),
        ("https://cloned.example.org/laptops/A%2F7", "A/7"),
        ("d89ef3100001", "d8:9e:f3:10:00:01"),
        ("D8:9E:F3:10:00:01", "d8:9e:f3:10:00:01"),
        ("7", "7"),
    ],
)
def test_a_us_scanner_on_other_keyboards(keyboard: str, code: str, meant: str) -> None:
    assert scanned(code)[0] == meant
    assert meant in scanned(code.translate(KEYBOARDS[keyboard]))


@pytest.mark.parametrize("keyboard", KEYBOARDS)
@given(st.from_regex(r"[A-Z]{0,4}-?[0-9]{1,8}(-[0-9]{1,4})?", fullmatch=True))
def test_any_number_arrives(keyboard: str, code: str) -> None:
    assert code in scanned(code.translate(KEYBOARDS[keyboard]))


@pytest.mark.parametrize(
    "text",
    [
        "DM-2026-0042",
        "dm-2026-0042\r\n",
        "http://other-name/laptops/DM-2026-0042?lang=nl",
        "PF1ABCDE",
        "S/N: PF1ABCDE",
        "D89EF3100001",
        "d8-9e-f3-10-00-01",
        "1f2e3d4c5b",
        "D?)éàé§)àà'é",
        "http://10.0.0.5:8080/laptops/DM-2026-0042".translate(KEYBOARDS["belgian"]),
    ],
)
def test_the_laptop_is_found(text: str) -> None:
    found = find_scanned(Workshop().with_laptop(LAPTOP), text)
    assert isinstance(found, Laptop), found
    assert found.id == LAPTOP.id


def test_a_mac_that_is_another_ones_tag_finds_the_tag() -> None:
    other = replace(
        LAPTOP,
        id=LaptopId("other"),
        number=8,
        tag="AABBCCDDEE01",
        facts=replace(LAPTOP.facts, identity=Identity(serial="X")),
    )
    found = find_scanned(Workshop().with_laptop(LAPTOP).with_laptop(other), "AABBCCDDEE01")
    assert isinstance(found, Laptop)
    assert found.number == 8


def test_what_nobody_has_is_named_as_it_was_meant() -> None:
    found = find_scanned(Workshop(), "D?)éàé§)àà'é")
    assert isinstance(found, Refusal)
    assert found.code is Refused.NO_SUCH_LAPTOP
    assert found.values["name"] == "DM-2026-0042"


@given(st.text(max_size=600))
def test_nonsense_finds_nobody_and_breaks_nothing(text: str) -> None:
    assert isinstance(find_scanned(Workshop(), text), Refusal)
