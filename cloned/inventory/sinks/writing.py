"""How files are written that other programs read: a line whole or not at all, a file replaced in one move."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

Stamp = tuple[int, int, int]
"""Inode, size and time of change: while these are ours, nobody else wrote."""


def stamp(descriptor: int) -> Stamp:
    """Who wrote last can be told by it."""
    now = os.fstat(descriptor)
    return now.st_ino, now.st_size, now.st_mtime_ns


def write_at(descriptor: int, size: int, new: bytes, ending: bytes) -> None:
    """Cut the file to `size` bytes and append `new`, whole or not at all."""
    os.ftruncate(descriptor, size)
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        new = ending + new
    try:
        if os.write(descriptor, new) != len(new):
            raise OSError(28, "No space left on device")
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def replace(path: Path, content: bytes) -> None:
    """Put a new file in the place of the old one: whoever reads sees one or the other. Raises OSError.

    A link stays one, and where it leads there is the new file.
    """
    path = path.resolve()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), path.stat().st_mode & 0o777 if path.exists() else 0o640)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def foreign(content: bytes) -> str:
    """The encoding that somebody saved a file in, if it is not UTF-8: UTF-16 with a mark, or what Windows writes.

    Not by its last line where that has no end: a write that was cut short may end within a letter.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        content[: content.rfind(b"\n") + 1].decode()
    except UnicodeDecodeError:
        return "cp1252"
    return ""


def text_of(content: bytes) -> str:
    """The text of a file, whichever of these it was saved in."""
    return content.decode(foreign(content) or "utf-8-sig", "replace")


def whole(old: bytes, new: bytes) -> int:
    """How many bytes of `old` to keep before the line `new` is appended.

    A last line without its end is what remains of a write that was cut short, if it begins as the
    new line does (the outbox sends that one again first); else a person's editor left the end out.
    """
    start = old.rfind(b"\n") + 1
    tail = old[start:]
    return start if tail and new.startswith(tail) else len(old)
