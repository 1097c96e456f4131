"""File descriptors kept for those who must go on when connections have taken all the others (EMFILE, ENFILE)."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

EXHAUSTED = (errno.EMFILE, errno.ENFILE)


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
