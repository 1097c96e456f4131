"""A disk of a laptop, as its agent tells of it."""

from __future__ import annotations

from dataclasses import dataclass

from cloned.saying import Sentence

_TAKEN_OUT = ("removable", "memory card", "USB")
"""As agents call disks that are no targets because of that (agent/disks.py)."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of a laptop; sizes in bytes."""

    path: str
    size: int
    sector_size: int = 512
    serial: str = ""
    wwn: str = ""
    model: str = ""
    transport: str = ""
    eligible: bool = True
    why_not: Sentence = ""
    smart: str = "unknown"
    name: str = ""
    """What names it among the disks of its laptop (`disk_names.named`); empty in what 0.1 wrote down."""
    asks: Sentence = ""
    """Why it is cloned to only where a person says so, such as "removable"; empty if nothing is odd about it."""
    hours: int | None = None
    """It was switched on, as it says; None where it does not, as with the next two."""
    worn: int | None = None
    """Percent of its life that is used up."""
    bad: int | None = None
    """Sectors that it gave up."""

    @property
    def key(self) -> str:
        """What names it for good, among the disks of its laptop."""
        return self.name or self.old_key

    @property
    def old_key(self) -> str:
        """What named it before 0.2: WWN, else serial, else path and size. Two disks of one laptop may share it."""
        return self.wwn or self.serial or f"{self.path}:{self.size}"

    @property
    def travels(self) -> bool:
        """Whether it goes from laptop to laptop: a stick, a drive in a USB case, a memory card."""
        return self.transport == "usb" or (not self.eligible and self.why_not in _TAKEN_OUT)

    def is_same(self, other: Disk) -> bool:
        """Whether both are sights of one disk, as far as they say."""
        return (self.wwn, self.serial, self.size) == (other.wwn, other.serial, other.size)
