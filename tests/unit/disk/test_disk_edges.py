"""What lies on the edge of what disks, tables and drives may say, and just beside it."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import pytest

from cloned.disk import erase_machine as machine
from cloned.disk.erase import EraseLevel, Technique, choose
from cloned.disk.erase_machine import _inside, uncovered
from cloned.disk.erase_record import DiskErasure, ErasePhase, ErasureFault
from cloned.disk.erase_samples import SMALL, DiskSample, after, zeros
from cloned.disk.erase_status import _descriptor
from cloned.disk.layout import (
    Layout,
    LayoutError,
    MbrEntry,
    Partition,
    check_layout,
    read_layout,
    swap_header,
    table_writes,
)
from cloned.disk.mbr import build_mbr, read_mbr
from cloned.disk.media import AtaAbilities, Medium, medium_of
from cloned.disk.partitions import Swap
from cloned.disk.signed import signature_lists

MIB = 1 << 20
SHA256 = bytes.fromhex("2616c4c14c509240aca941f936934328")
DISK = Medium("/dev/sda", 64 * MIB, serial="S1", bus="sata", rotational=True)


# -- erasing -----------------------------------------------------------------------------------------


def test_zeros_are_zeros_however_many_there_are_to_compare_with() -> None:
    assert zeros(bytes(10), bytes(10))
    assert zeros(bytes(10), bytes(20))
    assert not zeros(bytes(9) + b"x", bytes(20))
    assert not zeros(bytes(9) + b"x", bytes(10))


def test_a_small_disk_is_read_whole() -> None:
    assert sum(each.length for each in after("seed", SMALL, "sample")) == SMALL
    assert sum(each.length for each in after("seed", SMALL + MIB, "sample")) < SMALL
    assert sum(each.length for each in after("seed", SMALL + MIB, "all")) == SMALL + MIB


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


# -- tables ------------------------------------------------------------------------------------------


def test_an_empty_list_of_signatures_is_passed_over() -> None:
    hashes = SHA256 + struct.pack("<III", 28 + 48, 0, 48) + b"o" * 16 + b"h" * 32
    empty = SHA256 + struct.pack("<III", 28, 0, 48)
    assert signature_lists(empty + hashes) == ([], [b"h" * 32])
    assert signature_lists(SHA256 + struct.pack("<III", 27, 0, 48) + hashes) == ([], [])
    assert signature_lists(SHA256 + struct.pack("<III", 28 + 16, 0, 16) + hashes) == ([], [])


def on_disk(writes: list[tuple[int, bytes]], size: int) -> bytearray:
    disk = bytearray(size)
    for at, data in writes:
        disk[at : at + len(data)] = data
    return disk


def test_an_empty_logical_partition_is_none() -> None:
    """What deleting one leaves: an entry with a type and no size, or with a size and no type."""
    parts = (
        Partition(1, 2048, 20480, "5"), Partition(5, 4096, 1000, "83"), Partition(6, 8192, 1000, "83"),
    )  # fmt: skip
    disk = on_disk(build_mbr(Layout("dos", "0x00000001", 512, parts)), 32 * MIB)
    found = read_mbr(lambda offset, length: bytes(disk[offset : offset + length]), len(disk), 512)
    assert [(each.number, each.start, each.size) for each in found.partitions[1:]] == [(5, 4096, 1000), (6, 8192, 1000)]
    table = 2048 * 512 + 446
    for field, value in ((4, b"\0"), (12, bytes(4))):
        changed = bytearray(disk)
        changed[table + field : table + field + len(value)] = value
        found = read_mbr(lambda offset, length, of=changed: bytes(of[offset : offset + length]), len(disk), 512)
        assert [(each.number, each.start) for each in found.partitions[1:]] == [(5, 8192)]


@pytest.mark.parametrize(
    ("entry", "fits"),
    [
        (MbrEntry(1, 1, 0, "ee"), True),
        (MbrEntry(4, 1, 0, "ee"), True),
        (MbrEntry(5, 1, 0, "ee"), False),
        (MbrEntry(0, 1, 0, "ee"), False),
        (MbrEntry(1, 0, 0, "ee"), False),
        (MbrEntry(2, 2048, 65536 - 2048, "83"), True),
        (MbrEntry(2, 2048, 65536 - 2047, "83"), False),
        (MbrEntry(2, 65535, 1, "83"), True),
        (MbrEntry(2, 65536, 0, "ee"), False),
        (MbrEntry(2, 2048, 0, "83"), False),
        (MbrEntry(2, 2048, 10, "5"), False),
    ],
    ids=str,
)
def test_entries_of_a_hybrid_table_lie_on_the_disk(entry: MbrEntry, fits: bool) -> None:
    layout = Layout("gpt", "2077A0EF-FDAF-4799-9C9F-3D760BE2651B", 512, (), mbr=(entry,), mbr_id="0x00000001")
    if fits:
        assert table_writes(layout, 65536 * 512)
    else:
        with pytest.raises(LayoutError):
            table_writes(layout, 65536 * 512)


def test_swap_in_an_extended_partition_is_none_and_a_partition_smaller_than_a_page_is_not_looked_at() -> None:
    swap = Swap("f3a1b2c3-0000-4000-8000-000000000001", "s")
    parts = (Partition(1, 2048, 20480, "5"), Partition(2, 30720, 8, "82"), Partition(3, 34816, 7, "82"))
    disk = on_disk(build_mbr(Layout("dos", "0x00000001", 512, parts)), 32 * MIB)
    for at in (2048, 30720, 34816):
        data = swap_header(swap, 4096 * 10) if at != 2048 else swap_header(swap, 4096 * 10)[:440]
        disk[at * 512 : at * 512 + len(data)] = data
    signature = swap_header(swap, 4096 * 10)[4086:4096]
    disk[2048 * 512 + 4086 : 2048 * 512 + 4096] = signature
    disk[2048 * 512 + 1024 : 2048 * 512 + 1536] = swap_header(swap, 4096 * 10)[1024:1536]
    found = read_layout(lambda offset, length: bytes(disk[offset : offset + length]), len(disk), 512)
    assert {part.number: part.swap is not None for part in found.partitions} == {1: False, 2: True, 3: False}


# -- the machine of an erasure -----------------------------------------------------------------------


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


# -- layouts -----------------------------------------------------------------------------------------

GUID, LINUX = "2077A0EF-FDAF-4799-9C9F-3D760BE2651B", "0FC63DAF-8483-4772-8E79-3D69D8477DE4"


def gpt(**more: Any) -> Layout:
    part = replace(Partition(1, 2048, 2048, LINUX, GUID), **more)
    return Layout("gpt", GUID, 512, (part,))


@pytest.mark.parametrize(
    ("more", "right"),
    [
        ({}, True),
        ({"number": 0}, False),
        ({"number": 1024}, True),
        ({"number": 1025}, False),
        ({"start": 0}, False),
        ({"size": 0}, False),
        ({"start": 1 << 50}, False),
        ({"name": "x" * 36}, True),
        ({"name": "x" * 37}, False),
    ],
    ids=str,
)
def test_a_partition_has_a_number_a_place_and_a_name_that_can_be(more: dict[str, Any], right: bool) -> None:
    try:
        check_layout(gpt(**more))
        found = True
    except LayoutError:
        found = False
    assert found is right


def test_partitions_may_touch_and_not_overlap() -> None:
    for start, right in ((4096, True), (4095, False)):
        two = replace(gpt().partitions[0], number=2, start=start, uuid=LINUX)
        layout = replace(gpt(), partitions=(*gpt().partitions, two))
        if right:
            check_layout(layout)
        else:
            with pytest.raises(LayoutError, match="overlap"):
                check_layout(layout)


@pytest.mark.parametrize("at", [0, 1, 7])
def test_a_table_without_its_signature_or_cut_short_is_missing(at: int) -> None:
    disk = on_disk(table_writes(gpt(), 32 * MIB), 32 * MIB)
    read = lambda offset, length: bytes(disk[offset : offset + length])  # noqa: E731
    assert read_layout(read, len(disk), 512).partitions[0].start == 2048
    disk[512 + at] ^= 1
    with pytest.raises(LayoutError, match="missing"):
        read_layout(read, len(disk), 512)
    with pytest.raises(LayoutError, match="missing"):
        read_layout(lambda offset, length: read(offset, length)[: 512 if offset == 0 else 91], len(disk), 512)
