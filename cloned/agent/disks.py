"""The disks of this laptop, which of them may be written, and which one an order means.

Read from /sys/block. Disks are chosen by serial number or WWN, never by their order, which changes between
boots. After `--only-disk DEVICE` no other disk exists.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from typing import NotRequired, TypedDict

from cloned.agent import sysfs
from cloned.agent.failures import AgentError
from cloned.order_types import WantedDisk
from cloned.saying import Phrase

NOT_DISKS = re.compile(r"^(ram|zram|loop|dm-|md|sr|fd|nbd|mtdblock|mmcblk\d+(boot|rpmb|gp))")
_BUILT_IN = ("sata", "nvme")
"""How disks are attached that are built in, even where they say that they can be taken out."""
_MARKS = {
    "/usb": "usb", "/nvme/": "nvme", "/nvme-subsystem/": "nvme", "/mmc_host/": "mmc", "/ata": "sata",
    "/virtio": "virtio", "/loop": "loop",
}  # fmt: skip
"""What the places of disks in /sys/devices have in them; an NVMe drive may hang on a subsystem."""
SECTOR_BYTES = 512
"""Bytes: /sys counts in these whatever the disk's sectors are."""


class DiskFacts(TypedDict):
    """What a disk is, and whether it may be written. Bytes."""

    path: str
    size: int
    sector_size: int
    serial: str
    wwn: str
    model: str
    transport: str
    rotational: bool
    removable: bool
    eligible: bool
    why_not: str
    asks: str
    """Why it is cloned to only where a person says so."""
    smart: str
    bad: NotRequired[int | None]
    hours: NotRequired[int | None]
    worn: NotRequired[int | None]


ToldDisk = Mapping[str, object]
"""Serial number, WWN and model of a disk as they were given, where it cannot say them of itself."""


def scan(only: str = "", told: ToldDisk | None = None) -> list[DiskFacts]:
    """Facts of every disk, or of the one device `only`; `told` are facts it cannot say of itself."""
    if only:
        return [_only(only, told or {})]
    busy = in_use()
    found = [name for name in sysfs.names("/sys/block") if not NOT_DISKS.match(name)]
    return [describe(name, busy) for name in found if not sysfs.number(f"/sys/block/{name}/hidden")]


def describe(name: str, busy: frozenset[str] = frozenset()) -> DiskFacts:
    """Facts of the disk /sys/block/`name`, sizes in bytes."""
    base = f"/sys/block/{name}"
    disk: DiskFacts = {
        "path": f"/dev/{name}",
        "size": sysfs.number(f"{base}/size") * SECTOR_BYTES,
        "sector_size": sysfs.number(f"{base}/queue/logical_block_size") or SECTOR_BYTES,
        "serial": _serial(base),
        "wwn": world_wide_name(sysfs.text(f"{base}/wwid") or sysfs.text(f"{base}/device/wwid")),
        "model": _word(sysfs.text(f"{base}/device/model") or sysfs.text(f"{base}/device/name")),
        "transport": transport(os.path.realpath(base)),
        "rotational": sysfs.number(f"{base}/queue/rotational") == 1,
        "removable": sysfs.number(f"{base}/removable") == 1 or sysfs.unplugs(os.path.realpath(base)),
        "eligible": True,
        "why_not": "",
        "asks": "",
        "smart": "unknown",
    }
    why_not = _why_not(disk, base, name in busy)
    return {**disk, "eligible": not why_not, "why_not": why_not, "asks": _asks(disk)}


def transport(path: str) -> str:
    """How a disk is attached, from its place in /sys/devices."""
    return next((kind for mark, kind in _MARKS.items() if mark in path), "scsi")


def world_wide_name(wwid: str) -> str:
    """A name that is unique in the world; empty for the kernel's make-shift of model and serial number."""
    return wwid if wwid.startswith(("naa.", "eui.", "uuid.", "0x")) else ""


def _serial(base: str) -> str:
    for name in ("serial", "device/serial"):
        if serial := sysfs.text(f"{base}/{name}"):
            return _word(serial)
    page = sysfs.raw(f"{base}/device/vpd_pg80")  # SCSI unit serial number page; libata gives one for SATA disks too
    return _word(page[4:].decode("ascii", "replace"))


def _word(text: str) -> str:
    """Printable, with single spaces: the same whenever it is read, and as the daemon keeps it."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:120]


def _why_not(disk: DiskFacts, base: str, busy: bool) -> str:
    """Why this disk is never a target; empty if it is one."""
    reasons = (
        (disk["size"] == 0, empty(disk)),
        (disk["transport"] == "usb", "USB"),
        (disk["removable"] and not _asks(disk), Phrase("removable")),
        (sysfs.text(f"{base}/device/type") == "SD", Phrase("memory card")),
        (sysfs.number(f"{base}/ro") == 1, Phrase("read-only")),
        (busy, Phrase("in use by this live system")),
    )
    return next((why for true, why in reasons if true), "")


def empty(disk: DiskFacts) -> str:
    """What a disk of 0 bytes is: a reader without a card in it, or a disk whose electronics answer and no more."""
    reader = disk["removable"] and disk["transport"] not in _BUILT_IN
    return Phrase("no medium") if reader else Phrase("dead: it says that it has 0 bytes, replace it")


def _asks(disk: DiskFacts) -> str:
    """Why it is cloned to only where a person says so: some firmware calls every disk it can swap removable."""
    return Phrase("removable") if disk["removable"] and disk["transport"] in _BUILT_IN else ""


def in_use() -> frozenset[str]:
    """Names of the disks that something mounted, swapped to, or stacked on another device lies on."""
    numbers = {line.split()[2] for line in sysfs.text("/proc/self/mountinfo").splitlines() if len(line.split()) > 2}
    names = {os.path.realpath(f"/sys/dev/block/{number}") for number in numbers}
    for line in sysfs.text("/proc/swaps").splitlines()[1:]:
        names.add(os.path.realpath(f"/sys/class/block/{os.path.basename(line.split()[0])}"))
    found = {_whole_disk(path) for path in names if "/block/" in path}
    return frozenset(found | {name for name in sysfs.names("/sys/block") if _held(name)})


def _whole_disk(path: str) -> str:
    """The disk's name for a path in /sys/devices of a disk or a partition."""
    return path.split("/block/", 1)[1].split("/")[0]


def _held(name: str) -> bool:
    """Whether RAID, LVM or the like holds the disk or one of its partitions open."""
    base = f"/sys/block/{name}"
    parts = [part for part in sysfs.names(base) if part.startswith(name)]
    return any(sysfs.names(f"{base}/{part}/holders") for part in ["", *parts])


def _only(path: str, told: ToldDisk) -> DiskFacts:
    """Facts of the one device that exists; AgentError if it is none."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise AgentError("no-disk", Phrase("{path}: {error}", path=path, error=error)) from error
    if not stat.S_ISBLK(status.st_mode):
        raise AgentError("no-disk", Phrase("{path} is not a disk", path=path))
    node = f"/sys/dev/block/{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    disk = describe(os.path.basename(os.path.realpath(node)))
    why_not = empty(disk) if disk["size"] == 0 else Phrase("read-only") if disk["why_not"] == "read-only" else ""
    return {
        **disk,
        "serial": str(told.get("serial") or disk["serial"]),
        "wwn": str(told.get("wwn") or disk["wwn"]),
        "model": str(told.get("model") or disk["model"]),
        "path": path,
        "eligible": not why_not,
        "why_not": why_not,
    }


def choose(wanted: WantedDisk, disks: list[DiskFacts]) -> DiskFacts:
    """The disk that an order names by serial number or WWN; AgentError unless it is exactly one, and eligible."""
    serial, wwn = str(wanted.get("serial") or ""), str(wanted.get("wwn") or "")
    if serial or wwn:
        found = [disk for disk in disks if (not serial or disk["serial"] == serial) and (not wwn or disk["wwn"] == wwn)]
        if len(found) > 1:  # namespaces of one NVMe drive, say: then all that is known of it counts
            found = [disk for disk in found if _told_apart(disk) == (serial, wwn, wanted.get("size"))] or found
    else:  # a disk without any identity: where it is and how large must both be as they were
        found = [disk for disk in disks if (disk["path"], disk["size"]) == (wanted.get("path"), wanted.get("size"))]
    name = wwn or serial or wanted.get("path") or "no name"
    if len(found) != 1:
        raise AgentError("wrong-disk", Phrase("{count} disks here are called {name}", count=len(found), name=name))
    disk = found[0]
    if wanted.get("size") and disk["size"] != wanted["size"]:
        raise AgentError(
            "wrong-disk",
            Phrase(
                "{path} has {size} bytes, not {expected}", path=disk["path"], size=disk["size"], expected=wanted["size"]
            ),
        )
    if not disk["eligible"]:
        raise AgentError(
            "wrong-disk", Phrase("{path} may not be written: {why_not}", path=disk["path"], why_not=disk["why_not"])
        )
    return disk


def _told_apart(disk: DiskFacts) -> tuple[str, str, int]:
    return disk["serial"], disk["wwn"], disk["size"]


def check_again(disk: DiskFacts, only: str = "", told: ToldDisk | None = None) -> None:
    """Right before writing: the device node still leads to the very disk that was chosen; AgentError if not."""
    now = choose(_wanted(disk), scan(only, told))
    if _same_one(now) != _same_one(disk):
        raise AgentError("wrong-disk", Phrase("{path} is not what it was", path=disk["path"]))
    if not only:
        name = os.path.basename(disk["path"])
        if _device_number(disk["path"]) != sysfs.text(f"/sys/block/{name}/dev"):
            raise AgentError("wrong-disk", Phrase("{path} is another disk's node", path=disk["path"]))


def _wanted(disk: DiskFacts) -> WantedDisk:
    return {"serial": disk["serial"], "wwn": disk["wwn"], "path": disk["path"], "size": disk["size"]}


def _same_one(disk: DiskFacts) -> tuple[str, int, int, str, str]:
    return disk["path"], disk["size"], disk["sector_size"], disk["serial"], disk["wwn"]


def _device_number(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return ""
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}" if stat.S_ISBLK(status.st_mode) else ""
