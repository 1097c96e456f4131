"""The verdict: what was read back, held against the manifest. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from cloned.core.laptop import Difference, VerdictKind
from cloned.disk.manifest import Manifest, ReadBack, image_hash


@dataclass(frozen=True)
class Judgement:
    """What a round of reading back came to."""

    verdict: VerdictKind
    wrong: tuple[int, ...]
    """Pieces to fetch again."""
    differs: tuple[Difference, ...]
    image_hash: str
    """Of what was read back; empty where something could not be read."""
    layout_ok: bool
    boot_code_ok: bool
    gap_ok: bool


def judge(manifest: Manifest, read: ReadBack) -> Judgement:
    """Compare a read-back with what the manifest expects; ValueError if it has another number of pieces."""
    expected = manifest.expected
    if len(read.pieces) != len(expected.pieces):
        raise ValueError(f"{len(read.pieces)} pieces were read back where the image has {len(expected.pieces)}")
    wrong = tuple(
        index for index, (got, want) in enumerate(zip(read.pieces, expected.pieces, strict=True)) if got != want
    )
    unreadable = any(piece == b"" for piece in read.pieces)
    parts = (read.layout == expected.layout, read.boot_code == expected.boot_code, read.gap == expected.gap)
    verdict = VerdictKind.VERIFIED if not wrong and all(parts) else VerdictKind.DIFFERS
    if unreadable:
        verdict = VerdictKind.UNREADABLE
    named = zip(("partition table", "boot code", "boot gap"), parts, ((0, 512), (0, 440), (512, 1 << 20)), strict=True)
    head = tuple(Difference(name, first, last - 1, 0) for name, right, (first, last) in named if not right)
    found = "" if unreadable else image_hash(manifest.plan, read)
    return Judgement(verdict, wrong, head + _ranges(manifest, wrong), found, *parts)


def _ranges(manifest: Manifest, wrong: tuple[int, ...], most: int = 50) -> tuple[Difference, ...]:
    """Byte ranges within partitions of the pieces named, neighbours joined; at most `most` of them."""
    found: list[Difference] = []
    previous = -2
    for piece in wrong:
        place = manifest.plan.map.place(piece)
        spans = list(place.layer.ranges(place.offset, place.length))
        first, last = spans[0][0], spans[-1][0] + spans[-1][1] - 1
        if found and piece == previous + 1 and found[-1].partition == place.layer.name:
            joined = found.pop()
            found.append(Difference(joined.partition, joined.first, last, joined.pieces + 1))
        elif len(found) < most:
            found.append(Difference(place.layer.name, first, last, 1))
        else:
            break
        previous = piece
    return tuple(found)
