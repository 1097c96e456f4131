"""What lies on a master's disk, and the small files of a Clonezilla directory that say so.

File by file as Clonezilla 5.3 writes them (drbl's ocs-functions, save_disk_id and the functions it calls), so that
stock Clonezilla restores what was captured here. Nothing is written to the disk.
"""

from __future__ import annotations

import os
import re
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cloned import __version__
from cloned.agent import disks
from cloned.agent.failures import AgentError
from cloned.agent.layout import nodes
from cloned.agent.tools import ToolError, run
from cloned.disk import signatures
from cloned.disk.layout import Layout, LayoutError, Partition, parse_dump
from cloned.disk.swap import PAGE_BYTES, read_swap
from cloned.saying import Phrase

PARTCLONE = {
    "ext2": "extfs",
    "ext3": "extfs",
    "ext4": "extfs",
    "ntfs": "ntfs",
    "vfat": "fat",
    "exfat": "exfat",
    "btrfs": "btrfs",
    "xfs": "xfs",
    "f2fs": "f2fs",
}
"""File system, as blkid(8) calls it, to the partclone that knows it; dd saves all others whole."""
_REFUSED = {
    "LVM2_member": Phrase("is a physical volume of LVM: save this master with Clonezilla and import the image"),
    "crypto_LUKS": Phrase("is encrypted with LUKS: save this master with Clonezilla and import the image"),
    "linux_raid_member": Phrase("is part of a RAID: a master has one plain disk"),
    "swsuspend": Phrase("holds a hibernated Linux: start the master, shut it down properly and capture it again"),
    "BitLocker": Phrase(
        "is a BitLocker volume: run `manage-bde -off C:` on the master, wait for its end and capture it again"
    ),
}
_HEAD = struct.Struct("<16s14s4sH16sQQQQI")
"""The beginning of a partclone image (format 0002); the last three are used blocks (superblock, bitmap), block size."""
MBR = 512
_CHUNK = 1024 * 1024
HIDDEN_BYTES = 1024 * 1024 * 1024
"""Bytes between MBR and first partition from which on they are not taken along, as Clonezilla does it."""


@dataclass(frozen=True)
class MasterPart:
    """A partition of the master."""

    node: str
    """/dev/sda1"""
    number: int
    bytes: int
    fs: str
    """As blkid(8) calls it; empty if it knows none."""

    @property
    def name(self) -> str:
        """sda1"""
        return os.path.basename(self.node)

    @property
    def saved_as(self) -> str:
        """What Clonezilla puts into the file's name."""
        return self.fs if self.fs in PARTCLONE else "dd"

    def command(self, log: str) -> list[str]:
        """What writes the partition to its standard output."""
        if self.saved_as == "dd":
            return ["dd", f"if={self.node}", "bs=1M"]
        return [f"partclone.{PARTCLONE[self.fs]}", "-q", "-z", "10485760", "-L", log, "-c", "-s", self.node, "-o", "-"]


@dataclass(frozen=True)
class Master:
    """A disk that is to be captured."""

    disk: str
    """/dev/sda"""
    size: int
    dump: str
    """From sfdisk --dump."""
    layout: Layout
    parts: tuple[MasterPart, ...]
    """All but extended ones, in order."""

    @property
    def name(self) -> str:
        """sda"""
        return os.path.basename(self.disk)

    @property
    def gap(self) -> int:
        """MBR disks: bytes between the MBR and the first partition, where boot loaders keep their second stage."""
        first = min(part.start for part in self.layout.partitions) * self.layout.sector_size
        return first - MBR if self.layout.label == "dos" and first > MBR else 0

    @property
    def data(self) -> list[MasterPart]:
        """Partitions whose content is saved."""
        return [part for part in self.parts if part.fs != "swap"]


def read_master(disk: disks.DiskFacts) -> Master:
    """Understand a master's disk; AgentError `capture-failed` says what about it cannot be captured."""
    path = disk["path"]
    if os.path.basename(os.path.realpath(path)) in disks.in_use():
        raise AgentError("capture-failed", Phrase("{path} is in use", path=path))
    try:
        dump = run(["sfdisk", "--dump", path], timeout=60)
        layout = parse_dump(dump, disk["sector_size"])
    except (ToolError, LayoutError) as error:
        raise AgentError(
            "capture-failed",
            Phrase("{path} has no partition table that can be captured ({error})", path=path, error=error),
        ) from error
    if not layout.partitions:
        raise AgentError("capture-failed", Phrase("{path} has no partitions", path=path))
    parts = tuple(_part(path, part, layout.sector_size) for part in layout.partitions if not part.extended)
    return Master(path, disk["size"], dump, layout, parts)


def _part(disk: str, part: Partition, sector: int) -> MasterPart:
    node = node_of(disk, part.number)
    if not os.path.exists(node) and not (nodes(disk) and os.path.exists(node)):
        raise AgentError("capture-failed", Phrase("the kernel does not show {node}", node=node))
    fs = file_system(node)
    why = _REFUSED.get(fs) or _content(node, fs)
    if why:
        raise AgentError("capture-failed", Phrase("{node} {why}", node=node, why=why))
    return MasterPart(node, part.number, part.size * sector, fs)


def _content(node: str, fs: str) -> str:
    """Why a file system cannot be captured as it lies there, by what it holds; empty if it can."""
    try:
        with open(node, "rb", buffering=0) as file:
            return refused_content(fs, lambda offset, length: os.pread(file.fileno(), length, offset))
    except OSError as error:
        raise AgentError("disk-read-error", Phrase("{node}: {error}", node=node, error=error)) from error


def refused_content(fs: str, read: signatures.Read) -> str:
    """The same, through `read`: a system that sleeps in it would wake up on every clone."""
    if fs == "ntfs" and signatures.is_sleeping_windows(read):
        return Phrase(
            "holds a Windows that is hibernated, or was shut down with fast startup: turn fast startup off "
            "(powercfg /h off), shut Windows down and capture it again"
        )
    if fs.startswith("ext") and signatures.sleeps_in_file(read):
        return Phrase(
            "holds the swap file of a hibernated Linux: start the master, shut it down properly and capture it again"
        )
    if fs.startswith("ext") and (unclean := signatures.unclean_ext(read)):
        return Phrase(
            "{unclean}: start the master so that it checks its disk (or `e2fsck -f` there), then capture it again",
            unclean=unclean,
        )
    if fs == "btrfs" and signatures.btrfs_devices(read) > 1:
        return Phrase(
            "is one device of a btrfs over several: `btrfs device remove` the others, or clone another laptop"
        )
    return ""


def node_of(disk: str, number: int) -> str:
    """/dev/sda1, /dev/nvme0n1p1"""
    return f"{disk}{'p' if disk[-1].isdigit() else ''}{number}"


def file_system(node: str) -> str:
    """The type of what is on a partition, read from itself; empty if that is nothing known, or not one thing."""
    try:
        told = run(["blkid", "-p", "-o", "export", node], timeout=60, accept=(0, 2, 8))
    except ToolError as error:
        raise AgentError("disk-read-error", str(error)) from error
    match = re.search(r"^TYPE=(\S+)$", told, re.MULTILINE)
    return match[1] if match else ""


def used_bytes(head: bytes) -> int | None:
    """Bytes in use, from the first 88 bytes of a partclone image; None if it is none."""
    if len(head) < _HEAD.size or not head.startswith(b"partclone-image"):
        return None
    *_, used, block = _HEAD.unpack_from(head)
    return int(used * block)


# -- the small files --------------------------------------------------------------------------------


def files(master: Master, live: bool) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every file but data and sums; AgentError if the disk or a tool fails."""
    try:
        yield from _texts(master)
        yield from _sectors(master)
        if live:
            yield from _machine()
    except ToolError as error:
        raise AgentError("capture-failed", str(error)) from error
    except OSError as error:
        raise AgentError("disk-read-error", Phrase("{disk}: {error}", disk=master.disk, error=error)) from error


def _texts(master: Master) -> Iterator[tuple[str, bytes]]:
    name, disk = master.name, master.disk
    texts = {
        "disk": f"{name}\n",
        "parts": " ".join(part.name for part in master.data) + "\n",
        f"{name}-pt.sf": master.dump,
        f"{name}-pt.parted": run(["parted", "-s", disk, "unit", "s", "print"], timeout=60, accept=(0, 1)),
        f"{name}-pt.parted.compact": run(["parted", "-s", disk, "unit", "compact", "print"], timeout=60, accept=(0, 1)),
        f"{name}-chs.sf": geometry(run(["sfdisk", "--show-geometry", disk], timeout=60)),
        "blkdev.list": run(["lsblk", "-i", "-o", "KNAME,NAME,SIZE,TYPE,FSTYPE,MOUNTPOINT,MODEL", disk], timeout=60),
        "blkid.list": run(["blkid", "-c", "/dev/null", *(part.node for part in master.parts)], accept=(0, 2)),
        "dev-fs.list": file_systems(master, run(["lsblk", "-nrpo", "NAME,SIZE", disk], timeout=60)),
        "Info-saved-by-cmd.txt": f"cloned {__version__}: capture of {name}\n",
        "clonezilla-img": f"Captured by cloned {__version__}: {name} with "
        f"{', '.join(part.name for part in master.data)}\n",
    }
    yield from ((file, text.encode()) for file, text in texts.items())


def geometry(told: str) -> str:
    """Clonezilla's words for `sfdisk --show-geometry`: `/dev/sda: 812 cylinders, 16 heads, 63 sectors/track`."""
    found = {what: re.search(rf"(\d+) {what}", told) for what in ("cylinders", "heads", "sectors")}
    return "".join(f"{what}={match[1]}\n" for what, match in found.items() if match)


def file_systems(master: Master, sizes: str) -> str:
    """`dev-fs.list`: node, file system, size as lsblk(8) writes it."""
    size = dict(line.split(maxsplit=1) for line in sizes.splitlines() if len(line.split()) == 2)
    lines = [
        "# <Device name>   <File system>   <Size>",
        "# File system is got from ocs-get-dev-info. It might be different from that of blkid or parted.",
        *(f"{part.node} {part.fs or 'unknown'} {size.get(part.node, f'{part.bytes}B')}" for part in master.parts),
    ]
    return "\n".join(lines) + "\n"


def _sectors(master: Master) -> Iterator[tuple[str, bytes]]:
    """What lies outside the partitions, and where swap areas are."""
    name, sector = master.name, master.layout.sector_size
    with open(master.disk, "rb", buffering=0) as disk:
        yield f"{name}-mbr", _read(disk.fileno(), 0, 512)
        if master.layout.label == "gpt":
            yield f"{name}-gpt-1st", _read(disk.fileno(), 0, 34 * 512)
            yield f"{name}-gpt-2nd", _read(disk.fileno(), master.size - 32 * 512, 32 * 512)
            yield from _gdisk(master)
        elif master.gap >= HIDDEN_BYTES:
            most = HIDDEN_BYTES // 512
            note = f"The hidden data space size ({master.gap // 512} sectors) is larger than {most} sectors.\n"
            yield f"{name}-hidden-data-after-mbr.notes.txt", note.encode()
        for part in master.layout.partitions:
            if part.extended:
                extended = os.path.basename(node_of(master.disk, part.number))
                yield f"{extended}-ebr", _read(disk.fileno(), part.start * sector, 512)
        yield from _swaps(master, disk.fileno())


def gap_chunks(master: Master) -> Iterator[bytes]:
    """The gap after the MBR, which may be too large for the memory; AgentError if it cannot be read."""
    end = MBR + master.gap
    try:
        with open(master.disk, "rb", buffering=0) as disk:
            for at in range(MBR, end, _CHUNK):
                yield _read(disk.fileno(), at, min(_CHUNK, end - at))
    except OSError as error:
        raise AgentError("disk-read-error", Phrase("{disk}: {error}", disk=master.disk, error=error)) from error


def _read(fd: int, offset: int, length: int) -> bytes:
    data = os.pread(fd, length, offset)
    if len(data) < length:
        raise OSError(5, f"{len(data)} of {length} bytes at {offset} could be read")
    return data


def _gdisk(master: Master) -> Iterator[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "gpt")
        run(["sgdisk", "-b", path, master.disk], timeout=60)
        with open(path, "rb") as file:
            yield f"{master.name}-gpt.gdisk", file.read()
    yield f"{master.name}-gpt.sgdisk", run(["sgdisk", "-p", master.disk], timeout=60).encode()


def _swaps(master: Master, fd: int) -> Iterator[tuple[str, bytes]]:
    starts = {part.number: part.start * master.layout.sector_size for part in master.layout.partitions}
    for part in master.parts:
        swap = read_swap(_read(fd, starts[part.number], PAGE_BYTES)) if part.fs == "swap" else None
        if swap is not None:
            yield f"swappt-{part.name}.info", f'UUID="{swap.uuid}"\nLABEL="{swap.label}"\n'.encode()
        elif part.fs == "swap":
            raise AgentError(
                "capture-failed", Phrase("{node} is a swap area of another processor's page size", node=part.node)
            )


def _machine() -> Iterator[tuple[str, bytes]]:
    """What the master is, and its firmware's boot entries."""
    programs: dict[str, Sequence[str]] = {"Info-dmi.txt": ["dmidecode"]}
    if os.path.isdir("/sys/firmware/efi"):
        programs["efi-nvram.dat"] = ["efibootmgr", "-v"]
    for name, program in programs.items():
        try:
            yield name, run(program, timeout=60).encode()
        except ToolError:  # a firmware that has no such tables
            continue


def md5sums(sums: dict[str, str]) -> bytes:
    """Clonezilla's MD5SUMS: all files but the notes."""
    return "".join(
        f"{digest}  {name}\n"
        for name, digest in sorted(sums.items())
        if not name.startswith(("Info-", "clonezilla-img"))
    ).encode()
