"""What `--fault` and `--late` ask for, understood: which fault of faults.py, and whether all go together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cloned.errors import UsageError
from cloned.lab.fault import Fault, OnLaptop
from cloned.lab.faults import KINDS


@dataclass(frozen=True)
class Late:
    """`--late N:SECONDS`: laptop N is powered on so long after the others' session began."""

    laptop: int
    seconds: float


_NUMBER = r"\d+(?:\.\d+)?"
_PLACES = {
    "N": r"(?P<laptop>\d{1,4})",
    "PERCENT": rf"(?P<percent>{_NUMBER})",
    "SECONDS": rf"(?P<seconds>{_NUMBER})",
    "MB_S": rf"(?P<mb_s>{_NUMBER})",
}
"""What may stand in a form, and the field it fills."""


def name_of(text: str) -> str:
    """What a fault is called, in a form or in what was asked for."""
    return re.split(r"[:@]", text, maxsplit=1)[0]


def pattern(form: str) -> str:
    """What matches a form."""
    return re.sub("[A-Z_]+", lambda place: _PLACES[place[0]], form)


def parse_fault(text: str, laptops: int) -> Fault:
    """Understand one fault for a lab of so many laptops; UsageError, in one line, if it makes no sense."""
    known, name = {name_of(kind.form): kind for kind in KINDS}, name_of(text)
    if name not in known:
        raise UsageError(f"--fault {text}: there is no fault {name or '(none)'}", "there are " + ", ".join(known))
    kind = known[name]
    match = re.fullmatch(pattern(kind.form), text)
    if match is None:
        raise UsageError(f"--fault {text} is not understood", f"it is written {kind.form}")
    values = {key: int(value) if key == "laptop" else float(value) for key, value in match.groupdict().items()}
    _check(f"--fault {text}", values, laptops)
    return kind(text, **values)


def parse_late(text: str, laptops: int) -> Late:
    """Understand `N:SECONDS`; UsageError if it makes no sense."""
    match = re.fullmatch(pattern("N:SECONDS"), text)
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
        if key in seen and not fault.again:
            raise UsageError(f"--fault {fault.text}: asked for twice", "give it once for each laptop")
        seen.add(key)
    numbers = [each.laptop for each in late]
    if len(set(numbers)) < len(numbers):
        raise UsageError("--late names a laptop twice")
    if len(numbers) == laptops:
        raise UsageError("--late: if every laptop is late, late for what?", "leave at least one in time")


def takes_time(faults: Sequence[Fault], late: Sequence[Late]) -> bool:
    """Whether something has to happen in the middle of receiving, so that the image must be large."""
    return bool(late) or any(fault.in_the_middle for fault in faults)
