"""The partition layout of a disk: read from it, written to it, and as one canonical text (images/FORMAT.md)."""

from __future__ import annotations

from collections.abc import Collection

from cloned.core.gpt import Read, backup_sectors, build_gpt, read_gpt, read_primary
from cloned.core.mbr import build_mbr, is_protective, read_mbr
from cloned.core.partitions import Group, Layout, LayoutError, Partition, Swap, Volume
from cloned.core.sfdisk import parse_dump, sfdisk_script
from cloned.core.swap import PAGE, read_swap, swap_header

__all__ = [
    "Group", "Layout", "LayoutError", "Partition", "Read", "Swap", "Volume", "min_disk_size", "parse_dump",
    "read_layout", "read_primary", "sfdisk_script", "swap_areas", "swap_header", "table_writes",
]


def read_layout(read: Read, disk_size: int, sector_size: int, swaps: Collection[int] | None = None) -> Layout:
    """Read a disk's layout through `read(offset, length)`; both are multiples of the sector size.

    `swaps` are the numbers of the partitions whose swap signature belongs to the layout (a plan's `Layout.swaps`);
    None looks at every partition. LayoutError names what is invalid.
    """
    head = read(0, sector_size)
    if len(head) < sector_size:
        raise LayoutError("the first sector cannot be read")
    table = read_gpt if is_protective(head) else read_mbr
    layout = table(read, disk_size, sector_size)
    found: dict[int, Swap] = {}
    for part in layout.partitions:
        if swaps is not None and part.number not in swaps:
            continue
        swap = read_swap(read(part.start * sector_size, PAGE)) if part.size * sector_size >= PAGE else None
        if swap and not part.extended:
            found[part.number] = swap
    return layout.with_swaps(found)


def table_writes(layout: Layout, disk_size: int) -> list[tuple[int, bytes]]:
    """(byte offset, bytes) that put the partition table on a disk of `disk_size` bytes; boot code stays as it is.

    The second copy of a GPT goes to the end of this disk. LayoutError if it does not fit.
    """
    if disk_size < min_disk_size(layout):
        raise LayoutError(f"the layout needs {min_disk_size(layout)} bytes, the disk has {disk_size}")
    return build_gpt(layout, disk_size) if layout.label == "gpt" else build_mbr(layout)


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
