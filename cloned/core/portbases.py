"""Port bases of classic sessions: none is given out again for a day, so that nobody joins the wrong stream.

A client of Clonezilla is told one port base and goes up by two with each partition, so a session holds a run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

FIRST = 2232
"""What Clonezilla itself starts at."""

LAST = 12230
STEP = 2
"""udpcast uses the port base and the port after it."""

REST_SECONDS = 24 * 3600.0
"""Seconds that port bases rest after they were given out."""


@dataclass(frozen=True)
class Given:
    """A run of port bases that somebody was told of."""

    first: int
    count: int
    at: float
    """When, in seconds since 1970."""

    @property
    def end(self) -> int:
        """The first port base after it."""
        return self.first + self.count * STEP


def free_base(given: Iterable[Given], count: int, now: float) -> int | None:
    """The lowest port base that `count` unused ones begin at; None if there is no such run.

    A time in the future (a clock that jumped) counts as now.
    """
    at = FIRST
    for run in sorted((run for run in given if now - run.at < REST_SECONDS), key=lambda run: run.first):
        if run.first >= at + count * STEP:
            break
        at = max(at, run.end)
    return at if at + (count - 1) * STEP <= LAST else None
