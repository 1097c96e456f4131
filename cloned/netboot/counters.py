"""Requests by kind and outcome, counted in one place for each protocol: plain figures for the page's metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cloned.netboot.files import SOURCES, normal


class RequestCounter:
    """How often each kind of request had each outcome since the daemon started.

    Both are words of ours, never a client's: so there are only so many.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, kind: str, outcome: str) -> None:
        """Count one."""
        self._counts[kind, outcome] += 1

    def figures(self) -> dict[tuple[str, str], float]:
        """(kind, outcome) → how many."""
        return dict(self._counts)


@dataclass(frozen=True)
class BootCounters:
    """The counters of this room."""

    dhcp: RequestCounter = field(default_factory=RequestCounter)
    tftp: RequestCounter = field(default_factory=RequestCounter)
    http: RequestCounter = field(default_factory=RequestCounter)

    def figures(self) -> dict[str, dict[tuple[str, str], float]]:
        """Name of a metric without `cloned_` and `_total` → its figures."""
        return {f"{name}_requests": getattr(self, name).figures() for name in ("dhcp", "tftp", "http")}


def tftp_kind(name: str) -> str:
    """What is asked for, as one word of few."""
    name = normal(name)
    if name in SOURCES:
        return "loader"
    return name.split("/", 1)[0] if name.startswith(("grub/", "live/")) else "other"
