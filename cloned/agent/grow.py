"""Gives the rest of a larger disk to the last partition that is meant to grow, and its file system."""

from __future__ import annotations

from dataclasses import replace

from cloned.agent.target import CLOSED, Skipped, VerifiedDisk
from cloned.agent.tools import ToolError, run
from cloned.disk.layout import Layout, Partition, min_disk_size
from cloned.saying import Phrase

MIB = 1024 * 1024
WORTH = 16 * MIB
"""Bytes of free space that are worth growing for."""
_EXT = ("ext2", "ext3", "ext4")
_MBR_LAST = 0xFFFFFFFF
"""Sectors: what an MBR entry can name."""
REQUIRED = 1
"""Attribute bit 0 of a GPT entry: the platform needs it as it is (UEFI 2.10, §5.3.3); recovery partitions have it."""
_FIXED = {
    "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC": "recovery",
    "E3C9E316-0B5C-4DB8-817D-F92DF00215AE": "reserved",
    "C12A7328-F81F-11D2-BA4B-00A0C93EC93B": "EFI system",
    "21686148-6449-6E6F-744E-656564454649": "BIOS boot",
    "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F": "swap",
    "D3BFE2DE-3DAF-11DF-BA40-E3A556D89593": "hibernation",
    "27": "recovery", "de": "recovery", "12": "recovery", "ef": "EFI system", "82": "swap", "84": "hibernation",
    "11": "hidden", "14": "hidden", "16": "hidden", "17": "hidden", "1b": "hidden", "1c": "hidden", "1e": "hidden",
}  # fmt: skip
"""Partition types that never grow: what they are for has the size it needs."""


def grow(target: VerifiedDisk) -> str:
    """Grow; says by how much. Skipped if there is nothing to grow, ToolError if it failed.

    The table is put back as it was if the file system does not follow, so that trying again means the same.
    """
    target.stay_away()
    old = target.read()
    new = grown(old, target.disk["size"])
    before = last(old)
    after = new.partition(before.number)
    kind = target.file_system(before)
    if kind not in (*_EXT, "ntfs", "btrfs", "xfs"):
        what = CLOSED.get(kind) or kind or Phrase("no file system that is known here")
        raise Skipped(Phrase("the last partition, {number}, holds {what}", number=before.number, what=what))
    if kind not in _EXT:
        target.node(before)  # Skipped where there are no nodes
    target.write(new)
    try:
        _file_system(target, after, kind)
    except ToolError:
        target.write(old)
        raise
    added = (after.size - before.size) * new.sector_size
    return Phrase(
        "partition {number} ({kind}) has {added} MiB more", number=after.number, kind=kind, added=added // MIB
    )


def fixed(part: Partition) -> str:
    """What a partition is that must never grow: recovery, swap, …; empty if it may."""
    required = len(part.attrs) == 16 and int(part.attrs, 16) & REQUIRED
    return _FIXED.get(part.type) or ("recovery" if required else "swap" if part.swap else "")


def last(layout: Layout) -> Partition:
    """The last partition that is meant to grow; Skipped where there is none, or something lies behind it."""
    parts = [part for part in layout.partitions if not part.extended]
    meant = [part for part in parts if not fixed(part)]
    if not meant:
        raise Skipped("the disk has no partition that is meant to grow" if parts else "the disk has no partitions")
    found = max(meant, key=lambda part: part.end)
    behind = [f"partition {part.number} ({fixed(part)})" for part in parts if part.start >= found.end]
    if behind:
        raise Skipped(
            Phrase(
                "partition {number} would grow, but {behind} lies behind it and stays",
                number=found.number,
                behind=", ".join(behind),
            )
        )
    if any(entry.start == found.start and not entry.protective for entry in layout.mbr):
        raise Skipped(Phrase("partition {number} stands in a hybrid MBR too, which is left alone", number=found.number))
    return found


def grown(layout: Layout, disk_size: int) -> Layout:
    """The layout with its last partition up to the end of the disk; Skipped if that gains nothing.

    For a GPT the second copy stays behind it; a logical partition takes its extended one along.
    """
    sector = layout.sector_size
    _room(layout, disk_size)
    part = last(layout)
    tail = min_disk_size(layout) // sector - part.end  # sectors of the second GPT
    end = (disk_size // sector - tail) // (MIB // sector) * (MIB // sector)
    if layout.label == "dos":
        end = min(end, _MBR_LAST)
    if (end - part.end) * sector < WORTH:
        raise Skipped("the disk is no larger than the image")
    parts = tuple(_stretched(each, part, end) for each in layout.partitions)
    return replace(layout, partitions=parts)


def _room(layout: Layout, disk_size: int) -> None:
    """Skipped where nothing is free behind all partitions: then nobody needs to know what lies last."""
    if layout.partitions and disk_size - min_disk_size(layout) < WORTH:
        raise Skipped("the disk is no larger than the image")


def _stretched(each: Partition, part: Partition, end: int) -> Partition:
    holds = each.extended and part.number > 4 and each.start <= part.start < each.end
    return replace(each, size=end - each.start) if each == part or holds else each


def _check(name: str, part: Partition) -> None:
    """resize2fs asks for it. ToolError with the next step where e2fsck cannot mend what it finds."""
    try:
        run(["e2fsck", "-f", "-y", name], accept=(0, 1), timeout=3600)
    except ToolError as error:
        mend = Phrase("start the master so that it checks its disk, and capture it again")
        raise ToolError(
            Phrase(
                "the file system of partition {number} is damaged in the image: {mend} ({error})",
                number=part.number,
                mend=mend,
                error=error,
            )
        ) from error


def _file_system(target: VerifiedDisk, part: Partition, kind: str) -> None:
    if kind in _EXT:
        name = target.extended_name(part)
        _check(name, part)
        run(["resize2fs", name, f"{part.size * target.disk['sector_size'] // 1024}K"], timeout=3600)
    elif kind == "ntfs":
        run(["ntfsresize", "--force", "--force", "--no-progress-bar", target.node(part)], timeout=3600, stdin=b"y\n")
    elif kind == "btrfs":
        with target.mounted(part, kind) as folder:
            run(["btrfs", "filesystem", "resize", "max", str(folder)], timeout=600)
    else:
        with target.mounted(part, kind) as folder:
            run(["xfs_growfs", str(folder)], timeout=600)
