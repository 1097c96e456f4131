"""How long the event loop was held up: measured by itself, since everything else waits for it.

Work that takes long belongs into a thread; this tells when some of it did not go there.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

EVERY = 0.05
"""Seconds between two looks."""
KEPT = 30.0
"""Seconds whose longest hold is told."""


class LoopLag:
    """Sleeps a moment again and again, and notes how late it wakes."""

    def __init__(self) -> None:
        self._holds: deque[tuple[float, float]] = deque()
        self.longest = 0.0
        """Seconds, since the daemon started."""

    @property
    def recent(self) -> float:
        """Seconds of the longest hold of the last half minute."""
        since = time.monotonic() - KEPT
        return max((lag for at, lag in self._holds if at >= since), default=0.0)

    async def run(self) -> None:
        """Measure, until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(EVERY)
            now = time.monotonic()
            self._note(now, max(0.0, now - before - EVERY))

    def _note(self, now: float, lag: float) -> None:
        self.longest = max(self.longest, lag)
        while self._holds and (self._holds[0][0] < now - KEPT or self._holds[-1][1] <= lag):
            if self._holds[-1][1] <= lag:
                self._holds.pop()  # what came before and was shorter is never the longest again
            else:
                self._holds.popleft()
        self._holds.append((now, lag))
