"""File descriptors that need care: kept for those who must go on when connections have taken all the others (EMFILE,
ENFILE), and rung by several threads, one of which closes them.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress

EXHAUSTED = (errno.EMFILE, errno.ENFILE)


class Bell:
    """Wakes a thread that waits for descriptors, from any other (eventfd(2)).

    One that is closed is silent: its number may be somebody else's file by now, into which nothing may be written.
    """

    def __init__(self) -> None:
        self._fd = -1
        self._lock = threading.Lock()

    def open(self) -> None:
        """Take a descriptor; OSError where there is none."""
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """What to wait for; -1 while it is closed."""
        return self._fd

    def ring(self) -> None:
        """Wake whoever waits."""
        with self._lock:
            if self._fd >= 0:
                os.eventfd_write(self._fd, 1)

    def hush(self) -> None:
        """It woke somebody: be quiet until it rings again."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._fd)

    def close(self) -> None:
        """Give the descriptor back."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
            self._fd = -1


class Reserve:
    """Holds `count` descriptors that lead nowhere; `spend` frees one for whoever needs it now."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._spare: list[int] = []
        self.refill()

    def spend(self) -> bool:
        """Close one, so that the next socket or file can be opened; False if none is left."""
        if not self._spare:
            return False
        os.close(self._spare.pop())
        return True

    def refill(self) -> None:
        """Take back what was spent, as far as there is any."""
        with suppress(OSError):
            while len(self._spare) < self._count:
                self._spare.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))

    def close(self) -> None:
        """Give all of them back."""
        while self.spend():
            pass
