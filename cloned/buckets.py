"""Token buckets: so many at once, and then so many a second."""

from __future__ import annotations

import time
from collections.abc import Callable


class Bucket:
    """Holds up to `room` tokens and gets `per_second` new ones; `clock` in monotonic seconds."""

    def __init__(self, room: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._room, self._per_second, self._clock = room, per_second, clock
        self._left, self._filled = room, clock()

    def take(self) -> float:
        """Take a token, and return 0; where there is none, take none and return the seconds until there is one."""
        now = self._clock()
        self._left = min(self._room, self._left + max(0.0, now - self._filled) * self._per_second)
        self._filled = now
        if self._left < 1:
            return (1 - self._left) / self._per_second
        self._left -= 1
        return 0.0
