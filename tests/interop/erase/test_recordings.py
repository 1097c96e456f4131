"""The real hdparm, nvme and mmc ask a drive that answers as a real one did (tests/data/drives.toml), and it is erased.

Its size alone is that of the file behind it.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import pytest

from cloned.agent.erase_driver import carry_out
from cloned.disk import erase_machine as machine
from cloned.disk.erase import EraseLevel, Technique
from cloned.disk.erase_record import DiskErasure, ErasureFault
from tests.interop.erase.pretended import SIZE, TOOLS, Drive
from tests.recordings import DRIVES, controller, ext_csd, identify, name

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        any(shutil.which(tool) is None for tool in TOOLS),
        reason="needs gcc, hdparm, nvme-cli, mmc-utils, sg3-utils and util-linux",
    ),
]


def strongest(recorded: dict[str, Any]) -> EraseLevel:
    return EraseLevel.PURGE if recorded["purge"] else EraseLevel.CLEAR


def erased(drive: Drive, bus: str, recorded: dict[str, Any]) -> DiskErasure:
    """At the strongest level that it offers; at a stronger one it is refused, and nothing is touched."""
    if not recorded["purge"]:
        assert drive.erase(bus, EraseLevel.PURGE).fault is ErasureFault.REFUSED
        assert not drive.clean
    record = drive.erase(bus, strongest(recorded))
    assert record.erased, record.said()
    assert drive.clean
    return record


@pytest.mark.parametrize("recorded", DRIVES["ata"], ids=name)
def test_an_ata_drive(drive: Drive, recorded: dict[str, Any]) -> None:
    drive.answers("identify", identify(recorded, SIZE // 512))
    drive.state(looks=1, dco=1)
    ata = drive.medium("sata").ata
    assert ata is not None
    assert (ata.hidden_sectors, ata.dco_sectors, ata.untold) == (0, 0, False)
    record = erased(drive, "sata", recorded)
    thawed = Technique.OVERWRITE if ata.security_frozen else Technique.ATA_SECURITY  # the tests cannot let it sleep
    wanted = Technique(recorded["purge"] or recorded["clear"])
    assert record.technique is (thawed if wanted is Technique.ATA_SECURITY else wanted)
    assert drive.did("passwords") == (record.technique is Technique.ATA_SECURITY)


@pytest.mark.parametrize("recorded", DRIVES["nvme"], ids=name)
def test_an_nvme_drive(drive: Drive, recorded: dict[str, Any]) -> None:
    drive.answers("controller", controller(recorded))
    assert erased(drive, "nvme", recorded).technique == (recorded["purge"] or recorded["clear"])


@pytest.mark.parametrize("recorded", DRIVES["mmc"], ids=name)
def test_an_emmc(drive: Drive, recorded: dict[str, Any]) -> None:
    drive.answers("ext_csd", ext_csd(recorded))
    assert erased(drive, "mmc", recorded).technique == recorded["purge"]


def test_a_log_that_stays_at_one_percent_for_weeks_is_a_drive_that_hangs(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What three owners of an Intel 660p saw; on that model it is not tried at all."""
    stuck, ended = (each for each in DRIVES["sanitize_log"] if each["drive"].startswith("INTEL SSDPEKNW512G8"))
    medium = drive.medium("nvme")
    assert machine.plan(replace(medium, model="INTEL SSDPEKNW512G8"), EraseLevel.PURGE, "s").technique is None
    drive.state(hangs=1, sprog=stuck["log"][0])
    with monkeypatch.context() as impatient:
        impatient.setattr("cloned.agent.erase_driver.STANDSTILL_SECONDS", 0.2)
        record = drive.erase("nvme", EraseLevel.PURGE)
    assert (record.fault, record.erased) == (ErasureFault.HANGS, False)
    assert "1%" in record.said()
    drive.state(looks=2, sprog=stuck["log"][0], sstat=ended["log"][1] & ~7)
    record = carry_out(drive.record("nvme", EraseLevel.PURGE), drive.hands(), lambda _: None)
    assert record.erased, record.said()
    assert "SSTAT 0x0101" in record.answers[0]
