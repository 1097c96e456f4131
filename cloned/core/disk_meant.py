"""Which disk of a laptop a person means."""

from __future__ import annotations

from dataclasses import replace

from cloned.core.disks import Disk
from cloned.core.events import Command
from cloned.core.laptop import Laptop
from cloned.core.refusals import Refusal, Refused
from cloned.core.verbs import laptop_of
from cloned.core.workshop import Workshop


def disk_meant(laptop: Laptop, wanted: str) -> Disk | None:
    """The disk with this key, path, serial or WWN; the only one where none is named. What two have is nobody's."""
    named = (disk for disk in laptop.eligible() if not wanted or wanted in (disk.key, disk.path))
    disks = list(named) or [disk for disk in laptop.facts.disks if wanted in (disk.serial, disk.wwn)]
    return disks[0] if len(disks) == 1 and disks[0].eligible else None


def disk_against(laptop: Laptop, wanted: str) -> Refusal | None:
    """Why it is not clear which disk is meant."""
    if disk_meant(laptop, wanted) is not None:
        return None
    known = {"known": ", ".join(disk.path for disk in laptop.eligible())}
    if not laptop.eligible():
        return Refusal(Refused.NO_DISK)
    return Refusal(Refused.NO_SUCH_DISK, {**known, "name": wanted}) if wanted else Refusal(Refused.SEVERAL_DISKS, known)


def with_disk(workshop: Workshop, command: Command) -> Command:
    """The command with the key of the disk that is meant, where that is clear."""
    disk = disk_meant(laptop_of(workshop, command), command.disk)
    return command if disk is None else replace(command, disk=disk.key)
