"""Port bases of classic sessions: none is given out again for a day, so that nobody joins the wrong stream."""

from __future__ import annotations

from collections.abc import Mapping

FIRST = 2232
"""What Clonezilla itself starts at."""

LAST = 12230
REST = 24 * 3600.0
"""Seconds that a port base rests after it was given out."""


class PortBases:
    """Gives out even port numbers; `used` (port base → when, in seconds since 1970) is for the caller to keep."""

    def __init__(self, used: Mapping[int, float]) -> None:
        self.used = dict(used)

    def take(self, now: float) -> int | None:
        """The port base that has rested longest, or was never used; None if all were given out within the last day."""
        self.used = {port: min(when, now) for port, when in self.used.items() if now - when < REST}
        free = (port for port in range(FIRST, LAST + 1, 2) if port not in self.used)
        port = next(free, None)
        if port is not None:
            self.used[port] = now
        return port
