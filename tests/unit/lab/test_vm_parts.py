"""What a virtual laptop's firmware tells: read back by the agent's own readers, and by ACPI's compiler."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cloned.agent import parts, signs
from cloned.lab import vm_parts
from cloned.lab.faults import Locked, NoCamera, WornBattery
from cloned.lab.laptops import PARTS


def table(told: dict[str, object]) -> list[signs.Structure]:
    """SMBIOS as the agent reads it from Linux."""
    return parts.structures(b"".join(body for _, body in vm_parts.structures(told)) + bytes((127, 4, 0, 0, 0, 0)))


def test_a_laptop_that_lacks_nothing_has_no_password_and_a_case_that_is_carried() -> None:
    found = table(PARTS)
    assert (signs.passwords(found), signs.portable(found)) == ([], True)


@pytest.mark.parametrize("passwords", [["administrator"], ["power-on", "administrator"], ["keyboard"]])
def test_passwords_are_read_back_as_they_were_set(passwords: list[str]) -> None:
    assert signs.passwords(table({**PARTS, "passwords": passwords})) == passwords
    assert signs.passwords(table({**PARTS, "passwords": None})) is None


@pytest.mark.wire
def test_batteries_and_charger_are_what_acpis_compiler_understands(tmp_path: Path) -> None:
    told = {**PARTS, **WornBattery.changes, "charger": False}
    made = [path.name for path in vm_parts.tables(told, tmp_path)]
    assert made == ["parts.aml", "msdm.bin"]
    subprocess.run(["iasl", "-d", tmp_path / "parts.aml"], check=True, capture_output=True)
    text = (tmp_path / "parts.dsl").read_text()
    assert "0xC350" in text, "50,000 mWh when new"
    assert "0x36B0" in text, "14,000 mWh when full now"
    assert "0x032C" in text, "812 cycles"


def test_tables_of_bytes_have_the_right_sum_and_length(tmp_path: Path) -> None:
    files = list(vm_parts.tables({"product_key": True, "wpbt": True}, tmp_path))
    assert [path.read_bytes()[:4] for path in files] == [b"MSDM", b"WPBT"]
    for path in files:
        data = path.read_bytes()
        assert (sum(data) & 0xFF, int.from_bytes(data[4:8], "little")) == (0, len(data))


@pytest.mark.wire
def test_a_dead_camera_is_not_plugged_in_and_others_are(tmp_path: Path) -> None:
    assert any("usb-redir" in word for word in vm_parts.arguments(PARTS, tmp_path, tmp_path / "socket"))
    dead = vm_parts.arguments({**PARTS, **NoCamera.changes}, tmp_path, tmp_path / "socket")
    assert not any("usb-redir" in word for word in dead)
    assert signs.passwords(table({**PARTS, **Locked.changes})) == ["administrator"]
