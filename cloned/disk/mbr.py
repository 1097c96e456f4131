"""MBR partition tables with logical partitions: read the chain, and write one.

The format has no standard; this follows what Linux (block/partitions/msdos.c) and libfdisk do.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from cloned.disk.gpt import Read, build_gpt
from cloned.disk.partitions import EXTENDED, MIB, Layout, LayoutError, MbrEntry, Partition
from cloned.saying import Phrase

_ENTRY = struct.Struct("<B3sB3sII")
_TABLE = 446
EBR_CODE_BYTES: Final = 446
"""Bytes before the table of an EBR: of the first one, boot code."""
_MOST = 0xFFFFFFFF
"""Sectors that an entry can name."""
_MAX_LOGICAL = 1024
"""Longer chains are taken for a loop."""

_Entry = tuple[int, int, int, int]
"""Flag, type, start, size."""


def entries(sector: bytes) -> list[_Entry]:
    """The four entries of an MBR or EBR; LayoutError without the 55 AA signature."""
    if sector[510:512] != b"\x55\xaa":
        raise LayoutError("there is no partition table")
    found = (_ENTRY.unpack_from(sector, _TABLE + 16 * index) for index in range(4))
    return [(flag, kind, start, size) for flag, _, kind, _, start, size in found]


def is_protective(sector: bytes) -> bool:
    """True if this first sector belongs to a GPT disk."""
    return any(kind == 0xEE for _, kind, _, _ in entries(sector))


def read_mbr(read: Read, disk_size: int, sector_size: int) -> Layout:
    """Read an MBR and its chain of logical partitions; LayoutError names what is invalid."""
    head = read(0, sector_size)
    parts: list[Partition] = []
    for number, (flag, kind, start, size) in enumerate(entries(head), 1):
        if kind and size:
            parts.append(_partition(number, flag, kind, start, size))
    for part in parts[:]:
        if part.extended:
            parts += _logical(read, part, sector_size)
            break  # Linux and libfdisk follow the first extended partition alone
    for part in parts:
        if part.end * sector_size > disk_size:
            raise LayoutError(Phrase("partition {number} ends after the end of the disk", number=part.number))
    (ident,) = struct.unpack_from("<I", head, 440)
    return Layout("dos", f"0x{ident:08x}", sector_size, tuple(parts))


def with_mbr(layout: Layout, head: bytes) -> Layout:
    """A GPT's layout with what its MBR says beyond protecting it; `head` is the first sector.

    Some BIOSes start no GPT disk whose protective entry is not active, and hybrid entries are another table.
    """
    found = [(number, *entry) for number, entry in enumerate(entries(head), 1) if entry[1]]
    if [(number, flag & 0x80, kind, start) for number, flag, kind, start, _ in found] == [(1, 0, 0xEE, 1)]:
        return replace(layout, mbr=(), mbr_id="")
    end = min(max((part.end for part in layout.partitions), default=0), _MOST)
    alone = len(found) == 1
    made = tuple(_mbr_entry(entry, reaches=alone or entry[3] + entry[4] >= end) for entry in found)
    return replace(layout, mbr=made, mbr_id=f"0x{struct.unpack_from('<I', head, 440)[0]:08x}")


def _mbr_entry(entry: tuple[int, int, int, int, int], *, reaches: bool) -> MbrEntry:
    number, flag, kind, start, size = entry
    size = 0 if kind == 0xEE and reaches else size
    return MbrEntry(number, start, size, f"{kind:x}", "active" if flag & 0x80 else "")


def build_gpt_and_mbr(layout: Layout, disk_size: int) -> list[tuple[int, bytes]]:
    """What `build_gpt` gives, with the MBR's entries as the layout has them; LayoutError for what no disk can hold."""
    writes = build_gpt(layout, disk_size)
    if not layout.mbr:
        return writes
    last = disk_size // layout.sector_size - 1
    table = bytearray(64)
    for entry in layout.mbr:
        _check_mbr_entry(entry, last)
        size = entry.size or min(last + 1 - entry.start, _MOST)
        made = Partition(entry.number, entry.start, size, entry.type, attrs=entry.attrs)
        _ENTRY.pack_into(table, 16 * (entry.number - 1), *_entry(made, entry.start))
    head = struct.pack("<IH", int(layout.mbr_id, 16), 0) + bytes(table) + b"\x55\xaa"
    return [(440, head), *((at, data) for at, data in writes if at != 440)]


def _check_mbr_entry(entry: MbrEntry, last: int) -> None:
    if entry.type in EXTENDED:
        raise LayoutError("a hybrid MBR with an extended partition cannot be kept")
    if not 1 <= entry.number <= 4 or not 0 < entry.start <= last or entry.start + entry.size - 1 > last:
        raise LayoutError(Phrase("entry {number} of the hybrid MBR does not fit on the disk", number=entry.number))
    if not (entry.size or entry.protective):
        raise LayoutError(Phrase("entry {number} of the hybrid MBR is empty", number=entry.number))


def first_extended(layout: Layout) -> Partition | None:
    """The extended partition that the chain of logical ones begins in."""
    return next((part for part in layout.partitions if part.number <= 4 and part.extended), None)


def read_ebr_code(read: Read, layout: Layout) -> bytes:
    """The boot code in the extended partition's first sector; nothing where there is none."""
    extended = first_extended(layout) if layout.label == "dos" else None
    data = read(extended.start * layout.sector_size, layout.sector_size)[:EBR_CODE_BYTES] if extended else b""
    return data if any(data) else b""


def ebr_writes(layout: Layout, code: bytes | None) -> list[tuple[int, bytes]]:
    """(byte offset, bytes) that put this boot code into the extended partition, after its table was written."""
    extended = first_extended(layout)
    return [(extended.start * layout.sector_size, code)] if extended and code else []


def _is_extended(kind: int) -> bool:
    return f"{kind:x}" in EXTENDED


def _partition(number: int, flag: int, kind: int, start: int, size: int) -> Partition:
    return Partition(number, start, size, f"{kind:x}", attrs="active" if flag & 0x80 else "")


def _logical(read: Read, extended: Partition, sector_size: int) -> Iterator[Partition]:
    """Follow the EBR chain: each has a partition relative to itself and a link relative to the extended one."""
    at, number, seen = extended.start, 5, set[int]()
    while True:
        if at in seen or len(seen) >= _MAX_LOGICAL or not extended.start <= at < extended.end:
            raise LayoutError(Phrase("the chain of logical partitions is damaged at sector {at}", at=at))
        seen.add(at)
        table = entries(read(at * sector_size, sector_size))
        data = [entry for entry in table if entry[3] and entry[1] and not _is_extended(entry[1])]
        if data:
            flag, kind, start, size = data[0]
            yield _partition(number, flag, kind, at + start, size)
            number += 1
        link = next((start for _, kind, start, _ in table if _is_extended(kind)), 0)
        if not link:
            return
        at = extended.start + link


def build_mbr(layout: Layout) -> list[tuple[int, bytes]]:
    """(offset, bytes) to write for an MBR layout: bytes 440 … 511 and an EBR for each logical partition."""
    sector = layout.sector_size
    table = bytearray(64)
    for part in layout.partitions:
        if part.number <= 4:
            _ENTRY.pack_into(table, 16 * (part.number - 1), *_entry(part, part.start))
    head = struct.pack("<IH", int(layout.id, 16), 0) + bytes(table) + b"\x55\xaa"
    return [(440, head), *((at * sector, data) for at, data in _chain(layout))]


def _entry(part: Partition, start: int) -> tuple[int, bytes, int, bytes, int, int]:
    """An entry's fields; CHS addresses are written as `see the LBA`, which every loader since 2000 does."""
    flag, chs = 0x80 if part.attrs == "active" else 0, b"\xfe\xff\xff"
    return flag, chs, int(part.type, 16), chs, start, part.size


def _chain(layout: Layout) -> Iterator[tuple[int, bytes]]:
    logical = [part for part in layout.partitions if part.number > 4]
    extended = first_extended(layout)
    if extended is None:
        if logical:
            raise LayoutError("there are logical partitions but no extended one")
        return
    places = _ebr_places(layout, extended, logical)
    for index, at in enumerate(places):
        table = bytearray(64)
        if index < len(logical):
            _ENTRY.pack_into(table, 0, *_entry(logical[index], logical[index].start - at))
        if index + 1 < len(places):
            following = Partition(0, 0, logical[index + 1].end - places[index + 1], "5")
            _ENTRY.pack_into(table, 16, *_entry(following, places[index + 1] - extended.start))
        yield at, bytes(_TABLE) + bytes(table) + b"\x55\xaa"


def _ebr_places(layout: Layout, extended: Partition, logical: list[Partition]) -> list[int]:
    """Sectors of the EBRs: the first starts the extended partition, the others 1 MiB before theirs or less."""
    places = [extended.start]
    taken = [(part.start, part.end) for part in logical]
    for part in logical[1:]:
        free = max([extended.start + 1, *(end for start, end in taken if start < part.start)])
        place = max(free, part.start - MIB // layout.sector_size)
        if place >= part.start:
            raise LayoutError(
                Phrase("there is no room before logical partition {number} for its table", number=part.number)
            )
        taken.append((place, place + 1))
        places.append(place)
    return places
