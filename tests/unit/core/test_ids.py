"""Who is who: placeholders never identify, dongles and docks do not mix laptops up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.core.ids import Identity, clean, normal_mac, same, usable_text, usable_uuid

FILLERS = [
    "To be filled by O.E.M.",
    "To Be Filled By O.E.M.",
    "Default string",
    "System Serial Number",
    "0",
    "00000000",
    "None",
    "N/A",
    "Not Specified",
    "0123456789",
    "123456789",
    "........",
    "",
    " ",
    "xxxxxxxx",
    "INVALID",
    "Chassis Serial Number",
    "Unknown",
    "OEM",
    "Not Applicable",
    "System Product Name",
    "Serial Number",
    "FFFFFFFF",
]
UUID = "4c4c4544-0039-4210-8052-b7c04f4e3732"


@pytest.mark.parametrize("text", FILLERS)
def test_placeholders_say_nothing(text: str) -> None:
    assert not usable_text(text)
    assert clean(serial=text).serial == ""


@pytest.mark.parametrize("text", ["5CG7392Z1X", "PF0XYZ12", "CND1234567", "ABC", "Latitude 5490", "HP", "R90N0BKX"])
def test_real_ones_do(text: str) -> None:
    assert usable_text(text)


@pytest.mark.parametrize(
    "uuid",
    [
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-000700080009",
        "Not Settable",
        "",
        "4c4c4544-0039-4210-8052",
    ],
)
def test_useless_uuids(uuid: str) -> None:
    assert not usable_uuid(uuid)


def test_a_dongle_shared_by_two_laptops_does_not_make_them_one() -> None:
    dongle = "00:e0:4c:68:00:01"
    first = clean(UUID, "PF1", "LENOVO", "20L5", [dongle])
    second = clean(UUID.replace("4c4c", "5d5d"), "PF2", "LENOVO", "20L5", [dongle])
    assert not same(first, second)


def test_a_dock_that_changes_the_mac_does_not_make_one_laptop_two() -> None:
    assert same(clean(UUID, "PF1", macs=["02:00:00:00:00:01"]), clean(UUID, "PF1", macs=["02:00:00:00:00:02"]))


def test_one_uuid_on_a_whole_batch_is_told_apart_by_serial() -> None:
    assert not same(clean(UUID, "PF1"), clean(UUID, "PF2"))


def test_a_boot_loader_that_knows_only_the_mac_finds_the_laptop() -> None:
    known = clean(UUID, "PF1", macs=["02:00:00:00:00:01"])
    assert same(known, clean(macs=["02-00-00-00-00-01"]))


def test_merging_keeps_every_mac() -> None:
    merged = clean(UUID, macs=["02:00:00:00:00:01"]).merged(clean(serial="PF1", macs=["02:00:00:00:00:02"]))
    assert merged == Identity(UUID, "PF1", "", "", ("02:00:00:00:00:02", "02:00:00:00:00:01"))


@pytest.mark.parametrize(
    ("firmware", "grub"),
    [
        ("PF2X  7Z", "PF2X 7Z"),
        (" PF2X7Z ", "PF2X7Z"),
        ("CN/0K2-17+A", "CN 0K2-17 A"),
        ("S/N (R) 77", "S N R 77"),
        ("pf2x7z", "PF2X7Z"),
    ],
)
def test_what_a_boot_loader_makes_of_a_serial_is_the_same_serial(firmware: str, grub: str) -> None:
    agents, loaders = clean(UUID, firmware, "Dell  Inc.", "Latitude"), clean(UUID, grub, "Dell Inc.", "Latitude")
    assert same(agents, loaders)
    assert same(clean("", firmware, "Dell  Inc.", "Latitude"), clean("", grub, "Dell Inc.", "Latitude"))


def test_a_word_that_lost_characters_on_the_way_does_not_replace_the_whole_one() -> None:
    whole, lossy = clean(serial="CN/0K2-17"), clean(serial="CN 0K2-17")
    assert whole.merged(lossy).serial == lossy.merged(whole).serial == "CN/0K2-17"
    assert whole.merged(clean(serial="other")).serial == "other"


def test_serials_that_differ_by_more_than_spaces_are_different() -> None:
    assert not same(clean(UUID, "PF2X-7Z"), clean(UUID, "PF2X7Z"))


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("AA-BB-CC-DD-EE-FE", "aa:bb:cc:dd:ee:fe"),
        ("01:00:5e:00:00:01", ""),
        ("00:00:00:00:00:00", ""),
        ("junk", ""),
    ],
)
def test_macs(text: str, mac: str) -> None:
    assert normal_mac(text) == mac


@given(st.text(), st.text(), st.text(), st.text(), st.lists(st.text(), max_size=4))
def test_anything_can_be_cleaned(uuid: str, serial: str, vendor: str, product: str, macs: list[str]) -> None:
    identity = clean(uuid, serial, vendor, product, macs)
    assert all(text.isprintable() and len(text) <= 64 for text in (identity.serial, identity.vendor, identity.product))
    assert same(identity, identity) or not (identity.usable or identity.macs)
