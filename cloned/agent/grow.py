"""Gives the rest of a larger disk to the last partition that is meant to grow, and its file system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cloned.agent.moving import carry, movable, overlaps, places, tell_windows
from cloned.agent.target import CLOSED, Skipped, VerifiedDisk
from cloned.agent.tools import ToolError, run
from cloned.disk.layout import Layout, Partition, min_disk_size
from cloned.disk.partitions import RECOVERY
from cloned.disk.sizes import size_of_file_system
from cloned.saying import Phrase, enumerated

MIB = 1024 * 1024
WORTH_BYTES = 16 * MIB
"""Bytes of free space that are worth growing for."""
_EXT = ("ext2", "ext3", "ext4")
_MBR_LAST = 0xFFFFFFFF
"""Sectors: what an MBR entry can name."""
REQUIRED = 1
"""Attribute bit 0 of a GPT entry: the platform needs it as it is (UEFI 2.10, §5.3.3); recovery partitions have it."""
_KINDS = {
    Phrase("recovery"): (RECOVERY, "27", "de", "12"),
    Phrase("reserved"): ("E3C9E316-0B5C-4DB8-817D-F92DF00215AE",),
    Phrase("EFI system"): ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "ef"),
    Phrase("BIOS boot"): ("21686148-6449-6E6F-744E-656564454649",),
    Phrase("swap"): ("0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "82"),
    Phrase("hibernation"): ("D3BFE2DE-3DAF-11DF-BA40-E3A556D89593", "84"),
    Phrase("dynamic disk"): ("5808C8AA-7E8F-42E0-85D2-E1E90434CFB3", "AF9B60A0-1431-4F62-BC68-3311714A69AD", "42"),
    Phrase("storage pool"): ("E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D",),
    Phrase("hidden"): ("11", "14", "16", "17", "1b", "1c", "1e"),
}
_FIXED = {type_: kind for kind, types in _KINDS.items() for type_ in types}
"""Partition types that never grow: what they are for has the size it needs, or is written down elsewhere too."""


class NoRoom(Skipped):
    """The disk is no larger than what is on it."""


def grow(target: VerifiedDisk) -> str:
    """Grow; says by how much, and what was carried out of the way. Skipped if there is nothing to grow.

    ToolError if it failed: the partition is then put back as it was, so that trying again means the same. After a
    power cut in the middle trying again ends it.
    """
    target.stay_away()
    old = target.read()
    try:
        new = grown(old, target.disk["size"])
    except NoRoom:
        if not _cut_short(target, old):
            raise
        new = old
    before, moves = last(old), moved(old, new)
    after, kind = new.partition(before.number), target.file_system(before)
    _growable(target, before, kind, _behind(old, before))
    if moves:
        carry(target, moves)
        tell_windows(target, moves)
    if new != old:
        target.write(new)
    try:
        _file_system(target, after, kind)
    except ToolError:
        target.write(_with(new, before) if moves else old)
        raise
    return _said(after, kind, (after.size - before.size) * new.sector_size, moves)


def _growable(target: VerifiedDisk, part: Partition, kind: str, behind: list[Partition]) -> None:
    """Skipped where its file system is none that we can grow here, past what lies behind it."""
    if kind not in (*_EXT, "ntfs", "btrfs", "xfs"):
        what = CLOSED.get(kind) or kind or Phrase("no file system that is known here")
        raise Skipped(Phrase("the last partition, {number}, holds {what}", number=part.number, what=what))
    if kind in _EXT and not behind:
        return
    try:
        target.node(part)
    except Skipped as error:  # a lab's laptop in a namespace
        raise Skipped(_in_the_way(part, behind)) if behind else error from None


def _cut_short(target: VerifiedDisk, layout: Layout) -> bool:
    """Whether the partition grew before, but not its file system: power was cut between."""
    part = last(layout)
    with target.reading(part) as read:
        return 0 < size_of_file_system(read) <= part.size * layout.sector_size - WORTH_BYTES


def moved(old: Layout, new: Layout) -> dict[int, int]:
    """Partition number to its first sector, for those that begin elsewhere."""
    starts = {part.number: part.start for part in old.partitions}
    return {part.number: part.start for part in new.partitions if part.start != starts[part.number]}


def _with(layout: Layout, part: Partition) -> Layout:
    """The layout with one partition as it was, and the extended one around it as it is."""
    parts = tuple(part if each.number == part.number else each for each in layout.partitions)
    return replace(layout, partitions=parts)


def _said(part: Partition, kind: str, added: int, moves: Mapping[int, int]) -> str:
    said = Phrase("partition {number} ({kind}) has {added} MiB more", number=part.number, kind=kind, added=added // MIB)
    if not moves:
        return said
    numbers = ", ".join(map(str, sorted(moves)))
    return Phrase("{said}; recovery partition {numbers} was carried to the end of the disk", said=said, numbers=numbers)


def fixed(part: Partition) -> str:
    """What a partition is that must never grow: recovery, swap, …; empty if it may."""
    required = len(part.attrs) == 16 and int(part.attrs, 16) & REQUIRED
    return _FIXED.get(part.type) or (Phrase("recovery") if required else Phrase("swap") if part.swap else "")


def last(layout: Layout) -> Partition:
    """The last partition that is meant to grow; Skipped where there is none, or it must stay as it is."""
    found = _meant(layout)
    if found is None:
        none = Phrase("the disk has no partition that is meant to grow")
        raise Skipped(none if layout.partitions else "the disk has no partitions")
    behind = _behind(layout, found)
    if behind and not movable(layout, behind):
        raise Skipped(_in_the_way(found, behind))
    if any(entry.start == found.start and not entry.protective for entry in layout.mbr):
        raise Skipped(Phrase("partition {number} stands in a hybrid MBR too, which is left alone", number=found.number))
    return found


def _meant(layout: Layout) -> Partition | None:
    meant = [part for part in layout.partitions if not part.extended and not fixed(part)]
    return max(meant, key=lambda part: part.end, default=None)


def _behind(layout: Layout, found: Partition) -> list[Partition]:
    return [part for part in layout.partitions if not part.extended and part.start >= found.end]


def _list(parts: list[Partition]) -> str:
    each = (Phrase("partition {number} ({kind})", number=part.number, kind=fixed(part)) for part in parts)
    return enumerated(list(each))


def _in_the_way(found: Partition, behind: list[Partition]) -> str:
    return Phrase(
        "partition {number} would grow, but {behind} lies behind it and stays",
        number=found.number,
        behind=_list(behind),
    )


def _no_way_past(found: Partition, behind: list[Partition]) -> str:
    return Phrase(
        "partition {number} would grow, but {behind} lies behind it, and there is no room to carry it past itself",
        number=found.number,
        behind=_list(behind),
    )


def grown(layout: Layout, disk_size: int) -> Layout:
    """The layout with its last partition up to the end of the disk; Skipped if that gains nothing.

    Recovery partitions behind it go to the very end. For a GPT the second copy stays behind all; a logical partition
    takes its extended one along.
    """
    sector = layout.sector_size
    _room(layout, disk_size)
    part = last(layout)
    behind, align = _behind(layout, part), MIB // sector
    tail = min_disk_size(layout) // sector - max(each.end for each in layout.partitions)  # sectors of the second GPT
    end = (disk_size // sector - tail) // align * align
    if layout.label == "dos":
        end = min(end, _MBR_LAST)
    starts = places(layout, behind, end, align)
    end = min([end, *(start // align * align for start in starts.values())])
    if behind and (overlaps(layout, starts) or (end - part.end) * sector < WORTH_BYTES):
        raise Skipped(_no_way_past(part, behind))
    if (end - part.end) * sector < WORTH_BYTES:
        raise NoRoom(Phrase("the disk is no larger than the image"))
    at = (replace(each, start=starts.get(each.number, each.start)) for each in layout.partitions)
    return replace(layout, partitions=tuple(_stretched(each, part, end) for each in at))


def _room(layout: Layout, disk_size: int) -> None:
    """NoRoom where nothing is free behind what should grow: then nobody needs to know what lies last."""
    part = _meant(layout)
    behind = _behind(layout, part) if part is not None else []
    gaps = 0
    if part is not None and behind and movable(layout, behind):
        gaps = max(each.end for each in behind) - part.end - sum(each.size for each in behind)
    if layout.partitions and disk_size - min_disk_size(layout) + gaps * layout.sector_size < WORTH_BYTES:
        raise NoRoom(Phrase("the disk is no larger than the image"))


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
