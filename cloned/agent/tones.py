"""A tone to play, and whether a recording has it: signed 16 bits, one channel, 48,000 samples a second."""

from __future__ import annotations

import array
import math
import struct

RATE = 48_000
HERTZ = 880
_LOUD = 12_000
HEARD = 6.0
"""So many times louder than its neighbours the tone must be."""


def wav(seconds: float = 1.5, hertz: int = HERTZ) -> bytes:
    """A WAV file with the tone."""
    step = 2 * math.pi * hertz / RATE
    samples = array.array("h", (int(_LOUD * math.sin(step * at)) for at in range(int(RATE * seconds))))
    data = samples.tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16,
                       b"data", len(data))  # fmt: skip
    return head + data


def has_tone(recording: bytes, hertz: int = HERTZ) -> bool:
    """Whether raw samples (or a WAV file of them) have the tone, clearly above what else they have."""
    samples = array.array("h", recording[44:][: len(recording[44:]) // 2 * 2])
    if len(samples) < RATE // 4:
        return False
    around = max(power(samples, hertz * 3 // 4), power(samples, hertz * 5 // 4), 1.0)
    return power(samples, hertz) > HEARD * around


def power(samples: array.array[int], hertz: float, rate: int = RATE) -> float:
    """How strong one frequency is (Goertzel's algorithm), as an amplitude."""
    turn = 2 * math.cos(2 * math.pi * hertz / rate)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    return 2 * math.sqrt(max(0.0, last * last + before * before - turn * last * before)) / len(samples)
