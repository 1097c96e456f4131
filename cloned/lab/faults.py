"""The faults a lab run can be asked for, as text and as types (DESIGN.md, "Interfaces that others rely on").

Carrying them out is mischief.py's work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cloned.errors import UsageError


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong on purpose; `text` is how it was asked for."""

    text: str


@dataclass(frozen=True)
class OnLaptop(Fault):
    """A fault of one laptop."""

    laptop: int


@dataclass(frozen=True)
class Corrupt(OnLaptop):
    """`corrupt:N`: one used byte changes after it was written and before it is read back."""


@dataclass(frozen=True)
class Drop(OnLaptop):
    """`drop:N@PERCENT`: the power is cut, then it boots again."""

    percent: float


@dataclass(frozen=True)
class Stall(OnLaptop):
    """`stall:N@PERCENT:SECONDS`: it stands still for so long."""

    percent: float
    seconds: float


@dataclass(frozen=True)
class SlowDisk(OnLaptop):
    """`slow-disk:N:MB_S`: its disk moves so many megabytes (10**6) a second and no more."""

    mb_s: float


@dataclass(frozen=True)
class Loss(OnLaptop):
    """`loss:N:PERCENT`: so many of the packets towards it are lost."""

    percent: float


@dataclass(frozen=True)
class Restart(Fault):
    """`restart@PERCENT`: the daemon is killed and started again when the first laptop has got so far."""

    percent: float


@dataclass(frozen=True)
class SinkDown(Fault):
    """`sink-down:SECONDS`: the inventory is away from the start until so long after the first result."""

    seconds: float


@dataclass(frozen=True)
class Hostile(Fault):
    """`hostile:SECONDS`: from the start on a hostile laptop and a stranger do all they can, for so long."""

    seconds: float


@dataclass(frozen=True)
class Late:
    """`--late N:SECONDS`: laptop N is powered on so long after the others' session began."""

    laptop: int
    seconds: float


_N = r"(?P<laptop>\d{1,4})"
_PERCENT = r"(?P<percent>\d+(?:\.\d+)?)"
_SECONDS = r"(?P<seconds>\d+(?:\.\d+)?)"
_FORMS: dict[str, tuple[str, str, Callable[..., Fault]]] = {
    "corrupt": (f"corrupt:{_N}", "corrupt:N", Corrupt),
    "drop": (f"drop:{_N}@{_PERCENT}", "drop:N@PERCENT", Drop),
    "stall": (f"stall:{_N}@{_PERCENT}:{_SECONDS}", "stall:N@PERCENT:SECONDS", Stall),
    "slow-disk": (rf"slow-disk:{_N}:(?P<mb_s>\d+(?:\.\d+)?)", "slow-disk:N:MB_S", SlowDisk),
    "loss": (f"loss:{_N}:{_PERCENT}", "loss:N:PERCENT", Loss),
    "restart": (f"restart@{_PERCENT}", "restart@PERCENT", Restart),
    "sink-down": (f"sink-down:{_SECONDS}", "sink-down:SECONDS", SinkDown),
    "hostile": (f"hostile:{_SECONDS}", "hostile:SECONDS", Hostile),
}


def parse_fault(text: str, laptops: int) -> Fault:
    """Understand one fault for a lab of so many laptops; UsageError, in one line, if it makes no sense."""
    name = re.split(r"[:@]", text, maxsplit=1)[0]
    if name not in _FORMS:
        raise UsageError(f"--fault {text}: there is no fault {name or '(none)'}", "there are " + ", ".join(_FORMS))
    pattern, form, kind = _FORMS[name]
    match = re.fullmatch(pattern, text)
    if match is None:
        raise UsageError(f"--fault {text} is not understood", f"it is written {form}")
    values = {key: int(value) if key == "laptop" else float(value) for key, value in match.groupdict().items()}
    _check(f"--fault {text}", values, laptops)
    return kind(text, **values)


def parse_late(text: str, laptops: int) -> Late:
    """Understand `N:SECONDS`; UsageError if it makes no sense."""
    match = re.fullmatch(f"{_N}:{_SECONDS}", text)
    if match is None:
        raise UsageError(f"--late {text} is not understood", "it is written N:SECONDS")
    late = Late(int(match["laptop"]), float(match["seconds"]))
    _check(f"--late {text}", {"laptop": late.laptop, "seconds": late.seconds}, laptops)
    return late


def _check(what: str, values: dict[str, float], laptops: int) -> None:
    laptop = values.get("laptop")
    if laptop is not None and not 1 <= laptop <= laptops:
        raise UsageError(f"{what}: there is no laptop {laptop:g}", f"this lab has laptops 1 to {laptops}")
    if not 0 < values.get("percent", 1) < 100:
        raise UsageError(f"{what}: {values['percent']:g} is not a percentage between 0 and 100")
    if values.get("mb_s", 1) <= 0:
        raise UsageError(f"{what}: a disk moves more than 0 MB/s")
    if values.get("seconds", 1) > 3600:
        raise UsageError(f"{what}: {values['seconds']:g} s is more than an hour")


def check_together(faults: Sequence[Fault], late: Sequence[Late], laptops: int) -> None:
    """Raise UsageError for what contradicts itself: the same thing asked for twice, everybody late."""
    seen: set[tuple[type, int | None]] = set()
    for fault in faults:
        key = (type(fault), fault.laptop if isinstance(fault, OnLaptop) else None)
        if key in seen and not isinstance(fault, (Drop, Stall, Restart)):
            raise UsageError(f"--fault {fault.text}: asked for twice", "give it once for each laptop")
        seen.add(key)
    numbers = [each.laptop for each in late]
    if len(set(numbers)) < len(numbers):
        raise UsageError("--late names a laptop twice")
    if len(numbers) == laptops:
        raise UsageError("--late: if every laptop is late, late for what?", "leave at least one in time")


def takes_time(faults: Sequence[Fault], late: Sequence[Late]) -> bool:
    """Whether something has to happen in the middle of receiving, so that the image must be large."""
    return bool(late) or any(isinstance(fault, (Drop, Stall, SlowDisk, Loss, Restart)) for fault in faults)
