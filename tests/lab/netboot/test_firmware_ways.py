"""Real firmware in QEMU boots our live system's kernel, every way there is: one power-on, one key in the menu."""

import re

import pytest

from cloned import live
from cloned.lab.bootlab import LEASE, boot_lab
from cloned.lab.laptops import Firmware
from cloned.lab.stock import cache_root
from cloned.netboot.files import build_boot_files

pytestmark = [pytest.mark.lab, pytest.mark.slow]

SERIAL = 'kernel_parameters = ""\n[[boot.model]]\nproduct = "Workshop*"\nserial = "ttyS0"\n'


@pytest.fixture(scope="module")
def parts():
    root = cache_root()
    live.build(root / "live", progress=lambda text: None)
    return build_boot_files(root / "boot"), root / "live"


@pytest.fixture
def lab(parts):
    with boot_lab(*parts) as made:
        yield made


def serve(lab, beside_another):
    """Lease ourselves, or be proxyDHCP beside dnsmasq."""
    if beside_another:
        lab.foreign()
    lab.serve("" if beside_another else LEASE, SERIAL)


def screen(laptop):
    text = laptop.screen.read_bytes().decode("utf-8", "replace") if laptop.screen.exists() else ""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def asked(lab):
    return " ".join(f"{row['asked']} {row['got']}" for row in lab.state()["log"])


def boot(lab, firmware, *, http=False):
    """Power on, choose "clone" in the menu, wait for the kernel; what the serial line said."""
    laptop = lab.laptop(firmware, http=http)
    lab.power_on(laptop)
    lab.until(lambda: "menu: " in asked(lab), 90, "the laptop has its menu")
    lab.until(lambda: pressed(lab, laptop) and "/live/vmlinuz" in asked(lab), 60, "the kernel was asked for")
    lab.until(lambda: "BOOTIF=01-" in screen(laptop), 120, "the kernel runs")
    return screen(laptop)


def pressed(lab, laptop, key="1"):
    lab.press(laptop, key)
    return True


@pytest.mark.parametrize("beside_another", [False, True], ids=["leases", "proxy"])
@pytest.mark.parametrize("http", [False, True], ids=["pxe", "http"])
def test_secure_boot_with_nothing_enrolled(lab, http, beside_another):
    serve(lab, beside_another)
    shown = boot(lab, Firmware.SECUREBOOT, http=http)
    assert "UEFI Secure Boot is enabled" in shown
    assert "snponly.efi" not in asked(lab)
    assert ("HTTP /shimx64.efi" if http else "TFTP shimx64.efi") in asked(lab)


@pytest.mark.parametrize("beside_another", [False, True], ids=["leases", "proxy"])
@pytest.mark.parametrize("firmware", [Firmware.BIOS, Firmware.UEFI])
def test_without_secure_boot(lab, firmware, beside_another):
    serve(lab, beside_another)
    shown = boot(lab, firmware)
    assert "Linux version" in shown
    assert "cloned.want=clone BOOTIF=01-52-54" in shown
    if firmware is Firmware.UEFI:
        assert "TFTP /snponly.efi" in asked(lab)


def test_a_models_full_drivers_on_its_very_first_boot(lab):
    lab.serve(LEASE, SERIAL + 'uefi = "ipxe"\n')
    shown = boot(lab, Firmware.UEFI)
    assert "Linux version" in shown
    assert "TFTP /ipxe.efi" in asked(lab)
    assert "snponly.efi" not in asked(lab)


def test_uefi_http_boot_without_secure_boot(lab):
    serve(lab, beside_another=False)
    assert "cloned.boot=http://10.77.0.1:8069/" in boot(lab, Firmware.UEFI, http=True)


@pytest.mark.parametrize(
    ("firmware", "http", "shown"),
    [
        (Firmware.BIOS, False, "Memtest86"), (Firmware.UEFI, False, "Memtest86"), (Firmware.UEFI, True, "Memtest86"),
        (Firmware.SECUREBOOT, False, "early_memtest: # of tests: 8"),
    ],
)  # fmt: skip
def test_the_memory_test_runs(lab, firmware, http, shown):
    """By iPXE on BIOS and UEFI, by GRUB after HTTP boot, by the signed kernel under Secure Boot."""
    serve(lab, beside_another=False)
    laptop = lab.laptop(firmware, http=http)
    lab.power_on(laptop)
    lab.until(lambda: "menu: " in asked(lab), 90, "the laptop has its menu")
    lab.until(lambda: pressed(lab, laptop, "5") and shown in screen(laptop), 120, "the memory test runs")


def test_ipxe_does_not_wait_for_ipv6(lab):
    serve(lab, beside_another=False)
    laptop = lab.laptop(Firmware.BIOS)
    lab.power_on(laptop)
    lab.until(lambda: "menu: " in asked(lab), 60, "the laptop has its menu")
    rows = lab.state()["log"]
    assert rows[-1]["at"] - rows[0]["at"] < 4  # 13 s where nobody answers its router solicitations


@pytest.mark.parametrize("firmware", [Firmware.BIOS, Firmware.UEFI])
def test_the_first_boot_beside_a_server_that_knows_this_laptop_only(lab, firmware):
    """As in schools: it is silent to our own probe, whose MAC it does not know, and nothing else was ever heard of it."""
    laptop = lab.laptop(firmware)
    lab.foreign("--dhcp-range=10.77.2.1,static,255.255.252.0", f"--dhcp-host={laptop.identity.mac},10.77.2.5")
    lab.serve("", SERIAL)
    lab.until(lambda: "no-dhcp" in str(lab.state()["warnings"]), 5, "we know of no server")
    lab.power_on(laptop)
    lab.until(lambda: "menu: " in asked(lab), 90, "the laptop has its menu, without being switched on again")
    assert asked(lab).count("proxyDHCP") >= 1
    assert "no-dhcp" not in str(lab.state()["warnings"])
