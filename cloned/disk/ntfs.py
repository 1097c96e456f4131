"""An NTFS, read from its used bytes: just enough to see whether Windows lives there, sleeps, and what a file says.

Source: the ntfs-3g project's layout.h (NTFS_RECORD, MFT_RECORD, ATTR_RECORD, ATTR_LIST_ENTRY, INDEX_HEADER,
INDEX_ENTRY).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import islice

from cloned.saying import Phrase

Read = Callable[[int, int], bytes]
ROOT = 5
"""Number of the root folder's record in the master file table; the first sixteen are never fragmented."""
_LOG = 2
"""Number of $LogFile's."""
_LIST, _DATA, _INDEX_ROOT, _INDEX_ALLOCATION, _END = 0x20, 0x80, 0x90, 0xA0, 0xFFFFFFFF
HIBERNATED = (b"hibr", b"rstr")
"""How hiberfil.sys begins, in any case, while Windows sleeps in it; `wake` or zeros once it has woken up."""
_LAST = 2
_PACKED = 0x40FF
"""Flags of an attribute whose clusters are not the bytes themselves: compressed, or encrypted."""
_MOST_BYTES = 1 << 20
_MOST_NAMES = 100_000
_MOST_BLOCKS = 10_000
_MOST_PARTS = 1000


class NtfsError(ValueError):
    """This is no NTFS that can be read."""


class Ntfs:
    """A file system behind `read(offset, length)`."""

    def __init__(self, read: Read) -> None:
        boot = read(0, 512)
        if boot[3:11] != b"NTFS    ":
            raise NtfsError("there is no NTFS")
        self._read = read
        sector, clusters = struct.unpack_from("<HB", boot, 11)
        self._cluster = sector * (clusters if clusters <= 128 else 1 << (256 - clusters))
        (self._mft,) = struct.unpack_from("<Q", boot, 48)
        (size,) = struct.unpack_from("<b", boot, 64)
        self._record = size * self._cluster if size > 0 else 1 << -size
        if not 512 <= self._record <= 65536 or not 512 <= self._cluster <= 2 << 20:
            raise NtfsError("impossible sizes")

    def root_names(self) -> Iterator[str]:
        """Names in the root folder; NtfsError, struct.error where it is damaged."""
        return (name for name, _ in islice(self._names(), _MOST_NAMES))

    def hibernated(self) -> bool:
        """Whether Windows was hibernated, or shut down by fast startup; NtfsError, struct.error where it is damaged."""
        found = (record for name, record in islice(self._names(), _MOST_NAMES) if name.lower() == "hiberfil.sys")
        return any(self._head(record)[:4].lower() in HIBERNATED for record in found)

    def log_is_empty(self) -> bool:
        """Whether its log was emptied, as ntfsresize and mkntfs leave it: then nothing waits there to be carried out.

        NtfsError, struct.error where it is damaged.
        """
        head = self._head(_LOG)
        return len(head) == 512 and set(head) == {0xFF}

    def read_file(self, path: str) -> tuple[str, bytes]:
        """A file's path as it is written there, whatever the case asked for, and its bytes, 1 MiB at most.

        FileNotFoundError if it is not there; NtfsError, struct.error where it is damaged, packed or in many parts.
        """
        number, names = ROOT, list[str]()
        for wanted in path.split("/"):
            listed = islice(self._names(number), _MOST_NAMES)
            found = next(((name, each) for name, each in listed if name.lower() == wanted.lower()), None)
            if found is None:
                raise FileNotFoundError(path)
            names.append(found[0])
            number = found[1]
        return "/".join(names), self._contents(number)

    def _contents(self, number: int) -> bytes:
        own = [attribute for kind, attribute in self._parts(number) if kind == _DATA and not attribute[9]]
        if not own:
            raise NtfsError(Phrase("record {number} has no data of its own", number=number))
        return self._value(own)

    def _value(self, parts: list[bytes]) -> bytes:
        """The bytes of an attribute that has these parts."""
        first = parts[0]
        if not first[8]:
            length, at = struct.unpack_from("<IH", first, 16)
            return first[at : at + length]
        if int.from_bytes(first[12:14], "little") & _PACKED:
            raise NtfsError("the file is compressed or encrypted")
        (length,) = struct.unpack_from("<Q", first, 48)
        if length > _MOST_BYTES:
            raise NtfsError("the file is too large")
        data = b"".join(
            self._read(cluster * self._cluster, min(count * self._cluster, _MOST_BYTES))
            for part in parts
            for cluster, count in islice(_stretches(part), _MOST_BLOCKS)
        )
        if len(data) < length:
            raise NtfsError("a part of the file is not there")
        return data[:length]

    def _head(self, number: int) -> bytes:
        """The first bytes of a file, by the number of its record."""
        for kind, attribute in self._parts(number):
            if kind == _DATA and attribute[8] and not attribute[9]:
                first = next(_stretches(attribute), None)
                return self._read(first[0] * self._cluster, 512) if first else b""
        return b""

    def _parts(self, number: int) -> list[tuple[int, bytes]]:
        """All attributes of a file, by kind and then by their place in it: also those that its record has no room for,
        as of a file in many stretches or a large folder. A list in the record then says in which others they are."""
        found = list(_attributes(self._root_record(ROOT) if number == ROOT else self._file_record(number)))
        lists = [attribute for kind, attribute in found if kind == _LIST]
        others = set(_listed(self._value(lists))) - {number} if lists else set()
        for other in islice(sorted(others), _MOST_PARTS):
            found += _attributes(self._file_record(other))
        return sorted(found, key=lambda each: (each[0], _place(each[1])))

    def _file_record(self, number: int) -> bytes:
        """A record of the master file table, which may lie in several stretches."""
        left = number * self._record
        for kind, attribute in _attributes(self._root_record(0)):
            if kind == _DATA and attribute[8]:
                for cluster, count in _stretches(attribute):
                    if left < count * self._cluster:
                        return _mended(self._read(cluster * self._cluster + left, self._record), b"FILE")
                    left -= count * self._cluster
        raise NtfsError(Phrase("there is no record {number}", number=number))

    def _root_record(self, number: int) -> bytes:
        """One of the first sixteen records."""
        return _mended(self._read(self._mft * self._cluster + number * self._record, self._record), b"FILE")

    def _names(self, number: int = ROOT) -> Iterator[tuple[str, int]]:
        """Names in a folder, with the numbers of their records."""
        block = 0
        for kind, attribute in self._parts(number):
            if kind == _INDEX_ROOT and not attribute[8]:
                (at,) = struct.unpack_from("<H", attribute, 20)
                (block,) = struct.unpack_from("<I", attribute, at + 8)
                yield from _entries(attribute[at + 16 :])
            elif kind == _INDEX_ALLOCATION and attribute[8] and 512 <= block <= 65536:
                yield from self._allocated(attribute, block)

    def _allocated(self, attribute: bytes, block: int) -> Iterator[tuple[str, int]]:
        """Names in the folder's blocks; those not in use have no signature."""
        for cluster, count in _stretches(attribute):
            for offset in islice(range(0, count * self._cluster, block), _MOST_BLOCKS):
                data = self._read(cluster * self._cluster + offset, block)
                if data[:4] == b"INDX":
                    yield from _entries(_mended(data, b"INDX")[24:])


def _mended(record: bytes, magic: bytes) -> bytes:
    """A record with the last two bytes of each sector put back (update sequence)."""
    if record[:4] != magic:
        raise NtfsError(Phrase("a record does not begin with {magic}", magic=repr(magic)))
    at, count = struct.unpack_from("<HH", record, 4)
    mended = bytearray(record)
    for number in range(1, count):
        mended[number * 512 - 2 : number * 512] = record[at + 2 * number : at + 2 * number + 2]
    return bytes(mended)


def _attributes(record: bytes) -> Iterator[tuple[int, bytes]]:
    (at,) = struct.unpack_from("<H", record, 20)
    while at + 8 <= len(record):
        kind, length = struct.unpack_from("<II", record, at)
        if kind == _END or length < 24:
            return
        yield kind, record[at : at + length]
        at += length


def _place(attribute: bytes) -> int:
    """Which of a file's clusters is the first of this part."""
    return int.from_bytes(attribute[16:24], "little") if attribute[8] else 0


def _listed(data: bytes) -> Iterator[int]:
    """Numbers of the records that a list of attributes names."""
    at = 0
    while at + 26 <= len(data):
        (length,) = struct.unpack_from("<H", data, at + 4)
        if length < 26:
            return
        yield int.from_bytes(data[at + 16 : at + 22], "little")
        at += length


def _entries(index: bytes) -> Iterator[tuple[str, int]]:
    """Names in an index, from its header on, with the numbers of their records."""
    first, end = struct.unpack_from("<II", index)
    at = first
    while at + 16 <= min(end, len(index)):
        length, _, flags = struct.unpack_from("<HHH", index, at + 8)
        if flags & _LAST or length < 16:
            return
        size = index[at + 16 + 64]
        name = index[at + 16 + 66 : at + 16 + 66 + 2 * size].decode("utf-16-le", "replace")
        yield name, int.from_bytes(index[at : at + 6], "little")
        at += length


def _stretches(attribute: bytes) -> Iterator[tuple[int, int]]:
    """(first cluster, clusters) of what lies outside of the record."""
    (at,) = struct.unpack_from("<H", attribute, 32)
    return _runs(attribute[at:])


def _runs(packed: bytes) -> Iterator[tuple[int, int]]:
    """(first cluster, clusters) of a mapping pairs array; sparse runs are left out."""
    at, cluster = 0, 0
    while at < len(packed) and packed[at]:
        sizes, at = packed[at], at + 1
        length, offset = sizes & 15, sizes >> 4
        count = int.from_bytes(packed[at : at + length], "little")
        step = int.from_bytes(packed[at + length : at + length + offset], "little", signed=True)
        at += length + offset
        cluster += step
        if offset:
            yield cluster, count
