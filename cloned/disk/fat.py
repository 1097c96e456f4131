"""Just enough of FAT12, FAT16 and FAT32 to read files of an EFI system partition out of an image. Pure.

Source: Microsoft, FAT: General Overview of On-Disk Format, 1.03. Names are told apart by no upper and lower case.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Read = Callable[[int, int], bytes]
"""Reads (offset, length) of the file system; zeros where the image has no data."""

_ENTRY = 32
_FOLDER, _VOLUME, _LONG = 0x10, 0x08, 0x0F
_MOST_ENTRIES, _DEEPEST = 4096, 8
LARGEST_BYTES = 16 * 1024 * 1024
"""Bytes of a file that is read: boot loaders have a few million."""


class FatError(ValueError):
    """This is no FAT, it is damaged, or the file is larger than any boot loader."""


@dataclass(frozen=True)
class FatEntry:
    """A file or folder."""

    name: str
    folder: bool
    cluster: int
    size: int


class Fat:
    """A file system that `read` reaches. Every method may raise FatError or struct.error on damage."""

    def __init__(self, read: Read) -> None:
        self._read = read
        boot = read(0, 512)
        sector, self._per, reserved, fats, roots, small = struct.unpack_from("<HBHBHH", boot, 11)
        fat16, large, fat32 = struct.unpack_from("<H", boot, 22)[0], *struct.unpack_from("<II", boot, 32)
        if boot[510:512] != b"\x55\xaa" or sector not in (512, 1024, 2048, 4096) or not self._per or not fats:
            raise FatError("no FAT file system")
        self._cluster = sector * self._per
        self._fat = reserved * sector
        root_sectors = -(-roots * _ENTRY // sector)
        first_data = reserved + fats * (fat16 or fat32) + root_sectors
        self._root = (first_data - root_sectors) * sector, roots * _ENTRY
        self._data = first_data * sector
        self._clusters = ((small or large) - first_data) // self._per
        self._bits = 12 if self._clusters < 4085 else 16 if self._clusters < 65525 else 32
        (self._first,) = struct.unpack_from("<I", boot, 44)

    def files(self, folder: str) -> Iterator[tuple[str, FatEntry]]:
        """Every file below `folder`, with its path as it is written there; nothing if there is no such folder."""
        found = next(
            (each for each in self._entries(None) if each.folder and each.name.lower() == folder.lower()), None
        )
        left = [_MOST_ENTRIES]
        if found is not None:
            yield from self._below(found, found.name, left, _DEEPEST)

    def content(self, entry: FatEntry) -> bytes:
        """The bytes of a file."""
        if entry.size > LARGEST_BYTES:
            raise FatError(f"{entry.name} has {entry.size} bytes")
        data = bytearray()
        for cluster in self._chain(entry.cluster, -(-entry.size // self._cluster)):
            data += self._read(self._data + (cluster - 2) * self._cluster, self._cluster)
        if len(data) < entry.size:
            raise FatError(f"{entry.name} is cut short")
        return bytes(data[: entry.size])

    def _below(self, folder: FatEntry, path: str, left: list[int], deep: int) -> Iterator[tuple[str, FatEntry]]:
        for entry in self._entries(folder):
            left[0] -= 1
            if left[0] < 0:
                raise FatError("too many files")
            name = f"{path}/{entry.name}"
            if not entry.folder:
                yield name, entry
            elif entry.name not in (".", "..") and deep:
                yield from self._below(entry, name, left, deep - 1)

    def _entries(self, folder: FatEntry | None) -> Iterator[FatEntry]:
        long: dict[int, str] = {}
        data = self._listing(folder)
        for at in range(0, len(data) - _ENTRY + 1, _ENTRY):
            raw = data[at : at + _ENTRY]
            if raw[0] == 0:
                return
            if raw[0] == 0xE5:
                long = {}
            elif raw[11] & 0x3F == _LONG:
                words = raw[1:11] + raw[14:26] + raw[28:32]
                long[raw[0] & 0x3F] = words.decode("utf-16-le", "replace").split("\0")[0]
            else:
                if not raw[11] & _VOLUME:
                    yield _entry(raw, "".join(long[number] for number in sorted(long)))
                long = {}

    def _listing(self, folder: FatEntry | None) -> bytes:
        """The raw entries of a folder, or of the root."""
        if folder is None and self._bits < 32:
            return self._read(*self._root)
        first = self._first if folder is None else folder.cluster
        most = max(1, _MOST_ENTRIES * _ENTRY // self._cluster)
        places = (self._data + (cluster - 2) * self._cluster for cluster in self._chain(first, most))
        return b"".join(self._read(place, self._cluster) for place in places)

    def _chain(self, cluster: int, most: int) -> Iterator[int]:
        """The clusters of a file, at most so many: a damaged table may go round in circles."""
        for _ in range(most):
            if not 2 <= cluster < self._clusters + 2:
                return
            yield cluster
            cluster = self._next(cluster)

    def _next(self, cluster: int) -> int:
        if self._bits == 32:
            return int(struct.unpack("<I", self._read(self._fat + 4 * cluster, 4))[0]) & 0x0FFFFFFF
        if self._bits == 16:
            return int(struct.unpack("<H", self._read(self._fat + 2 * cluster, 2))[0])
        (both,) = struct.unpack("<H", self._read(self._fat + cluster * 3 // 2, 2))
        return int(both >> 4 if cluster & 1 else both & 0xFFF)


def _entry(raw: bytes, long: str) -> FatEntry:
    stem, kind = (raw[part].decode("cp437").rstrip() for part in (slice(0, 8), slice(8, 11)))
    stem, kind = (
        stem.lower() if raw[12] & 8 else stem,
        kind.lower() if raw[12] & 16 else kind,
    )  # as Windows NT writes it
    high, low, size = struct.unpack_from("<H", raw, 20)[0], *struct.unpack_from("<HI", raw, 26)
    name = long or (f"{stem}.{kind}" if kind else stem)
    return FatEntry(name, bool(raw[11] & _FOLDER), high << 16 | low, size)
