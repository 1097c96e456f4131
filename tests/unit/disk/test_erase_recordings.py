"""What real drives said of themselves leads to the technique that it must."""

from __future__ import annotations

from typing import Any

import pytest

from cloned.disk.erase import EraseLevel, choose
from cloned.disk.erase_status import nvme_status
from cloned.disk.media import AtaAbilities, Medium, ata_abilities, nvme_abilities
from tests.recordings import DRIVES, controller, identify, name, sanitize_log

BOTH = pytest.mark.parametrize("level", EraseLevel)


def taken(medium: Medium, level: EraseLevel) -> str:
    return str(choose(medium, level).technique or "")


def medium(drive: dict[str, Any], bus: str, **able: Any) -> Medium:
    return Medium("/dev/sda", 240 << 30, model=drive["drive"], bus=bus, **able)


def ata(drive: str) -> AtaAbilities:
    (found,) = [each for each in DRIVES["ata"] if each["drive"].startswith(drive)]
    return ata_abilities(identify(found))


@BOTH
@pytest.mark.parametrize("drive", DRIVES["ata"], ids=name)
def test_an_ata_drive(drive: dict[str, Any], level: EraseLevel) -> None:
    assert taken(medium(drive, "sata", ata=ata_abilities(identify(drive))), level) == drive[level]


@BOTH
@pytest.mark.parametrize("drive", DRIVES["nvme"], ids=name)
def test_an_nvme_drive(drive: dict[str, Any], level: EraseLevel) -> None:
    able = nvme_abilities(controller(drive))
    assert taken(medium(drive, "nvme", nvme=able), level) == drive[level]


@pytest.mark.parametrize("drive", DRIVES["sanitize_log"], ids=lambda each: f"{each['log'][0]}-{each['log'][1]:#x}")
def test_a_sanitize_log(drive: dict[str, Any]) -> None:
    found = nvme_status(sanitize_log(drive))
    assert found.standing == drive["standing"]
    assert found.progress is None if drive["progress"] < 0 else round((found.progress or 0) * 100) == drive["progress"]
    times = nvme_abilities(bytes(4096), sanitize_log(drive)).seconds
    assert times == tuple(0 if each == 0xFFFFFFFF else each for each in drive["log"][3:])


def test_drives_tell_of_hidden_sectors_in_two_ways() -> None:
    """A host protected area, or since ACS-3 an accessible max address; an overlay is told apart."""
    assert (ata("ST9160821AS").hpa, ata("ST9160821AS").dco) == (True, True)
    assert (ata("Samsung SSD 870").hpa, ata("Samsung SSD 870").dco) == (True, True)
    assert (ata("ST8000NE0004").hpa, ata("ST8000NE0004").dco) == (True, False)
    assert not ata_abilities(bytes(512)).hpa


def test_a_password_that_firmware_unlocked_at_power_on_is_seen() -> None:
    able = ata("INTEL SSDSA2CW120G3")
    assert (able.security_enabled, able.security_locked, able.security_frozen) == (True, False, True)


def test_every_recording_says_where_it_comes_from() -> None:
    assert all(drive["source"] for kind in DRIVES.values() for drive in kind)
