"""Layouts: canonical text, both table formats, swap headers."""

import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.disk.layout import (
    Layout,
    LayoutError,
    Partition,
    Swap,
    Volume,
    VolumeGroup,
    min_disk_size,
    parse_dump,
    read_layout,
    read_primary,
    sfdisk_script,
    swap_areas,
    swap_header,
    table_writes,
)
from cloned.disk.partitions import quote, unquote
from cloned.disk.swap import read_swap

ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
SWAP = "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"
MIB = 1024 * 1024

DUMP = """label: gpt
label-id: 2077A0EF-FDAF-4799-9C9F-3D760BE2651B
device: /dev/nvme0n1
unit: sectors
first-lba: 34
last-lba: 34611
sector-size: 512

/dev/nvme0n1p1 : start=        2048, size=        8192, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, \
uuid=C8CC386C-5989-4907-880C-74183A59F4B3, name="EFI, \\xc3\\xa9\\x22", attrs="RequiredPartition GUID:60,63"
/dev/nvme0n1p3 : start=       12288, size=       22320, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F, \
uuid=3F227907-54C3-4C3D-88E5-C8106A59170A
"""

DOS = Layout(
    "dos",
    "0x12345678",
    512,
    (
        Partition(1, 63, 2000, "83", attrs="active"),
        Partition(3, 4096, 40000, "f"),
        Partition(5, 4159, 1000, "83"),
        Partition(6, 5222, 1000, "82", swap=Swap("806b6356-742b-4168-9791-ce1c1eecefe8", "swp")),
        Partition(7, 6223, 1000, "83"),
    ),
)


class Disk:
    def __init__(self, size: int) -> None:
        self.data = bytearray(size)

    def write(self, writes: list[tuple[int, bytes]]) -> None:
        for offset, data in writes:
            self.data[offset : offset + len(data)] = data

    def read(self, offset: int, length: int) -> bytes:
        assert offset % 512 == 0
        assert length % 512 == 0
        return bytes(self.data[offset : offset + length])


def gpt(sector: int = 512) -> Layout:
    layout = parse_dump(DUMP.replace("sector-size: 512", f"sector-size: {sector}"))
    return layout.with_swaps({3: Swap("806b6356-742b-4168-9791-ce1c1eecefe8", "swap é")})


def test_dump_of_sfdisk() -> None:
    layout = parse_dump(DUMP)
    assert layout.partitions[0] == Partition(
        1, 2048, 8192, ESP, "C8CC386C-5989-4907-880C-74183A59F4B3", "9000000000000001", 'EFI, é"'
    )
    assert [part.number for part in layout.partitions] == [1, 3]


def test_old_dump_without_label() -> None:
    text = (
        "# partition table of /dev/sda\nunit: sectors\n\n"
        "/dev/sda1 : start=       63, size=  208782, Id= 7, bootable\n"
        "/dev/sda2 : start=        0, size=        0, Id= 0\n"
    )
    assert parse_dump(text).partitions == (Partition(1, 63, 208782, "7", attrs="active"),)


@pytest.mark.parametrize("text", ["", "hello\n", "label: sun\nunit: sectors\n", "label: gpt\nunit: cylinders\n"])
def test_not_a_dump(text: str) -> None:
    with pytest.raises(LayoutError):
        parse_dump(text)


def test_text_and_back() -> None:
    for layout in (gpt(), DOS):
        assert Layout.parse(layout.text()) == layout


def test_text_with_lvm_and_back() -> None:
    volumes = (
        Volume("root", "lv-id", 10, ("0 10 striped stripe_count=1 stripes=1,0",)),
        Volume("swap", "lv-is", 3, ("0 3 striped stripe_count=1 stripes=1,10",), Swap("", "x")),
    )
    group = VolumeGroup("vg 0", "Ab-cd", 8192, ((1, "pv-id", 2048, 100),), volumes)
    layout = replace(DOS, groups=(group,))
    assert Layout.parse(layout.text()) == layout


@pytest.mark.parametrize(
    "change",
    [
        ("label gpt", "label  gpt"),
        ("partition 1", "partition 01"),
        ("swap 3 1", "swop 3 1"),
        ("id 2077", "ident 2077"),
        ("%20", " "),
    ],
)
def test_other_text_is_refused(change: tuple[str, str]) -> None:
    with pytest.raises(LayoutError):
        Layout.parse(gpt().text().replace(*change))


@given(st.text(alphabet=st.characters(blacklist_characters="\0")))
def test_fields(text: str) -> None:
    field = quote(text)
    assert " " not in field
    assert "\n" not in field
    assert unquote(field) == text


@pytest.mark.parametrize(("sector", "extra"), [(512, 0), (512, 5 * MIB), (4096, 0)])
def test_gpt_written_and_read(sector: int, extra: int) -> None:
    layout = gpt(sector)
    if sector == 4096:
        smaller = (replace(part, start=part.start // 8, size=part.size // 8) for part in layout.partitions)
        layout = replace(layout, partitions=tuple(smaller))
    disk = Disk(min_disk_size(layout) + extra)
    disk.write(table_writes(layout, len(disk.data)))
    disk.write(swap_areas(layout))
    assert read_layout(disk.read, len(disk.data), sector).text() == layout.text()
    assert read_layout(disk.read, len(disk.data), sector, swaps=()).swaps == frozenset()
    if sector == 512:
        assert read_primary(bytes(disk.data[: 34 * 512])) == layout.with_swaps({})


@pytest.mark.parametrize("offset", [512, 512 + 16, 512 + 72, 1024, 1024 + 60, -512, -512 + 40, -33 * 512])
def test_every_flip_in_either_gpt_is_caught(offset: int) -> None:
    layout = gpt()
    disk = Disk(min_disk_size(layout))
    disk.write(table_writes(layout, len(disk.data)))
    disk.data[offset] ^= 4
    with pytest.raises(LayoutError):
        read_layout(disk.read, len(disk.data), 512)


def test_two_valid_copies_that_differ_are_caught() -> None:
    layout = gpt()
    disk, other = Disk(min_disk_size(layout)), Disk(min_disk_size(layout))
    disk.write(table_writes(layout, len(disk.data)))
    renamed = replace(layout, partitions=(replace(layout.partitions[0], name="other"), layout.partitions[1]))
    other.write(table_writes(renamed, len(disk.data)))
    disk.data[-33 * 512 :] = other.data[-33 * 512 :]
    with pytest.raises(LayoutError, match="agree"):
        read_layout(disk.read, len(disk.data), 512)


def test_gpt_too_large_for_the_disk() -> None:
    with pytest.raises(LayoutError, match="needs"):
        table_writes(gpt(), min_disk_size(gpt()) - 512)


def test_gpt_with_a_huge_entry_count_is_refused() -> None:
    layout = gpt()
    disk = Disk(min_disk_size(layout))
    disk.write(table_writes(layout, len(disk.data)))
    struct.pack_into("<I", disk.data, 512 + 80, 0xFFFFFFFF)
    struct.pack_into("<I", disk.data, 512 + 16, 0)
    struct.pack_into("<I", disk.data, 512 + 16, zlib.crc32(disk.data[512 : 512 + 92]))
    with pytest.raises(LayoutError, match="impossible"):
        read_layout(disk.read, len(disk.data), 512)


def test_mbr_written_and_read() -> None:
    disk = Disk(64 * MIB)
    disk.write(table_writes(DOS, len(disk.data)))
    disk.write(swap_areas(DOS))
    assert read_layout(disk.read, len(disk.data), 512) == DOS
    assert bytes(disk.data[:440]) == bytes(440)


def test_mbr_chain_that_loops() -> None:
    disk = Disk(64 * MIB)
    disk.write(table_writes(DOS, len(disk.data)))
    struct.pack_into("<I", disk.data, 4096 * 512 + 446 + 16 + 8, 0)
    struct.pack_into("<I", disk.data, 4096 * 512 + 446 + 16 + 8, 70000)
    with pytest.raises(LayoutError, match="chain"):
        read_layout(disk.read, len(disk.data), 512)


def test_mbr_partition_past_the_end() -> None:
    disk = Disk(8 * MIB)
    disk.write([(offset, data) for offset, data in table_writes(DOS, 64 * MIB) if offset < 8 * MIB])
    with pytest.raises(LayoutError, match="end of the disk"):
        read_layout(disk.read, len(disk.data), 512)


def test_no_table() -> None:
    with pytest.raises(LayoutError, match="no partition table"):
        read_layout(Disk(MIB).read, MIB, 512)


def test_no_room_for_an_ebr() -> None:
    tight = replace(DOS, partitions=(*DOS.partitions[:4], Partition(7, 6222, 1000, "83")))
    with pytest.raises(LayoutError, match="no room"):
        table_writes(tight, 64 * MIB)


def test_script() -> None:
    script = sfdisk_script(gpt(), 900000)
    assert "last-lba" not in script
    assert "/dev/disk1 : start=2048, size=8192" in script
    assert 'name="EFI, \\xc3\\xa9\\x22", attrs="RequiredPartition GUID:60,63"' in script
    assert parse_dump(script) == gpt().with_swaps({})
    with pytest.raises(LayoutError, match="partition 3"):
        sfdisk_script(gpt(), 30000)


def test_swap_header() -> None:
    swap = Swap("806b6356-742b-4168-9791-ce1c1eecefe8", "swp")
    page = swap_header(swap, 109 * MIB)
    assert len(page) == 4096
    assert struct.unpack_from("<III", page, 1024) == (1, 109 * 256 - 1, 0)
    assert read_swap(page) == swap
    assert read_swap(bytes(4096)) is None
    assert read_swap(swap_header(Swap("", ""), MIB)) == Swap("", "")
    with pytest.raises(LayoutError):
        swap_header(swap, 4096)
    with pytest.raises(LayoutError):
        swap_header(Swap("", "a" * 17), MIB)
