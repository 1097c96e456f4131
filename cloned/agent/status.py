"""What the agent is doing, shared between the thread that does it and those that tell of it."""

from __future__ import annotations

import threading
import time

from cloned.json_data import JsonObject


class Status:
    """The body of the next report; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fields: dict[str, object] = {"state": "idle", "session": None, "round": 0, "seconds": {}, "reason": None}
        self._spent: dict[str, float] = {}
        """Seconds by state, but for the present one since it began."""
        self._learnt: dict[str, object] = {}
        self._since = time.monotonic()
        self.line = ""
        """What the screen says in words when the daemon cannot."""

    def set(self, state: str, **fields: object) -> None:
        """Enter a state; the seconds spent in the one before are counted."""
        with self._lock:
            self._spent = self._counted()
            self._since = time.monotonic()
            self._fields.update({"state": state, "seconds": self._spent, **fields})

    def set_once(self, state: str) -> None:
        """Enter a state unless it is the present one."""
        if self.report()["state"] != state:
            self.set(state)

    def begin(self, session: str) -> None:
        """A new session: nothing of the one before counts any more."""
        with self._lock:
            self._since, self._spent = time.monotonic(), {}
            self._fields = {"state": "preparing", "session": session, "round": 0, "seconds": {}, "reason": None}

    def progress(self, fields: JsonObject) -> None:
        """How far the bytes are."""
        with self._lock:
            self._fields.update(fields)

    def learn(self, parts: JsonObject) -> None:
        """Parts of the laptop that its hello could not tell yet: in every report from now on, for one may be lost."""
        with self._lock:
            self._learnt = {**self._learnt, **parts}

    def report(self) -> dict[str, object]:
        """A copy of it all."""
        with self._lock:
            return {**self._fields, **({"parts": dict(self._learnt)} if self._learnt else {})}

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by state, so far."""
        with self._lock:
            return self._counted()

    def _counted(self) -> dict[str, float]:
        state = str(self._fields["state"])
        return {**self._spent, state: round(self._spent.get(state, 0.0) + time.monotonic() - self._since, 3)}
