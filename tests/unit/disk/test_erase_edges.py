"""What lies on the edge of what an erasure and drives may say, and just beside it."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import pytest

from cloned.disk import erase_machine as machine
from cloned.disk.erase import EraseLevel, Technique, choose, offers
from cloned.disk.erase_machine import _inside, uncovered
from cloned.disk.erase_record import DiskErasure, ErasePhase, ErasureFault
from cloned.disk.erase_samples import SMALL_BYTES, DiskSample, after, zeros
from cloned.disk.erase_status import SanitizeState, _descriptor, mmc_status, scsi_status
from cloned.disk.media import AtaAbilities, FactsError, Medium, MmcAbilities, medium_of, nvme_abilities

MIB = 1 << 20
SHA256 = bytes.fromhex("2616c4c14c509240aca941f936934328")
DISK = Medium("/dev/sda", 64 * MIB, serial="S1", bus="sata", rotational=True)


# -- erasing ----------------------------------------------------------------------------------------


def test_zeros_are_zeros_however_many_there_are_to_compare_with() -> None:
    assert zeros(bytes(10), bytes(10))
    assert zeros(bytes(10), bytes(20))
    assert not zeros(bytes(9) + b"x", bytes(20))
    assert not zeros(bytes(9) + b"x", bytes(10))


def test_a_small_disk_is_read_whole() -> None:
    assert sum(each.length for each in after("seed", SMALL_BYTES, "sample")) == SMALL_BYTES
    assert sum(each.length for each in after("seed", SMALL_BYTES + MIB, "sample")) < SMALL_BYTES
    assert sum(each.length for each in after("seed", SMALL_BYTES + MIB, "all")) == SMALL_BYTES + MIB


def test_only_before_anything_was_done_may_a_disk_become_another_size() -> None:
    record = machine.plan(DISK, EraseLevel.CLEAR, "seed")
    grown, shrunk = replace(DISK, size=65 * MIB), replace(DISK, size=63 * MIB)
    assert uncovered(record, grown).medium == grown
    assert uncovered(record, DISK) == record
    assert uncovered(record, shrunk) is record
    for phase in set(ErasePhase) - {ErasePhase.PLANNED}:
        begun = replace(record, phase=phase)
        assert uncovered(begun, grown) is begun


@pytest.mark.parametrize(
    ("new", "kept"),
    [((100, 50), True), ((100, 60), True), ((90, 60), True), ((90, 59), False), ((101, 49), False), ((101, 80), False)],
)
def test_a_stretch_that_was_not_reached_lies_within_another(new: tuple[int, int], kept: bool) -> None:
    old = DiskErasure(DISK, EraseLevel.CLEAR, unreached=((100, 50),))
    assert _inside(old, replace(old, unreached=(new,))) == ([(100, 50)] if kept else [])


@pytest.mark.parametrize(
    ("phase", "fault", "completed"),
    [
        (ErasePhase.COMPLETED, None, True),
        (ErasePhase.VERIFIED, None, True),
        (ErasePhase.STARTED, None, False),
        (ErasePhase.FAILED, ErasureFault.LIES, True),
        (ErasePhase.FAILED, ErasureFault.UNREADABLE, True),
        (ErasePhase.FAILED, ErasureFault.REFUSED, False),
    ],
)
def test_a_device_said_that_it_was_done(phase: ErasePhase, fault: ErasureFault | None, completed: bool) -> None:
    assert DiskErasure(DISK, EraseLevel.CLEAR, phase=phase, fault=fault).completed is completed


@pytest.mark.parametrize(
    ("rotational", "level", "clear"),
    [(True, EraseLevel.PURGE, True), (False, EraseLevel.PURGE, True), (False, EraseLevel.CLEAR, False)],
)
def test_where_purge_cannot_be_had_clear_is_offered_if_that_can(
    rotational: bool, level: EraseLevel, clear: bool
) -> None:
    medium = Medium("/dev/sda", 64 * MIB, serial="S1", bus="sata", rotational=rotational, ata=AtaAbilities())
    choice = choose(medium, level)
    assert choice.technique is None or choice.technique is Technique.OVERWRITE
    if choice.technique is None:
        assert ("Ask for Clear" in choice.next_step) is clear


@pytest.mark.parametrize(
    ("sense", "found"),
    [
        (bytes(8) + b"\2\6\0\0\x80\x12\x34\0", b"\x80\x12\x34"),
        (bytes(8) + b"\2\6\0\0\x80\x12\x34", b"\x80\x12\x34"),
        (bytes(8) + b"\2\6\0\0\x80\x12", b""),
        (bytes(8) + b"\0\2ab" + b"\2\6\0\0\x80\x12\x34\0", b"\x80\x12\x34"),
        (bytes(8) + b"\0\2ab", b""),
        (bytes(8), b""),
    ],
)
def test_how_far_a_drive_is_lies_in_a_descriptor_of_its_sense_data(sense: bytes, found: bytes) -> None:
    assert _descriptor(sense) == found


def test_what_an_agent_does_not_say_of_a_disk_is_left_as_it_is_by_itself() -> None:
    bare: dict[str, Any] = {"path": "/dev/sda", "size": 5}
    assert medium_of(bare) == Medium("/dev/sda", 5)
    told = medium_of({**bare, "serial": "S1", "transport": "sata", "rotational": True, "smart": "ok"})
    assert told == Medium("/dev/sda", 5, serial="S1", bus="sata", rotational=True)


# -- the machine of an erasure ----------------------------------------------------------------------


def started(starts: int = 1, **more: Any) -> DiskErasure:
    record = machine.plan(DISK, EraseLevel.CLEAR, "seed")
    return replace(record, phase=ErasePhase.STARTED, starts=starts, **more)


def test_a_command_that_is_cut_short_is_given_again_five_times() -> None:
    assert machine.again(started(5), "cut").phase is ErasePhase.REMEMBERED
    assert machine.again(started(6), "cut").phase is ErasePhase.FAILED
    planned = machine.plan(DISK, EraseLevel.CLEAR, "seed")
    assert machine.again(planned, "cut") is planned


def test_stretches_that_touch_are_one_and_beyond_a_number_the_last_takes_in_all() -> None:
    assert machine.joined(((10, 5), (0, 10))) == ((0, 15),)
    assert machine.joined(((11, 5), (0, 10))) == ((0, 10), (11, 5))
    assert machine.joined(((0, 10), (2, 3))) == ((0, 10),)
    many = tuple((each * 10, 1) for each in range(machine.MOST_LISTED))
    assert machine.joined(many) == many
    assert machine.joined((*many, (machine.MOST_LISTED * 10, 1)))[-1] == ((machine.MOST_LISTED - 1) * 10, 11)


@pytest.mark.parametrize(("technique", "ata", "left"), [
    (Technique.OVERWRITE, AtaAbilities(hidden_sectors=4), ((64 * MIB, 2048),)),
    (Technique.ATA_SECURITY, AtaAbilities(hidden_sectors=1, dco_sectors=3), ((64 * MIB, 2048),)),
    (Technique.ATA_BLOCK, AtaAbilities(hidden_sectors=4), ()),
    (Technique.OVERWRITE, AtaAbilities(), ()),
    (Technique.OVERWRITE, None, ()),
])  # fmt: skip
def test_what_is_hidden_is_not_reached_by_what_we_write_ourselves(technique: Technique, ata: Any, left: Any) -> None:
    record = replace(machine.plan(DISK, EraseLevel.CLEAR, "seed"), technique=technique)
    assert uncovered(record, replace(DISK, ata=ata)).unreached == left


@pytest.mark.parametrize(
    ("level", "technique", "phase", "is_enough"),
    [
        (EraseLevel.CLEAR, Technique.OVERWRITE, ErasePhase.VERIFIED, True),
        (EraseLevel.CLEAR, Technique.ATA_BLOCK, ErasePhase.VERIFIED, True),
        (EraseLevel.PURGE, Technique.ATA_BLOCK, ErasePhase.VERIFIED, True),
        (EraseLevel.PURGE, Technique.OVERWRITE, ErasePhase.VERIFIED, False),
        (EraseLevel.CLEAR, Technique.OVERWRITE, ErasePhase.COMPLETED, False),
    ],
)
def test_a_disk_is_erased_enough_where_it_is_as_thoroughly_as_was_asked(
    level: EraseLevel, technique: Technique, phase: ErasePhase, is_enough: bool
) -> None:
    assert machine.enough(DiskErasure(DISK, level, technique, phase=phase)) is is_enough


@pytest.mark.parametrize(
    ("place", "reached"), [((0, 10), True), ((1, 10), False), ((20, 5), True), ((19, 5), False), ((12, 2), False)]
)
def test_a_place_was_written_where_no_stretch_that_was_not_touches_it(place: tuple[int, int], reached: bool) -> None:
    record = DiskErasure(DISK, EraseLevel.CLEAR, unreached=((10, 10),))
    assert bool(record.reached_of((DiskSample(*place),))) is reached


def test_an_erasure_under_way_may_begin_anew_but_never_go_back() -> None:
    old = started(2, remembered=(DiskSample(0, 4096, "ab"),))
    back = replace(old, phase=ErasePhase.REMEMBERED)
    assert machine.strictly_later(old, replace(back, starts=2))
    assert machine.strictly_later(old, replace(back, starts=3))
    assert not machine.strictly_later(old, replace(back, starts=1))
    first = replace(old, starts=0)
    assert not machine.strictly_later(first, replace(first, phase=ErasePhase.REMEMBERED))
    planned = machine.plan(DISK, EraseLevel.CLEAR, "seed")
    for size, later in ((64 * MIB, True), (65 * MIB, True), (63 * MIB, False)):
        assert machine.strictly_later(planned, replace(planned, medium=replace(DISK, size=size))) is later
    for size, later in ((64 * MIB, True), (65 * MIB, False), (63 * MIB, False)):
        assert machine.strictly_later(old, replace(old, medium=replace(DISK, size=size))) is later


# -- what drives and agents say ---------------------------------------------------------------------


def test_each_offer_says_what_is_behind_it() -> None:
    whys = {each.technique: (each.possible, str(each.why), each.seconds) for each in offers(replace(
        DISK, rotational=False,
        ata=AtaAbilities(sanitize=True, block_erase=True, security=True, erase_minutes=4, rotational=False),
        mmc=MmcAbilities(sanitize=True, trim=True),
    ))}  # fmt: skip
    assert whys[Technique.ATA_BLOCK][:2] == (True, "IDENTIFY word 59, bit 15 offers it")
    assert whys[Technique.ATA_CRYPTO][:2] == (False, "IDENTIFY word 59, bit 13 is not set")
    assert whys[Technique.ATA_SECURITY] == (False, "it has SANITIZE, which is better", 240.0)
    assert whys[Technique.MMC_SANITIZE][:2] == (True, "EXT_CSD byte 231, bits 4 and 6 offer it")
    old = {
        each.technique: each
        for each in offers(replace(DISK, rotational=False, ata=AtaAbilities(security=True, rotational=False)))
    }
    assert (old[Technique.ATA_SECURITY].possible, old[Technique.ATA_SECURITY].seconds) == (True, 300.0)


def test_a_disk_that_is_not_built_in_is_left_alone_with_the_reason() -> None:
    for barred, why in (("it is the disk that we started from", "started from"), ("", "usb")):
        choice = choose(Medium("/dev/sdb", 5, bus="usb", built_in=False, barred=barred), EraseLevel.CLEAR)
        assert choice.technique is None
        assert why in choice.why


def test_sense_data_of_the_least_length_is_understood() -> None:
    fixed = bytes((0x70, 0, 2, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0x04, 0x1B))
    assert scsi_status(fixed).standing is SanitizeState.RUNNING
    assert scsi_status(fixed[:-1]).standing is SanitizeState.UNKNOWN
    described = bytes((0x72, 2, 0x04, 0x1B, 0, 0, 0, 0))
    assert scsi_status(described).standing is SanitizeState.RUNNING
    assert scsi_status(described[:-1]).standing is SanitizeState.UNKNOWN


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("0x00000900", SanitizeState.DONE),
        ("0x00000e00", SanitizeState.RUNNING),  # ready for data, and still programming
        ("0x00000800", SanitizeState.RUNNING),
        ("0x00000f00", SanitizeState.RUNNING),
        ("0x00000980", SanitizeState.FAILED),
    ],
)
def test_an_emmc_is_busy_until_it_is_ready_and_not_programming(status: str, standing: SanitizeState) -> None:
    assert mmc_status(f"SEND_STATUS response: {status}").standing is standing


def test_what_an_emmc_says_instead_of_a_status_is_told() -> None:
    assert mmc_status("no such\n  device").said == "no such device"
    assert str(mmc_status(" \n").said) == "no status told"


def test_crypto_format_needs_both_bits_and_times_a_whole_log() -> None:
    for oacs, fna, plain, crypto in ((2, 4, True, True), (2, 0, True, False), (0, 4, False, False)):
        identify = bytearray(4096)
        struct.pack_into("<H", identify, 256, oacs)
        identify[524] = fna
        found = nvme_abilities(bytes(identify))
        assert (found.format, found.format_crypto) == (plain, crypto)
    log = bytes(8) + struct.pack("<III", 10, 20, 30)
    assert nvme_abilities(bytes(4096), log).seconds == (10, 20, 30)
    assert nvme_abilities(bytes(4096), log[:-1]).seconds == (0, 0, 0)


@pytest.mark.parametrize(
    ("told", "right"),
    [
        ({}, True),
        ({"size": 2**63 - 1}, True),
        ({"size": 2**63}, False),
        ({"size": -1}, False),
        ({"size": True}, False),
        ({"rotational": True}, True),
        ({"rotational": "yes"}, False),
        ({"serial": True}, False),
        ({"barred": {"message": "it is ours"}}, True),
        ({"asked": {"message": "it is ours"}}, True),
        ({"serial": {"message": "it is ours"}}, False),
        ({"barred": "it is ours"}, True),
        ({"barred": 5}, False),
    ],
    ids=str,
)
def test_a_disk_says_what_it_is_in_the_form_of_each_field(told: dict[str, Any], right: bool) -> None:
    data = {"path": "/dev/sda", "size": 5, **told}
    if right:
        found = Medium.from_json(data)
        assert all(
            str(getattr(found, key)) == ("it is ours" if key in ("barred", "asked") else str(value))
            for key, value in told.items()
        )
    else:
        with pytest.raises(FactsError):
            Medium.from_json(data)


def test_what_is_noted_of_the_password_is_noted_where_one_was_set() -> None:
    for technique, starts, more in (
        (Technique.ATA_SECURITY, 1, 1),
        (Technique.ATA_SECURITY, 0, 0),
        (Technique.ATA_BLOCK, 1, 0),
    ):
        record = DiskErasure(DISK, EraseLevel.CLEAR, technique, notes=("first",), starts=starts)
        assert len(record.remarks) == 1 + more, (technique, starts)


def test_a_failure_has_the_time_that_is_given_or_that_it_had() -> None:
    record = started(1, ended=7.0)
    assert machine.fail(record, ErasureFault.TOOL, "x", 9.0).ended == 9.0
    assert machine.fail(record, ErasureFault.TOOL, "x").ended == 7.0


def test_a_technique_that_was_not_known_does_not_become_one() -> None:
    known = machine.plan(DISK, EraseLevel.CLEAR, "seed")
    for old, new in ((known, replace(known, technique=None)), (replace(known, technique=None), known)):
        assert not machine.strictly_later(old, new)
