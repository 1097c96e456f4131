"""The server's link, shared fairly by the sessions that send on it."""

from __future__ import annotations

import threading
from collections.abc import Hashable

from cloned.stream.pacing import shares

RECENT_SECONDS = 0.6
"""Seconds after which a session that had nothing to send leaves its part to the others: two looks at the pace."""

FRAMES = 24
"""Frames in memory for all sessions together: 100 MB where nothing compresses."""

FEWEST = 8
"""Frames that a session needs to send and repair without reading from the disk again and again."""

MOST = 12
"""More frames than that in one session are no use: what a receiver lacks, it asks for within a few pieces. Simulated
with 8 laptops that lose 1 %, or of which one comes late and one loses 10 %: with 24 frames it took just as long."""


class LinkBudget:
    """One network card of the server: what the sessions on it may send and keep together. Thread-safe."""

    def __init__(self, rate: float) -> None:
        """`rate`: bit/s on the wire for all sessions together."""
        self.rate = rate
        self._lock = threading.Lock()
        self._wishes: dict[Hashable, tuple[float, float]] = {}
        """Key of a session → (bit/s it could use, when it said so)."""
        self._members: set[Hashable] = set()

    def set_rate(self, rate: float) -> None:
        """Follow what is now known of the link."""
        with self._lock:
            self.rate = rate

    def join(self, key: Hashable) -> None:
        """Session `key` begins."""
        with self._lock:
            self._members.add(key)

    def leave(self, key: Hashable) -> None:
        """Session `key` has ended."""
        with self._lock:
            self._members.discard(key)
            self._wishes.pop(key, None)

    def frames(self) -> int:
        """Frames that each session may keep in memory."""
        with self._lock:
            return max(FEWEST, min(MOST, FRAMES // max(1, len(self._members))))

    def share(self, key: Hashable, wish: float, now: float) -> float:
        """Bit/s that `key`, which has something to send and could use `wish`, may send now."""
        with self._lock:
            self._wishes[key] = wish, now
            keys = self._busy(now)
            given = shares(self.rate, {number: self._wishes[other][0] for number, other in enumerate(keys)})
            return given[keys.index(key)]

    def others(self, key: Hashable, now: float) -> bool:
        """Whether somebody else has something to send."""
        with self._lock:
            return any(other != key for other in self._busy(now))

    def _busy(self, now: float) -> list[Hashable]:
        self._wishes = {key: said for key, said in self._wishes.items() if now - said[1] < RECENT_SECONDS}
        return list(self._wishes)
