"""What is far too much is left out by the kernel, before it costs us anything: DISCOVERs alone, drawn by lot.

Reading a datagram and leaving it out costs a tenth of answering one, so a flood of ten thousand a second would still
take from those who are being answered. What a laptop goes on with (REQUEST and the rest) always passes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time

from cloned.netboot.frames import Filter, attach
from cloned.netboot.packet import MessageType, Option

log = logging.getLogger(__name__)

READ = 3000, 12_000
"""DISCOVERs a second that are looked at, at least and at most: more than can be answered, so that those of laptops with
a lease are found, but not so many more that reading them takes the time for answers."""
_FEW, _MANY = 0.1, 0.4
"""Share of those read that had to be left out: with fewer than that, more are read from then on; with more, fewer."""
_STEP = 1.25
EVERY_SECONDS = 0.1
"""Seconds over which they are counted."""
_PART = 0.8
"""A share that differs less than by this is left as it is."""
_UDP_BYTES = 8
"""Bytes of the header, where a filter of a UDP socket begins."""
_OPTIONS = _UDP_BYTES + 240
_RANDOM = 0xFFFFF000 + 56
"""SKF_AD_OFF + SKF_AD_RANDOM of linux/filter.h."""


def lets_pass(share: float) -> Filter:
    """A filter for a UDP socket that lets this share of the DISCOVERs pass, and all else."""
    kind = Option.TYPE << 8 | 1
    return (
        (0x80, 0, 0, 0), (0x25, 0, 6, _OPTIONS + 2),             # long enough for a type
        (0x28, 0, 0, _OPTIONS), (0x15, 0, 4, kind),              # the first option is one
        (0x30, 0, 0, _OPTIONS + 2), (0x15, 0, 2, MessageType.DISCOVER),
        (0x20, 0, 0, _RANDOM), (0x35, 1, 0, round(share * 0xFFFFFFFF)),
        (0x06, 0, 0, 0xFFFFFFFF), (0x06, 0, 0, 0),
    )  # fmt: skip


class Shedding:
    """Which share of the DISCOVERs is to be read, by how many come; times in monotonic seconds."""

    def __init__(self, now: float) -> None:
        self.share = 1.0
        self._count, self._left, self._since = 0, 0, now
        self._most: float = READ[0]

    def came(self, count: int, left_out: int, now: float) -> bool:
        """So many were read just now, of which some were left out; True where `share` is another than before."""
        self._count, self._left = self._count + count, self._left + left_out
        if now < self._since + EVERY_SECONDS:
            return False
        offered = self._count / self.share / (now - self._since)
        self._adapt()
        self._count, self._left, self._since = 0, 0, now
        wanted = min(1.0, self._most / offered) if offered else 1.0
        if wanted == self.share or (wanted < 1 and _PART < wanted / self.share < 1 / _PART):
            return False
        self.share = wanted
        return True

    def _adapt(self) -> None:
        """Read fewer where many of those that were read had to be left out, more where few had."""
        if self._left > _MANY * self._count:
            self._most = max(READ[0], self._most / _STEP)
        elif self.share < 1 and self._left < _FEW * self._count:
            self._most = min(READ[1], self._most * _STEP)


class KernelLot:
    """Has the kernel draw the lot on one socket, while far too much comes to it."""

    def __init__(self, sock: socket.socket, interface: str) -> None:
        self._sock, self._interface = sock, interface
        self._shedding = Shedding(time.monotonic())
        self._timer: asyncio.TimerHandle | None = None

    def came(self, count: int, left_out: int = 0) -> None:
        """So many DISCOVERs were read just now, of which some were left out."""
        if not self._shedding.came(count, left_out, time.monotonic()):
            return
        share = self._shedding.share
        with contextlib.suppress(OSError):  # then all of them are read, which costs more and does no harm
            attach(self._sock, lets_pass(share) if share < 1 else ())
        if share < 1 and self._timer is None:
            log.warning("far too many ask for addresses on %s: some are not looked at", self._interface)
            self._look_again()

    def close(self) -> None:
        """Stop looking after this socket."""
        if self._timer is not None:
            self._timer.cancel()

    def _look_again(self) -> None:
        """Looked at again without a DISCOVER: the filter of a flood goes, though nothing comes any more."""
        self._timer = None
        self.came(0)
        if self._shedding.share < 1:
            self._timer = asyncio.get_running_loop().call_later(2 * EVERY_SECONDS, self._look_again)
