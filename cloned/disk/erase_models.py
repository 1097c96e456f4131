"""Models on which a technique is known to hang or to end the drive: passed over, with who said so."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownBad:
    """A model (a pattern its name must begin with), techniques by the beginning of their names, why, and who told."""

    model: re.Pattern[str]
    techniques: tuple[str, ...]
    why: str
    source: str


def _bad(model: str, techniques: tuple[str, ...], why: str, source: str) -> KnownBad:
    return KnownBad(re.compile(model, re.IGNORECASE), techniques, why, source)


KNOWN_BAD = (
    _bad(
        r"(INTEL )?SSDPEKNW", ("nvme-sanitize",),
        "an Intel 660p stays at one per cent for days to weeks and refuses to stop",
        "linux-nvme/nvme-cli #752, #1784, #3027",
    ),
    _bad(
        r"(INTEL )?SSDPEKKF256G8L", ("nvme-format-crypto",),
        "it was unusable after Format with cryptographic erase", "linux-nvme/nvme-cli #2677",
    ),
    _bad(
        r"(SAMSUNG )?(MZ(VLV|VPV|VPW|VLW|FLV|NLN)|PM951|PM961|SM961)", ("nvme-format",),
        "in laptops it answers Format with INVALID OPCODE until the machine has slept", "linux-nvme/nvme-cli #84",
    ),
    _bad(
        r"(SK ?hynix )?(PC801|HFS\d+GE(J9|TS?X)\w*PC801)", ("nvme-sanitize",),
        "it refuses Sanitize although it offers it", "linux-nvme/nvme-cli #2710",
    ),
)  # fmt: skip


def passed_over(model: str, technique: str) -> KnownBad | None:
    """What is known against this technique on this model."""
    return next(
        (each for each in KNOWN_BAD if each.model.match(model.strip()) and technique.startswith(each.techniques)), None
    )
