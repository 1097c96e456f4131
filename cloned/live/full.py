"""Builds the full Clonezilla system for classic sessions: a squashfs that the lean live system enters."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloned import assets, processes
from cloned.errors import MissingError
from cloned.languages import to_translate
from cloned.live.built import Built
from cloned.saying import Phrase

NAME = "clonezilla.squashfs"
"""Served to laptops as /live/clonezilla.squashfs."""

_ROOM = 1500 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ClonezillaInfo(Built):
    """A Clonezilla system that was built."""

    FILE = "clonezilla.json"
    ABSENT = to_translate("there is no Clonezilla system in {folder}")
    DAMAGED = to_translate("the Clonezilla system in {folder} is damaged")
    HINT = to_translate("run `cloned live build --clonezilla`")

    suite: str
    bytes: int

    @property
    def squashfs(self) -> Path:
        """The file."""
        return self.folder / NAME

    def whole(self) -> bool:
        """Whether the file has its size."""
        return self.squashfs.stat().st_size == self.bytes


def info(folder: Path) -> ClonezillaInfo:
    """Describe the Clonezilla system in `folder`; MissingError if there is none or it is not whole."""
    return ClonezillaInfo.read(folder)


def build(
    into: Path, suite: str = "bookworm", *, force: bool = False, progress: Callable[[str], None] = lambda _: None
) -> ClonezillaInfo:
    """Build it into `into`, unless what is there came from the same recipe; needs root, and the network.

    Takes some minutes. What was in `into` stays until the new one is whole. MissingError or ClonedError with the
    next step.
    """
    digest = recipe_digest(suite)
    there = ClonezillaInfo.current(into, digest)
    if there is not None and not force:
        return there
    if os.geteuid() != 0:
        raise MissingError("setting up packages in a folder of their own needs root", "run it through sudo")
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cloned-clonezilla-") as scratch:
        if shutil.disk_usage(scratch).free < _ROOM:
            raise MissingError(
                Phrase("too little room in {scratch}", scratch=scratch), "set TMPDIR to where 1.5 GB are free"
            )
        progress(Phrase("fetching Clonezilla and what it needs"))
        root = _unpack(Path(scratch) / "root", suite)
        progress(Phrase("compressing Clonezilla"))
        made = _squash(root)
        size = made.stat().st_size
        return ClonezillaInfo.publish(into, {NAME: made}, suite=suite, digest=digest, bytes=size)


def recipe() -> dict[str, Any]:
    """pxe/clonezilla/recipe.toml."""
    return tomllib.loads((assets.root("pxe") / "clonezilla" / "recipe.toml").read_text())


def recipe_digest(suite: str) -> str:
    """What the outcome depends on."""
    data = json.dumps(recipe(), sort_keys=True) + suite
    return hashlib.sha256(data.encode() + Path(__file__).read_bytes()).hexdigest()


def _unpack(target: Path, suite: str) -> Path:
    """A small Debian with the packages set up in it."""
    wanted = recipe()
    without = [f"--dpkgopt=path-exclude={glob}" for glob in wanted["without"]]
    options = ["--mode=root", "--variant=minbase", "--quiet", "--components=main", "--format=directory", *without]
    packages = ['--aptopt=APT::Install-Recommends "false"', f"--include={','.join(wanted['packages'])}"]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    processes.run(["mmdebstrap", *options, *packages, suite, target], env=environment, timeout=1800)
    return target


def _squash(root: Path) -> Path:
    """Pack the tree with its own mksquashfs; the file, which lies within the tree."""
    left_out = [*recipe()["left_out"], NAME]
    packing = ["-comp", "zstd", "-Xcompression-level", "15", "-b", "256K", "-noappend", "-no-progress", "-quiet"]
    same = ["-all-time", "0", "-mkfs-time", "0", "-no-exports"]
    processes.run(["chroot", root, "mksquashfs", "/", f"/{NAME}", *packing, *same, "-e", *left_out], timeout=1800)
    return root / NAME
