"""Just enough of ext2/3/4 to read a small file out of an image (kernel documentation, filesystems/ext4)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from cloned.saying import Phrase

Read = Callable[[int, int], bytes]
"""Reads (offset, length) of the file system; zeros where the image has no data."""

_EXTENTS = 0x80000
_INLINE = 0x10000000
_LIMIT = 1024 * 1024
_DEPTH = 6
_LINKS = 8


class ExtError(ValueError):
    """This is no ext file system, it is damaged, or the file is not there."""


class Ext:
    """A file system that `read` reaches. Every method may raise ExtError or struct.error on damage."""

    def __init__(self, read: Read) -> None:
        self._read = read
        superblock = read(1024, 1024)
        if superblock[56:58] != b"\x53\xef":
            raise ExtError("no ext file system")
        (log_size,) = struct.unpack_from("<I", superblock, 24)
        self._block = 1024 << min(log_size, 6)
        (self._per_group,) = struct.unpack_from("<I", superblock, 40)
        (self._first_data,) = struct.unpack_from("<I", superblock, 20)
        self._inode_size = struct.unpack_from("<H", superblock, 88)[0] or 128
        (features,) = struct.unpack_from("<I", superblock, 96)
        self._descriptor = (struct.unpack_from("<H", superblock, 254)[0] or 32) if features & 0x80 else 32

    def read_file(self, path: str) -> bytes:
        """The contents of a file, following links; ExtError if there is none or it is larger than 1 MiB."""
        return self._data(self._walk(path.strip("/").split("/"), 0)[1])

    def read_head(self, path: str, size: int) -> bytes:
        """The first bytes of a file, however large it is; ExtError if there is none."""
        inode = self._walk(path.strip("/").split("/"), 0)[1]
        (flags,) = struct.unpack_from("<I", inode, 32)
        blocks = -(-size // self._block)
        places = self._extents(inode[40:100], 0) if flags & _EXTENTS else self._blocks(inode, blocks)
        out = bytearray(blocks * self._block)
        for logical, physical, count in places:
            for index in range(min(count, max(0, blocks - logical))):
                at = (logical + index) * self._block
                out[at : at + self._block] = self._read((physical + index) * self._block, self._block)
        return bytes(out[:size])

    def _walk(self, parts: list[str], links: int) -> tuple[int, bytes]:
        number, done = 2, list[str]()
        for index, part in enumerate(parts):
            number = self._find(self._inode(number), part.encode())
            inode = self._inode(number)
            if struct.unpack_from("<H", inode)[0] & 0xF000 == 0xA000:
                if links >= _LINKS:
                    raise ExtError("too many links")
                return self._walk(_resolve(done, self._link(inode)) + parts[index + 1 :], links + 1)
            done.append(part)
        return number, self._inode(number)

    def _link(self, inode: bytes) -> str:
        (size,) = struct.unpack_from("<I", inode, 4)
        return (inode[40 : 40 + size] if size < 60 else self._data(inode)).decode("utf-8", "replace")

    def _inode(self, number: int) -> bytes:
        group, index = divmod(number - 1, self._per_group)
        table = (self._first_data + 1) * self._block + group * self._descriptor
        descriptor = self._read(table, self._descriptor)
        (low,) = struct.unpack_from("<I", descriptor, 8)
        high = struct.unpack_from("<I", descriptor, 40)[0] if self._descriptor >= 64 else 0
        return self._read((low | high << 32) * self._block + index * self._inode_size, self._inode_size)

    def _find(self, directory: bytes, name: bytes) -> int:
        if struct.unpack_from("<H", directory)[0] & 0xF000 != 0x4000:
            raise ExtError("not a directory")
        data, at = self._data(directory), 0
        while at + 8 <= len(data):
            inode, length, name_length = struct.unpack_from("<IHB", data, at)
            if inode and data[at + 8 : at + 8 + name_length] == name:
                return int(inode)
            at += max(length, 8)
        raise ExtError(Phrase("there is no {name}", name=name.decode("utf-8", "replace")))

    def _data(self, inode: bytes) -> bytes:
        (size,) = struct.unpack_from("<I", inode, 4)
        (flags,) = struct.unpack_from("<I", inode, 32)
        if size > _LIMIT or flags & _INLINE:
            raise ExtError("the file is too large, or stored in its inode")
        out = bytearray(-(-size // self._block) * self._block)
        places = self._extents(inode[40:100], 0) if flags & _EXTENTS else self._blocks(inode, len(out) // self._block)
        for logical, physical, count in places:
            for index in range(count):
                at = (logical + index) * self._block
                if at < len(out):
                    out[at : at + self._block] = self._read((physical + index) * self._block, self._block)
        return bytes(out[:size])

    def _extents(self, node: bytes, depth: int) -> Iterator[tuple[int, int, int]]:
        """(logical block, physical block, blocks)."""
        magic, entries, _, level = struct.unpack_from("<HHHH", node)
        if magic != 0xF30A or depth > _DEPTH:
            raise ExtError("the extents of a file are damaged")
        for at in range(12, 12 + 12 * min(entries, len(node) // 12 - 1), 12):
            if level:
                _, low, high = struct.unpack_from("<IIH", node, at)
                yield from self._extents(self._read((low | high << 32) * self._block, self._block), depth + 1)
            else:
                logical, count, high, low = struct.unpack_from("<IHHI", node, at)
                yield logical, low | high << 32, min(count, _LIMIT // self._block)

    def _blocks(self, inode: bytes, count: int) -> Iterator[tuple[int, int, int]]:
        """Direct blocks and the first indirect one: enough for small files."""
        numbers = list(struct.unpack_from("<13I", inode, 40))
        indirect = numbers.pop()
        if indirect:
            numbers += struct.unpack(f"<{self._block // 4}I", self._read(indirect * self._block, self._block))
        for logical, physical in enumerate(numbers[:count]):
            if physical:
                yield logical, physical, 1


def _resolve(done: list[str], target: str) -> list[str]:
    """The path that a link in folder `done` leads to."""
    parts = [] if target.startswith("/") else done[:]
    for word in target.split("/"):
        if word == "..":
            parts = parts[:-1]
        elif word not in ("", "."):
            parts.append(word)
    return parts
