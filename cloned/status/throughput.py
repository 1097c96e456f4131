"""How fast sessions went: a figure each few seconds, kept while the daemon runs, as a line to draw."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cloned.core.ids import SessionId

EVERY_SECONDS = 5.0
"""Seconds between two figures."""
KEPT = 720
"""Figures of a session: an hour. Of a longer one, the last hour."""
SESSIONS = 50
WIDTH, HEIGHT = 600, 80
"""Of the drawing, in its own units."""


@dataclass(frozen=True)
class Plot:
    """A line within WIDTH x HEIGHT."""

    points: str
    """As SVG's polyline has them."""
    most: float
    """Mbit/s at the top."""
    minutes: float
    width: int = WIDTH
    height: int = HEIGHT


class SentBytes(Protocol):
    """What a sender tells of itself."""

    @property
    def bytes(self) -> int:
        """Sent so far."""


@dataclass
class Throughput:
    """What senders sent; `senders`: by session, as `Caster.stats` gives it, each with the bytes it has sent so far."""

    senders: Callable[[], Mapping[SessionId, SentBytes]]
    _figures: dict[str, deque[float]] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(EVERY_SECONDS)

    def look(self) -> None:
        """Take one figure of each session that sends."""
        for session, stats in self.senders().items():
            sent, name = int(stats.bytes), str(session)
            before = self._last.get(name)
            self._last[name] = sent
            if before is not None:
                figures = self._figures.setdefault(name, deque(maxlen=KEPT))
                figures.append(max(0, sent - before) * 8 / EVERY_SECONDS / 1e6)
        while len(self._figures) > SESSIONS:
            oldest = next(iter(self._figures))
            del self._figures[oldest]
            self._last.pop(oldest, None)

    def plot(self, session: str) -> Plot | None:
        """The line of a session; None where fewer than two figures are known."""
        figures = list(self._figures.get(session, ()))
        if len(figures) < 2:
            return None
        most = max(max(figures), 1.0)
        step = WIDTH / (len(figures) - 1)
        points = " ".join(f"{at * step:.1f},{HEIGHT - value / most * HEIGHT:.1f}" for at, value in enumerate(figures))
        return Plot(points, most, len(figures) * EVERY_SECONDS / 60)
