"""Pieces on disk: one zstd frame a file, called by the SHA-256 of what it holds, so that images share them."""

from __future__ import annotations

import hashlib
import itertools
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zstandard

from cloned.disk.manifest import PIECE
from cloned.errors import ImageError
from cloned.images.direct import read_file, write_file
from cloned.saying import Phrase

_counter = itertools.count()


@dataclass(frozen=True)
class Stored:
    """A piece in the store."""

    digest: bytes
    size: int
    """Bytes of its frame."""
    new: bool
    """False if it was there before."""


class Pieces:
    """The directory of pieces. All methods may be called from any thread."""

    def __init__(self, root: Path, level: int = 3) -> None:
        self.root = root
        self._level = level
        self._local = threading.local()

    def path(self, digest: bytes) -> Path:
        """Where the piece with this SHA-256 is, or would be."""
        name = digest.hex()
        return self.root / name[:2] / name

    def add(self, data: memoryview) -> Stored:
        """Store a piece unless it is there already, whole; a damaged one is replaced. OSError if the disk is full."""
        digest = hashlib.sha256(data).digest()
        path = self.path(digest)
        size = self._existing(path, data)
        if size:
            return Stored(digest, size, new=False)
        frame = self._compressor().compress(data)
        _write(path, frame)
        return Stored(digest, len(frame), new=True)

    def frame(self, digest: bytes) -> bytes:
        """The zstd frame of a piece; ImageError if it is missing."""
        path = self.path(digest)
        try:
            return path.read_bytes()
        except OSError as error:
            raise ImageError(Phrase("{path} cannot be read: {error}", path=path, error=error), REPAIR) from error

    def data(self, digest: bytes) -> bytes:
        """What a piece holds on the disk itself, proven; ImageError if it is missing or damaged."""
        path = self.path(digest)
        try:
            data = self._unpacked(read_file(path, 2 * PIECE))
        except OSError as error:
            raise ImageError(Phrase("{path} cannot be read: {error}", path=path, error=error), REPAIR) from error
        except zstandard.ZstdError as error:
            raise ImageError(Phrase("{path} is damaged: {error}", path=path, error=error), REPAIR) from error
        if hashlib.sha256(data).digest() != digest:
            raise ImageError(Phrase("{path} is damaged: it does not hold what its name says", path=path), REPAIR)
        return data

    def remove(self, digests: Iterable[bytes]) -> int:
        """Remove pieces; bytes that became free."""
        freed = 0
        for digest in digests:
            path = self.path(digest)
            with suppress(OSError):
                freed += path.stat().st_size
                path.unlink()
            with suppress(OSError):
                path.parent.rmdir()
        return freed

    def all(self) -> Iterator[bytes]:
        """Digests of everything that is here."""
        for path in self.root.glob("[0-9a-f][0-9a-f]/*"):
            with suppress(ValueError):
                yield bytes.fromhex(path.name)

    def _existing(self, path: Path, data: memoryview) -> int:
        """Bytes of the frame at `path` if it holds `data`, else 0."""
        try:
            frame = read_file(path, 2 * PIECE)
            return len(frame) if self._unpacked(frame) == data else 0
        except (OSError, zstandard.ZstdError):
            return 0

    def _unpacked(self, frame: memoryview) -> bytes:
        """What a frame holds; ZstdError, also for one that claims to hold more than a piece."""
        if not 0 <= zstandard.frame_content_size(frame) <= PIECE:
            raise zstandard.ZstdError(Phrase("its size is no piece's"))
        return self._decompressor().decompress(frame, max_output_size=PIECE)

    def _compressor(self) -> zstandard.ZstdCompressor:
        if not hasattr(self._local, "compressor"):
            self._local.compressor = zstandard.ZstdCompressor(level=self._level, write_checksum=True)
        compressor: zstandard.ZstdCompressor = self._local.compressor
        return compressor

    def _decompressor(self) -> zstandard.ZstdDecompressor:
        if not hasattr(self._local, "decompressor"):
            self._local.decompressor = zstandard.ZstdDecompressor()
        decompressor: zstandard.ZstdDecompressor = self._local.decompressor
        return decompressor


REPAIR = Phrase("import the image again from its Clonezilla directory: that repairs it; and check the server's disk")


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{next(_counter)}")
    try:
        write_file(draft, data)
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
