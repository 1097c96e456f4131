"""A Clonezilla image directory's small files for a disk of another name. Pure.

A multicast restore takes the names of disk and partitions from these files, so they must be the target's. The
same job as Clonezilla's ocs-cvt-dev, but a name counts only where it stands alone: partition names, labels and
UUIDs that happen to contain it stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

BARE = frozenset({"disk", "parts", "blkdev.list"})
"""Files that name devices without /dev/."""

WITH_DEV = frozenset({"dev-fs.list", "blkid.list", "lvm_vg_dev.list", "luks-dev.list"})
LISTS = frozenset({"blkdev.list", "blkid.list", "dev-fs.list"})
"""Files with a line for every device of the source laptop: another disk there may have had the new name."""

WITH_DEV_ENDS = ("-pt.sf", "-pt.parted", "-pt.parted.compact")


def rename_disk(files: Mapping[str, bytes], old: str, new: str) -> dict[str, bytes]:
    """`files` (name → content) of an image of disk `old` as if it had been `new`; names as sda, nvme0n1.

    ValueError if `new` is no name of a disk.
    """
    if re.fullmatch(r"[a-z][a-z0-9]{1,30}", new) is None:
        raise ValueError(f"{new!r} is no name of a disk")
    return {_file_name(name, old, new): _content(name, data, old, new) for name, data in files.items()}


def partition(disk: str, number: str) -> str:
    """The kernel's name of a partition: a `p` after a disk that ends in a digit."""
    return f"{disk}p{number}" if disk[-1].isdigit() else f"{disk}{number}"


def _file_name(name: str, old: str, new: str) -> str:
    """`sda-pt.sf`, `sda1.ext4-ptcl-img.zst.aa`, `swappt-sda2.info`."""
    saved = re.escape(old.replace("/", "-"))
    found = re.fullmatch(rf"(swappt-)?{saved}(?:p?(\d+))?([-.].*)", name)
    if found is None:
        return name
    return (found[1] or "") + (partition(new, found[2]) if found[2] else new) + found[3]


def _content(name: str, data: bytes, old: str, new: str) -> bytes:
    if name in BARE:
        prefix = r"(?<![\w/])"  # also behind the branches of a tree: `sda1   `-sda1`
    elif name in WITH_DEV or name.endswith(WITH_DEV_ENDS):
        prefix = r"(?<=/dev/)"
    else:
        return data
    device = rf"{prefix}{re.escape(old)}(?:p?(\d+))?(?![\w-])"
    text = data.decode("utf-8", "surrogateescape")
    if old != new and name in LISTS:
        text = _without(text, new)
    text = re.sub(device, lambda found: partition(new, found[1]) if found[1] else new, text)
    return text.encode("utf-8", "surrogateescape")


def _without(text: str, disk: str) -> str:
    """The lines that begin with another device than this disk or one of its partitions."""
    other = re.compile(rf"(?:/dev/)?{re.escape(disk)}(?:p?\d+)?[\s:]")
    return "".join(line for line in text.splitlines(keepends=True) if not other.match(line))
