"""What the agent is doing, shared between the thread that does it and those that tell of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any


class Status:
    """The body of the next report; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fields: dict[str, Any] = {"state": "idle", "session": None, "round": 0, "seconds": {}, "reason": None}
        self._learnt: dict[str, Any] = {}
        self._since = time.monotonic()
        self.line = ""
        """What the screen says in words when the daemon cannot."""

    def set(self, state: str, **fields: Any) -> None:
        """Enter a state; the seconds spent in the one before are counted."""
        with self._lock:
            now, old = time.monotonic(), self._fields["state"]
            seconds = dict(self._fields["seconds"])
            seconds[old] = round(seconds.get(old, 0.0) + now - self._since, 3)
            self._since = now
            self._fields.update({"state": state, "seconds": seconds, **fields})

    def set_once(self, state: str) -> None:
        """Enter a state unless it is the present one."""
        if self.report()["state"] != state:
            self.set(state)

    def begin(self, session: str) -> None:
        """A new session: nothing of the one before counts any more."""
        with self._lock:
            self._since = time.monotonic()
            self._fields = {"state": "preparing", "session": session, "round": 0, "seconds": {}, "reason": None}

    def progress(self, fields: Mapping[str, Any]) -> None:
        """How far the bytes are."""
        with self._lock:
            self._fields.update(fields)

    def learn(self, parts: Mapping[str, Any]) -> None:
        """Parts of the laptop that its hello could not tell yet: in every report from now on, for one may be lost."""
        with self._lock:
            self._learnt = {**self._learnt, **parts}

    def report(self) -> dict[str, Any]:
        """A copy of it all."""
        with self._lock:
            return {**self._fields, **({"parts": dict(self._learnt)} if self._learnt else {})}

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by state, so far."""
        with self._lock:
            now = time.monotonic()
            state = self._fields["state"]
            seconds: dict[str, float] = dict(self._fields["seconds"])
            seconds[state] = round(seconds.get(state, 0.0) + now - self._since, 3)
            return seconds
