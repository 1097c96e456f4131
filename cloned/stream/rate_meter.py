"""How fast a count has lately grown: bytes received, sent or written. Pure."""

from __future__ import annotations

from collections import deque


class RateMeter:
    """A rate over the last `seconds`; whoever asks says when it is."""

    def __init__(self, seconds: float) -> None:
        self._over = seconds
        self._seen: deque[tuple[float, int]] = deque()

    def rate(self, now: float, count: int) -> float:
        """The count's growth a second; 0 while nothing moves. A count that fell began anew."""
        if self._seen and count < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, count))
        while len(self._seen) > 1 and now - self._seen[0][0] > self._over:
            self._seen.popleft()
        since, before = self._seen[0]
        return (count - before) / (now - since) if now > since else 0.0
