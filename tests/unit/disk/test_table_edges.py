"""What lies on the edge of what disks and tables may say, and just beside it."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from typing import Any

import pytest

from cloned.disk.extents import Extents
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
from cloned.disk.manifest import PIECE, Layer, PieceMap
from cloned.disk.mbr import build_mbr, ebr_writes, read_mbr
from cloned.disk.media import Medium
from cloned.disk.partitions import Swap
from cloned.disk.sfdisk import parse_dump, sfdisk_script
from cloned.disk.signed import signature_lists
from cloned.disk.swap import read_swap

MIB = 1 << 20
SHA256 = bytes.fromhex("2616c4c14c509240aca941f936934328")
DISK = Medium("/dev/sda", 64 * MIB, serial="S1", bus="sata", rotational=True)


# -- tables -----------------------------------------------------------------------------------------


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


# -- layouts ----------------------------------------------------------------------------------------

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


# -- both copies of a GPT ---------------------------------------------------------------------------

SIZE = 32 * MIB


def gpt_disk(*changes: tuple[int, int, str, Any], entries: tuple[int, bytes] | None = None) -> bytearray:
    """A disk with a GPT; of a copy (by its sector) fields are changed, its checksums made right again."""
    disk = on_disk(table_writes(gpt(), SIZE), SIZE)
    for sector, at, form, value in changes:
        head = sector % (SIZE // 512) * 512
        struct.pack_into(form, disk, head + at, value)
        size = struct.unpack_from("<I", disk, head + 12)[0]
        struct.pack_into("<I", disk, head + 16, 0)
        struct.pack_into("<I", disk, head + 16, zlib.crc32(disk[head : head + size]))
    if entries is not None:
        disk[entries[0] : entries[0] + len(entries[1])] = entries[1]
    return disk


def read_disk(disk: bytearray) -> Layout:
    return read_layout(lambda offset, length: bytes(disk[offset : offset + length]), SIZE, 512)


@pytest.mark.parametrize(
    ("changes", "entries", "said"),
    [
        ([(1, 32, "<Q", 0)], None, "outside the disk"),
        ([(1, 32, "<Q", SIZE // 512)], None, "outside the disk"),
        ([(-1, 32, "<Q", 2)], None, "do not agree"),
        ([(-1, 56, "16s", b"another disk's id")], None, "do not agree"),
        ([(-1, 48, "<Q", 60000)], None, "do not agree"),
        ([(1, 80, "<I", 0)], None, "impossible number"),
        ([(1, 84, "<I", 64)], None, "impossible number"),
        ([(1, 84, "<I", 132)], None, "impossible number"),
        ([(1, 80, "<I", 1 << 20)], None, "impossible number"),
        ([(1, 80, "<I", 1 << 17)], None, "entries of the first copy of the GPT have a wrong checksum"),
        ([(1, 24, "<Q", 2)], None, "says it lies at"),
        ([(1, 88, "<I", 1)], None, "entries of the first copy of the GPT have a wrong checksum"),
        ([], (1024 + 128, b"x"), "entries of the first copy of the GPT have a wrong checksum"),
        ([(1, 12, "<I", 91)], None, "header of the first"),
        ([(1, 12, "<I", 513)], None, "header of the first"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_copy_is_told(changes: list[Any], entries: Any, said: str) -> None:
    with pytest.raises(LayoutError, match=said):
        read_disk(gpt_disk(*changes, entries=entries))


def test_a_header_may_be_as_large_as_its_sector() -> None:
    assert read_disk(gpt_disk((1, 12, "<I", 512))).partitions == gpt().partitions


def test_an_entry_needs_a_type_and_a_size() -> None:
    disk = on_disk(
        build_mbr(Layout("dos", "0x00000001", 512, (Partition(1, 2048, 100, "83"), Partition(2, 4096, 100, "83")))),
        SIZE,
    )
    for field, value in ((4, b"\0"), (12, bytes(4))):
        changed = bytearray(disk)
        changed[446 + field : 446 + field + len(value)] = value
        assert [part.number for part in read_disk(changed).partitions] == [2]


def test_a_chain_of_logical_partitions_stays_in_the_extended_one() -> None:
    parts = (Partition(1, 2048, 20480, "5"), Partition(5, 4096, 1000, "83"), Partition(6, 8192, 1000, "83"))
    disk = on_disk(build_mbr(Layout("dos", "0x00000001", 512, parts)), SIZE)
    for link, right in ((20479, True), (20480, False)):
        changed = bytearray(disk)
        struct.pack_into("<I", changed, 2048 * 512 + 446 + 16 + 8, link)
        changed[(2048 + link) * 512 + 510 : (2048 + link) * 512 + 512] = b"\x55\xaa"
        if right:
            assert len(read_disk(changed).partitions) == 2
        else:
            with pytest.raises(LayoutError, match="damaged at sector"):
                read_disk(changed)


@pytest.mark.parametrize(("links", "right"), [(1024, True), (1025, False)])
def test_a_chain_has_so_many_links(links: int, right: bool) -> None:
    disk = on_disk(build_mbr(Layout("dos", "0x00000001", 512, (Partition(1, 2048, 20480, "5"),))), SIZE)
    for number in range(links):
        at = (2048 + 16 * number) * 512
        struct.pack_into("<B3sB3sII", disk, at + 446, 0, bytes(3), 0x83, bytes(3), 1, 8)
        if number + 1 < links:
            struct.pack_into("<B3sB3sII", disk, at + 462, 0, bytes(3), 5, bytes(3), 16 * (number + 1), 9)
        disk[at + 510 : at + 512] = b"\x55\xaa"
    if right:
        assert len(read_disk(disk).partitions) == 1 + links
    else:
        with pytest.raises(LayoutError, match="damaged at sector"):
            read_disk(disk)


def test_boot_code_goes_where_there_is_an_extended_partition_and_any() -> None:
    parts = (Partition(1, 2048, 20480, "5"),)
    layout = Layout("dos", "0x00000001", 512, parts)
    assert ebr_writes(layout, b"code") == [(2048 * 512, b"code")]
    assert ebr_writes(layout, None) == ebr_writes(layout, b"") == []
    assert ebr_writes(replace(layout, partitions=(Partition(1, 2048, 9, "83"),)), b"code") == []


# -- what else is counted ---


def test_extents_are_the_same_where_offsets_and_lengths_are() -> None:
    found = Extents([(0, 5), (10, 5)])
    assert found == Extents([(0, 5), (10, 5)])
    assert found != Extents([(0, 5), (11, 5)])
    assert found != Extents([(0, 5), (10, 6)])
    assert (repr(Extents([(0, 1)] * 8)).count("(0, 1)"), repr(Extents([(0, 1)] * 9))) == (8, "<9 extents>")


def test_a_piece_beyond_the_last_is_none() -> None:
    places = PieceMap((Layer(1, "sda1", "ext4", MIB, 40 * MIB, ((0, PIECE + 5),)),))
    assert places.place(1).length == 5
    for number in (2, -1):
        with pytest.raises(IndexError):
            places.place(number)


def test_a_label_of_swap_has_sixteen_bytes() -> None:
    assert read_swap(swap_header(Swap("", "x" * 16), 1 << 20)) == Swap("", "x" * 16)
    with pytest.raises(LayoutError, match="longer"):
        swap_header(Swap("", "x" * 17), 1 << 20)


def test_what_sfdisk_is_told_and_tells() -> None:
    script = sfdisk_script(gpt(name="a\x7f\x1f~ b"))
    assert "table-length" not in script
    assert 'name="a\\x7f\\x1f~ b"' in script
    assert "table-length: 132" in sfdisk_script(gpt(number=129))
    dump = "# label: dos\nlabel: gpt\nlabel-id: X\nunit: sectors\nnothing\n\n/dev/sda1 : start=2048, size=8, type=A\n"
    assert parse_dump(dump).label == "gpt"
    assert parse_dump("label: gpt\n# label: dos\nunit: sectors\n").label == "gpt"
