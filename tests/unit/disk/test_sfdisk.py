"""sfdisk's dumps, line by line: what is a head, what is a partition, and what is neither."""

from __future__ import annotations

import pytest

from cloned.disk.partitions import LayoutError, Partition
from cloned.disk.sfdisk import parse_dump, sfdisk_script

GPT = "label: gpt\nlabel-id: ab\nunit: sectors\n"
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"


def test_a_comment_with_a_colon_sets_nothing() -> None:
    assert parse_dump(f"{GPT}# label: dos\n# unit: cylinders\nno colon here\n").label == "gpt"


def test_another_unit_is_refused_and_none_is_sectors() -> None:
    assert parse_dump("label: dos\nlabel-id: 0x1\n").id == "0x1"
    with pytest.raises(LayoutError, match="not a dump"):
        parse_dump("label: dos\nunit: cylinders\n")
    with pytest.raises(LayoutError, match="not a dump"):
        parse_dump("label-id: 0x1\nsector-size: 512\n")


def test_the_dumps_own_sector_size_counts_before_the_disks() -> None:
    assert parse_dump(f"{GPT}sector-size: 4096\n", 512).sector_size == 4096
    assert parse_dump(GPT, 2048).sector_size == 2048


def test_an_empty_slot_is_no_partition() -> None:
    text = (
        "label: dos\nunit: sectors\n/dev/sda1 : start=0, size=0, type=83\n/dev/sda2 : start=1, size=9, type=0\n"
        "/dev/sda3 : start=2048, size=9, type=83\n"
    )
    assert parse_dump(text).partitions == (Partition(3, 2048, 9, "83"),)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("sector-size: 5l2\n", "sector size is '5l2'"),
        ("/dev/sda : start=1, size=1, type=83\n", "no partition number"),
        ("/dev/sda1 : size=1, type=83\n", "no start or size"),
        (f'/dev/sda1 : start=1, size=1, type={LINUX}, name="\\xff"\n', "is not UTF-8"),
        (f'/dev/sda1 : start=1, size=1, type={LINUX}, attrs="GUID:64"\n', "attribute '64' is unknown"),
        (f'/dev/sda1 : start=1, size=1, type={LINUX}, attrs="Friendly"\n', "attribute 'Friendly' is unknown"),
    ],
)
def test_what_is_wrong_is_named(more: str, said: str) -> None:
    with pytest.raises(LayoutError, match=said):
        parse_dump(GPT + more)


def test_a_script_for_a_disk_that_is_too_small_is_refused_at_the_last_sector() -> None:
    layout = parse_dump(f"{GPT}/dev/sda1 : start=2048, size=2048, type={LINUX}\n")
    assert "start=2048, size=2048" in sfdisk_script(layout, 4096)
    with pytest.raises(LayoutError, match="ends at sector 4096"):
        sfdisk_script(layout, 4095)


def test_what_a_script_says_is_read_back() -> None:
    text = (
        f'{GPT}/dev/sda1 : start=34, size=2048, type={LINUX}, name="a\\xc3\\xa9", attrs="RequiredPartition GUID:60"\n'
    )
    layout = parse_dump(text)
    script = sfdisk_script(layout)
    assert "first-lba: 34" in script
    assert parse_dump(script).partitions == layout.partitions
