"""GUID partition tables: read both copies, and write them (UEFI specification 2.10, chapter 5)."""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from cloned.disk.partitions import GPT_ENTRY_BYTES, MIB, Layout, LayoutError, Partition
from cloned.saying import Phrase

Read = Callable[[int, int], bytes]
"""Reads (offset, length) of a disk; both are multiples of the sector size."""

_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_ENTRY = struct.Struct("<16s16sQQQ72s")
_SIGNATURE = b"EFI PART"
_NAME_BYTES = 72
_MAX_ENTRIES_BYTES = 16 * MIB
"""Bytes; more than any tool writes, so that a damaged count asks for no gigabytes."""


@dataclass(frozen=True)
class _Copy:
    """One of the two copies of a table."""

    my_lba: int
    alternate_lba: int
    usable: tuple[int, int]
    disk: bytes
    entry_size: int
    entries: bytes


def read_gpt(read: Read, disk_size: int, sector_size: int) -> Layout:
    """Read a GPT; LayoutError unless both copies are valid and agree."""
    last = disk_size // sector_size - 1
    primary = _read_copy(read, 1, last, sector_size, "first")
    backup = _read_copy(read, primary.alternate_lba, last, sector_size, "second")
    if backup.alternate_lba != 1 or (primary.disk, primary.usable) != (backup.disk, backup.usable):
        raise LayoutError("the two copies of the GPT do not agree")
    if (primary.entry_size, primary.entries) != (backup.entry_size, backup.entries):
        raise LayoutError("the partition entries of the two copies of the GPT do not agree")
    return _layout(primary, sector_size)


def read_either(read: Read, disk_size: int, sector_size: int) -> Layout:
    """The table in whichever copy is valid, the first if both are: power may be cut between writing them."""
    last = disk_size // sector_size - 1
    try:
        return _layout(_read_copy(read, 1, last, sector_size, "first"), sector_size)
    except LayoutError:
        return _layout(_read_copy(read, last, last, sector_size, "second"), sector_size)


def read_primary(data: bytes, sector_size: int = 512) -> Layout:
    """The table in the first copy alone: `data` is the start of a disk, as Clonezilla's X-gpt-1st has it."""

    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    return _layout(_read_copy(read, 1, (1 << 63) // sector_size, sector_size, "first"), sector_size)


def _read_copy(read: Read, lba: int, last: int, sector: int, which: str) -> _Copy:
    if not 0 < lba <= last:
        raise LayoutError(Phrase("the {which} copy of the GPT would lie outside the disk", which=which))
    head = read(lba * sector, sector)
    if len(head) < _HEADER.size or head[:8] != _SIGNATURE:
        raise LayoutError(Phrase("the {which} copy of the GPT is missing", which=which))
    _, _, size, crc, _, my, other, first, final, disk, table, count, entry, table_crc = _HEADER.unpack_from(head)
    if not _HEADER.size <= size <= sector or zlib.crc32(head[:16] + bytes(4) + head[20:size]) != crc:
        raise LayoutError(Phrase("the header of the {which} copy of the GPT has a wrong checksum", which=which))
    if my != lba:
        raise LayoutError(
            Phrase(
                "the {which} copy of the GPT says it lies at sector {my}, but is at {lba}", which=which, my=my, lba=lba
            )
        )
    if entry < GPT_ENTRY_BYTES or entry % 8 or not 0 < entry * count <= _MAX_ENTRIES_BYTES:
        raise LayoutError(
            Phrase("the {which} copy of the GPT has an impossible number or size of entries", which=which)
        )
    length = entry * count
    entries = read(table * sector, -(-length // sector) * sector)[:length] if table <= last else b""
    if len(entries) != length or zlib.crc32(entries) != table_crc:
        raise LayoutError(
            Phrase("the partition entries of the {which} copy of the GPT have a wrong checksum", which=which)
        )
    return _Copy(my, other, (first, final), disk, entry, entries)


def _layout(table: _Copy, sector_size: int) -> Layout:
    step = table.entry_size
    raw = [table.entries[at : at + GPT_ENTRY_BYTES] for at in range(0, len(table.entries), step)]
    parts = tuple(_partition(number, entry) for number, entry in enumerate(raw, 1) if any(entry[:16]))
    return Layout("gpt", _guid(table.disk), sector_size, parts)


def _partition(number: int, raw: bytes) -> Partition:
    kind, ident, first, last, attrs, name = _ENTRY.unpack(raw)
    if last < first:
        raise LayoutError(Phrase("partition {number} ends before it starts", number=number))
    text = name.decode("utf-16-le", "surrogatepass").split("\0")[0]
    return Partition(
        number=number,
        start=first,
        size=last - first + 1,
        type=_guid(kind),
        uuid=_guid(ident),
        attrs=f"{attrs:016x}" if attrs else "",
        name=text,
    )


def _guid(raw: bytes) -> str:
    return str(uuid.UUID(bytes_le=raw)).upper()


def backup_sectors(layout: Layout) -> int:
    """Sectors the second copy takes at the end of a disk: the entries and one header."""
    return -(-entry_count(layout) * GPT_ENTRY_BYTES // layout.sector_size) + 1


def entry_count(layout: Layout) -> int:
    """Entries: 128, or as many as the highest partition number needs, to whole sectors."""
    per_sector = layout.sector_size // GPT_ENTRY_BYTES
    highest = max((part.number for part in layout.partitions), default=0)
    return max(128, -(-highest // per_sector) * per_sector)


def build_gpt(layout: Layout, disk_size: int) -> list[tuple[int, bytes]]:
    """(offset, bytes) to write for a GPT on a disk of `disk_size` bytes: protective MBR from byte 440 on, both copies.

    LayoutError if a partition does not fit between them.
    """
    sector = layout.sector_size
    last = disk_size // sector - 1
    entries = _entries(layout)
    tail = backup_sectors(layout)
    lowest = min((part.start for part in layout.partitions), default=1 << 62)
    usable = (max(tail + 1, min(lowest, MIB // sector)), last - tail)
    for part in layout.partitions:
        if part.start < usable[0] or part.end - 1 > usable[1]:
            raise LayoutError(
                Phrase(
                    "partition {number} does not fit on a disk of {disk_size} bytes",
                    number=part.number,
                    disk_size=disk_size,
                )
            )
    crc, count = zlib.crc32(entries), entry_count(layout)
    ident = uuid.UUID(layout.id).bytes_le
    first_head = _header(1, last, usable, ident, (2, count, crc)).ljust(sector, b"\0")
    second_head = _header(last, 1, usable, ident, (last - tail + 1, count, crc)).ljust(sector, b"\0")
    padded = entries.ljust((tail - 1) * sector, b"\0")
    return [(440, _protective(last)), (sector, first_head + padded), ((last - tail + 1) * sector, padded + second_head)]


def _header(my: int, other: int, usable: tuple[int, int], disk: bytes, table: tuple[int, int, int]) -> bytes:
    """A header of 92 bytes; `table` is the entries' sector, their number and CRC."""
    lba, count, table_crc = table

    def pack(crc: int) -> bytes:
        return _HEADER.pack(
            _SIGNATURE,
            0x00010000,
            _HEADER.size,
            crc,
            0,
            my,
            other,
            *usable,
            disk,
            lba,
            count,
            GPT_ENTRY_BYTES,
            table_crc,
        )

    return pack(zlib.crc32(pack(0)))


def _entries(layout: Layout) -> bytes:
    table = bytearray(entry_count(layout) * GPT_ENTRY_BYTES)
    for part in layout.partitions:
        name = part.name.encode("utf-16-le", "surrogatepass")
        if len(name) > _NAME_BYTES:
            raise LayoutError(Phrase("the name of partition {number} is too long", number=part.number))
        kind, ident = uuid.UUID(part.type).bytes_le, uuid.UUID(part.uuid).bytes_le
        attrs = int(part.attrs or "0", 16)
        _ENTRY.pack_into(table, (part.number - 1) * GPT_ENTRY_BYTES, kind, ident, part.start, part.end - 1, attrs, name)
    return bytes(table)


def _protective(last: int) -> bytes:
    """Bytes 440 … 511 of the protective MBR: one entry of type EE over the whole disk."""
    entry = struct.pack("<B3sB3sII", 0, b"\0\x02\0", 0xEE, b"\xff\xff\xff", 1, min(last, 0xFFFFFFFF))
    return bytes(6) + entry + bytes(48) + b"\x55\xaa"
