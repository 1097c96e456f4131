"""The real hdparm, nvme, mmc, sg_sanitize and blkdiscard over a drive of the tests' own (drive.c), faults included.

What the drive answers is what the standards say (ACS-4, SBC-4, NVM Express base specification 2.0, JESD84-B51); what real
drives said of themselves is tried in test_recordings.py.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cloned.agent import erase_tools
from cloned.agent.erase_driver import carry_out
from cloned.disk import erase_machine as machine
from cloned.disk.erase import EraseLevel, Technique, offers
from cloned.disk.erase_record import ErasureFault
from tests.interop.erase.pretended import ALL_SANITIZE, OLD, SIZE, TOOLS, Drive

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        any(shutil.which(tool) is None for tool in TOOLS),
        reason="needs gcc, hdparm, nvme-cli, mmc-utils, sg3-utils and util-linux",
    ),
]


@pytest.mark.parametrize(
    ("bits", "technique", "feature"),
    [
        (ALL_SANITIZE, Technique.ATA_BLOCK, 0x12),
        (0x3000, Technique.ATA_CRYPTO, 0x11),
        (0x5000, Technique.ATA_OVERWRITE, 0x14),
    ],
)
def test_ata_sanitize(drive: Drive, bits: int, technique: Technique, feature: int) -> None:
    drive.identify(sanitize=bits)
    record = drive.erase("sata", EraseLevel.PURGE)
    assert record.erased, record.said()
    assert record.technique is technique
    assert record.reached is EraseLevel.PURGE
    assert drive.did("action") == feature
    assert "completed without error" in record.answers[0]
    assert record.tools[0].startswith("hdparm ")
    assert drive.clean


@pytest.mark.parametrize(("capable", "action"), [(3, 2), (1, 4), (4, 3)])
def test_nvme_sanitize(drive: Drive, capable: int, action: int) -> None:
    drive.controller(sanicap=capable)
    record = drive.erase("nvme", EraseLevel.PURGE)
    assert record.erased, record.said()
    assert drive.did("action") == action
    assert "SSTAT" in record.answers[0]
    assert drive.clean


@pytest.mark.parametrize(
    ("offers", "technique", "action"),
    [(0b1110, Technique.SCSI_BLOCK, 2), (0b1000, Technique.SCSI_CRYPTO, 3), (0b0010, Technique.SCSI_OVERWRITE, 1)],
)
def test_scsi_sanitize(drive: Drive, offers: int, technique: Technique, action: int) -> None:
    drive.state(looks=2, offers=offers)
    record = drive.erase("scsi", EraseLevel.PURGE)
    assert record.erased, record.said()
    assert record.technique is technique
    assert (drive.did("action"), drive.did("immediate"), drive.did("erased")) == (action, 1, 1)
    assert record.tools[0].startswith("sg_sanitize ")
    assert drive.clean


def test_scsi_without_sanitize_is_no_purge(drive: Drive) -> None:
    record = drive.erase("scsi", EraseLevel.PURGE)
    assert record.fault is ErasureFault.REFUSED
    assert "service action 02h, is not among its commands" in " ".join(each.why for each in offers(record.medium))
    assert not drive.clean


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ({"offers": 4, "fails": 1}, ErasureFault.SANITIZE_FAILED),
        ({"offers": 4, "refuses": 1}, ErasureFault.TOOL),
        ({"offers": 4, "lies": 1}, ErasureFault.LIES),
    ],
)
def test_what_goes_wrong_with_scsi_has_a_name(drive: Drive, state: dict[str, int], fault: ErasureFault) -> None:
    drive.state(**state)
    record = drive.erase("scsi")
    assert record.fault is fault, record
    assert not record.erased
    assert not drive.clean


def test_nvme_format_is_given_with_its_erase_setting(drive: Drive) -> None:
    drive.controller(sanicap=0)
    record = drive.erase("nvme")
    assert record.erased, record.said()
    assert record.technique is Technique.NVME_FORMAT
    assert drive.did("ses") == 1
    assert drive.clean


def test_emmc_is_trimmed_and_then_sanitized(drive: Drive) -> None:
    record = drive.erase("mmc", EraseLevel.PURGE)
    assert record.erased, record.said()
    assert drive.did("switched") == 165
    assert "boot and RPMB partitions" in record.notes[0]
    assert drive.clean


HIDDEN_BYTES = 2 << 20
"""Bytes at the end that a host protected area hides."""


@contextmanager
def with_hidden_end(drive: Drive, sanitize: int) -> Iterator[Drive]:
    """The same disk as its controller shows it while a host protected area is set; old data lies in that, too."""
    with drive.file.open("r+b") as file:
        file.seek(SIZE - 4096)
        file.write((OLD * 100)[:4096])
    shown = ["losetup", "--find", "--show", "--sizelimit", str(SIZE - HIDDEN_BYTES), str(drive.file)]
    device = subprocess.run(shown, check=True, capture_output=True, text=True).stdout.strip()
    try:
        covered = Drive(drive.folder, device, drive.file)
        covered.identify(sanitize=sanitize, sectors=(SIZE - HIDDEN_BYTES) // 512)
        yield covered
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


@pytest.mark.parametrize("sanitize", [0, ALL_SANITIZE])
def test_a_host_protected_area_is_told_and_lifted_before(drive: Drive, sanitize: int) -> None:
    with with_hidden_end(drive, sanitize) as covered:
        assert covered.medium("sata").ata.hidden_sectors == HIDDEN_BYTES // 512  # type: ignore[union-attr]
        record = covered.erase("sata")
        assert record.erased, record.said()
        assert covered.did("uncovered") == 1
        assert record.medium.size == SIZE
        assert "hidden sectors were uncovered first" in record.notes[0]
        assert covered.clean


@pytest.mark.parametrize("sanitize", [0, ALL_SANITIZE])
def test_a_device_configuration_overlay_is_told_and_lifted_before(drive: Drive, sanitize: int) -> None:
    with with_hidden_end(drive, sanitize) as covered:
        covered.state(looks=2, dco=1)
        ata = covered.medium("sata").ata
        assert ata is not None
        assert (ata.hidden_sectors, ata.dco_sectors) == (0, HIDDEN_BYTES // 512)
        record = covered.erase("sata")
        assert record.erased, record.said()
        assert covered.did("restored") == 1
        assert record.medium.size == SIZE
        assert "hidden sectors were uncovered first" in record.notes[0]
        assert covered.clean


def test_an_overlay_that_stays_is_not_called_erased_where_we_cannot_reach_it(drive: Drive) -> None:
    with with_hidden_end(drive, sanitize=0) as covered:
        covered.state(dco=1, stuck=1)
        record = covered.erase("sata")
        assert record.fault is ErasureFault.UNREACHED
        assert record.unreached == ((SIZE - HIDDEN_BYTES, HIDDEN_BYTES),)
        assert "could not be uncovered" in record.notes[0]


@pytest.mark.parametrize(
    "more",
    [{83: 0x4400, 86: 0x400}, {82: 0x2, 83: 0x4400, 80: 0x7F0, 86: 0x8400, 119: 0x4100, 120: 0x4100}],
    ids=["48-bit", "accessible-max-address"],
)
def test_what_hides_sectors_is_lifted_by_each_drives_own_command(drive: Drive, more: dict[int, int]) -> None:
    with with_hidden_end(drive, sanitize=0) as covered:
        shown = (SIZE - HIDDEN_BYTES) // 512
        covered.identify(sanitize=0, sectors=shown, more={**more, 100: shown & 0xFFFF, 101: shown >> 16})
        assert covered.medium("sata").ata.hidden_sectors == HIDDEN_BYTES // 512  # type: ignore[union-attr]
        record = covered.erase("sata")
        assert record.erased, record.said()
        assert (covered.did("uncovered"), record.medium.size) == (1, SIZE)
        assert record.medium.ata.hidden_sectors == 0  # type: ignore[union-attr]
        assert covered.clean


def test_a_power_cut_right_after_they_were_lifted_is_no_other_disk(drive: Drive) -> None:
    with with_hidden_end(drive, sanitize=0) as covered:
        planned = covered.record("sata")
        covered.hands().uncover(planned)  # it is lifted for good, and the laptop dies before that is written down
        found = carry_out(planned, covered.hands(), lambda _: None)
        assert found.erased, found.said()
        assert (found.medium.size, len(found.notes)) == (SIZE, 1)
        assert covered.clean


def test_where_the_overlay_stays_the_protected_area_is_lifted_all_the_same(drive: Drive) -> None:
    """Some firmware freezes the overlay at each start. What it keeps back is told, and counts as not reached."""
    with with_hidden_end(drive, sanitize=0) as covered:
        left = (SIZE - HIDDEN_BYTES // 2) // 512
        covered.identify(sanitize=0, sectors=(SIZE - HIDDEN_BYTES) // 512, more={83: 0x4800})
        covered.state(dco=1, kept=1, native=left)
        ata = covered.medium("sata").ata
        assert ata is not None
        assert (ata.hidden_sectors, ata.dco_sectors) == (HIDDEN_BYTES // 1024, HIDDEN_BYTES // 1024)
        record = covered.erase("sata")
        assert record.fault is ErasureFault.UNREACHED
        assert record.unreached == ((left * 512, HIDDEN_BYTES // 2),)
        assert ["uncovered first" in record.notes[0], "could not be uncovered" in record.notes[1]] == [True, True]


def test_a_drive_that_does_not_tell_whether_sectors_are_hidden_is_not_said_to_hide_none(drive: Drive) -> None:
    drive.identify(more={83: 0x4800})
    drive.state(looks=2, mute=1)
    record = drive.erase("sata")
    assert record.erased, record.said()
    assert record.medium.ata.untold  # type: ignore[union-attr]
    assert "did not tell whether sectors are hidden" in record.notes[0]


def test_one_that_the_drive_does_not_lift_is_not_called_erased_where_we_cannot_reach_it(drive: Drive) -> None:
    with with_hidden_end(drive, sanitize=0) as covered:
        covered.state(stuck=1)
        record = covered.erase("sata")
        assert record.fault is ErasureFault.UNREACHED
        assert record.unreached == ((SIZE - HIDDEN_BYTES, HIDDEN_BYTES),)
        assert "could not be uncovered" in record.notes[0]
        assert not record.erased


def test_security_erase_sets_its_password_and_takes_it_off(drive: Drive) -> None:
    drive.identify(sanitize=0)
    record = drive.erase("sata")
    assert record.technique is Technique.ATA_SECURITY
    assert record.erased, record.said()
    assert drive.did("passwords") == 1
    assert drive.medium("sata").ata.security_enabled is False  # type: ignore[union-attr]


def test_security_erase_that_fails_leaves_no_password(drive: Drive) -> None:
    drive.identify(sanitize=0)
    drive.state(fails=1)
    record = drive.erase("sata")
    assert record.fault is ErasureFault.TOOL
    assert drive.did("disabled") == 1
    assert drive.medium("sata").ata.security_enabled is False  # type: ignore[union-attr]
    assert not drive.clean


def test_a_password_that_a_power_cut_left_is_taken_off_at_the_next_boot(drive: Drive) -> None:
    drive.identify(sanitize=0)
    record = machine.starting(
        machine.remembered(drive.record("sata"), drive.hands().remember(drive.record("sata")), 1), ()
    )
    drive.identify(sanitize=0, security=0b111)  # our password is set, and the drive locked itself when power came back
    found = carry_out(record, drive.hands(), lambda _: None)
    assert found.erased, found.said()
    assert "cut short" in found.notes[0]
    assert drive.medium("sata").ata.security_enabled is False  # type: ignore[union-attr]


def test_the_password_is_told_as_long_as_it_may_be_set_and_that_it_was(drive: Drive) -> None:
    drive.identify(sanitize=0)
    told: list[str] = []
    record = carry_out(drive.record("sata"), drive.hands(), lambda now: told.extend(now.remarks))
    assert record.erased, record.said()
    assert any("it is locked with the password cloned" in each for each in told)
    assert "took that off again" in record.remarks[-1]


def test_a_drive_locked_by_a_power_cut_and_frozen_since_is_told_with_its_password(drive: Drive) -> None:
    drive.identify(sanitize=0)
    record = machine.starting(
        machine.remembered(drive.record("sata"), drive.hands().remember(drive.record("sata")), 1), ()
    )
    drive.identify(sanitize=0, security=0b1111)
    found = carry_out(record, drive.hands(), lambda _: None)
    assert found.fault is ErasureFault.LOCKED
    assert "cloned, and its firmware keeps it frozen" in found.said()
    assert "--security-disable cloned" in found.remarks[-1]
    assert not drive.clean


def test_a_frozen_ssd_is_written_over_at_the_same_level_and_that_is_said(drive: Drive) -> None:
    drive.identify(sanitize=0, security=0b1001)
    record = drive.erase("sata")
    assert record.technique is Technique.OVERWRITE
    assert record.erased, record.said()
    assert "frozen" in record.notes[0]
    assert not any("cloned" in each for each in record.remarks)
    assert drive.clean


@pytest.mark.parametrize("bus", ["sata", "nvme"])
def test_a_drive_that_says_success_and_does_nothing_is_found_by_the_read_back(drive: Drive, bus: str) -> None:
    drive.state(lies=1)
    record = drive.erase(bus)
    assert record.fault is ErasureFault.LIES
    assert record.completed
    assert not drive.clean


def test_format_that_says_success_and_does_nothing_is_found(drive: Drive) -> None:
    drive.controller(sanicap=0)
    drive.state(lies=1)
    record = drive.erase("nvme")
    assert record.fault is ErasureFault.LIES
    assert drive.did("ses") == 1


@pytest.mark.parametrize(
    ("bus", "state", "fault"),
    [
        ("sata", {"fails": 1, "looks": 2}, ErasureFault.SANITIZE_FAILED),
        ("nvme", {"fails": 1}, ErasureFault.SANITIZE_FAILED),
        ("nvme", {"refuses": 1}, ErasureFault.TOOL),
        ("sata", {"fails": 2}, ErasureFault.TOOL),
        ("mmc", {"fails": 1}, ErasureFault.SANITIZE_FAILED),
    ],
)
def test_what_goes_wrong_has_a_name(drive: Drive, bus: str, state: dict[str, int], fault: ErasureFault) -> None:
    drive.state(**state)
    record = drive.erase(bus)
    assert record.fault is fault, record
    assert record.said()
    assert record.next_step()
    assert not record.erased


def test_an_old_done_of_another_sanitize_is_not_believed(drive: Drive) -> None:
    drive.state(sanitize=1, action=2, deaf=1)
    record = drive.erase("nvme")
    assert not record.erased
    assert record.fault is ErasureFault.LIES
    assert not drive.clean


def test_a_sanitize_is_found_again_after_a_power_cut(drive: Drive) -> None:
    drive.state(looks=3)
    record = drive.record("nvme", EraseLevel.PURGE)
    hands = drive.hands()
    record = machine.starting(machine.remembered(record, hands.remember(record), 1.0), ())
    hands.begin(record)
    found = carry_out(record, drive.hands(), lambda _: None)
    assert found.erased, found.said()
    assert found.starts == 1
    assert drive.did("erased") == 1


def test_a_command_that_never_reached_the_drive_is_given_again(drive: Drive) -> None:
    record = drive.record("nvme", EraseLevel.PURGE)
    record = machine.starting(machine.remembered(record, drive.hands().remember(record), 1.0), ())
    found = carry_out(record, drive.hands(), lambda _: None)
    assert found.erased, found.said()
    assert found.starts == 2


def test_an_emmc_whose_user_area_is_write_protected_is_not_sanitized(drive: Drive) -> None:
    """EXT_CSD byte 171, which mmc-utils prints in another way than most."""
    ext_csd = bytearray((drive.folder / "ext_csd").read_bytes())
    ext_csd[171] = 1
    drive.answers("ext_csd", bytes(ext_csd))
    assert drive.medium("mmc").mmc.write_protected  # type: ignore[union-attr]
    assert drive.erase("mmc", EraseLevel.PURGE).fault is ErasureFault.REFUSED


def test_the_version_of_each_program_is_the_one_that_its_package_has() -> None:
    """mmc prints its help before its version, and eMMC versions stand in that."""
    told = {
        str(each).split(" ")[0]: str(each).split(" ")[1] for name in Technique for each in erase_tools.versions(name)
    }
    assert told.pop("cloned")
    assert told.pop("mmc") == "0.1"
    assert told.pop("sg_sanitize").startswith("1.")  # sg3-utils number their programs one by one
    for program, package in (("hdparm", "hdparm"), ("nvme", "nvme-cli"), ("blkdiscard", "util-linux")):
        shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
        assert told.pop(program) in shown.stdout
    assert not told


def test_a_tool_that_is_missing_is_said(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    record = drive.record("nvme", EraseLevel.PURGE)
    with monkeypatch.context() as bare:
        bare.setenv("PATH", "/nowhere")
        found = carry_out(record, drive.hands(), lambda _: None)
    assert found.fault is ErasureFault.MISSING
    assert "nvme" in found.said()
