"""How long the event loop was held up: measured by itself, since everything else waits for it.

Work that takes long belongs into a thread; this tells when some of it did not go there. On a machine that has other
work to do the loop comes late without any fault of ours: so what it worked itself meanwhile is told beside that.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

EVERY = 0.05
"""Seconds between two looks."""
KEPT = 30.0
"""Seconds whose longest hold is told."""


class Longest:
    """The longest of late, in seconds."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, float]] = deque()

    def note(self, now: float, seconds: float) -> None:
        """One more."""
        while self._kept and (self._kept[0][0] < now - KEPT or self._kept[-1][1] <= seconds):
            if self._kept[-1][1] <= seconds:
                self._kept.pop()  # what came before and was shorter is never the longest again
            else:
                self._kept.popleft()
        self._kept.append((now, seconds))

    def since(self, then: float) -> float:
        """Of those that were noted since."""
        return max((seconds for at, seconds in self._kept if at >= then), default=0.0)


class LoopLag:
    """Sleeps a moment again and again, and notes how late it wakes, and what its thread worked meanwhile."""

    def __init__(self) -> None:
        self._late, self._busy = Longest(), Longest()
        self.longest = 0.0
        """Seconds that it came late at most, since the daemon started."""

    @property
    def recent(self) -> float:
        """Seconds of the longest hold of the last half minute."""
        return self._late.since(time.monotonic() - KEPT)

    @property
    def busy(self) -> float:
        """Seconds of processor that the loop's own thread took in one of them: the rest was the machine's doing."""
        return self._busy.since(time.monotonic() - KEPT)

    async def run(self) -> None:
        """Measure, until cancelled."""
        while True:
            before, worked = time.monotonic(), time.thread_time()
            await asyncio.sleep(EVERY)
            now = time.monotonic()
            late = max(0.0, now - before - EVERY)
            self.longest = max(self.longest, late)
            self._late.note(now, late)
            self._busy.note(now, min(late, time.thread_time() - worked))
