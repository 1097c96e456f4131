"""A donor's delivery and what became of each laptop that came with it, as state; its account outlives the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cloned.core.ids import LaptopId
from cloned.core.laptop import ACTIVE, Laptop, State

FATES = ("given", "parts", "scrapped")
"""What may become of a laptop: given out, taken for spare parts, scrapped."""
_AT_WORK = ACTIVE | {State.ERASING}


@dataclass(frozen=True)
class Booked:
    """A laptop as its delivery's account knows it. Times are seconds since 1970, 0 where it has not happened."""

    serial: str = ""
    tag: str = ""
    name: str = ""
    """Maker and model."""
    came: float = 0.0
    fate: str = ""
    """One of `FATES`; empty while it is still here."""
    fate_at: float = 0.0
    erased: str = ""
    """Level of the last erasure; `no` where that failed, empty where there was none."""
    erased_at: float = 0.0
    seconds: float = 0.0
    """How long it was erased, cloned and finished."""
    used_hours: int = 0
    """Hours that its disk had been on when it came, as SMART told."""


@dataclass(frozen=True)
class Donation:
    """What one donor brought at once: a number and an organisation, never a private person."""

    name: str
    """Its number, or what else it was called."""
    organisation: str = ""
    opened: float = 0.0
    by: str = ""
    closed: float = 0.0
    """Until when new laptops were booked on it; 0 while they are."""
    laptops: Mapping[LaptopId, Booked] = field(default_factory=dict)

    def with_laptop(self, ident: LaptopId, booked: Booked) -> Donation:
        """This delivery with one laptop as given."""
        return replace(self, laptops={**self.laptops, ident: booked})

    def without(self, ident: LaptopId) -> Donation:
        """This delivery without a laptop."""
        return replace(self, laptops={key: each for key, each in self.laptops.items() if key != ident})


def booked(laptop: Laptop, was: Laptop | None, old: Booked) -> Booked:
    """The line of a laptop, from the one before: `was` is the laptop before what just happened."""
    fate = laptop.fate or ("given" if laptop.lent else "")
    hours = [disk.hours for disk in laptop.facts.disks if disk.hours]
    worked = laptop.since - was.since if was is not None and was.state in _AT_WORK else 0.0
    return _erased(
        replace(
            old,
            serial=laptop.identity.serial,
            tag=laptop.tag,
            name=f"{laptop.identity.vendor} {laptop.identity.product}".strip(),
            came=old.came or laptop.first_seen,
            fate=fate,
            seconds=round(old.seconds + max(0.0, worked), 1),
            used_hours=old.used_hours or max(hours, default=0),
        ),
        laptop,
    )


def _erased(line: Booked, laptop: Laptop) -> Booked:
    """The line with its newest erasure, once that is through."""
    done = laptop.erasure
    if done is None or not done.over:
        return line
    return replace(line, erased=str(done.level) if done.erased else "no", erased_at=done.ended or done.at)
