"""Judges what was read back of an erased disk, block by block. Pure: whoever reads gives it the bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

from cloned.disk.erase import LEVELS, Technique
from cloned.disk.erase_samples import MARK, DiskSample, digest, fits, patterned, zeros
from cloned.saying import Phrase


@dataclass
class Judge:
    """Collects what was seen; one for each disk, used by one thread at a time."""

    technique: Technique
    seed: str
    remembered: tuple[DiskSample, ...]
    blank: bytes
    """Zeros, as many as the longest sample."""
    patterns: set[bytes] = field(default_factory=set)
    """What remembered places hold now, where it repeats: only that may be found elsewhere as the drive's pattern."""
    seen: set[str] = field(default_factory=set)
    places: int = 0
    read: int = 0

    def sample(self, place: DiskSample, data: bytes) -> str:
        """Take in a sample; what is wrong with it, or nothing."""
        if zeros(data, self.blank):
            return self.blank_sample(len(data))
        self.places, self.read = self.places + 1, self.read + len(data)
        if not fits(LEVELS[self.technique].leaves, data, self.blank, self.patterns):
            words = LEVELS[self.technique].words
            last = place.offset + len(data) - 1
            return Phrase("bytes {first} to {last} do not hold what this leaves: {technique}",
                          first=place.offset, last=last, technique=Phrase(words))  # fmt: skip
        if patterned(data):
            self.seen.add("one pattern")
        else:
            self.seen.add("noise")
        return ""

    def blank_sample(self, length: int) -> str:
        """Take in a sample of so many zeros, which every technique may leave."""
        self.places, self.read = self.places + 1, self.read + length
        self.seen.add("zeros")
        return ""

    def remember(self, place: DiskSample, data: bytes) -> str:
        """Compare a place with what it held before; what is wrong with it, or nothing. They come before all samples."""
        self.places, self.read = self.places + 1, self.read + len(data)
        if digest(self.seed, data) == place.digest:
            return Phrase("byte {offset} still holds what it held before", offset=place.offset)
        if MARK in data:
            return Phrase("a marker is still found at byte {offset}", offset=place.offset)
        if patterned(data):
            self.patterns.add(data[:512])
        return ""

    @property
    def found(self) -> str:
        """What is on the disk now, in words."""
        return " and ".join(sorted(self.seen)) or Phrase("nothing was read")


def blank_before(data: bytes) -> bool:
    """Whether a place is empty as far as anybody can tell, so that a marker belongs there."""
    return patterned(data)
