"""Makes a disk ready for its pieces: old signatures out, layout and boot code in; and reads the layout back.

Everything goes to the whole disk at absolute offsets, past the page cache; no partition nodes are needed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from cloned.agent.blockio import BlockDevice, Range, buffer
from cloned.agent.failures import AgentError
from cloned.agent.tools import ToolError, run
from cloned.disk.layout import Layout, LayoutError, ebr_writes, read_layout, swap_areas, table_writes
from cloned.disk.lvm_map import read_groups
from cloned.disk.manifest import BOOT_CODE_BYTES, Plan
from cloned.disk.partitions import RECOVERY

MIB = 1024 * 1024
ENDS_BYTES = MIB
"""Bytes at both ends of the disk and of every new partition in which old signatures are cleared."""
_BLKDISCARD = 0x1277
_BLKRRPART = 0x125F
_BLKFLSBUF = 0x1261
_DISCARD_STEP = 4 * 1024 * MIB

Stop = Callable[[], bool]


def signatures(path: str) -> list[str]:
    """What wipefs(8) finds on the whole disk: names such as gpt, PMBR, ext4, LVM2_member."""
    try:
        found = json.loads(run(["wipefs", "--no-act", "--json", path], timeout=60) or "{}").get("signatures", [])
    except (ToolError, ValueError):
        return []
    return sorted({str(each.get("type")) for each in found})


def discard(disk: BlockDevice, stop: Stop = lambda: False) -> bool:
    """TRIM the whole disk; False if it cannot be done, or not for all of it."""
    at = 0
    while at < disk.size and not stop():
        length = min(_DISCARD_STEP, disk.size - at)
        try:
            fcntl.ioctl(disk.fd, _BLKDISCARD, struct.pack("=QQ", at, length))
        except OSError:
            return False
        at += length
    return at >= disk.size


def clear(disk: BlockDevice, layout: Layout) -> None:
    """Overwrite both ends of the disk and of each partition to be with zeros."""
    sector = layout.sector_size
    spans: list[Range] = [(0, disk.size)]
    spans += [(part.start * sector, part.size * sector) for part in layout.partitions if not part.extended]
    zeros = buffer(ENDS_BYTES)
    for start, size in spans:
        ends = {(start, min(ENDS_BYTES, size)), (max(start, start + size - ENDS_BYTES), min(ENDS_BYTES, size))}
        for offset, length in ends:
            disk.write([(offset, length)], zeros[:length])
    disk.sync()


def write(disk: BlockDevice, plan: Plan) -> None:
    """Write boot code, gap, partition table and swap areas; AgentError `layout-failed` if they do not fit."""
    try:
        layout = Layout.parse(plan.layout)
        tables = [*table_writes(layout, disk.size), *ebr_writes(layout, plan.ebr_code)]
        parts = [*boot_writes(plan), *tables, *swap_areas(layout)]
    except LayoutError as error:
        raise AgentError("layout-failed", str(error)) from error
    put(disk, parts)


def boot_writes(plan: Plan) -> list[tuple[int, bytes]]:
    """(offset, bytes) of boot code and gap."""
    return [(at, data) for at, data in ((0, plan.boot_code), (512, plan.gap)) if data]


def put(disk: BlockDevice, parts: Iterable[tuple[int, bytes]]) -> None:
    """Write bytes at their offsets, and wait until the disk has them."""
    for offset, data in parts:
        whole = buffer(max(len(data), 1))[: len(data)]
        whole[:] = data
        disk.write([(offset, len(data))], whole)
    disk.sync()


def reader(disk: BlockDevice) -> Callable[[int, int], bytes]:
    """`read(offset, length)` past the page cache; both multiples of the sector size; fewer bytes at the end."""

    def read(offset: int, length: int) -> bytes:
        room = buffer(max(length, disk.block))
        return bytes(room[: os.preadv(disk.fd, [room[:length]], offset)])

    return read


def read_back(disk: BlockDevice, plan: Plan) -> tuple[str, bytes | None, bytes | None]:
    """What the disk holds: the layout's canonical text, SHA-256 of boot code and gap where the plan has them.

    Of a damaged layout the text says what is wrong, so it equals no canonical text.
    """
    read = reader(disk)
    wanted = Layout.parse(plan.layout)
    try:
        found = read_layout(read, disk.size, plan.sector_size, wanted.swaps, ebr_code=bool(wanted.ebr_code))
        text = replace(found, groups=read_groups(read, found, wanted.groups)).text()
    except (LayoutError, OSError) as error:
        text = f"invalid {error}\n"
    boot_code = _digest(disk, 0, BOOT_CODE_BYTES) if plan.boot_code is not None else None
    gap = _digest(disk, 512, len(plan.gap)) if plan.gap is not None else None
    return text, boot_code, gap


def _digest(disk: BlockDevice, offset: int, length: int) -> bytes:
    """SHA-256 of bytes near the start of the disk; zeros where they cannot be read."""
    end = -(-(offset + length) // disk.block) * disk.block
    try:
        data = reader(disk)(0, end)[offset : offset + length]
    except OSError:
        return bytes(32)
    return hashlib.sha256(data).digest()


def same_places(text: str, plan: Plan) -> bool:
    """Whether a disk with this layout may already hold the image's pieces: same partitions, perhaps grown.

    A recovery partition may have been carried to the end of the disk: what is not in its place any more is asked for.
    """
    try:
        found = _starts(Layout.parse(text))
    except LayoutError:
        return False
    return found == _starts(Layout.parse(plan.layout))


def _starts(layout: Layout) -> dict[int, int]:
    return {part.number: 0 if part.type == RECOVERY else part.start for part in layout.partitions}


def nodes(path: str, tries: int = 20) -> bool:
    """Have the kernel read the partition table again, so that nodes such as sda1 appear; False if it will not."""
    for _ in range(tries):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(fd, _BLKFLSBUF)
            fcntl.ioctl(fd, _BLKRRPART)
        except OSError:
            time.sleep(0.25)
        else:
            return True
        finally:
            os.close(fd)
    return False
