"""Work that may hang in a driver, done beside everything else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from cloned.saying import Phrase

_T = TypeVar("_T")


class Hangs(Exception):  # noqa: N818 - a state of affairs
    """It did not end in its time; the driver that it hangs in holds its thread, and both are left behind."""


class Beside(Generic[_T]):
    """Work that takes its time, or hangs in a driver, begun in a thread of its own: nobody need wait for it."""

    def __init__(self, work: Callable[[], _T], seconds: float) -> None:
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self._found: list[_T] = []
        self._broke: list[Exception] = []
        self._thread = threading.Thread(target=self._body, args=(work,), name="beside", daemon=True)
        self._thread.start()

    def _body(self, work: Callable[[], _T]) -> None:
        try:
            self._found.append(work())
        except Exception as error:
            self._broke.append(error)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, looked at for so long."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def over(self) -> bool:
        """Whether it has ended, or should have."""
        return not self._thread.is_alive() or time.monotonic() > self._end

    def result(self) -> _T:
        """What it gave, once it is over; raises what it raised, or Hangs."""
        self._thread.join(max(0.0, self._end - time.monotonic()))
        if self._broke:
            raise self._broke[0]
        if not self._found:
            raise Hangs(Phrase("its driver hangs for {seconds:span}", seconds=self._seconds))
        return self._found[0]
