"""Error counters over time: which ports take more errors than a good cable gives. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

WINDOW_SECONDS = 60.0
"""Seconds that are looked at together."""
MANY = 10
"""Errors within the window that are worth a word: a good link has none for hours."""
WRAP = 2**32
"""ifInErrors is a Counter32."""


@dataclass
class ErrorHistory:
    """The readings of each port's error counter within the last minute, by ifIndex."""

    window: float = WINDOW_SECONDS
    _seen: dict[int, deque[tuple[float, int]]] = field(default_factory=dict)

    def add(self, at: float, errors: Mapping[int, int]) -> None:
        """Take a reading made at `at` (monotonic seconds): ifIndex to ifInErrors."""
        for index, count in errors.items():
            samples = self._seen.setdefault(index, deque())
            if samples and not plausible(samples[-1][1], count):
                samples.clear()  # the switch was restarted, or its counters were cleared
            samples.append((at, count))
            while len(samples) > 2 and samples[1][0] <= at - self.window:
                samples.popleft()
        for index in set(self._seen) - set(errors):
            del self._seen[index]

    def climbing(self, many: int = MANY) -> dict[int, int]:
        """ifIndex to errors within the window, where they are `many` or more."""
        grown = {index: sum(steps(count for _, count in samples)) for index, samples in self._seen.items()}
        return {index: count for index, count in grown.items() if count >= many}


def plausible(before: int, after: int) -> bool:
    """Whether a counter can have gone from `before` to `after`: upwards, or once past its end."""
    return (after - before) % WRAP < WRAP // 2


def steps(counts: Iterable[int]) -> Iterable[int]:
    """How much a Counter32 grew from one reading to the next."""
    before: int | None = None
    for count in counts:
        if before is not None:
            yield (count - before) % WRAP
        before = count
