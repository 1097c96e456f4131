"""Which subvolume of a btrfs the system starts from: distributions call it @, @rootfs, root, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cloned.agent.tools import ToolError, run

TOP = 5
"""Id of the top of every btrfs (BTRFS_FS_TREE_OBJECTID)."""
_KNOWN = ("@", "@rootfs", "root", "@root", "")
_SNAPSHOT = re.compile(r"(^|[/@._-])(snapshots?|timeshift|backup)", re.IGNORECASE)
_RELEASE = ("etc/os-release", "usr/lib/os-release")


@dataclass(frozen=True)
class Subvolume:
    """A subvolume that holds a system."""

    id: int
    path: str
    """From the top; empty for the top itself."""
    named: bool = False
    """Whether its own fstab mounts this very subvolume as /."""
    read_only: bool = False


def root_subvolume(top: Path) -> int | None:
    """Id of the subvolume with the system, of a btrfs whose top is mounted on `top`; None if there is none."""
    try:
        default = int((re.search(r"^ID (\d+)", run(["btrfs", "subvolume", "get-default", str(top)])) or ["", "5"])[1])
        listed, fixed = (run(["btrfs", "subvolume", "list", *flag, str(top)]) for flag in ((), ("-r",)))
    except ToolError:
        default, listed, fixed = TOP, "", ""
    read_only = {number for number, _ in _lines(fixed)}
    found = [_look(top, number, path, number in read_only) for number, path in [(TOP, ""), *_lines(listed)]]
    return choose([each for each in found if each is not None], default)


def choose(found: list[Subvolume], default: int) -> int | None:
    """The one that is started: what is mounted by default, what its own fstab names, what it is called; no snapshot."""

    def rank(one: Subvolume) -> tuple[bool, bool, bool, int, int, str]:
        known = _KNOWN.index(one.path) if one.path in _KNOWN else len(_KNOWN)
        snapshot = bool(_SNAPSHOT.search(one.path)) or one.read_only
        chosen = one.id == default and default != TOP
        return not chosen, snapshot, not one.named, known, one.path.count("/"), one.path

    return min(found, key=rank).id if found else None


def _lines(listing: str) -> Iterable[tuple[int, str]]:
    """(id, path) of `btrfs subvolume list`: `ID 256 gen 10 top level 5 path @`."""
    found = re.findall(r"^ID (\d+) gen \d+ top level \d+ path (.+)$", listing, re.MULTILINE)
    return [(int(number), path) for number, path in found]


def _look(top: Path, number: int, path: str, read_only: bool) -> Subvolume | None:
    """A subvolume, if it holds a system."""
    folder = top / path
    if not any((folder / name).is_symlink() or (folder / name).exists() for name in _RELEASE):
        return None
    return Subvolume(number, path, fstab_names(folder, path, number), read_only)


def fstab_names(folder: Path, path: str, number: int = 0) -> bool:
    """Whether the fstab of this system mounts the subvolume `path`, or the one with this id, as /."""
    with suppress(OSError, UnicodeDecodeError):
        for line in (folder / "etc/fstab").read_text().splitlines():
            fields = line.split()
            if len(fields) >= 4 and not line.startswith("#") and fields[1] == "/":
                return any(_names(option, path, number) for option in fields[3].split(","))
    return False


def _names(option: str, path: str, number: int) -> bool:
    key, _, value = option.partition("=")
    value = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), value)  # fstab(5): a space is \040
    return (key == "subvol" and value.strip("/") == path) or (key == "subvolid" and _number(value) == number)


def _number(text: str) -> int:
    """As the kernel reads it, in any base; 0, which is no subvolume's, for what is none."""
    with suppress(ValueError):
        return int(text, 0)
    return 0
