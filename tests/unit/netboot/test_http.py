import pytest

from cloned.netboot.http import read_query

QUERY = {
    "mac": "52-54-00-00-00-0A",
    "uuid": "u",
    "serial": "S1",
    "product": "P",
    "manufacturer": "M",
    "platform": "efi",
}


def test_what_a_query_tells():
    request = read_query(QUERY, "10.0.0.9", "ipxe")
    assert (request.mac, request.address, request.uuid, request.serial) == ("52:54:00:00:00:0a", "10.0.0.9", "u", "S1")
    assert (request.vendor, request.product, request.firmware, request.via) == ("M", "P", "uefi", "ipxe")


@pytest.mark.parametrize(
    ("query", "via", "firmware"),
    [
        ({"platform": "pcbios"}, "ipxe", "bios"),
        ({"lockdown": "y"}, "grub", "secureboot"),
        ({"lockdown": ""}, "grub", "uefi"),
        ({}, "ipxe", ""),
    ],
)
def test_firmware(query, via, firmware):
    assert read_query({"mac": "52:54:00:00:00:0a", **query}, "10.0.0.9", via).firmware == firmware


@pytest.mark.parametrize("mac", ["", "52:54:00:00:00", "52:54:00:00:00:0a:0b", "gg:54:00:00:00:0a", "x" * 99])
def test_no_mac_no_request(mac):
    assert read_query({"mac": mac}, "10.0.0.9", "ipxe") is None


def test_words_are_cut_to_size():
    request = read_query({**QUERY, "serial": " \x1b[2J\n" + "9" * 999}, "10.0.0.9", "ipxe")
    assert request.serial == "[2J" + "9" * 60


def test_thin_laptops_say_so():
    assert read_query({**QUERY, "via": "thin"}, "10.0.0.9", "ipxe").via == "thin"


@pytest.mark.parametrize("mac", ["525400AB0C0D", "52-54-00-ab-0c-0d", "5254.00ab.0c0d", "52:54:00:ab:0c:0d "])
def test_a_mac_however_a_loader_writes_it(mac):
    assert read_query({"mac": mac}, "10.0.0.9", "ipxe").mac == "52:54:00:ab:0c:0d"


@pytest.mark.parametrize("mac", ["01:00:5e:00:00:01", "00:00:00:00:00:00", "${net0/mac}", "52:54:00:ab:0c:0d:0e"])
def test_what_no_card_has_is_no_mac(mac):
    assert read_query({"mac": mac}, "10.0.0.9", "ipxe") is None
