"""What makers leave where a serial number, UUID or MAC address belongs says nothing, and what is real does."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.core.derived import first_ids
from cloned.core.fillers import says_text, says_uuid, swapped, usable_mac, usable_text, usable_uuid
from cloned.core.ids import Identity, clean


@pytest.mark.parametrize(
    "text",
    ["SystemSerialNumb", "12345678", "SN-1234567890", "OEM_Serial", "(null string)", "EVAL", "Enter Serial", "Default",
     "Unknow", "To be defined", "ABCDEFGH", "987654321", "MB-1234567890", "1212121212", "serial#", "oem", "N.A.",
     "no serial number", "Not Set", "Please enter", "NotSpecified", "Not Filled", "Manufacturer", "Customer", "0x00000000",
     "Product Name", "Vendor", "SN: 1234567", "SN123456", "SN00000000", "Serial0", "SER-NUM", "default_string", "<null>",
     "None.", "none specified", "N\\A", "Uninitialized", "unset", "TBD by OEM", "OEM Chassis Serial Number", "OEM Default",
     "0xFFFFFFFF", "Not Provided", "Missing", "PLACEHOLDER", "PC Serial", "GENERIC", "QWERTY"],
)  # fmt: skip
def test_serials_that_say_nothing(text: str) -> None:
    assert not usable_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "PF000001",
        "BJ474S2",
        "0012945678X",
        "CND1234567",
        "L3AAA01",
        "XPS 13",
        "S4EVNX0R",
        "Model 10A",
        "Product2X9",
        "CustomPC71",
        "Laptop",
        "Laptop 13 (AMD Ryzen 7040Series)",
        "SN1A2B3C4D",
        "NBX0012345",
    ],
)
def test_serials_that_are_real(text: str) -> None:
    assert usable_text(text)


@pytest.mark.parametrize(
    "text",
    ["4c4c4544-0000-2010-8020-80c04f202020", "44454c4c-0000-1020-8020-80c04f202020",
     "4c4c4544-0020-2010-8020-a0c04f202020", "00010203-0405-0607-0809-0a0b0c0d0e0f", "01010101-0101-0101-0101-010101010101",
     "11111111-2222-1111-2222-333333333333", "03020100-0504-0706-0809-0a0b0c0d0e0f", "00000000-0000-0000-0000-000000000001",
     "11111111-2222-3333-4444-555555555555", "12345678-1234-5678-1234-567812345678", "ffffffff-ffff-ffff-ffff-fffffffffffe", "abababab-abab-abab-abab-abababababab",
     "deadbeef-dead-beef-dead-beefdeadbeef", "efbeadde-adde-efbe-dead-beefdeadbeef", "4c4c4544-0030-3010-8030-b0c04f303030",
     "4c4c4544-0058-5810-8058-d8c04f585858", "4c4c4544-0000-0010-8000-80c04f000000", "4c4c4544-00ff-ff10-80ff-ffc04fffffff"],
)  # fmt: skip
def test_uuids_that_say_nothing(text: str) -> None:
    assert not usable_uuid(text)
    assert not usable_uuid(text.upper())


@pytest.mark.parametrize(
    "text",
    ["4c4c4544-0042-4a10-8034-b7c04f345332", "44454c4c-4200-104a-8034-b7c04f345332", "03aa02fc-0414-05d3-cb06-940700080009"],
)  # fmt: skip
def test_uuids_that_are_real(text: str) -> None:
    assert usable_uuid(text)


@given(st.binary(min_size=16, max_size=16))
def test_hardly_any_random_uuid_is_taken_for_a_filler(drawn: bytes) -> None:
    text = str(uuid.uuid5(uuid.NAMESPACE_OID, drawn.hex()))
    assert usable_uuid(text)
    assert swapped(swapped(text)) == text


def test_macs_that_tell_cards_apart() -> None:
    assert not usable_mac("00:11:22:33:44:55")
    assert not usable_mac("88:88:88:88:87:88")
    assert not usable_mac("00:00:00:00:00:01")
    assert not usable_mac("02:00:00:00:00:00")
    assert not usable_mac("00:e0:4c:00:00:00")
    assert usable_mac("02:00:00:00:00:02")


def test_what_is_a_filler_by_now_still_names_a_laptop_that_was_named_by_it() -> None:
    """A journal of before, gone through again, leads to the ids that the ledger has; who comes now gets another."""
    kept = Identity("4c4c4544-0030-3010-8030-b0c04f303030", "SN123456", "Maker", "Model", ("3c:97:0e:00:00:01",))
    assert says_text(kept.serial)
    assert says_uuid(kept.uuid)
    seen = clean(kept.uuid, kept.serial, kept.vendor, kept.product, kept.macs)
    assert (seen.serial, seen.uuid) == ("", "")
    assert first_ids(kept)[0] != first_ids(seen)[0] == first_ids(Identity(macs=kept.macs))[0]
