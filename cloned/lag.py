"""How long the event loop was held up: measured by itself, since everything else waits for it.

Work that takes long belongs into a thread; this tells when some of it did not go there. On a machine that has other
work to do the loop comes late without any fault of ours: it is ready, and no processor is given to it. The kernel
counts that (/proc/PID/schedstat), so three figures are told: how late it came by the clock, how much of that we held it
ourselves (its own work, another thread of ours, a disk), and how much of that was its own work.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

EVERY_SECONDS = 0.05
"""Seconds between two looks."""
KEPT_SECONDS = 30.0
"""Seconds whose longest hold is told."""
_SCHEDULED = Path("/proc/thread-self/schedstat")


class Longest:
    """The longest of late, in seconds."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, float]] = deque()

    def note(self, now: float, seconds: float) -> None:
        """One more."""
        while self._kept and (self._kept[0][0] < now - KEPT_SECONDS or self._kept[-1][1] <= seconds):
            if self._kept[-1][1] <= seconds:
                self._kept.pop()  # what came before and was shorter is never the longest again
            else:
                self._kept.popleft()
        self._kept.append((now, seconds))

    def since(self, then: float) -> float:
        """Of those that were noted since."""
        return max((seconds for at, seconds in self._kept if at >= then), default=0.0)


def ready_seconds() -> float:
    """That this thread was ready to run and waited for a processor so far; 0 where the kernel does not count."""
    with suppress(OSError, ValueError, IndexError):
        return int(_SCHEDULED.read_bytes().split()[1]) / 1e9
    return 0.0


class LoopLag:
    """Sleeps a moment again and again, and notes how late it wakes, and what its thread did and lacked meanwhile."""

    def __init__(self) -> None:
        self._late, self._held, self._busy = Longest(), Longest(), Longest()
        self.longest = 0.0
        """Seconds that it came late at most, since the daemon started."""

    @property
    def recent(self) -> float:
        """Seconds that it came late by the clock in the last half minute, at most."""
        return self._late.since(time.monotonic() - KEPT_SECONDS)

    @property
    def held(self) -> float:
        """The same without the seconds in which it was ready and other programs had the processors."""
        return self._held.since(time.monotonic() - KEPT_SECONDS)

    @property
    def busy(self) -> float:
        """Seconds of processor that the loop's own thread took in one of them."""
        return self._busy.since(time.monotonic() - KEPT_SECONDS)

    async def run(self) -> None:
        """Measure, until cancelled."""
        while True:
            before, worked, waited = time.monotonic(), time.thread_time(), ready_seconds()
            await asyncio.sleep(EVERY_SECONDS)
            now = time.monotonic()
            late = max(0.0, now - before - EVERY_SECONDS)
            self.longest = max(self.longest, late)
            self._late.note(now, late)
            self._held.note(now, max(0.0, late - (ready_seconds() - waited)))
            self._busy.note(now, min(late, time.thread_time() - worked))
