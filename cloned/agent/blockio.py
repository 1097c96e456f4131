"""Reads and writes a whole disk past the page cache: large, aligned, and only at the bytes asked for."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import stat
import struct
from collections.abc import Iterable, Iterator, Sequence

from cloned.saying import Phrase

BLKSSZGET = 0x1268

FILL = 32 * 1024
"""Unused gaps up to this size are written over with zeros: one write instead of two, and no seek between."""

READ_OVER = 256 * 1024
"""Gaps up to this size are read over and left out of the hash."""

SPAN = 8 * 1024 * 1024
"""Longest stretch that is read or written at once."""

IOVECS = 1024
"""IOV_MAX: most parts of one pwritev(2)."""

_ZEROS = mmap.mmap(-1, FILL)

Range = tuple[int, int]
"""Offset and length in bytes on the disk."""


class DiskError(Exception):
    """The disk itself fails; `code` is the reason code that the daemon knows."""

    def __init__(self, doing: str, path: str, offset: int, error: OSError) -> None:
        super().__init__(
            Phrase("{path}: read error at byte {offset}: {error}", path=path, offset=offset, error=error)
            if doing == "read"
            else Phrase("{path}: write error at byte {offset}: {error}", path=path, offset=offset, error=error)
        )
        self.code = f"disk-{doing}-error"
        self.offset = offset


def buffer(size: int = SPAN) -> memoryview:
    """Memory that begins at a page, as O_DIRECT wants it."""
    return memoryview(mmap.mmap(-1, size))


class BlockDevice:
    """An open whole disk (or, for images on disk, a regular file)."""

    def __init__(self, path: str, *, writable: bool = False) -> None:
        """Raise OSError: EBUSY where a writable disk is mounted or otherwise in use."""
        self.path = path
        flags = (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC
        is_device = stat.S_ISBLK(os.stat(path).st_mode)
        if is_device and writable:
            flags |= os.O_EXCL  # open(2): fails with EBUSY if the device is in use, e.g. mounted
        self.fd, self.direct = _open_direct(path, flags)
        self.block = self._block_size() if is_device else 4096
        self.size = os.lseek(self.fd, 0, os.SEEK_END)
        self._scratch = buffer() if writable else None

    def close(self) -> None:
        """Give the disk back."""
        os.close(self.fd)

    def sync(self) -> None:
        """Have the disk empty its write cache."""
        try:
            os.fdatasync(self.fd)
        except OSError as error:
            raise DiskError("write", self.path, 0, error) from error

    def write(self, ranges: Iterable[Range], data: memoryview) -> None:
        """Write `data`, which begins at a page, over the ranges one after the other; DiskError if the disk fails.

        Only one thread may write: bytes beside an unaligned edge are read and written back.
        """
        at = 0
        for group in _groups(ranges, FILL):
            length = sum(size for _, size in group)
            try:
                if at % self.block == 0 and self._aligned(group):
                    self._write_group(group, data[at : at + length])
                else:
                    self._write_singly(group, data[at : at + length])
            except OSError as error:
                raise DiskError("write", self.path, group[0][0], error) from error
            at += length

    def digest(self, ranges: Sequence[Range], into: memoryview) -> bytes:
        """SHA-256 of what the disk holds at these ranges; empty where it can't be read; DiskError if it is gone.

        `into`: SPAN bytes from `buffer`.
        """
        try:
            return self._digest(ranges, into, READ_OVER)
        except OSError as error:
            self._raise_if_gone(error, ranges[0][0])
        try:  # perhaps only unused bytes between can't be read
            return self._digest(ranges, into, 0)
        except OSError as error:
            self._raise_if_gone(error, ranges[0][0])
            return b""

    # -- inside -----------------------------------------------------------------------------------

    def _block_size(self) -> int:
        answer = fcntl.ioctl(self.fd, BLKSSZGET, b"\0" * 4)
        return int(struct.unpack("=i", answer)[0])

    def _aligned(self, group: Sequence[Range]) -> bool:
        return all(offset % self.block == 0 and length % self.block == 0 for offset, length in group)

    def _write_group(self, group: Sequence[Range], data: memoryview) -> None:
        """Ranges with small gaps between, as one write; the gaps hold nothing and become zeros."""
        parts: list[memoryview] = []
        start = end = group[0][0]
        at = 0
        for offset, length in group:
            if offset > end:
                parts.append(memoryview(_ZEROS)[: offset - end])
            parts.append(data[at : at + length])
            at, end = at + length, offset + length
        self._write_all(parts, start)

    def _write_all(self, parts: list[memoryview], offset: int) -> None:
        written = os.pwritev(self.fd, parts, offset)
        while written < sum(map(len, parts)):
            offset += written
            while written >= len(parts[0]):
                written -= len(parts.pop(0))
            parts[0] = parts[0][written:]
            written = os.pwritev(self.fd, parts, offset)

    def _write_singly(self, group: Sequence[Range], data: memoryview) -> None:
        at = 0
        for offset, length in group:
            self._write_edges(offset, data[at : at + length])
            at += length

    def _write_edges(self, offset: int, data: memoryview) -> None:
        """Write bytes that do not begin or end at a block: the rest of those blocks stays as it is."""
        assert self._scratch is not None
        start, end = _down(offset, self.block), _up(offset + len(data), self.block)
        whole = self._scratch[: end - start]
        if offset > start:
            self._read_all(whole[: self.block], start)
        if offset + len(data) < end and (end - start > self.block or offset == start):
            self._read_all(whole[-self.block :], end - self.block)
        whole[offset - start : offset - start + len(data)] = data
        self._write_all([whole], start)

    def _digest(self, ranges: Iterable[Range], into: memoryview, over: int) -> bytes:
        found = hashlib.sha256()
        for group in _groups(ranges, over):
            if sum(group[-1]) > self.size:
                raise OSError(errno.EIO, "beyond the end of the disk")
            start, end = _down(group[0][0], self.block), _up(sum(group[-1]), self.block)
            self._read_all(into[: end - start], start)
            for offset, length in group:
                found.update(into[offset - start : offset - start + length])
        return found.digest()

    def _read_all(self, into: memoryview, offset: int) -> None:
        """Fill `into`, as far as the disk goes."""
        if not self.direct:
            os.fdatasync(self.fd)
            os.posix_fadvise(self.fd, offset, len(into), os.POSIX_FADV_DONTNEED)
        done = 0
        while done < len(into):
            count = os.preadv(self.fd, [into[done:]], offset + done)
            if count == 0:
                if offset + done >= self.size:  # a file whose size is no multiple of the block
                    return
                raise OSError(errno.EIO, "nothing there")
            done += count

    def _raise_if_gone(self, error: OSError, offset: int) -> None:
        if error.errno in (errno.ENODEV, errno.ENXIO, errno.EBADF):
            raise DiskError("read", self.path, offset, error) from error


def _open_direct(path: str, flags: int) -> tuple[int, bool]:
    try:
        return os.open(path, flags | os.O_DIRECT), True
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system without O_DIRECT
            raise
        return os.open(path, flags), False


def _groups(ranges: Iterable[Range], gap: int) -> Iterator[list[Range]]:
    """Ascending ranges, together where no more than `gap` lies between and the stretch fits a buffer."""
    group: list[Range] = []
    for offset, length in _cut(ranges):
        if group and _fits(group, offset, length, gap):
            group.append((offset, length))
        else:
            if group:
                yield group
            group = [(offset, length)]
    if group:
        yield group


def _fits(group: list[Range], offset: int, length: int, gap: int) -> bool:
    near = 0 <= offset - sum(group[-1]) <= gap
    return near and offset + length - group[0][0] <= SPAN - 2 * 65536 and len(group) < IOVECS // 2


def _cut(ranges: Iterable[Range]) -> Iterator[Range]:
    """No range longer than a piece."""
    most = SPAN // 2
    for offset, length in ranges:
        while length > most:
            yield offset, most
            offset, length = offset + most, length - most
        yield offset, length


def _down(number: int, block: int) -> int:
    return number - number % block


def _up(number: int, block: int) -> int:
    return -(-number // block) * block
