"""cpio archives in the "newc" format, as the kernel unpacks them.

Source: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst. Written here because an
archive must come out the same each time, and needs device nodes without being root.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO


class Archive:
    """Writes one archive; every entry belongs to root and has no time."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._inode = 0
        self._size = 0

    def device(self, name: str, major: int, minor: int, mode: int = 0o600) -> None:
        """Add a character device."""
        self._entry(name, stat.S_IFCHR | mode, b"", major, minor)

    def file(self, name: str, path: Path) -> None:
        """Add one file."""
        runs = path.stat().st_mode & 0o100
        self._entry(name, stat.S_IFREG | (0o755 if runs else 0o644), path.read_bytes())

    def tree(self, root: Path) -> None:
        """Add everything below `root`, in order of name."""
        for path in _walk(root):
            name = str(path.relative_to(root))
            if path.is_symlink():
                self._entry(name, stat.S_IFLNK | 0o777, str(path.readlink()).encode())
            elif path.is_dir():
                self._entry(name, stat.S_IFDIR | 0o755, b"")
            else:
                self.file(name, path)

    def close(self) -> int:
        """Write the trailer and fill up to 512 bytes, so that another archive may follow; return the size."""
        self._entry("TRAILER!!!", 0, b"")
        self._write(bytes(-self._size % 512))
        return self._size

    def _entry(self, name: str, mode: int, data: bytes, major: int = 0, minor: int = 0) -> None:
        self._inode += 1
        encoded = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(encoded), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self._write(_padded(header))
        self._write(_padded(data))

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._size += len(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
