"""Carries recovery partitions to the end of a larger disk, so that the partition before them can grow.

A power cut loses nothing: the bytes are written where nothing was, read back, and only then does the partition table
name their new place, before anything grows over the old one. On GPT disks alone: there Windows' boot data knows a
partition by its GUID, which stays, on others by its place. What Windows itself keeps of the place is put right too
(ReAgent.xml, which reagentc reads).
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Mapping

from cloned.agent import layout as layouts
from cloned.agent.blockio import SPAN, BlockDevice, DiskError, Range, buffer
from cloned.agent.target import Skipped, VerifiedDisk, put_in_windows
from cloned.agent.tools import ToolError
from cloned.disk.layout import Layout, Partition
from cloned.disk.ntfs import Ntfs, NtfsError
from cloned.disk.partitions import RECOVERY
from cloned.saying import Phrase

REAGENT = "Windows/System32/Recovery/ReAgent.xml"
_CHUNK = 4 * 1024 * 1024


def movable(layout: Layout, behind: Iterable[Partition]) -> bool:
    """Whether all that lies behind may be carried elsewhere; nothing may that a hybrid MBR names too."""
    hybrid = any(not entry.protective for entry in layout.mbr)
    return layout.label == "gpt" and not hybrid and all(part.type == RECOVERY for part in behind)


def places(layout: Layout, behind: Iterable[Partition], end: int, align: int) -> dict[int, int]:
    """Partition number to its first sector, for `behind` packed before the sector `end`.

    One that cannot be carried past itself stays: a power cut in the middle would lose it.
    """
    found = {}
    for part in sorted(behind, key=lambda each: each.start, reverse=True):
        start = (end - part.size) // align * align
        found[part.number] = start if start >= part.end else part.start
        end = found[part.number] // align * align
    return found


def overlaps(layout: Layout, wanted: Mapping[int, int]) -> bool:
    """Whether a new place covers bytes of any partition, its own too: then a power cut could lose them."""
    for number, start in wanted.items():
        part = layout.partition(number)
        end = start + part.size
        if start != part.start and any(start < each.end and each.start < end for each in layout.partitions):
            return True
    return False


def carry(target: VerifiedDisk, moves: Mapping[int, int]) -> None:
    """Copy partitions to their new places, and prove each copy; ToolError if one is not what it should be."""
    layout = target.read()
    device = BlockDevice(target.path, writable=True)
    try:
        for number, start in moves.items():
            part = layout.partition(number)
            length = part.size * layout.sector_size
            _copy(device, (part.start * layout.sector_size, length), start * layout.sector_size, number)
    except (DiskError, OSError) as error:
        raise ToolError(str(error)) from error
    finally:
        device.close()


def _copy(device: BlockDevice, source: Range, to: int, number: int) -> None:
    read, room, sums = layouts.reader(device), buffer(_CHUNK), hashlib.sha256()
    for at in range(0, source[1], _CHUNK):
        length = min(_CHUNK, source[1] - at)
        room[:length] = read(source[0] + at, length)
        sums.update(room[:length])
        device.write([(to + at, length)], room[:length])
    device.sync()
    if device.digest([(to, source[1])], buffer(SPAN)) != sums.digest():
        raise ToolError(
            Phrase(
                "partition {number} could not be carried to the end of the disk: what was written there is read "
                "back differently; it stays where it was",
                number=number,
            )
        )


def tell_windows(target: VerifiedDisk, moves: Mapping[int, int]) -> None:
    """Put the new places into what Windows keeps of its recovery; Skipped where it cannot be read or written."""
    windows = target.windows()
    if windows is None or not moves:
        return
    try:
        with target.reading(windows) as read:
            path, data = Ntfs(read).read_file(REAGENT)
        changed = renamed(data, target.read(), moves)
        if changed != data:
            put_in_windows(target, windows, path, changed)
    except FileNotFoundError:
        return
    except (NtfsError, struct.error, IndexError, UnicodeError, ToolError) as error:
        why = Phrase("what Windows keeps of it cannot be changed: {error}", error=error)
        raise Skipped(Phrase("the recovery partition stays where it is: {why}", why=why)) from error


def renamed(data: bytes, layout: Layout, moves: Mapping[int, int]) -> bytes:
    """ReAgent.xml with the new byte offset of what it names; UnicodeError if it is no text."""
    code = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = data.decode(code)
    sector = layout.sector_size
    new = {str(layout.partition(number).start * sector): str(start * sector) for number, start in moves.items()}

    def place(found: re.Match[str]) -> str:
        return found[1] + new.get(found[2], found[2]) + found[3]

    after = re.sub(r'(<WinreLocation\b[^>]*\boffset=")(\d+)(")', place, text)
    return data if after == text else after.encode(code)
