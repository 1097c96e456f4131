"""Loop devices (loop(4)): a file as a block device, gone by itself when the last who holds it ends."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import time
from pathlib import Path

from cloned.errors import MissingError

_CTL_GET_FREE = 0x4C82
_CONFIGURE = 0x4C0A
_AUTOCLEAR = 4
_EBUSY = 16
_BLKPG_CALL, _DEL_PARTITION = 0x1269, 2
_BLKPG = struct.Struct("@iiiP")
"""struct blkpg_ioctl_arg (linux/blkpg.h): operation, flags, bytes of the data, the data."""
_PARTITION = struct.Struct("@qqi64s64s4x")
"""struct blkpg_partition: start, length, number, two names that nobody reads."""
_CONFIG = struct.Struct("=II 5Q 4I 64s 64s 32s 2Q 8Q")
"""struct loop_config: fd, block size; loop_info64 (device, inode, rdevice, offset, sizelimit; number,
encrypt type, key size, flags; names and key; init); reserved."""


class LoopDevice:
    """A loop device over `backing`. It is held open; the kernel detaches it as soon as nobody does."""

    def __init__(self, backing: Path) -> None:
        self.path, self._holder = _attach(backing)

    @property
    def number(self) -> int:
        """N of /dev/loopN, which is also its minor number."""
        return int(self.path.name.removeprefix("loop"))

    def close(self) -> None:
        """Detach; waits up to a second for others to let go."""
        if self._holder < 0:
            return
        os.close(self._holder)
        self._holder = -1
        until = time.monotonic() + 1
        while self.attached() and time.monotonic() < until:
            time.sleep(0.01)

    def attached(self) -> bool:
        """Whether the kernel still has a file behind it."""
        return Path(f"/sys/block/{self.path.name}/loop/backing_file").exists()


def _attach(backing: Path) -> tuple[Path, int]:
    """Find a free device and take it; others may be quicker, so more than once."""
    try:
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
        file = os.open(backing, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        hint = "is the loop driver there? are you root?"
        raise MissingError(f"cannot make a loop device for {backing}: {error}", hint) from error
    try:
        for _ in range(50):
            path = Path(f"/dev/loop{fcntl.ioctl(control, _CTL_GET_FREE)}")
            holder = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            if _configure(holder, file, str(backing)):
                _forget_partitions(path.name, holder)
                return path, holder
            os.close(holder)
        raise MissingError("every loop device is taken as soon as it is free", "try again")
    finally:
        os.close(file)
        os.close(control)


def _forget_partitions(name: str, holder: int) -> None:
    """Partitions of a file that was behind this device before, detached without taking them off it (BLKPG)."""
    for note in Path("/sys/block", name).glob(f"{name}p*/partition"):
        part = ctypes.create_string_buffer(_PARTITION.pack(0, 0, int(note.read_text()), b"", b""))
        request = _BLKPG.pack(_DEL_PARTITION, 0, len(part), ctypes.addressof(part))
        fcntl.ioctl(holder, _BLKPG_CALL, request)


def _configure(holder: int, file: int, name: str) -> bool:
    """LOOP_CONFIGURE (loop(4)) with autoclear; False if somebody else took the device first."""
    label = os.fsencode(name)[-63:]
    request = _CONFIG.pack(file, 0, *[0] * 5, 0, 0, 0, _AUTOCLEAR, label, b"", b"", 0, 0, *[0] * 8)
    try:
        fcntl.ioctl(holder, _CONFIGURE, request)
    except OSError as error:
        if error.errno == _EBUSY:
            return False
        os.close(holder)
        raise
    return True
