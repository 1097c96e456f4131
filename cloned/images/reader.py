"""Random access to what the store holds of a partition."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

from cloned.disk.manifest import PIECE, Layer
from cloned.images.pieces import Pieces


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
