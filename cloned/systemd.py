"""What systemd hears of us (sd_notify(3)) and tells us: readiness, words for `systemctl status`, the watchdog."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable

from cloned.errors import ClonedError, Exit, UnreadableError

DAMAGED = 65
"""What systemd is told where `UnreadableError` ends us: EX_DATAERR (sysexits.h), which it shows as DATAERR. On the
command line the same is 3; but parts that come back by themselves are 3 too, and for those it shall start us again."""
USUAL_SECONDS = 10.0
"""Seconds between words for `systemctl status` where no watchdog asks for more."""


def ending(error: Exception) -> int:
    """Say why the daemon ends; returns its status, by which systemd leaves alone what a new start would meet again."""
    notify(f"STATUS={' '.join(str(error).split())}")
    if isinstance(error, UnreadableError) and os.environ.get("NOTIFY_SOCKET"):
        return DAMAGED
    return error.exit if isinstance(error, ClonedError) else Exit.FAILED


def notify(state: str) -> None:
    """Tell systemd, `NAME=value` a line; nothing where it did not start us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.send(state.encode())


def reloading() -> None:
    """A new configuration is being read (`RELOADING=1`, with the clock that systemd compares); READY ends it."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")


def watchdog_seconds() -> float | None:
    """How often systemd wants a sign of life at least (`WATCHDOG_USEC`); None where it wants none of us."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1e6


class Heartbeat:
    """Says how it is, and feeds the watchdog as long as the event loop turns and the work behind it moves.

    `done` counts what the part that must not stand still has done, `waiting` what waits for it: while something waits
    and the count stands still, the watchdog gets nothing and systemd starts us anew.
    """

    def __init__(self, words: Callable[[], str], done: Callable[[], int], waiting: Callable[[], int]) -> None:
        self._words, self._done, self._waiting = words, done, waiting
        self._before = -1

    async def run(self) -> None:
        """Until cancelled."""
        asked = watchdog_seconds()
        every = USUAL_SECONDS if asked is None else min(USUAL_SECONDS, asked / 2)
        while True:
            self.beat()
            await asyncio.sleep(every)

    def beat(self) -> None:
        """One sign of life, if there is life."""
        fed = "\nWATCHDOG=1" if self.alive() else ""
        notify(f"STATUS={self._words()}{fed}")

    def alive(self) -> bool:
        """Whether nothing waits, or something was done since the last look."""
        before, self._before = self._before, self._done()
        return not self._waiting() or self._before != before
