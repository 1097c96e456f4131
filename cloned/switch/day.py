"""What a switch's ports did in the hours before now: links that came and went, and damaged frames. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cloned.switch.counters import plausible, steps

DAY_SECONDS = 12 * 3600.0
"""Seconds that are looked back: an evening and the afternoon before it."""
CHANGES = 50
"""Changes of a link that are kept with their time: a cable that does not sit makes thousands."""
BUCKET_SECONDS = 600.0
"""Seconds whose damaged frames are counted together."""


@dataclass
class _PortDay:
    links: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=CHANGES))
    frames: dict[float, int] = field(default_factory=dict)
    """When a bucket began → damaged frames in it."""
    counter: int | None = None

    def forget(self, before: float) -> None:
        while self.links and self.links[0][0] < before:
            self.links.popleft()
        for began in [began for began in self.frames if began + BUCKET_SECONDS < before]:
            del self.frames[began]

    def count(self, at: float, counter: int) -> None:
        """Take ifInErrors as read at `at`; one that went back was cleared, and says nothing."""
        if self.counter is not None and plausible(self.counter, counter):
            grown = sum(steps((self.counter, counter)))
            if grown:
                began = at - at % BUCKET_SECONDS
                self.frames[began] = self.frames.get(began, 0) + grown
        self.counter = counter

    def to_json(self) -> dict[str, object]:
        last = max(self.frames, default=None)
        return {
            "links": [{"at": _iso(at), "link": link} for at, link in self.links],
            "errors": sum(self.frames.values()),
            "errors_at": None if last is None else _iso(last),
        }


@dataclass
class SwitchDay:
    """What each port of a switch did, by name; at most `DAY_SECONDS` is remembered, and nothing beyond a restart."""

    since: float | None = None
    """When it was looked at first: seconds since 1970."""
    _ports: dict[str, _PortDay] = field(default_factory=dict)

    def add(self, at: float, changes: Iterable[tuple[str, str]], errors: Mapping[str, int]) -> None:
        """Take one reading, made at `at` (s since 1970): links that came ("up") or went ("down"), and ifInErrors."""
        self.since = at if self.since is None else max(self.since, at - DAY_SECONDS)
        for name, link in changes:
            self._ports.setdefault(name, _PortDay()).links.append((at, link))
        for name, counter in errors.items():
            self._ports.setdefault(name, _PortDay()).count(at, counter)
        for each in self._ports.values():
            each.forget(at - DAY_SECONDS)

    def to_json(self) -> dict[str, object]:
        """For page and API: `{"since", "ports": {name: {"links": [{"at", "link"}], "errors", "errors_at"}}, "counted":
        [name]}`, ports with nothing to tell left out; `counted`: those of which the switch tells damaged frames."""
        ports = {name: each.to_json() for name, each in self._ports.items() if each.links or each.frames}
        counted = [name for name, each in self._ports.items() if each.counter is not None]
        return {"since": None if self.since is None else _iso(self.since), "ports": ports, "counted": counted}


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
