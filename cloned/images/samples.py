"""Sample images from the recipes in images/: built offline from Debian packages, saved by Clonezilla's ocs-sr."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cloned.assets import root
from cloned.disk.layout import Layout, Partition, Swap, swap_areas, table_writes
from cloned.errors import MissingError, UsageError
from cloned.images import bootable
from cloned.processes import run
from cloned.saying import Phrase

MIB = 1024 * 1024
SECTOR = 512
NAMES = ("bulk", "sample")
_EPOCH = "1767225600"
"""The time every file system of a sample says it was made, 2026-01-01: the same recipe gives the same image."""


def build(name: str, into: Path) -> Path:
    """The Clonezilla directory of a sample image in `into`, made once for each state of its recipe; needs root.

    UsageError for an unknown name, MissingError for a package that cannot be had.
    """
    if name not in NAMES:
        raise UsageError(
            Phrase("there is no sample image {name}", name=repr(name)),
            Phrase("there are: {names}", names=", ".join(NAMES)),
        )
    if os.geteuid() != 0:
        raise MissingError("a sample image needs a loop device", "run it as root or through sudo")
    done, stamp = into / name, into / f".{name}.recipe"
    digest = recipe_digest(name)
    if done.is_dir() and stamp.is_file() and stamp.read_text() == digest:
        return done
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=f".{name}-") as scratch:
        saved = _make(name, Path(scratch))
        stamp.unlink(missing_ok=True)
        shutil.rmtree(done, ignore_errors=True)
        saved.rename(done)
    stamp.write_text(digest)
    return done


def recipe_digest(name: str) -> str:
    """SHA-256 over everything a sample is made by, but not the versions of Debian's packages."""
    here = Path(__file__).parent
    files = [here / "samples.py", here / "bootable.py", root("images") / "clonezilla.sh"]
    files += sorted((root("images") / name).rglob("*"))
    digest = hashlib.sha256()
    for path in files:
        if path.is_file():
            digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _make(name: str, scratch: Path) -> Path:
    recipe = tomllib.loads((root("images") / name / "recipe.toml").read_text())
    disk = scratch / "disk"
    with disk.open("wb") as file:
        file.truncate(recipe["disk_mib"] * MIB)
    layout = _layout(recipe)
    _write(disk, table_writes(layout, disk.stat().st_size))
    _write(disk, swap_areas(layout))
    contents = bootable.contents(recipe, scratch) if name == "sample" else _bulk(recipe, scratch)
    for part in recipe["partition"]:
        _fill(disk, layout.partition(part["number"]), part, contents)
    if contents.boot_code:
        _write(disk, contents.boot_writes(layout))
    return _save(disk, scratch, name)


def _layout(recipe: Mapping[str, Any]) -> Layout:
    """Partitions one after the other from 1 MiB on."""
    parts, start = [], MIB // SECTOR
    for part in recipe["partition"]:
        size = part["mib"] * MIB // SECTOR
        swap = Swap(part["uuid"], part["label"]) if part["fs"] == "swap" else None
        parts.append(Partition(part["number"], start, size, part["type"], part["guid"], name=part["name"], swap=swap))
        start += size
    return Layout("gpt", recipe["disk_guid"], SECTOR, tuple(parts))


def _write(disk: Path, writes: list[tuple[int, bytes]]) -> None:
    with disk.open("r+b") as file:
        for offset, data in writes:
            file.seek(offset)
            file.write(data)


def _fill(disk: Path, place: Partition, part: Mapping[str, Any], contents: bootable.Contents) -> None:
    """Make a partition's file system within the disk's file, with its tree."""
    offset = place.start * SECTOR
    if part["fs"] == "vfat":
        _vfat(disk, offset, place.size // 2, part, contents.esp)
    elif part["fs"] == "ext4":
        environment = {**os.environ, "E2FSPROGS_FAKE_TIME": _EPOCH, "SOURCE_DATE_EPOCH": _EPOCH}
        extended = f"offset={offset},hash_seed={part['uuid']},root_owner=0:0"
        identity: list[str] = ["-L", part["label"], "-U", part["uuid"], "-E", extended]
        tree: list[str | Path] = ["-d", contents.root, disk, f"{part['mib']}M"]
        run(["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", *identity, *tree], env=environment)


def _vfat(disk: Path, offset: int, blocks: int, part: Mapping[str, Any], tree: Path) -> None:
    serial = part["uuid"].replace("-", "")
    # One sector a cluster: with larger ones so small a file system has too few of them for FAT32.
    size = ["-F", "32", "-s", "1", f"--offset={offset // SECTOR}"]
    run(["mkfs.vfat", *size, "-i", serial, "-n", part["label"], disk, str(blocks)])
    run(["mcopy", "-s", "-Q", "-i", f"{disk}@@{offset}", *sorted(tree.iterdir()), "::"])


def _bulk(recipe: Mapping[str, Any], scratch: Path) -> bootable.Contents:
    """One file of key stream: cheap to make, the same each time, and nothing that compresses."""
    tree = scratch / "root"
    tree.mkdir()
    with (tree / "random").open("wb") as file:
        for chunk in _key_stream(recipe["random_mib"]):
            file.write(chunk)
    return bootable.Contents(tree, tree)


def _key_stream(mib: int) -> Iterator[bytes]:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    encryptor = Cipher(algorithms.AES(b"cloned bulk data"), modes.CTR(bytes(16))).encryptor()
    for _ in range(mib):
        yield encryptor.update(bytes(MIB))


def _save(disk: Path, scratch: Path, name: str) -> Path:
    repository = scratch / "saved"
    repository.mkdir()
    # zstd on all cores, split at 4096 MB, MD5SUMS; checking the source and the result again is left out.
    said = clonezilla(disk, repository, "-z9p", "-i", "4096", "-gm", "-sfsck", "-senc", "-scs", "savedisk", name)
    saved = repository / name
    if not all((saved / file).is_file() for file in ("parts", "disk", "MD5SUMS")):  # ocs-sr always ends with 0
        raise MissingError(Phrase("ocs-sr could not save the sample image {name}", name=name), said)
    return saved


def clonezilla(disk: Path, repository: Path, *arguments: str) -> str:
    """Run ocs-sr without questions on a disk that is a file; the last words of what it said."""
    Path("/home/partimag").mkdir(exist_ok=True)
    command = ["unshare", "--mount", "--propagation", "private", "sh", str(root("images") / "clonezilla.sh")]
    quiet = ["-nogui", "-batch", "-q2", "-j2", "-p", "true"]
    done = run([*command, disk, repository, *quiet, *arguments], check=False, timeout=900)
    text = re.sub(r"\x1b\[[0-9;]*m", "", (done.stdout + done.stderr).decode("utf-8", "replace"))
    return " / ".join(line.strip() for line in text.splitlines()[-4:])
