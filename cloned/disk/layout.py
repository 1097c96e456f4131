"""The partition layout of a disk: read from it, written to it, and as one canonical text (images/FORMAT.md)."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise

from cloned.disk.gpt import Read, backup_sectors, read_either, read_gpt, read_primary
from cloned.disk.mbr import (
    EBR_CODE_BYTES,
    build_gpt_and_mbr,
    build_mbr,
    ebr_writes,
    is_protective,
    read_ebr_code,
    read_mbr,
    with_mbr,
)
from cloned.disk.partitions import Layout, LayoutError, MbrEntry, Partition, Swap, Volume, VolumeGroup
from cloned.disk.sfdisk import parse_dump, sfdisk_script
from cloned.disk.swap import PAGE_BYTES, read_swap, swap_header
from cloned.saying import Phrase

__all__ = [
    "EBR_CODE_BYTES",
    "Layout",
    "LayoutError",
    "MbrEntry",
    "Partition",
    "Read",
    "Swap",
    "Volume",
    "VolumeGroup",
    "check_layout",
    "ebr_writes",
    "min_disk_size",
    "parse_dump",
    "read_ebr_code",
    "read_layout",
    "read_primary",
    "sfdisk_script",
    "swap_areas",
    "swap_header",
    "table_writes",
    "with_mbr",
]


def read_layout(
    read: Read,
    disk_size: int,
    sector_size: int,
    swaps: Collection[int] | None = None,
    *,
    ebr_code: bool = False,
    either: bool = False,
) -> Layout:
    """Read a disk's layout through `read(offset, length)`; both are multiples of the sector size.

    `swaps` are the numbers of the partitions whose swap signature belongs to the layout (a plan's `Layout.swaps`);
    None looks at every partition. `ebr_code`: whether the extended partition's boot code belongs to it. `either`:
    whether one valid copy of a GPT will do. LayoutError names what is invalid.
    """
    head = read(0, sector_size)
    if len(head) < sector_size:
        raise LayoutError("the first sector cannot be read")
    gpt = read_either if either else read_gpt
    table = gpt if is_protective(head) else read_mbr
    layout = table(read, disk_size, sector_size)
    if layout.label == "gpt":
        layout = with_mbr(layout, head)
    if ebr_code:
        layout = replace(
            layout, ebr_code=hashlib.sha256(read_ebr_code(read, layout).ljust(EBR_CODE_BYTES, b"\0")).hexdigest()
        )
    found: dict[int, Swap] = {}
    for part in layout.partitions:
        if swaps is not None and part.number not in swaps:
            continue
        swap = read_swap(read(part.start * sector_size, PAGE_BYTES)) if part.size * sector_size >= PAGE_BYTES else None
        if swap and not part.extended:
            found[part.number] = swap
    return layout.with_swaps(found)


def table_writes(layout: Layout, disk_size: int) -> list[tuple[int, bytes]]:
    """(byte offset, bytes) that put the partition table on a disk of `disk_size` bytes; boot code stays as it is.

    The second copy of a GPT goes to the end of this disk. LayoutError if it does not fit.
    """
    if disk_size < min_disk_size(layout):
        raise LayoutError(
            Phrase(
                "the layout needs {min_disk_size} bytes, the disk has {disk_size}",
                min_disk_size=min_disk_size(layout),
                disk_size=disk_size,
            )
        )
    return build_gpt_and_mbr(layout, disk_size) if layout.label == "gpt" else build_mbr(layout)


def swap_areas(layout: Layout) -> list[tuple[int, bytes]]:
    """(byte offset, bytes) that make each swap area of the layout what it was, as mkswap would."""
    sector = layout.sector_size
    return [
        (part.start * sector, swap_header(part.swap, part.size * sector)) for part in layout.partitions if part.swap
    ]


def min_disk_size(layout: Layout) -> int:
    """Bytes of the smallest disk that holds every partition, and for a GPT its second copy after them."""
    end = max((part.end for part in layout.partitions), default=1)
    tail = backup_sectors(layout) if layout.label == "gpt" else 0
    return (end + tail) * layout.sector_size


_MOST_SECTORS = 1 << 50
_MOST_PARTITIONS = 1024


def check_layout(layout: Layout) -> None:
    """LayoutError unless this layout, put on a disk that just holds it, would be read back from there as itself.

    So what no disk can hold is found when an image is taken in, not on twenty laptops.
    """
    _check_places(layout)
    size, sector = min_disk_size(layout), layout.sector_size
    try:
        writes = [*table_writes(layout, size), *swap_areas(layout)]
    except (ValueError, struct.error, OverflowError) as error:
        raise LayoutError(Phrase("it cannot be put on any disk: {error}", error=error)) from error

    def read(offset: int, length: int) -> bytes:
        found = bytearray(length)
        for start, data in writes:
            first, last = max(start, offset), min(start + len(data), offset + length)
            if first < last:
                found[first - offset : last - offset] = data[first - start : last - start]
        return bytes(found)

    if read_layout(read, size, sector, layout.swaps).text() != replace(layout, groups=(), ebr_code="").text():
        raise LayoutError("it would not be read back from a disk as it is")


def _check_places(layout: Layout) -> None:
    """Numbers within reason, and no two partitions in the same place but logical ones in their extended one."""
    if layout.sector_size not in (512, 4096):
        raise LayoutError(
            Phrase(
                "sectors of {sector_size} bytes are not supported, only 512 and 4096", sector_size=layout.sector_size
            )
        )
    for part in layout.partitions:
        if not (0 < part.start < part.end <= _MOST_SECTORS and 0 < part.number <= _MOST_PARTITIONS):
            raise LayoutError(Phrase("partition {number} lies where no partition can", number=part.number))
    real = sorted((part for part in layout.partitions if not part.extended), key=lambda part: part.start)
    for one, other in pairwise(real):
        if other.start < one.end:
            raise LayoutError(Phrase("partitions {number} and {other} overlap", number=one.number, other=other.number))
