"""What the disks of one laptop are called, so that a name means exactly one of them.

World wide names are not always unique: cheap drives carry zeros, or one number for a whole batch. Serial numbers are
not either: all namespaces of an NVMe drive have the same. So a name is chosen beside those of the other disks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from cloned.core.disks import Disk
from cloned.core.fillers import counts, says_text
from cloned.saying import Phrase

_PREFIXES = ("naa.", "eui.", "uuid.", "0x")


def usable_wwn(wwn: str) -> bool:
    """Whether a world wide name says anything: not zeros, nor one digit repeated, nor digits that count."""
    digits = wwn.lower()
    for prefix in _PREFIXES:
        digits = digits.removeprefix(prefix)
    digits = digits.replace("-", "")
    return len(set(digits[1:])) > 2 and not counts(digits[1:])


def tells_itself(disk: Disk) -> bool:
    """Whether a disk that says the same later is this very one: by its serial number.

    A world wide name alone is not enough: drives without a serial number are those that share one by the batch.
    """
    return says_text(disk.serial)


def named(disks: Sequence[Disk]) -> tuple[Disk, ...]:
    """The disks with their names; those that nothing tells apart from another are no targets."""
    wwns = Counter(disk.wwn for disk in disks)
    sights = Counter((disk.wwn, disk.serial, disk.size) for disk in disks)
    names = [_name(disk, disks, alone=wwns[disk.wwn] == 1) for disk in disks]
    found = []
    for disk, name in zip(disks, names, strict=True):
        twin = sights[disk.wwn, disk.serial, disk.size] > 1
        # One's serial number may be what another has as its world wide name.
        disk = replace(disk, name=name if names.count(name) == 1 else _place(disk))
        found.append(_barred(disk) if twin and disk.eligible else disk)
    return tuple(found)


def _name(disk: Disk, disks: Sequence[Disk], *, alone: bool) -> str:
    if disk.wwn and alone and usable_wwn(disk.wwn):
        return disk.wwn
    both = sum((other.wwn, other.serial) == (disk.wwn, disk.serial) for other in disks)
    if disk.serial and both == 1:
        lone = sum(other.serial == disk.serial for other in disks) == 1
        return disk.serial if lone and not disk.wwn else f"{disk.wwn}/{disk.serial}"
    return _place(disk)


def _place(disk: Disk) -> str:
    return f"{disk.path}:{disk.size}"


def _barred(disk: Disk) -> Disk:
    return replace(
        disk, eligible=False, why_not=Phrase("nothing tells it from another disk here: take one of them out")
    )
