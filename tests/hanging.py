"""A file whose reading hangs as a sensor or a disk does whose driver waits for ever: not even SIGKILL ends who reads it.

By FUSE (linux/fuse.h, protocol 7.31), without a library: a request to read is taken and never answered, and a process
that waits for one that was taken waits uninterruptibly (fs/fuse/dev.c, request_wait_answer), until the file system goes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_MNT_FORCE, _MNT_DETACH = 1, 2
_LOOKUP, _GETATTR, _OPEN, _READ, _INIT, _OPENDIR = 1, 3, 14, 15, 26, 27
_UNANSWERED = (2, 36, 42)
"""FORGET, INTERRUPT, BATCH_FORGET."""
_ROOT, _FILE = 1, 2
_HEADER = struct.Struct("<IIQQIIII")
"""fuse_in_header: length, operation, unique, node, user, group, process, padding."""


def _attributes(node: int) -> bytes:
    """fuse_attr: a folder, or a file of 4 KB."""
    mode = stat.S_IFDIR | 0o755 if node == _ROOT else stat.S_IFREG | 0o444
    return struct.pack("<6Q10I", node, 4096, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def _answer(operation: int, node: int) -> bytes | None:
    """None: such a request is not known."""
    if operation == _INIT:
        return struct.pack("<4I2HI2HI7I", 7, 31, 0, 0, 0, 0, 4096, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    if operation == _LOOKUP:
        return struct.pack("<4Q2I", _FILE, 0, 3600, 3600, 0, 0) + _attributes(_FILE)
    if operation == _GETATTR:
        return struct.pack("<Q2I", 3600, 0, 0) + _attributes(node)
    return struct.pack("<Q2I", 1, 1, 0) if operation in (_OPEN, _OPENDIR) else None  # FOPEN_DIRECT_IO


class HangingFile:
    """`path`; `asked` is set once somebody waits for what it holds."""

    def __init__(self, path: Path, device: int) -> None:
        self.path, self.asked, self._device = path, threading.Event(), device

    def let_go(self) -> None:
        """Whoever waits gets an error: the file system goes, and with it all that is asked of it."""
        _LIBC.umount2(bytes(self.path.parent), _MNT_FORCE | _MNT_DETACH)

    def serve(self) -> None:
        """Until the file system is taken away."""
        with suppress(OSError):
            while request := os.read(self._device, 1 << 17):
                _, operation, unique, node, *_ = _HEADER.unpack_from(request)
                if operation == _READ:
                    self.asked.set()
                elif operation not in _UNANSWERED:
                    found = _answer(operation, node)
                    error = -errno.ENOSYS if found is None else 0
                    os.write(self._device, struct.pack("<IiQ", 16 + len(found or b""), error, unique) + (found or b""))


@contextmanager
def hanging(folder: Path) -> Iterator[HangingFile]:
    """Such a file in `folder`, until the end: then whoever reads it gets an error. Needs root."""
    folder.mkdir(exist_ok=True)
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if _LIBC.mount(b"hanging", bytes(folder), b"fuse", 6, options):  # MS_NOSUID | MS_NODEV
        error = ctypes.get_errno()
        os.close(device)
        raise OSError(error, f"mount of FUSE at {folder}: {os.strerror(error)}")
    file = HangingFile(folder / "hangs", device)
    thread = threading.Thread(target=file.serve, daemon=True)
    thread.start()
    try:
        yield file
    finally:
        file.let_go()
        thread.join(30)
        os.close(device)
