"""The server's link, shared fairly by the sessions that send on it."""

from __future__ import annotations

import threading
from collections.abc import Hashable

from cloned.core.pacing import shares

RECENT = 0.3
"""Seconds after which a session that had nothing to send leaves its part to the others."""


class Link:
    """One network card of the server: what the sessions on it may send together. Thread-safe."""

    def __init__(self, rate: float) -> None:
        """`rate`: bit/s on the wire for all sessions together."""
        self.rate = rate
        self._lock = threading.Lock()
        self._wishes: dict[Hashable, tuple[float, float]] = {}
        """Key of a session → (bit/s it could use, when it said so)."""

    def share(self, key: Hashable, wish: float, now: float) -> float:
        """Bit/s that session `key`, which has something to send and could use `wish`, may send now."""
        with self._lock:
            self._wishes[key] = wish, now
            self._wishes = {other: said for other, said in self._wishes.items() if now - said[1] < RECENT}
            keys = list(self._wishes)
            given = shares(self.rate, {number: self._wishes[other][0] for number, other in enumerate(keys)})
            return given[keys.index(key)]

    def leave(self, key: Hashable) -> None:
        """Session `key` has ended."""
        with self._lock:
            self._wishes.pop(key, None)
