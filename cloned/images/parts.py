"""The files of a Clonezilla directory that hold partitions and logical volumes, by device."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cloned.errors import ImageError
from cloned.images.folder import Folder, open_file
from cloned.saying import Phrase

_DATA = re.compile(
    r"^(?P<part>.+)\.(?P<fs>[A-Za-z0-9_+-]+)-ptcl-img"
    r"(?:\.(?P<comp>gz|bz2|lzo|lzma|xz|lzip|lrz|lz4|zst|uncomp))?(?:\.(?P<split>[a-z]{2,4}))?$"
)
_DD = re.compile(r"^(?P<part>.+)\.dd-img(?:\.(?P<split>(?!info$)[a-z]{2,4}))?$")
"""`X.dd-img.info` beside them is a note of Clonezilla's, no piece."""
OLD_FORMATS = re.compile(r"^.+\.(?:ntfs-img|ntfsclone)(?:\..*)?$|^[hsv]d[a-z]+\d+\.\d{3}$")
_DEVICE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_+.!-]*(?:/[A-Za-z0-9][A-Za-z0-9_+.!-]*)?$")
_MAGICS: Mapping[bytes, str] = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zst",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x89LZO": "lzo",
    b"LZIP": "lzip",
    b"LRZI": "lrz",
}
MOST_BYTES = 16 << 40
"""Bytes of a partition or volume: a larger one is no laptop's, but a few bytes that unpack to petabytes of zeros."""


@dataclass(frozen=True)
class Saved:
    """One partition, logical volume or large gap, and the files that hold it."""

    name: str
    """As the source called it, `sda1`; for a logical volume `VG/LV`; `gap`."""
    number: int
    """Partition number; 0 for a logical volume and a gap."""
    start: int | None
    """Byte offset on the disk; None for a logical volume."""
    size: int
    """Bytes of the partition or volume."""
    fs: str
    raw: bool
    """True for what dd saved: no partclone header."""
    compressor: str
    """Clonezilla's suffix: gz, zst, uncomp …"""
    files: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        """Bytes of its files."""
        return sum(path.stat().st_size for path in self.files)


def device_name(folder: Folder, name: str, where: str) -> str:
    """`name`, if it can be a device's: sda1, nvme0n1p1, VG/LV; ImageError otherwise."""
    if not _DEVICE.match(name) or ".." in name:
        raise ImageError(
            Phrase(
                "{path}/{where} holds {name}, which is no device name", path=folder.path, where=where, name=repr(name)
            ),
            "copy the image again",
        )
    return name


def file_name(device: str) -> str:
    """How Clonezilla writes a device in a file name."""
    return device.replace("/", "-")


def node_name(disk: str, number: int) -> str:
    """The kernel's name for a partition: a `p` after a disk that ends in a digit."""
    return f"{disk}{'p' if disk[-1].isdigit() else ''}{number}"


def saved_part(folder: Folder, device: str, number: int, start: int | None, size: int) -> Saved:
    """The files of one device; exactly one set of them, without gaps."""
    prefix = file_name(device)
    sets = _sets(folder, prefix)
    if len(sets) != 1:
        what = Phrase("is missing") if not sets else Phrase("is there more than once")
        where = Phrase("{path}: the data of {device}", path=folder.path, device=device)
        raise ImageError(
            Phrase("{where} {what} ({prefix}.*-ptcl-img.*)", where=where, what=what, prefix=prefix),
            "copy the image again, all of it",
        )
    (((fs, compressor, raw), names),) = sets.items()
    if size > MOST_BYTES:
        what = Phrase(
            "{path}: {device} has {size} bytes, which no laptop's partition has",
            path=folder.path,
            device=device,
            size=size,
        )
        raise ImageError(what, "look at its partition table; save the disk again")
    files = tuple(folder.file(name) for name in _in_order(folder, names))
    return Saved(
        name=device,
        number=number,
        start=start,
        size=size,
        fs=fs,
        raw=raw,
        compressor=compressor or _guess(files[0]),
        files=files,
    )


def _sets(folder: Folder, prefix: str) -> dict[tuple[str, str, bool], dict[str, str]]:
    """File names by suffix, for each way in which the device was saved."""
    sets: dict[tuple[str, str, bool], dict[str, str]] = {}
    for name in folder.names:
        data, plain = _DATA.match(name), _DD.match(name)
        if data and data["part"] == prefix:
            sets.setdefault((data["fs"], data["comp"] or "", data["fs"] == "dd"), {})[data["split"] or ""] = name
        elif plain and plain["part"] == prefix:
            sets.setdefault(("dd", "", True), {})[plain["split"] or ""] = name
    return sets


def _in_order(folder: Folder, names: Mapping[str, str]) -> list[str]:
    """Split pieces from `aa` on, one after the other."""
    if "" in names:
        if len(names) > 1:
            raise ImageError(
                Phrase("{path}: {value} is there whole and in pieces", path=folder.path, value=names[""]),
                "remove one of the two",
            )
        return list(names.values())
    ordered = sorted(names)
    for index, split in enumerate(ordered):
        expected = _suffix(index, len(split))
        if split != expected:
            stem = names[split].removesuffix(split)
            raise ImageError(
                Phrase("{path}: {stem}{expected} is missing", path=folder.path, stem=stem, expected=expected),
                "copy the image again, all of it",
            )
    return [names[split] for split in ordered]


def _suffix(index: int, width: int) -> str:
    """As split(1) counts: aa, ab … az, ba …"""
    text = ""
    for _ in range(width):
        index, digit = divmod(index, 26)
        text = chr(ord("a") + digit) + text
    return text


def _guess(path: Path) -> str:
    """The compressor by the first bytes, where the name does not say."""
    with open_file(path) as file:
        head = file.read(8)
    return next((kind for magic, kind in _MAGICS.items() if head.startswith(magic)), "uncomp")
