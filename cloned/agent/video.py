"""One picture of a camera, by Linux' video interface (Documentation/userspace-api/media/v4l), drawn with letters.

Letters need no graphics driver, and show well enough whether the camera sees.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import select
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from cloned.agent import sysfs
from cloned.saying import Phrase, spoken

QUERYCAP, S_FMT, REQBUFS, QUERYBUF = 0x80685600, 0xC0D05605, 0xC0145608, 0xC0585609
QBUF, DQBUF, STREAMON, STREAMOFF = 0xC058560F, 0xC0585611, 0x40045612, 0x40045613
_CAPTURE, _STREAMING = 1, 0x04000000
_MMAP = 1
_YUYV = int.from_bytes(b"YUYV", "little")
_BUFFER = struct.Struct("<IIIII4x16x16xIIIxxxxIIi4x")
"""v4l2_buffer of 64 bits: index, type, bytes used, flags, field, …, sequence, memory, offset, length."""
_SHADES = " .:-=+*#%@"
WIDTH, HEIGHT = 640, 480
FRAMES = 12
"""Pictures that a camera gets for its exposure before the one that counts."""
LIMIT_SECONDS = 5.0
"""Seconds for a picture."""


class NoPicture(Exception):  # noqa: N818 - a state of affairs
    """Why there is none."""


def cameras(base: str = "/sys/class/video4linux") -> list[str]:
    """Devices that are cameras, or may be."""
    names = [name for name in sysfs.names(base) if name.startswith("video")]
    return [f"/dev/{name}" for name in names if sysfs.number(f"{base}/{name}/index") == 0]


def picture(device: str, columns: int = 64, rows: int = 18) -> list[str]:
    """Its picture as lines; NoPicture, also where it is of one colour all over."""
    try:
        with _opened(device) as (fd, width, height):
            luma = _frame(fd)[::2]
    except OSError as error:
        raise NoPicture(spoken(error)) from error
    return drawn(luma, width, height, columns, rows)


def drawn(luma: bytes, width: int, height: int, columns: int, rows: int) -> list[str]:
    """Brightness as letters; NoPicture where there is nothing to see."""
    if len(luma) < width * height:
        raise NoPicture("the picture is cut short")
    dots = [
        [luma[(row * height // rows) * width + column * width // columns] for column in range(columns)]
        for row in range(rows)
    ]
    least, most = min(map(min, dots)), max(map(max, dots))
    if most - least < 4:
        raise NoPicture("the picture is of one colour: is its cover open?")
    step = (most - least + 1) / len(_SHADES)
    return ["".join(_SHADES[int((dot - least) / step)] for dot in line) for line in dots]


@contextmanager
def _opened(device: str) -> Iterator[tuple[int, int, int]]:
    """(file, width, height); OSError, NoPicture."""
    fd = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    try:
        caps = bytearray(104)
        fcntl.ioctl(fd, QUERYCAP, caps)
        can = struct.unpack_from("<I", caps, 88)[0] or struct.unpack_from("<I", caps, 84)[0]
        if not (can & _CAPTURE and can & _STREAMING):
            raise NoPicture("it is no camera")
        form = bytearray(struct.pack("<I4xIIII", 1, WIDTH, HEIGHT, _YUYV, 1).ljust(208, b"\0"))
        fcntl.ioctl(fd, S_FMT, form)
        width, height, kind = struct.unpack_from("<III", form, 8)
        if kind != _YUYV:
            raise NoPicture("it gives compressed pictures only")
        yield fd, width, height
    finally:
        os.close(fd)


def _frame(fd: int) -> bytes:
    """One picture's bytes, after some for its exposure."""
    request = bytearray(struct.pack("<IIIII", 2, 1, _MMAP, 0, 0))
    fcntl.ioctl(fd, REQBUFS, request)
    maps = [_mapped(fd, index) for index in range(struct.unpack_from("<I", request)[0])]
    fcntl.ioctl(fd, STREAMON, struct.pack("<i", 1))
    try:
        for last in [False] * FRAMES + [True]:
            if not select.select([fd], [], [], LIMIT_SECONDS)[0]:
                raise NoPicture(Phrase("no picture within {seconds} s", seconds=f"{LIMIT_SECONDS:.0f}"))
            buffer = bytearray(_BUFFER.pack(0, 1, 0, 0, 0, 0, _MMAP, 0, 0, 0, 0))
            fcntl.ioctl(fd, DQBUF, buffer)
            index, _, used = struct.unpack_from("<III", buffer)
            if last:
                return bytes(maps[index][:used])
            fcntl.ioctl(fd, QBUF, buffer)
    finally:
        fcntl.ioctl(fd, STREAMOFF, struct.pack("<i", 1))
        for each in maps:
            each.close()
    raise NoPicture("no picture came")


def _mapped(fd: int, index: int) -> mmap.mmap:
    """A buffer of the driver's, given to it to be filled."""
    buffer = bytearray(_BUFFER.pack(index, 1, 0, 0, 0, 0, _MMAP, 0, 0, 0, 0))
    fcntl.ioctl(fd, QUERYBUF, buffer)
    offset = struct.unpack_from("<I", buffer, 64)[0]
    length = struct.unpack_from("<I", buffer, 72)[0]
    found = mmap.mmap(fd, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset)
    fcntl.ioctl(fd, QBUF, buffer)
    return found
