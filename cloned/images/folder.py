"""A directory that somebody else made: names and contents are looked at with suspicion."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from functools import cached_property
from io import BufferedReader
from pathlib import Path

from cloned.errors import ImageError
from cloned.saying import Phrase

TEXT_LIMIT = 1024 * 1024
_EVIL = re.compile(r"[/\\\x00-\x1f\x7f]")
_SUM_LINE = re.compile(r"^\\?(?P<sum>[0-9a-fA-F]{32,128}) [ *](?:\./)*(?P<name>.+)$")
"""As md5sum(1) writes it; people who made them by hand named the files `./NAME`."""
_TAGGED_LINE = re.compile(r"^\w+ \((?:\./)*(?P<name>.+)\) = (?P<sum>[0-9a-fA-F]{32,128})$")
"""As `md5sum --tag` and BSD's md5 write it."""
SUM_FILES: Mapping[str, tuple[str, int]] = {
    "MD5SUMS": ("md5", 32),
    "SHA1SUMS": ("sha1", 40),
    "SHA224SUMS": ("sha224", 56),
    "SHA256SUMS": ("sha256", 64),
    "SHA384SUMS": ("sha384", 96),
    "SHA512SUMS": ("sha512", 128),
    "B2SUMS": ("blake2b", 128),
}
"""Checksum files by name: algorithm and hex digits. Clonezilla calls them after the program that makes them."""
_OTHER_SUMS = re.compile(r"[A-Z0-9]+SUMS|.*\.xxh\w*")


class Folder:
    """Regular files directly in `path`; a link counts if it ends at a regular file within `path`."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise ImageError(
                Phrase("{path} is not a directory", path=path), "give the directory that Clonezilla saved the image in"
            )
        self.path = self._root = path.resolve()

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of everything in it; ImageError for a name that no tool of Clonezilla writes."""
        names = frozenset(os.listdir(self.path))  # noqa: PTH208 - names, not paths
        for name in sorted(names):
            if _EVIL.search(name):
                raise ImageError(
                    Phrase("{path} holds a file with an odd name: {name}", path=self.path, name=repr(name)),
                    "remove or rename it",
                )
            if (self.path / name).is_symlink():
                self._inside(name)
        return names

    def file(self, name: str) -> Path:
        """The path of a file that must be there."""
        path = self.path / name
        if name not in self.names:
            raise ImageError(
                Phrase("{path}: {name} is missing", path=self.path, name=name), "copy the image again, all of it"
            )
        target = self._inside(name)
        if not stat.S_ISREG(target.stat().st_mode if target.exists() else 0):
            raise ImageError(Phrase("{path} is not a regular file", path=path), "copy the file itself")
        return path

    def size(self, name: str) -> int:
        """Bytes of a file that must be there."""
        return self.file(name).stat().st_size

    def is_file(self, name: str) -> bool:
        """Whether it is a file, or a link to one within; folders that a NAS adds are none."""
        return self._inside(name).is_file()

    def _inside(self, name: str) -> Path:
        """Where a file really lies: also files that nobody asks for are kept, and given out again by an export."""
        path = self.path / name
        try:
            target = path.resolve()
        except (RuntimeError, OSError) as error:  # a loop
            raise ImageError(
                Phrase("{path} is a link that leads nowhere", path=path), "copy the file itself"
            ) from error
        if not target.is_relative_to(self._root):
            raise ImageError(Phrase("{path} is a link that leads out of the image", path=path), "copy the file itself")
        return target

    def data(self, name: str, limit: int = TEXT_LIMIT) -> bytes | None:
        """What a small file holds, or None if there is none."""
        if name not in self.names:
            return None
        path = self.file(name)
        with open_file(path) as file:
            if os.fstat(file.fileno()).st_size > limit:
                raise ImageError(Phrase("{path} is far too large", path=path), "copy the image again")
            return file.read(limit)

    def text(self, name: str) -> str | None:
        """What a text file holds, or None if there is none."""
        data = self.data(name)
        return None if data is None else data.decode("utf-8", "surrogateescape")

    def words(self, name: str) -> list[str]:
        """The words of a text file that must be there."""
        self.file(name)
        return (self.text(name) or "").split()

    @property
    def other_sums(self) -> list[str]:
        """Checksum files of kinds that nothing here can compute (xxHash, BLAKE3): they are not compared."""
        return sorted(name for name in self.names if name not in SUM_FILES and _OTHER_SUMS.fullmatch(name))

    def checksums(self) -> dict[str, list[tuple[str, str]]]:
        """(algorithm, digest) pairs by file name, from every checksum file; ImageError if one lists what is missing."""
        found: dict[str, list[tuple[str, str]]] = {}
        for sums, (kind, digits) in SUM_FILES.items():
            for number, line in enumerate((self.text(sums) or "").removeprefix("\ufeff").splitlines(), 1):
                if not line.strip() or line.startswith("#"):
                    continue
                match = _SUM_LINE.match(line) or _TAGGED_LINE.match(line)
                if not match or len(match["sum"]) != digits:
                    raise ImageError(
                        Phrase("{path}, line {number}, is not a checksum", path=self.path / sums, number=number),
                        "copy the image again",
                    )
                name = self._summed(match["name"])
                if name == sums:  # `md5sum * >MD5SUMS` sums up its own beginning
                    continue
                self.file(name)
                found.setdefault(name, []).append((kind, match["sum"].lower()))
        return found

    def _summed(self, name: str) -> str:
        """The file that a line of sums means: some were made from outside of the image's folder."""
        last = name.rpartition("/")[2]
        return last if name not in self.names and last in self.names else name


def open_file(path: Path) -> BufferedReader:
    """Open a file that `Folder.file` gave, to read; OSError, or ImageError if it leads elsewhere by now.

    What was a file a moment ago can be a link when it is opened: so the open file is asked where it lies.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        real = Path(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115 - what the kernel says, not a path yet
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or not real.is_relative_to(path.parent):
            raise ImageError(Phrase("{path} is a link that leads out of the image", path=path), "copy the file itself")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
