"""Which operating system an image holds, read out of its pieces."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

from cloned.disk.manifest import PIECE, Layer
from cloned.errors import ImageError
from cloned.images.extfs import Ext, ExtError
from cloned.images.manifest import Packed
from cloned.images.ntfs import Ntfs, NtfsError
from cloned.images.pieces import Pieces
from cloned.images.saved import printable


class LayerReader:
    """Random access to a stored stream; bytes that it does not have read as zeros."""

    def __init__(self, layer: Layer, digests: Sequence[bytes], pieces: Pieces) -> None:
        self._starts = [offset for offset, _ in layer.extents]
        self._extents = layer.extents
        self._before = [0]
        for _, length in layer.extents:
            self._before.append(self._before[-1] + length)
        self._piece = lru_cache(4)(lambda number: pieces.data(digests[number]))

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset` on; ImageError if a piece is damaged."""
        out = bytearray(length)
        index = max(0, bisect_right(self._starts, offset) - 1)
        while index < len(self._starts) and self._starts[index] < offset + length:
            start, size = self._extents[index]
            begin, end = max(offset, start), min(offset + length, start + size)
            if begin < end:
                out[begin - offset : end - offset] = self._used(self._before[index] + begin - start, end - begin)
            index += 1
        return bytes(out)

    def _used(self, offset: int, length: int) -> bytes:
        parts = []
        while length > 0:
            number, at = divmod(offset, PIECE)
            part = self._piece(number)[at : at + length]
            parts.append(part)
            offset, length = offset + len(part), length - len(part)
        return b"".join(parts)


def find_system(packed: Sequence[Packed], pieces: Pieces) -> str:
    """The name of the operating system, e.g. `Debian GNU/Linux 12 (bookworm)`; empty if none is recognised."""
    for part in packed:
        if part.layer.fs in ("ext2", "ext3", "ext4") and part.digests:
            found = _linux(LayerReader(part.layer, part.digests, pieces))
            if found:
                return found
    ntfs = [part for part in packed if part.layer.fs == "ntfs" and part.digests]
    return "Windows" if any(_windows(LayerReader(part.layer, part.digests, pieces)) for part in ntfs) else ""


def _windows(reader: LayerReader) -> bool:
    """Whether an NTFS has a folder `Windows` at its root."""
    with suppress(NtfsError, ImageError, struct.error, IndexError):
        return any(name.lower() == "windows" for name in Ntfs(reader.read).root_names())
    return False


def _linux(reader: LayerReader) -> str:
    """PRETTY_NAME of os-release(5)."""
    for path in ("etc/os-release", "usr/lib/os-release"):
        with suppress(ExtError, ImageError, struct.error, ZeroDivisionError, ValueError):
            text = Ext(reader.read).read_file(path).decode("utf-8", "replace")
            match = re.search(r'^PRETTY_NAME=(["\']?)(.*)\1\s*$', text, re.MULTILINE)
            return printable(match[2]) if match else "Linux"
    return ""
