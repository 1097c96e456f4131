"""What of a disk that held the image before is worth reading, before anything is fetched. Pure.

After a power cut the first part of the disk is right and the rest was never written; after another image nothing
is right. A few samples tell, so that hours of reading what is missing anyway are not spent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

SAMPLES = 32


def samples(count: int) -> list[int]:
    """Numbers of some of `count` pieces, spread evenly, the first and the last among them."""
    if count <= 2 * SAMPLES:
        return []
    return sorted({round(number * (count - 1) / (SAMPLES - 1)) for number in range(SAMPLES)})


def worth_reading(count: int, sampled: Sequence[int], wrong: Collection[int]) -> list[int]:
    """Pieces that may well be right: all but the wrong samples and what lies between two of those."""
    bad = set(wrong) & set(sampled)
    hopeless = set(bad)
    for first, last in pairwise(sampled):
        if first in bad and last in bad:
            hopeless.update(range(first, last))
    return [piece for piece in range(count) if piece not in hopeless]
