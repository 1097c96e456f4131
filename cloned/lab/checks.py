"""What the lab sees for itself, without asking the daemon: disks hashed from outside, bystanders untouched."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from cloned.disk.layout import Layout, LayoutError, read_layout
from cloned.disk.lvm_map import placed, read_groups
from cloned.disk.manifest import BOOT_CODE_BYTES, Manifest, PieceExtents, Plan, ReadBack, image_hash
from cloned.lab.laptops import LabDisk
from cloned.lab.loops import LoopDevice

_BYSTANDER = 8 * 1024 * 1024


@dataclass(frozen=True)
class Check:
    """Something the lab looked at itself."""

    what: str
    ok: bool
    detail: str = ""


class Bystander:
    """A second disk and a file that no laptop was given; both must be what they were at the end."""

    def __init__(self, folder: Path) -> None:
        self._disk = folder / "bystander.disk"
        self._file = folder / "bystander.txt"
        self._disk.write_bytes(secrets.token_bytes(_BYSTANDER))
        self._file.write_text("not yours\n")
        self._before = self._digests()
        self._loop = LoopDevice(self._disk)

    def check(self) -> Check:
        """Compare."""
        device = self._loop.path
        same = self._digests() == self._before
        through_device = hashlib.sha256(device.read_bytes()).hexdigest() == self._before[0]
        return Check(f"a planted disk ({device}) and a planted file are untouched", same and through_device)

    def close(self) -> None:
        """Detach the disk."""
        self._loop.close()

    def _digests(self) -> tuple[str, str]:
        disk, file = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (self._disk, self._file))
        return disk, file


def hash_of_disk(disk: LabDisk, manifest: Manifest) -> str:
    """The image hash of what a backing file holds, computed here; raises LayoutError if it has no valid layout."""
    plan = manifest.plan
    wanted = Layout.parse(plan.layout)
    layout = read_layout(disk.read, disk.size, plan.sector_size, wanted.swaps, ebr_code=bool(wanted.ebr_code))
    layout = replace(layout, groups=read_groups(disk.read, layout, wanted.groups))
    boot_code = None if plan.boot_code is None else _sha(disk.read(0, BOOT_CODE_BYTES))
    gap = None if plan.gap is None else _sha(disk.read(512, len(plan.gap)))
    with ThreadPoolExecutor(2) as pool:
        pieces = tuple(pool.map(lambda place: _piece(disk, place), _places(placed(plan))))
    return image_hash(plan, ReadBack(layout.text(), boot_code, gap, pieces))


def check_disk(number: int, disk: LabDisk, manifest: Manifest) -> Check:
    """Whether laptop `number`'s disk is the image, seen from outside."""
    what = f"laptop {number}'s disk, hashed from outside, is the image"
    try:
        found = hash_of_disk(disk, manifest)
    except LayoutError as error:
        return Check(what, False, str(error))
    return Check(what, found == manifest.image_hash, "" if found == manifest.image_hash else f"it is {found}")


def _places(plan: Plan) -> Iterator[PieceExtents]:
    return (plan.map.place(number) for number in range(plan.map.count))


def _piece(disk: LabDisk, place: PieceExtents) -> bytes:
    digest = hashlib.sha256()
    for offset, length in place.ranges():
        digest.update(disk.read(offset, length))
    return digest.digest()


def _sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
