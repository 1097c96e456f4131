"""Byte ranges of a device, kept small: a fragmented file system has a million of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

Extent = tuple[int, int]
"""Offset and length in bytes, relative to the start of the stream's partition."""


class Extents(Sequence[Extent]):
    """An immutable sequence of (offset, length), 16 bytes each; equal to any sequence of the same pairs."""

    __slots__ = ("_lengths", "_offsets")

    def __init__(self, pairs: Iterable[Extent] = ()) -> None:
        offsets, lengths = array("Q"), array("Q")
        for offset, length in pairs:
            offsets.append(offset)
            lengths.append(length)
        self._offsets, self._lengths = offsets, lengths

    @classmethod
    def from_flat(cls, numbers: Iterable[int]) -> Extents:
        """From offset, length, offset, length …; ValueError for an odd count."""
        flat = array("Q", numbers)
        if len(flat) % 2:
            raise ValueError("an odd number of values")
        return cls.from_arrays(flat[::2], flat[1::2])

    @classmethod
    def from_arrays(cls, offsets: array[int], lengths: array[int]) -> Extents:
        """From two arrays of type `Q` of the same length, which belong to the result from now on."""
        made = cls()
        made._offsets, made._lengths = offsets, lengths
        return made

    def flat(self) -> list[int]:
        """offset, length, offset, length …"""
        return [number for pair in self for number in pair]

    @property
    def lengths(self) -> Sequence[int]:
        """The lengths alone."""
        return self._lengths

    def __len__(self) -> int:
        return len(self._offsets)

    def __iter__(self) -> Iterator[Extent]:
        return zip(self._offsets, self._lengths, strict=True)

    @overload
    def __getitem__(self, index: int) -> Extent: ...
    @overload
    def __getitem__(self, index: slice) -> Extents: ...
    def __getitem__(self, index: int | slice) -> Extent | Extents:
        if isinstance(index, slice):
            return Extents.from_arrays(self._offsets[index], self._lengths[index])
        return self._offsets[index], self._lengths[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Extents):
            return self._offsets == other._offsets and self._lengths == other._lengths
        return isinstance(other, tuple | list) and len(self) == len(other) and all(map(tuple.__eq__, self, other))

    def __hash__(self) -> int:
        return hash((self._offsets.tobytes(), self._lengths.tobytes()))

    def __repr__(self) -> str:
        return f"Extents({list(self)!r})" if len(self) <= 8 else f"<{len(self)} extents>"
