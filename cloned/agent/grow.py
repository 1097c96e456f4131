"""Gives the rest of a larger disk to the last partition and its file system."""

from __future__ import annotations

from dataclasses import replace

from cloned.agent.target import Skipped, Target
from cloned.agent.tools import ToolError, run
from cloned.disk.layout import Layout, Partition, min_disk_size

MIB = 1024 * 1024
WORTH = 16 * MIB
"""Bytes of free space that are worth growing for."""
_EXT = ("ext2", "ext3", "ext4")
_MBR_LAST = 0xFFFFFFFF
"""Sectors: what an MBR entry can name."""


def grow(target: Target) -> str:
    """Grow; says by how much. Skipped if there is nothing to grow, ToolError if it failed.

    The table is put back as it was if the file system does not follow, so that trying again means the same.
    """
    old = target.read()
    new = grown(old, target.disk["size"])
    before, after = last(old), last(new)
    kind = target.file_system(before)
    if kind not in (*_EXT, "ntfs", "btrfs", "xfs"):
        raise Skipped(f"the last partition, {before.number}, holds {kind or 'no file system that is known here'}")
    if kind not in _EXT:
        target.node(before)  # Skipped where there are no nodes
    target.write(new)
    try:
        _file_system(target, after, kind)
    except ToolError:
        target.write(old)
        raise
    added = (after.size - before.size) * new.sector_size
    return f"partition {after.number} ({kind}) has {added // MIB} MiB more"


def last(layout: Layout) -> Partition:
    """The partition that ends last; Skipped if there is none."""
    parts = [part for part in layout.partitions if not part.extended]
    if not parts:
        raise Skipped("the disk has no partitions")
    return max(parts, key=lambda part: part.end)


def grown(layout: Layout, disk_size: int) -> Layout:
    """The layout with its last partition up to the end of the disk; Skipped if that gains nothing.

    For a GPT the second copy stays behind it; a logical partition takes its extended one along.
    """
    sector = layout.sector_size
    part = last(layout)
    tail = min_disk_size(layout) // sector - part.end  # sectors of the second GPT
    end = (disk_size // sector - tail) // (MIB // sector) * (MIB // sector)
    if layout.label == "dos":
        end = min(end, _MBR_LAST)
    if (end - part.end) * sector < WORTH:
        raise Skipped("the disk is no larger than the image")
    parts = tuple(_stretched(each, part, end) for each in layout.partitions)
    return replace(layout, partitions=parts)


def _stretched(each: Partition, part: Partition, end: int) -> Partition:
    holds = each.extended and part.number > 4 and each.start <= part.start < each.end
    return replace(each, size=end - each.start) if each == part or holds else each


def _file_system(target: Target, part: Partition, kind: str) -> None:
    if kind in _EXT:
        name = target.extended_name(part)
        run(["e2fsck", "-f", "-y", name], accept=(0, 1), timeout=3600)  # resize2fs asks for it
        run(["resize2fs", name, f"{part.size * target.disk['sector_size'] // 1024}K"], timeout=3600)
    elif kind == "ntfs":
        run(["ntfsresize", "--force", "--force", "--no-progress-bar", target.node(part)], timeout=3600, stdin=b"y\n")
    elif kind == "btrfs":
        with target.mounted(part, kind) as folder:
            run(["btrfs", "filesystem", "resize", "max", str(folder)], timeout=600)
    else:
        with target.mounted(part, kind) as folder:
            run(["xfs_growfs", str(folder)], timeout=600)
