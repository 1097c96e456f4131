"""How far a restore has come, and how fast it goes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from cloned.stream.rate_meter import RateMeter

LOOK_SECONDS = 0.25
"""Seconds between two reports of progress."""

RATE_SECONDS = 5.0
"""Over which a rate is told."""


@dataclass(frozen=True)
class RestoreProgress:
    """How far a restore has come."""

    bytes: int
    """Used bytes written and, without a gate, also read back."""
    total: int
    rate: float
    """Bytes written a second, lately."""
    pieces_left: int
    held_by: str
    """What holds it up: network, processor or disk."""
    lost: int
    """Packets that did not come, so far."""
    via: str = "multicast"
    """How pieces come: multicast, unicast, or nothing if neither brings any."""


class RestoreMeter:
    """Bytes, pieces and rate. Thread-safe enough: one lock around the counts."""

    def __init__(self, total: int, pieces: int) -> None:
        self.total, self.pieces = total, pieces
        self.bytes = 0
        self._lock = threading.Lock()
        self._rate = RateMeter(RATE_SECONDS)
        self._rate.rate(time.monotonic(), 0)
        self._reported = 0.0

    def add(self, length: int) -> None:
        """Another piece of so many bytes is through."""
        with self._lock:
            self.bytes += length
            self.pieces -= 1

    def due(self) -> bool:
        """Whether LOOK seconds have gone by since the last time this was true."""
        with self._lock:
            now = time.monotonic()
            if now - self._reported < LOOK_SECONDS:
                return False
            self._reported = now
            return True

    def report(self, held_by: str, lost: int, via: str) -> RestoreProgress:
        """How far it is, and what holds it up."""
        rate = self._rate.rate(time.monotonic(), self.bytes)
        return RestoreProgress(
            bytes=self.bytes, total=self.total, rate=rate, pieces_left=self.pieces, held_by=held_by, lost=lost, via=via
        )
