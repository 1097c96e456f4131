"""Logical volumes on the disk: where their bytes lie, and what the disk says of its groups."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from cloned.disk.lvm_map import SECTOR, _crc, check_places, placed, read_groups
from cloned.disk.manifest import Layer, Plan
from cloned.disk.partitions import Layout, LayoutError, Partition, Swap, Volume, VolumeGroup
from cloned.disk.swap import swap_header

MIB = 1024 * 1024
UUID = "RF0JcS-OmvJ-kJNE-kAoO-3TeG-PzF0-dsO4rl"
TEXT = f"""vg {{
id = "G"
seqno = 7
extent_size = 8
physical_volumes {{
pv0 {{
id = "{UUID}"
pe_start = 2048
pe_count = 500
}}
}}
logical_volumes {{
root {{
id = "R"
segment1 {{
start_extent = 0
extent_count = 10
type = "striped"
stripe_count = 1
stripes = ["pv0", 100]
}}
segment2 {{
start_extent = 10
extent_count = 5
type = "striped"
stripe_count = 1
stripes = ["pv0", 0]
}}
}}
swap {{
id = "S"
segment1 {{
start_extent = 0
extent_count = 10
type = "striped"
stripe_count = 1
stripes = ["pv0", 20]
}}
}}
}}
}}
"""
ROOT = Volume("root", "R", 15, ("0 10 striped stripe_count=1 stripes=2,100", "10 5 striped stripe_count=1 stripes=2,0"))
AREA = Volume("swap", "S", 10, ("0 10 striped stripe_count=1 stripes=2,20",), Swap("", "area"))
GROUP = VolumeGroup("vg", "G", 8, ((2, UUID, 2048, 500),), (ROOT, AREA))
TABLE = Layout("gpt", "0" * 8, 512, (Partition(1, 2048, 2048, "X"), Partition(2, 4096, 16384, "X")))
PV = 4096 * SECTOR
DATA = PV + 2048 * SECTOR
EXTENT = 8 * SECTOR


def plan(*layers: Layer, group: VolumeGroup = GROUP) -> Plan:
    return Plan(replace(TABLE, groups=(group,)).text(), 512, 0, None, None, layers)


def disk(*, offset: int = 600, size: int = 8192) -> bytearray:
    """A disk as pvcreate, vgcreate and mkswap leave it; the text begins at `offset` of the ring."""
    image = bytearray(16 * MIB)
    pv = UUID.replace("-", "").encode() + struct.pack("<Q", 8 * MIB) + struct.pack("<4Q", MIB, 0, 0, 0)
    pv += struct.pack("<4Q", 4096, size, 0, 0)
    label = (struct.pack("<I", 32) + b"LVM2 001" + pv).ljust(SECTOR - 20, b"\0")
    image[PV + SECTOR : PV + 2 * SECTOR] = b"LABELONE" + struct.pack("<QI", 1, _crc(label)) + label
    text = TEXT.encode() + b"\0"
    area = PV + 4096
    first = text[: size - offset]
    image[area + offset : area + offset + len(first)] = first
    image[area + SECTOR : area + SECTOR + len(text) - len(first)] = text[len(first) :]
    head = b" LVM2 x[5A%r0N*>" + struct.pack("<IQQ", 1, 4096, size)
    head = (head + struct.pack("<QQII", offset, len(text), _crc(text), 0)).ljust(SECTOR - 4, b"\0")
    image[area : area + SECTOR] = struct.pack("<I", _crc(head)) + head
    page = swap_header(Swap("", "area"), 10 * EXTENT)
    image[DATA + 20 * EXTENT : DATA + 20 * EXTENT + len(page)] = page
    return image


def test_used_bytes_of_a_volume_find_their_places() -> None:
    root = Layer(0, "vg/root", "ext4", None, 15 * EXTENT, ((0, 100), (9 * EXTENT, 2 * EXTENT)))
    boot = Layer(1, "sda1", "ext4", MIB, MIB, ((0, 4096),))
    found = placed(plan(boot, root))
    assert found.layers[0] == boot
    assert list(found.layers[1].extents) == [
        (DATA + 100 * EXTENT, 100),
        (DATA + 109 * EXTENT, EXTENT),
        (DATA, EXTENT),
    ]
    assert found.map.place(1).ranges()[-1] == (DATA, EXTENT)
    assert found.map.used == plan(boot, root).map.used


@pytest.mark.parametrize(
    "segment",
    [
        "0 15 striped stripe_count=2 stripe_size=128 stripes=2,0,2,50",
        "0 15 thin-pool metadata=m pool=p",
        "0 15 striped stripe_count=1 stripes=7,0",
        "0 15 striped stripe_count=1 stripes=2,486",
        "0 15 striped stripe_count=1 stripes=2,99999999",
        "0 15 striped stripe_count=1 stripes=2,-5",
    ],
)
def test_a_volume_that_is_not_linear_has_no_place(segment: str) -> None:
    odd = replace(GROUP, volumes=(replace(ROOT, segments=(segment,)),))
    layer = Layer(0, "vg/root", "ext4", None, 15 * EXTENT, ((0, 100),))
    with pytest.raises(LayoutError, match="vg/root"):
        placed(plan(layer, group=odd))
    with pytest.raises(LayoutError, match="vg/root"):
        check_places(plan(layer, group=odd))


def test_a_physical_volume_that_claims_more_than_its_partition() -> None:
    large = replace(GROUP, members=((2, UUID, 2048, 5000),))
    with pytest.raises(LayoutError, match="outside its physical volume"):
        check_places(plan(Layer(0, "vg/root", "ext4", None, 15 * EXTENT, ((0, 100),)), group=large))


@pytest.mark.parametrize("offset", [512, 600, 8192 - 100])
def test_a_group_is_read_from_the_disk(offset: int) -> None:
    image = disk(offset=offset)
    assert read_groups(lambda at, size: bytes(image[at : at + size]), TABLE, (GROUP,)) == (GROUP,)


@pytest.mark.parametrize("at", [PV + SECTOR + 40, PV + 4096 + 20, PV + 4096 + 700])
def test_a_flipped_bit_is_noticed(at: int) -> None:
    image = disk()
    image[at] ^= 1
    with pytest.raises(LayoutError, match="damaged"):
        read_groups(lambda at, size: bytes(image[at : at + size]), TABLE, (GROUP,))


def test_an_empty_partition_is_no_physical_volume() -> None:
    with pytest.raises(LayoutError, match="partition 2 is no LVM"):
        read_groups(lambda at, size: bytes(size), TABLE, (GROUP,))


def test_a_text_cannot_begin_at_the_end_of_its_ring() -> None:
    image = disk(offset=8192)
    with pytest.raises(LayoutError, match="metadata area of an LVM physical volume is damaged"):
        read_groups(lambda at, size: bytes(image[at : at + size]), TABLE, (GROUP,))


@pytest.mark.parametrize(("length", "flags"), [(0, 0), (900, 1), (0, 1)])
def test_a_group_that_no_disk_describes_is_said_in_words(length: int, flags: int) -> None:
    """LVM leaves an area empty, or marks it as one to be ignored."""
    image = disk()
    area = PV + 4096
    struct.pack_into("<QII", image, area + 48, length, 0, flags)
    struct.pack_into("<I", image, area, _crc(bytes(image[area + 4 : area + SECTOR])))
    with pytest.raises(LayoutError, match="volume group vg has no descriptions"):
        read_groups(lambda at, size: bytes(image[at : at + size]), TABLE, (GROUP,))
