"""What triage rules can look at: each condition's name in the configuration, what it reads, and when it holds. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from cloned.core.fitness import carries_windows_11, generation, memory_of
from cloned.core.trial_result import AttendedName, TrialName, TrialResult

if TYPE_CHECKING:  # a laptop carries its triage
    from cloned.core.disks import Disk
    from cloned.core.laptop import Laptop

Value = bool | int | float | str
Read = Callable[["Laptop", float], Value | None]
"""(laptop, now) → what is found; None where it is not told."""

STOPPED = 180
"""Days that a firmware's clock may be behind ours: more, and its coin cell is dead."""
WORN = 90
"""Percent of its life used up from which a disk counts as worn."""


@dataclass(frozen=True)
class Condition:
    """`read` gives what is found, `holds(found, wanted)` whether that fulfils it."""

    help: str
    read: Read
    holds: Callable[[Value, Value], bool]
    kind: type = str
    """Of the value in the configuration."""
    words: tuple[str, ...] = ()
    """The values there are, where it takes words."""


def _is(found: Value, wanted: Value) -> bool:
    return found == wanted


def _like(found: Value, wanted: Value) -> bool:
    return fnmatchcase(str(found).lower(), str(wanted).lower())


def _below(found: Value, wanted: Value) -> bool:
    return float(found) < float(wanted)


def _at_least(found: Value, wanted: Value) -> bool:
    return float(found) >= float(wanted)


def _before(found: Value, wanted: Value) -> bool:
    return str(found) < str(wanted)


def _memory(laptop: Laptop, _now: float) -> float | None:
    """Gigabytes as memory is sold (2**30)."""
    found = memory_of(laptop.facts.memory, laptop.facts.hardware)
    return round(found / 2**30, 1) if found else None


def _cores(laptop: Laptop, _now: float) -> int | None:
    return laptop.facts.hardware.cores or None


def _disk_size(laptop: Laptop, _now: float) -> float | None:
    """Gigabytes (10**9) of the largest disk that may be cloned to."""
    return max((disk.size / 1e9 for disk in laptop.eligible()), default=None)


def _disk(laptop: Laptop, _now: float) -> str | None:
    """The worst that is said of a disk that may be cloned to."""
    if not laptop.contact.hellos:
        return None
    disks = laptop.eligible()
    if not disks:
        return "hidden" if laptop.facts.hardware.hides_disks else "none"
    said = [_of_disk(disk) for disk in disks]
    return next((word for word in ("failing", "worn", "ok") if word in said), None)


def _of_disk(disk: Disk) -> str:
    if disk.smart == "failing":
        return "failing"
    return "worn" if (disk.worn or 0) >= WORN else "ok" if disk.smart == "ok" else ""


def _bad(laptop: Laptop, _now: float) -> int | None:
    return max((disk.bad for disk in laptop.eligible() if disk.bad is not None), default=None)


def _hours(laptop: Laptop, _now: float) -> int | None:
    return max((disk.hours for disk in laptop.eligible() if disk.hours is not None), default=None)


def _screen(side: str) -> Read:
    """Pixels of its built-in screen; inches of its diagonal."""

    def read(laptop: Laptop, _now: float) -> float | None:
        panel = laptop.facts.hardware.panel
        return None if panel is None else getattr(panel, side) or None

    return read


def _battery_left(laptop: Laptop, _now: float) -> int | None:
    left = laptop.facts.hardware.left
    return None if left is None else round(100 * left)


def _battery(laptop: Laptop, _now: float) -> str | None:
    """Missing only where the case is a laptop's: a desktop has none, and misses none."""
    if laptop.facts.hardware.batteries:
        return "present"
    return "missing" if laptop.facts.hardware.portable and "batteries" not in laptop.facts.hardware.late else None


def _locked(laptop: Laptop, _now: float) -> bool | None:
    """Whether a password keeps people out of the firmware, or out of the laptop."""
    if "firmware-password" in laptop.facts.hardware.locks:
        return True
    found = laptop.facts.hardware.passwords
    return None if found is None else bool(found)


def _clock_stopped(laptop: Laptop, now: float) -> bool | None:
    try:
        found = date.fromisoformat(laptop.facts.hardware.clock)
    except ValueError:
        return None
    return (datetime.fromtimestamp(now, UTC).date() - found).days > STOPPED


def _firmware_date(laptop: Laptop, _now: float) -> str | None:
    try:
        return date.fromisoformat(laptop.facts.hardware.firmware_date).isoformat()
    except ValueError:
        return None


def _failed(laptop: Laptop, _now: float) -> str:
    """Names of tests that failed, joined; a test that was not made failed nowhere."""
    return ",".join(each.name for each in laptop.trials if each.result == "failed")


def _among(found: Value, wanted: Value) -> bool:
    return str(wanted) in str(found).split(",")


def _told(text: Callable[[Laptop], str], otherwise: str = "") -> Read:
    """A text; where it is empty, `otherwise` of a laptop that told of its parts at all."""
    return lambda laptop, _now: text(laptop) or (otherwise if otherwise and laptop.facts.hardware.known else None)


def _flag(name: str) -> Read:
    def read(laptop: Laptop, _now: float) -> bool | None:
        value: bool | None = getattr(laptop.facts.hardware, name)
        return value

    return read


def _camera(laptop: Laptop, _now: float) -> bool | None:
    """One that passed its test is there, whatever the hello saw."""
    passed = any(each.name == "camera" and each.result is TrialResult.PASSED for each in laptop.trials)
    return True if passed else laptop.facts.hardware.camera


CONDITIONS: dict[str, Condition] = {
    "vendor": Condition("a pattern with * and ?", _told(lambda laptop: laptop.identity.vendor), _like),
    "product": Condition("a pattern with * and ?", _told(lambda laptop: laptop.identity.product), _like),
    "mark": Condition("a pattern: as a volunteer marked it", _told(lambda laptop: laptop.mark), _like),
    "firmware": Condition(
        "how it started", _told(lambda laptop: laptop.facts.firmware), _is, words=("bios", "uefi", "secureboot")
    ),
    "memory_below_gb": Condition("memory as it is sold", _memory, _below, float),
    "memory_at_least_gb": Condition("memory as it is sold", _memory, _at_least, float),
    "cores_below": Condition("cores of its processor", _cores, _below, int),
    "generation_below": Condition(
        "8 of an i5-8250U, 3 of a Ryzen 5 3500U", lambda laptop, _now: generation(laptop.facts.cpu), _below, int
    ),
    "disk_below_gb": Condition("its largest disk", _disk_size, _below, float),
    "disk_at_least_gb": Condition("its largest disk", _disk_size, _at_least, float),
    "disk": Condition(
        "what is said of it: SMART fails, 90 % used up, not there, behind RAID or VMD",
        _disk,
        _is,
        words=("failing", "worn", "none", "hidden", "ok"),
    ),
    "disk_bad_from": Condition("sectors that a disk gave up", _bad, _at_least, int),
    "disk_hours_from": Condition("hours that a disk was on", _hours, _at_least, int),
    "screen_width_below": Condition("pixels of its built-in screen", _screen("width"), _below, int),
    "screen_height_below": Condition("pixels of its built-in screen", _screen("height"), _below, int),
    "screen_inches_below": Condition("its screen's diagonal", _screen("inches"), _below, float),
    "screen_inches_from": Condition("its screen's diagonal", _screen("inches"), _at_least, float),
    "battery": Condition("whether one is in it", _battery, _is, words=("missing", "present")),
    "battery_below": Condition("percent of what it held when new", _battery_left, _below, int),
    "charger": Condition("whether one is plugged in", _flag("charger"), _is, bool),
    "locked": Condition("whether the firmware has a password", _locked, _is, bool),
    "absolute": Condition(
        "whether Absolute (Computrace) is switched on; only some makers tell",
        lambda laptop, _now: "absolute" in laptop.facts.hardware.locks if laptop.facts.hardware.known else None,
        _is,
        bool,
    ),
    "wpbt": Condition("whether the firmware puts a program into Windows (Absolute does)", _flag("wpbt"), _is, bool),
    "product_key": Condition("whether the firmware holds a key for Windows", _flag("product_key"), _is, bool),
    "windows_key_edition": Condition(
        "what that key is for, a pattern: Windows 10/11 Pro, *Home*",
        _told(lambda laptop: laptop.facts.hardware.product_key_edition),
        _like,
    ),
    "windows_11": Condition("whether it can carry it", lambda laptop, _now: carries_windows_11(laptop), _is, bool),
    "tpm": Condition(
        "its version", _told(lambda laptop: laptop.facts.hardware.tpm, "none"), _is, words=("none", "1.2", "2.0")
    ),
    "clock_stopped": Condition("whether its clock is half a year behind", _clock_stopped, _is, bool),
    "firmware_before": Condition("a day, 2018-01-01", _firmware_date, _before),
    "camera": Condition("whether one answers", _camera, _is, bool),
    "bluetooth": Condition("whether it answers", _flag("bluetooth"), _is, bool),
    "sound": Condition("whether there is any", _flag("sound"), _is, bool),
    "wifi": Condition(
        "whether there is a card",
        lambda laptop, _now: bool(laptop.facts.hardware.wifi) if laptop.facts.hardware.known else None,
        _is,
        bool,
    ),
    "failed": Condition(
        "a test that failed",
        _failed,
        _among,
        words=(*map(str, TrialName), *map(str, AttendedName)),
    ),
    "portable": Condition("whether its case is a laptop's", _flag("portable"), _is, bool),
}
"""By their names in `[[triage.rule]]`."""


def worded_fact(found: Value | None) -> str:
    """What was found, as people read it; empty where nothing is told."""
    if isinstance(found, bool):
        return "yes" if found else "no"
    return "" if found is None else str(found)
