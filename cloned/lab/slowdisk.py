"""A slow disk: the backing file once more, seen through a FUSE server of ours that takes its time.

There is no device-mapper everywhere, and no throttle of block devices that works alike everywhere. This one
is a process, `python -m cloned.lab.slowdisk BACKING SHOWN RATE [FLAW…]`: it mounts itself over a file (FUSE allows a
regular file as the root of a file system), answers one request after the other at the rate asked for, reading
and writing alike, and is gone when killed. Past the page cache, so that what is read back was read from it.

A flaw is KIND:OFFSET:LENGTH in bytes: `bad-read` and `bad-write` give errors there as a worn disk does, a `lie` says
that it wrote and did not, a `delay` answers late, as a disk that tries a weak sector again and again.

The protocol is the kernel's (linux/fuse.h, version 7.31); only what a loop device asks of a file is answered.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloned import processes
from cloned.errors import ClonedError
from cloned.lab import kernel

_LOOKUP_NOTHING = frozenset({2, 36, 42})
"""FORGET, INTERRUPT and BATCH_FORGET want no answer."""
_GETATTR, _SETATTR, _OPEN, _READ, _WRITE, _STATFS, _RELEASE, _FSYNC = 3, 4, 14, 15, 16, 17, 18, 20
_FLUSH, _INIT, _DESTROY, _FALLOCATE = 25, 26, 38, 43
_BIG_WRITES, _MAX_PAGES = 1 << 5, 1 << 22
_DIRECT_IO = 1
_VERSION = (7, 31)
_LARGEST_BYTES = 1 << 20
"""Bytes of the largest read or write."""
_PAGE = 4096
_IN = struct.Struct("<IIQQIIIHH")
_OUT = struct.Struct("<IiQ")
_INIT_OUT = struct.Struct("<IIIIHHIIHHI28x")
_ATTR_OUT = struct.Struct("<QII6Q10I")
_OPEN_OUT = struct.Struct("<QII")
_IO_IN = struct.Struct("<QQIIQII")
_WRITE_OUT = struct.Struct("<II")
_FALLOCATE_IN = struct.Struct("<QQQII")
_STATFS_BYTES = 80
DELAY_SECONDS = 0.7
"""Seconds that a request takes longer where a disk delays."""
OWN_SECONDS = 0.02
"""Seconds that our own work between two requests may take without making the disk slower."""
_libc = ctypes.CDLL(None, use_errno=True)


class ThrottledDisk:
    """`path` is the same disk as `backing`, moving `rate` bytes a second and no more, with its flaws."""

    def __init__(self, backing: Path, folder: Path, rate: int, flaws: Sequence[str] = ()) -> None:
        self.path = folder / "slow-disk"
        self.path.touch()
        log = folder / "slow-disk.log"
        command = [sys.executable, "-m", "cloned.lab.slowdisk", str(backing), str(self.path), str(rate), *flaws]
        with log.open("ab") as out:
            self._process = processes.spawn(command, stdout=out, stderr=out)
        self._await(backing.stat().st_size, log)

    def _await(self, size: int, log: Path) -> None:
        until = time.monotonic() + 10
        while self.path.stat().st_size != size:
            if self._process.poll() is not None or time.monotonic() > until:
                self.close()
                words = log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
                raise ClonedError("the slow disk could not be made", words or "is FUSE there (/dev/fuse)?")
            time.sleep(0.02)

    def close(self) -> None:
        """End it; whoever still has it open gets errors."""
        self._process.kill()
        self._process.wait()
        processes.run(["umount", "--lazy", self.path], check=False)


@dataclass(frozen=True)
class DiskFlaw:
    """A stretch of the disk that does not do what a disk should."""

    kind: str
    offset: int
    length: int

    @classmethod
    def parse(cls, text: str) -> DiskFlaw:
        """KIND:OFFSET:LENGTH."""
        kind, offset, length = text.split(":")
        if kind not in ("bad-read", "bad-write", "lie", "delay"):
            raise ValueError(f"a disk has no flaw {kind}")
        return cls(kind, int(offset), int(length))

    def meets(self, offset: int, size: int) -> bool:
        """Whether these bytes touch it."""
        return offset < self.offset + self.length and self.offset < offset + size


class DiskServer:
    """Answers the kernel, one request at a time."""

    def __init__(self, backing: Path, rate: int, flaws: Sequence[str] = ()) -> None:
        self._flaws = [DiskFlaw.parse(each) for each in flaws]
        self._file = os.open(backing, os.O_RDWR | os.O_CLOEXEC)
        self._rate = rate
        self._free_at = time.monotonic()
        self._answers: dict[int, Callable[[memoryview], bytes]] = {
            _INIT: self._init, _GETATTR: self._attributes, _SETATTR: self._attributes, _OPEN: self._open,
            _READ: self._read, _WRITE: self._write, _FALLOCATE: self._fallocate, _FSYNC: self._sync,
            _FLUSH: self._nothing, _RELEASE: self._nothing, _STATFS: lambda body: bytes(_STATFS_BYTES),
            _DESTROY: self._nothing,
        }  # fmt: skip

    def serve(self, channel: int) -> None:
        """Until the file system is unmounted."""
        while True:
            try:
                request = memoryview(os.read(channel, _LARGEST_BYTES + _PAGE))
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                if error.errno in (errno.EINTR, errno.ENOENT):  # the asker gave up before we looked
                    continue
                raise
            _, code, unique, *_ = _IN.unpack_from(request)
            if code not in _LOOKUP_NOTHING:
                os.write(channel, self._answered(code, unique, request[_IN.size :]))

    def _answered(self, code: int, unique: int, body: memoryview) -> bytes:
        answer = self._answers.get(code)
        if answer is None:
            return _OUT.pack(_OUT.size, -errno.ENOSYS, unique)
        try:
            data = answer(body)
        except OSError as error:
            return _OUT.pack(_OUT.size, -(error.errno or errno.EIO), unique)
        return _OUT.pack(_OUT.size + len(data), 0, unique) + data

    def _flawed(self, kind: str, offset: int, size: int) -> bool:
        return any(each.kind == kind and each.meets(offset, size) for each in self._flaws)

    def _take_time(self, offset: int, count: int) -> None:
        """A disk that was idle saves nothing up, but for the time that our own work takes."""
        late = DELAY_SECONDS if self._flawed("delay", offset, count) else 0.0
        self._free_at = max(self._free_at, time.monotonic() - OWN_SECONDS) + count / self._rate + late
        time.sleep(max(0.0, self._free_at - time.monotonic()))

    def _init(self, body: memoryview) -> bytes:
        ahead = struct.unpack_from("<I", body, 8)[0]
        flags = _BIG_WRITES | _MAX_PAGES
        return _INIT_OUT.pack(*_VERSION, ahead, flags, 16, 12, _LARGEST_BYTES, 1, _LARGEST_BYTES // _PAGE, 0, 0)

    def _attributes(self, body: memoryview) -> bytes:
        size = os.fstat(self._file).st_size
        mode = stat.S_IFREG | 0o600
        return _ATTR_OUT.pack(3600, 0, 0, 1, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, _PAGE, 0)

    def _open(self, body: memoryview) -> bytes:
        return _OPEN_OUT.pack(1, _DIRECT_IO, 0)

    def _read(self, body: memoryview) -> bytes:
        _, offset, size, *_ = _IO_IN.unpack_from(body)
        self._take_time(offset, size)
        if self._flawed("bad-read", offset, size):
            raise OSError(errno.EIO, "a bad sector")
        return os.pread(self._file, size, offset)

    def _write(self, body: memoryview) -> bytes:
        _, offset, size, *_ = _IO_IN.unpack_from(body)
        self._take_time(offset, size)
        if self._flawed("bad-write", offset, size):
            raise OSError(errno.EIO, "a bad sector")
        if self._flawed("lie", offset, size):
            return _WRITE_OUT.pack(size, 0)
        written = os.pwrite(self._file, body[_IO_IN.size : _IO_IN.size + size], offset)
        return _WRITE_OUT.pack(written, 0)

    def _fallocate(self, body: memoryview) -> bytes:
        """Discarding a range of the loop device punches a hole."""
        _, offset, length, mode, _ = _FALLOCATE_IN.unpack_from(body)
        if _libc.fallocate(self._file, mode, ctypes.c_int64(offset), ctypes.c_int64(length)) != 0:
            raise OSError(ctypes.get_errno(), "fallocate")
        return b""

    def _sync(self, body: memoryview) -> bytes:
        os.fdatasync(self._file)
        return b""

    @staticmethod
    def _nothing(body: memoryview) -> bytes:
        return b""


def main(backing: Path, shown: Path, rate: int, flaws: Sequence[str]) -> None:
    """Mount over `shown` and serve."""
    channel = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    server = DiskServer(backing, rate, flaws)
    options = f"fd={channel},rootmode={stat.S_IFREG:o},user_id=0,group_id=0,allow_other,max_read={_LARGEST_BYTES}"
    kernel.mount("cloned-slow-disk", shown, "fuse", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    server.serve(channel)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
