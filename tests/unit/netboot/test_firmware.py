import pytest

from cloned.netboot.firmware import BootPath, boot_file, classify, is_ipxe
from cloned.netboot.packet import Option, Packet, decode


def request(**options):
    return Packet(1, 1, "52:54:00:00:00:01", options={Option[name.upper()]: value for name, value in options.items()})


@pytest.mark.parametrize(
    ("name", "way", "arch", "firmware"),
    [
        ("seabios-ipxe-discover", BootPath.IPXE, 0, "bios"),
        ("ovmf-pxe-discover", BootPath.PXE, 7, "uefi"),
        ("ovmf-pxe-request", BootPath.PXE, 7, "uefi"),
        ("ovmf-http-discover", BootPath.HTTP, 16, "uefi"),
        ("snponly-discover", BootPath.IPXE, 7, "uefi"),
    ],
)
def test_real_firmware(golden, name, way, arch, firmware):
    client = classify(decode(golden(name)))
    assert (client.way, client.arch, client.firmware, client.boots) == (way, arch, firmware, True)


@pytest.mark.parametrize("arch", [7, 9])
def test_both_numbers_of_x86_64(arch):
    client = classify(request(**{"class": b"PXEClient", "architecture": bytes((0, arch))}))
    assert (client.firmware, boot_file(client)) == ("uefi", "shimx64.efi")


@pytest.mark.parametrize(
    ("arch", "words"),
    [(6, "32-bit UEFI"), (15, "32-bit UEFI"), (11, "ARM64"), (19, "ARM64"), (4711, "this kind of machine")],
)
def test_refusals_in_words(arch, words):
    vendor = b"HTTPClient" if arch in (15, 19) else b"PXEClient"
    client = classify(request(**{"class": vendor, "architecture": arch.to_bytes(2, "big")}))
    assert not client.boots
    assert words in client.refusal
    assert str(arch) in client.refusal


def test_architecture_from_the_vendor_class_alone():
    client = classify(request(**{"class": b"PXEClient:Arch:00009:UNDI:003016"}))
    assert (client.arch, client.firmware) == (9, "uefi")


def test_no_architecture_is_a_bios():
    assert boot_file(classify(request(**{"class": b"PXEClient"}))) == "undionly.kpxe"


def test_not_a_network_boot():
    assert classify(request(**{"class": b"MSFT 5.0"})).way is BootPath.NONE
    assert classify(request()).boots is False


@pytest.mark.parametrize(
    ("user_class", "expected"),
    [
        (b"iPXE", True),
        (b"\x04iPXE", True),
        (b"\x05LINUX\x04iPXE\x01x", True),
        (b"\x05iPXEx", False),
        (b"iPXE\0", True),
        (b"\x04iPXE\0\0", True),
        (b"\x05iPXE\0\x01x", True),
        (b"\0", False),
        (b"\x04iPXE\x09", False),
        (b"gPXE", False),
        (b"", False),
    ],
)
def test_user_class(user_class, expected):
    assert is_ipxe(request(user_class=user_class)) is expected


def test_an_ipxe_without_http_gets_ours():
    without = classify(request(user_class=b"iPXE", architecture=b"\0\0", ipxe=bytes((0x15, 1, 1))))
    assert (without.way, boot_file(without)) == (BootPath.PXE, "undionly.kpxe")
    ours = classify(request(user_class=b"iPXE", architecture=b"\0\0", ipxe=bytes((0x13, 1, 1))))
    assert ours.way is BootPath.IPXE


@pytest.mark.parametrize(
    ("choice", "file"),
    [("auto", "shimx64.efi"), ("shim", "shimx64.efi"), ("snponly", "snponly.efi"), ("ipxe", "ipxe.efi")],
)
def test_settings_of_a_model(golden, choice, file):
    assert boot_file(classify(decode(golden("ovmf-pxe-discover"))), choice) == file
