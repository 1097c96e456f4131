"""A partclone bitmap as extents, fast: the work grows with the number of runs, not of blocks."""

from __future__ import annotations

from array import array
from itertools import compress, count

from cloned.disk.extents import Extents

MAX_EDGES = 8_000_000
"""Twice the extents we are ready to hold (64 MB); a bitmap with more is taken for a lie."""


class TooFragmentedError(ValueError):
    """The bitmap has more runs than any real file system."""


class Runs:
    """Takes a bitmap chunk by chunk (least significant bit first) and finds where runs of ones begin and end."""

    def __init__(self) -> None:
        self._edges = array("Q")
        self._blocks = 0
        self._last = 0

    def feed(self, chunk: bytes) -> None:
        """The next bytes; TooFragmentedError."""
        size = len(chunk)
        bits = int.from_bytes(chunk, "little")
        # A one wherever a block differs from the one before it: the edges of the runs, found at C speed.
        changes = (bits ^ (bits << 1 | self._last)) & ((1 << 8 * size) - 1)
        self._last = chunk[-1] >> 7 if size else self._last
        self._collect(changes.to_bytes(size, "little"))
        self._blocks += 8 * size

    def _collect(self, changes: bytes) -> None:
        """Note where the ones are, 64 blocks at a time; C code skips the zeros. For little-endian machines."""
        append, base = self._edges.append, self._blocks
        words = memoryview(changes + bytes(-len(changes) % 8)).cast("Q")
        for index, word in zip(compress(count(), words), filter(None, words), strict=False):
            at = base + 64 * index - 1
            while word:
                lowest = word & -word
                append(at + lowest.bit_length())
                word ^= lowest
        if len(self._edges) > MAX_EDGES:
            raise TooFragmentedError("the bitmap has more runs than any real file system")

    def extents(self, blocks: int, block_size: int) -> Extents:
        """Byte extents of the first `blocks` blocks; bits beyond them do not count."""
        edges = self._edges
        while edges and edges[-1] >= blocks:
            edges.pop()
        if len(edges) % 2:
            edges.append(blocks)
        starts, ends = edges[::2], edges[1::2]
        offsets = array("Q", (start * block_size for start in starts))
        lengths = array("Q", ((end - start) * block_size for start, end in zip(starts, ends, strict=True)))
        return Extents.from_arrays(offsets, lengths)


def bitmap_of(extents: Extents, blocks: int, block_size: int) -> bytes:
    """The inverse: the bitmap of a file system of `blocks` blocks, ceil(blocks/8) bytes."""
    bitmap = bytearray(-(-blocks // 8))
    for offset, length in extents:
        first, last = offset // block_size, (offset + length) // block_size
        head, tail = -(-first // 8), last // 8
        if head < tail:
            bitmap[head:tail] = b"\xff" * (tail - head)
        for block in (*range(first, min(8 * head, last)), *range(max(8 * tail, first), last)):
            bitmap[block // 8] |= 1 << block % 8
    return bytes(bitmap)
