"""QEMU's arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloned.lab.laptops import Firmware, LabDisk, identities
from cloned.lab.machine import VirtualLaptop
from cloned.lab.network import LabNetwork


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A virtual laptop of a kind; its tap is not made."""
    monkeypatch.setattr(LabNetwork, "plug_vm", lambda self, number: f"port{number}")
    monkeypatch.setattr("cloned.lab.machine.OVMF", tmp_path)
    for name in ("OVMF_VARS_4M.fd", "OVMF_VARS_4M.ms.fd"):
        (tmp_path / name).write_bytes(b"variables")
    monkeypatch.setattr("cloned.processes.need", lambda tool: tool)

    def made(kind: Firmware) -> VirtualLaptop:
        who = identities("clab12", 1, (kind,))[0]
        return VirtualLaptop(who, LabDisk(tmp_path / "disk", 1), tmp_path, LabNetwork("clab12", 1))

    return made


def test_it_boots_from_the_network_card_first(make) -> None:
    words = " ".join(make(Firmware.BIOS).command(own_disk=False))
    assert "mac=52:54:ab:12:00:01,bootindex=1 " in words
    assert "bootindex=2" in words
    assert "accel=tcg" in words
    assert "pflash" not in words


def test_from_its_own_disk_there_is_no_card_at_all(make) -> None:
    words = " ".join(make(Firmware.UEFI).command(own_disk=True))
    assert "netdev" not in words
    assert "virtio-net" not in words


def test_secure_boot_has_its_keys_and_guards_them(make) -> None:
    words = " ".join(make(Firmware.SECUREBOOT).command(own_disk=False))
    assert "smm=on" in words
    assert "driver=cfi.pflash01,property=secure,value=on" in words
    assert "OVMF_CODE_4M.secboot.fd" in words
    assert "romfile=" in words


def test_a_slow_disk_is_throttled_by_qemu(make) -> None:
    laptop = make(Firmware.BIOS)
    laptop.bytes_per_second = 5_000_000
    assert "throttling.bps-total=5000000" in " ".join(laptop.command(own_disk=False))
