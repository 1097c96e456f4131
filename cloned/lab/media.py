"""The disks of the lab's laptops: which kind each one has, what lay on it before, and whether any of that is left."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloned.errors import UsageError
from cloned.lab.laptops import LabDisk

KINDS = ("virtio", "nvme", "sata", "scsi")
LARGE = "4k"
"""A kind with this behind it has sectors of 4096 bytes: `nvme4k`. QEMU's SATA disks have 512 only."""
SMALL_BYTES = 64 * 1024 * 1024
"""Bytes of a laptop's further disks."""
MARK = b"OLD-DATA-OF-THE-DONOR:"
_EVERY, _BLOCK, _PIECE = 1024 * 1024, 4096, 64


@dataclass(frozen=True)
class MediumKind:
    """How a disk is attached, and the bytes of its sectors."""

    bus: str
    sector: int = 512

    @classmethod
    def parse(cls, text: str) -> MediumKind:
        """`nvme` or `nvme4k`; UsageError."""
        bus, sector = (text.removesuffix(LARGE), 4096) if text.endswith(LARGE) else (text, 512)
        if bus not in KINDS or (bus == "sata" and sector != 512):
            raise UsageError(
                f"--disks {text or '(nothing)'} is not known", "there are virtio, nvme, sata, scsi, and …4k"
            )
        return cls(bus, sector)


@dataclass(frozen=True)
class FurtherDisk:
    """A disk beside the one that is cloned to."""

    disk: LabDisk
    kind: MediumKind
    serial: str


def parse_disks(text: str) -> tuple[MediumKind, ...]:
    """`sata+nvme`: the disks of one laptop, the first of them the one that is cloned to; UsageError."""
    return tuple(MediumKind.parse(part) for part in text.split("+"))


def backing(path: Path, dead: bool) -> str:
    """The file behind a drive of QEMU's; through blkdebug, which fails every write, where the disk is dead."""
    if not dead:
        return f"file={path},format=raw,discard=unmap"
    kinds = enumerate(("write", "write-zeroes", "discard"))
    errors = [f"file.inject-error.{n}.event=none,file.inject-error.{n}.iotype={kind}" for n, kind in kinds]
    return f"driver=raw,file.driver=blkdebug,file.image.driver=file,file.image.filename={path},{','.join(errors)}"


def device(
    kind: MediumKind, number: int, path: Path, serial: str, throttle: str = "", *, dead: bool = False
) -> Iterator[str]:
    """QEMU's arguments for the `number`th disk of a laptop; the first one it may boot from."""
    drive = f"disk{number}"
    yield from ("-drive", f"if=none,id={drive},{backing(path, dead)}{throttle}")
    boot = ",bootindex=2" if number == 0 else ""
    size = f",logical_block_size={kind.sector},physical_block_size={kind.sector}" if kind.sector != 512 else ""
    match kind.bus:
        case "nvme":
            yield from ("-device", f"nvme,drive={drive},serial={serial}{boot}{size}")
        case "sata":
            yield from ("-device", f"ide-hd,drive={drive},serial={serial},bus=ide.{number}{boot}")
        case "scsi":
            yield from ("-device", f"virtio-scsi-pci,id=scsi{number}")
            yield from ("-device", f"scsi-hd,drive={drive},serial={serial},bus=scsi{number}.0{boot}{size}")
        case _:
            yield from ("-device", f"virtio-blk-pci,drive={drive},serial={serial}{boot}{size}")


def plant(disk: LabDisk) -> None:
    """Old data in every megabyte, in the first sector and in the last: what nobody may find afterwards."""
    places = {*range(0, disk.size - _BLOCK, _EVERY), disk.size - _BLOCK}
    with disk.path.open("r+b") as file:
        for offset in sorted(places):
            line = MARK + b"%s at %d. " % (disk.path.parent.name.encode(), offset)
            os.pwrite(file.fileno(), (line * (_BLOCK // len(line) + 1))[:_BLOCK], offset)


def find(path: Path, wanted: bytes = MARK, most: int = 3) -> list[int]:
    """Where a raw file, read from outside, holds these bytes: at most so many places."""
    found: list[int] = []
    if not path.stat().st_size:
        return found
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for begin, end in _held(file.fileno(), len(data)):
            at = data.find(wanted, begin, min(len(data), end + len(wanted)))
            while at >= 0 and len(found) < most:
                found.append(at)
                at = data.find(wanted, at + len(wanted), min(len(data), end + len(wanted)))
    return found


def remembered(path: Path, most: int = 256) -> dict[int, bytes]:
    """What a file of somebody's own holds, by offset: some bytes of each stretch that holds anything but one byte."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        step = max(_BLOCK, size // most // _BLOCK * _BLOCK)
        offsets = (at for begin, end in _held(file.fileno(), size) for at in range(begin, end, step))
        pieces = {at: os.pread(file.fileno(), _PIECE, at) for at in offsets}
    return {at: piece for at, piece in pieces.items() if len(set(piece)) > 1}


def still_held(path: Path, places: Mapping[int, bytes], most: int = 3) -> list[int]:
    """Where it holds the same as before, at most so many places."""
    with path.open("rb") as file:
        return [at for at, piece in places.items() if os.pread(file.fileno(), len(piece), at) == piece][:most]


def _held(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """The stretches of a sparse file that hold anything (lseek(2), SEEK_DATA)."""
    at = 0
    while at < size:
        try:
            begin = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:  # nothing but a hole up to the end
            return
        at = os.lseek(fd, begin, os.SEEK_HOLE)
        yield begin, at


def parse_images(given: Sequence[str], laptops: int) -> dict[int, list[Path]]:
    """`N:FILE …`: files that are laptop N's disks, in order; UsageError."""
    found: dict[int, list[Path]] = {}
    for text in given:
        number, colon, path = text.partition(":")
        if not (colon and number.isdigit() and 1 <= int(number) <= laptops):
            raise UsageError(f"--disk-image {text} is not N:FILE", f"N is a laptop, 1 to {laptops}")
        if not Path(path).is_file():
            raise UsageError(f"--disk-image {text}: there is no such file", "make it first: truncate -s 2G FILE")
        found.setdefault(int(number), []).append(Path(path).absolute())
    return found
