"""Which places of a disk are looked at before and after an erasure, drawn by a seed, and what they must hold.

The same seed gives the same places, so that a laptop that lost its power goes on where it was. What is remembered of a
place is a salted hash and never its bytes.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from itertools import count

REMEMBERED = 256
"""Places remembered before an erasure."""
PLACE_BYTES = 4096
"""Bytes of a remembered place; a multiple of every sector there is."""
SECTIONS = 1000
"""Sections of the disk that two samples each are taken from afterwards."""
SHARE = 0.1
"""Of the disk, read in all."""
SMALL_BYTES = 256 * 1024 * 1024
"""A disk up to this size is read whole: that takes a second, and sampling has nothing to gain."""
WHOLE = 4096
"""Parts at most that a disk is read in where all of it is: 16 TB in parts of 8 MiB would be two million."""
NOISE_BYTES = 4096
"""Bytes at the beginning of a sample that are tested for looking like noise."""
MARK = b"cloned erasure marker\0"


@dataclass(frozen=True)
class DiskSample:
    """A place on the disk, in bytes, and what was there before: a salted hash."""

    offset: int
    length: int
    digest: str = ""
    marker: bool = False
    """Whether it was empty and a marker was written there."""


def draws(seed: str) -> Iterator[int]:
    """64-bit numbers without end: SHA-256 of the seed and a counter."""
    for number in count():
        block = hashlib.sha256(f"{seed}/{number}".encode()).digest()
        for at in range(0, 32, 8):
            yield int.from_bytes(block[at : at + 8], "big")


def before(seed: str, size: int, places: int = REMEMBERED) -> tuple[DiskSample, ...]:
    """One place in each of as many equal parts as fit, and the first and the last block of the disk."""
    blocks = size // PLACE_BYTES
    if not blocks:
        return ()
    numbers = {0, blocks - 1}
    parts, drawn = min(places, blocks), draws(seed)
    for part in range(parts):
        low, high = part * blocks // parts, (part + 1) * blocks // parts
        numbers.add(low + next(drawn) % max(1, high - low))
    return tuple(DiskSample(number * PLACE_BYTES, PLACE_BYTES) for number in sorted(numbers))


def after(seed: str, size: int, how: str, align: int = PLACE_BYTES, small: int = SMALL_BYTES) -> tuple[DiskSample, ...]:
    """What is read afterwards: everything, or two samples in each of a thousand sections and a tenth of it all."""
    if size <= 0:
        return ()
    if how == "all" or size <= small:
        step = max(8 * 1024 * 1024, -(-size // WHOLE // PLACE_BYTES) * PLACE_BYTES)
        return tuple(DiskSample(at, min(step, size - at)) for at in range(0, size, step))
    return tuple(_samples(seed, size, align))


def _samples(seed: str, size: int, align: int) -> Iterator[DiskSample]:
    blocks = -(-size // align)
    sections, drawn = max(1, min(SECTIONS, blocks // 2)), draws(seed)
    for section in range(sections):
        low, high = section * blocks // sections, (section + 1) * blocks // sections
        middle = (low + high + 1) // 2
        for first, last in ((low, middle), (middle, high)):
            if last <= first:
                continue
            want = min(last - first, max(1, -(-round((last - first) * SHARE * 1000) // 1000)))
            start = first + next(drawn) % (last - first - want + 1)
            yield DiskSample(start * align, min(want * align, size - start * align))


def digest(seed: str, data: bytes | memoryview) -> str:
    """What is remembered of a place: it tells whether the place changed, and nothing else."""
    return hashlib.blake2b(data, digest_size=12, key=seed.encode()[:64]).hexdigest()


def marker(seed: str, offset: int, length: int = PLACE_BYTES) -> bytes:
    """What is written where a disk is empty: nothing that a drive could have made up."""
    return (MARK + hashlib.shake_128(f"{seed}@{offset}".encode()).digest(length))[:length]


def zeros(data: bytes, blank: bytes) -> bool:
    """Whether nothing but zeros is there; `blank` has at least as many. Bytes, since views compare slowly."""
    return data == (blank if len(blank) == len(data) else blank[: len(data)])


def patterned(data: bytes, period: int = 512) -> bool:
    """Whether the same stretch of `period` bytes comes again and again: a drive's own pattern."""
    first = data[:period]
    return data == (first * -(-len(data) // period))[: len(data)]


def noise(data: bytes) -> bool:
    """Whether it looks like what a lost key leaves: bytes that no compressor finds anything in."""
    part = data[:NOISE_BYTES]
    return len(zlib.compress(part, 1)) >= len(part) * 0.97 and MARK not in part


def fits(leaves: str, data: bytes, blank: bytes, patterns: Container[bytes]) -> bool:
    """Whether a sample holds what a technique leaves: `zeros`, `uniform` (or one pattern), or `noise` (or either).

    `patterns`: 512 bytes each, which the drive is known to leave; old data may be a pattern, too.
    """
    if zeros(data, blank):
        return True
    if leaves == "zeros":
        return False
    if patterned(data) and data[:512] in patterns:
        return True
    return leaves == "noise" and noise(data)
