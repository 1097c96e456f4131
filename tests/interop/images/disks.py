"""Disks with every kind of file system, made on loop devices by the file systems' own tools."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cloned import assets
from cloned.disk.layout import Layout, Partition, Swap, swap_areas, table_writes
from cloned.processes import run

MIB = 1024 * 1024
LINUX, SWAP = "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"
GUID = "ABCDEF00-1111-2222-3333-{:012X}"

MAKE: Mapping[str, tuple[int, Sequence[str]]] = {
    "ext2": (24, ["mke2fs", "-q", "-t", "ext2", "-d", "{tree}", "{node}"]),
    "ext3": (24, ["mke2fs", "-q", "-t", "ext3", "-d", "{tree}", "{node}"]),
    "ext4": (24, ["mke2fs", "-q", "-t", "ext4", "-d", "{tree}", "{node}"]),
    "ntfs": (24, ["mkfs.ntfs", "-q", "-f", "-s", "{sector}", "{node}"]),
    "vfat": (40, ["mkfs.vfat", "-F", "16", "-s", "{cluster}", "-S", "{sector}", "{node}"]),
    "exfat": (24, ["mkfs.exfat", "{node}"]),
    "btrfs": (128, ["mkfs.btrfs", "-q", "--rootdir", "{tree}", "{node}"]),
    "xfs": (320, ["mkfs.xfs", "-q", "-s", "size={sector}", "{node}"]),
    "f2fs": (128, ["mkfs.f2fs", "-q", "{node}"]),
    "crypto_LUKS": (20, ["cryptsetup", "luksFormat", "-q", "--type", "luks1", "--iter-time", "1", "{node}", "{key}"]),
    "swap": (8, []),
    "": (5, []),
}
"""File system, as blkid(8) calls it: MiB, and what makes it."""
CHECK: Mapping[str, Sequence[str]] = {
    "ext2": ["e2fsck", "-fn"], "ext3": ["e2fsck", "-fn"], "ext4": ["e2fsck", "-fn"],
    "ntfs": ["ntfsresize", "--info", "--force"], "vfat": ["fsck.vfat", "-n"], "exfat": ["fsck.exfat", "-n"],
    "btrfs": ["btrfs", "check", "--readonly"], "xfs": ["xfs_repair", "-n"], "f2fs": ["fsck.f2fs", "--dry-run"],
    "crypto_LUKS": ["cryptsetup", "luksDump"],
}  # fmt: skip
"""What says, without writing, whether it is sound."""


@contextmanager
def loop(file: Path, sector: int = 512) -> Iterator[str]:
    """A loop device with its partitions."""
    device = run(["losetup", "--find", "--show", "--sector-size", str(sector), file]).stdout.decode().strip()
    try:
        run(["partx", "--add", device], check=False)
        yield device
    finally:
        run(["partx", "--delete", device], check=False)
        run(["losetup", "--detach", device])


def disk_of(path: Path, kinds: Sequence[str], sector: int = 512) -> Path:
    """A GPT disk with one partition of each kind, from 1 MiB on, each filled with a few files where its tools can."""
    step, at, parts = MIB // sector, 1, []
    for number, kind in enumerate(kinds, 1):
        size = MAKE[kind][0]
        swap = Swap("806b6356-742b-4168-9791-ce1c1eecefe8", "swp") if kind == "swap" else None
        guid = SWAP if swap else LINUX
        parts.append(Partition(number, at * step, size * step, guid, GUID.format(number), name=kind, swap=swap))
        at += size
    layout = Layout("gpt", GUID.format(0), sector, tuple(parts))
    with path.open("wb") as file:
        file.truncate((at + 1) * MIB)
        for offset, data in [*table_writes(layout, (at + 1) * MIB), *swap_areas(layout)]:
            file.seek(offset)
            file.write(data)
    with loop(path, sector) as device, tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        tree = _tree(Path(scratch))
        for part in parts:
            _fill(f"{device}p{part.number}", part.name, tree, sector)
    return path


def _tree(scratch: Path) -> Path:
    tree = scratch / "tree"
    (tree / "folder").mkdir(parents=True)
    for number in range(20):
        (tree / "folder" / f"file{number}").write_bytes(random.Random(number).randbytes(100_000))
    return tree


def _fill(node: str, kind: str, tree: Path, sector: int) -> None:
    key = tree.with_name("key")
    key.write_bytes(b"a passphrase")
    words = MAKE[kind][1]
    if words:
        places = {"node": node, "tree": tree, "sector": sector, "cluster": 2048 // sector or 1, "key": key}
        run([word.format_map(places) for word in words])
    if kind == "vfat":
        run(["mcopy", "-s", "-i", node, tree / "folder", "::"])
    elif kind == "f2fs":
        run(["sload.f2fs", "-f", tree, node])
    elif kind in ("ntfs", "xfs"):
        place = tree.with_name(kind)
        place.mkdir()
        run(["ntfs-3g", node, place] if kind == "ntfs" else ["mount", "-t", kind, node, place])
        try:
            shutil.copytree(tree / "folder", place / "folder")
        finally:
            run(["umount", place])
    elif not kind:
        Path(node).write_bytes(random.Random(3).randbytes(MAKE[kind][0] * MIB))


def check(file: Path, kinds: Sequence[str], sector: int = 512) -> None:
    """Every file system is sound, by its own tool; ClonedError says which is not."""
    with loop(file, sector) as device:
        for number, kind in enumerate(kinds, 1):
            if kind in CHECK:
                run([*CHECK[kind], f"{device}p{number}"])


def clonezilla_on(sector: int, folder: Path) -> Path:
    """images/clonezilla.sh for a disk with sectors of so many bytes."""
    text = (assets.root("images") / "clonezilla.sh").read_text()
    assert "losetup --find --show" in text
    script = folder / "clonezilla.sh"
    script.write_text(text.replace("losetup --find --show", f"losetup --sector-size {sector} --find --show"))
    return script
