"""What a test of a laptop's part found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cloned.saying import Phrase, Sentence, parts


class TrialResult(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It was not tested; `why` says the reason."""


class TrialName(StrEnum):
    """Tests that need nobody, in the order in which they run: the short ones first."""

    USB = "usb"
    BATTERY = "battery"
    WIFI = "wifi"
    DISK_READ = "disk-read"
    PROCESSOR = "processor"
    MEMORY = "memory"
    DISK_SELFTEST = "disk-selftest"


class AttendedName(StrEnum):
    """Tests with a person at the laptop, in the order in which they are offered: two minutes in all."""

    KEYBOARD = "keyboard"
    TOUCHPAD = "touchpad"
    SCREEN = "screen"
    SOUND = "sound"
    CAMERA = "camera"
    USB_PORTS = "usb-ports"
    HEADPHONE = "headphone"
    LID = "lid"
    CHARGER = "charger"


LAYOUTS = ("be", "fr", "nl", "us")
"""Keyboards that the screen can draw."""


@dataclass(frozen=True)
class Trial:
    """A test of one part: what was found, in words, how long it took, and when it ended (seconds since 1970)."""

    name: str
    result: TrialResult
    why: Sentence = ""
    seconds: float = 0.0
    at: float = 0.0


def trial_lines(trials: Iterable[Trial]) -> list[dict[str, object]]:
    """For the ledger and for papers: name, result and why (`told`: as code and values), in their own order."""
    order = {str(name): at for at, name in enumerate((*TrialName, *AttendedName))}
    found = sorted(trials, key=lambda each: order.get(each.name, 0))
    return [
        {"name": each.name, "result": str(each.result), "why": each.why}
        | ({"told": parts(each.why)} if isinstance(each.why, Phrase) else {})
        for each in found
    ]
