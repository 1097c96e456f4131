"""The multicast probe: numbered packets as large as the stream's, that laptops count before a session."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

GROUP = "239.255.67.76"
"""Administratively scoped (RFC 2365): stays within the workshop."""
PORT = 8067
SIZE_BYTES = 1400
"""Octets of a packet: what the stream sends, so that a path too narrow for it shows."""
INTERVAL_SECONDS = 0.25
"""Seconds between packets."""
MAGIC = b"clPr"
_HEAD = struct.Struct("!4sBxHQI")
_FILL = b"\x55"


@dataclass(frozen=True)
class Probe:
    """One packet: whose run it belongs to (64 random bits), and its number from 0 on."""

    run: int
    number: int


def encode(probe: Probe) -> bytes:
    """The packet: magic, version 1, length, run, number, filled up to SIZE."""
    head = _HEAD.pack(MAGIC, 1, SIZE_BYTES, probe.run, probe.number & 0xFFFFFFFF)
    return head + _FILL * (SIZE_BYTES - len(head))


def decode(packet: bytes) -> Probe | None:
    """The probe in a packet; None if it is none, of another version, or cut short."""
    if len(packet) != SIZE_BYTES:
        return None
    magic, version, size, run, number = _HEAD.unpack_from(packet)
    return Probe(run, number) if (magic, version, size) == (MAGIC, 1, SIZE_BYTES) else None


@dataclass(frozen=True)
class Heard:
    """What one laptop heard of a run within a window: packets, and how many it should have heard."""

    heard: int
    expected: int

    @property
    def share(self) -> float:
        """0.0 nothing, 1.0 everything."""
        return min(1.0, self.heard / self.expected) if self.expected else 0.0


def judged(arrivals: Sequence[tuple[float, int]], begin: float, end: float) -> Heard:
    """What arrived between `begin` and `end` (seconds of one clock): pairs of time and number.

    Between the first and the last packet the numbers tell what is missing; before and after, the time does.
    """
    if not arrivals:
        return Heard(0, int((end - begin) / INTERVAL_SECONDS))
    numbers = {number for _, number in arrivals}
    span = max(numbers) - min(numbers) + 1
    silent = (min(at for at, _ in arrivals) - begin, end - max(at for at, _ in arrivals))
    return Heard(len(numbers), span + sum(max(0, int(gap / INTERVAL_SECONDS) - 1) for gap in silent))
