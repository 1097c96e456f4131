"""Builds the lean live system (kernel and one initramfs) from Debian packages."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from cloned import processes
from cloned.errors import MissingError
from cloned.languages import to_translate
from cloned.live import recipe as recipes
from cloned.live.built import Built
from cloned.live.cpio import Archive
from cloned.live.recipe import Recipe
from cloned.live.rootfs import LIVE, Debian, InitramfsTree
from cloned.saying import Phrase

_LEVEL = 19
_ROOM_BYTES = 1500 * 1024 * 1024
"""Bytes that building needs in the temporary directory."""


@dataclass(frozen=True, kw_only=True)
class LiveInfo(Built):
    """A live system that was built."""

    FILE = "live.json"
    ABSENT = to_translate("there is no live system in {folder}")
    DAMAGED = to_translate("the live system in {folder} is damaged")
    HINT = to_translate("run `cloned live build`")

    kernel: str
    """Kernel release."""
    suite: str
    firmware: bool
    """Whether firmware of network cards is in the initramfs."""
    vmlinuz_bytes: int
    initrd_bytes: int
    unpacked_bytes: int
    """What the initramfs takes in a laptop's memory."""

    @property
    def vmlinuz(self) -> Path:
        """The kernel, as Debian signed it."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """The initramfs."""
        return self.folder / "initrd"

    @property
    def bytes(self) -> int:
        """What a laptop fetches."""
        return self.vmlinuz_bytes + self.initrd_bytes

    def whole(self) -> bool:
        """Whether both files have their sizes."""
        sizes = (self.vmlinuz.stat().st_size, self.initrd.stat().st_size)
        return sizes == (self.vmlinuz_bytes, self.initrd_bytes)

    def to_json(self) -> dict[str, Any]:
        """As plain data, with what a laptop fetches."""
        return {**super().to_json(), "bytes": self.bytes}


def info(path: Path) -> LiveInfo:
    """Describe the live system in `path`; MissingError if there is none or it is not whole."""
    return LiveInfo.read(path)


def build(
    into: Path,
    suite: str = "bookworm",
    firmware: bool = False,
    *,
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> LiveInfo:
    """Build the live system into the folder `into`, unless what is there came from the same recipe.

    Takes half a minute and the network (Debian packages, through mmdebstrap). Whatever was in `into` stays
    as it was until the new one is whole. Raises MissingError or ClonedError with the next step.
    """
    digest = recipes.digest(suite, firmware)
    if not force and (there := LiveInfo.current(into, digest)) is not None:
        return there
    if into.is_symlink():
        into.unlink()  # to what the package cloned-live brought, which is not ours to write to
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cloned-live-") as scratch:
        room = shutil.disk_usage(scratch).free
        if room < _ROOM_BYTES:
            raise MissingError(
                Phrase("only {room} MB are free in {scratch}", room=room >> 20, scratch=scratch),
                "set TMPDIR to where 1.5 GB are free",
            )
        return _build(into, Path(scratch), suite, firmware, digest, progress)


def _build(
    into: Path, scratch: Path, suite: str, firmware: bool, digest: str, progress: Callable[[str], None]
) -> LiveInfo:
    recipe = recipes.load()
    progress(Phrase("fetching Debian packages"))
    debian = Debian(_unpack(scratch / "debian", suite, recipe, firmware))
    progress(Phrase("putting the initramfs together"))
    tree = InitramfsTree(scratch / "tree", scratch / "packed", debian, recipe)
    tree.assemble()
    if firmware:
        tree.add_firmware()
    progress("compressing")
    unpacked = _write_initrd(tree, scratch / "initrd")
    return LiveInfo.publish(
        into,
        {"vmlinuz": debian.vmlinuz, "initrd": scratch / "initrd"},
        kernel=debian.kernel,
        suite=suite,
        firmware=firmware,
        digest=digest,
        vmlinuz_bytes=debian.vmlinuz.stat().st_size,
        initrd_bytes=(scratch / "initrd").stat().st_size,
        unpacked_bytes=unpacked,
    )


def _unpack(target: Path, suite: str, recipe: Recipe, firmware: bool) -> Path:
    """Fetch and unpack the packages; nothing of them is configured or run."""
    packages, components = list(recipe.packages), ["main"]
    if firmware:
        packages += recipe.firmware_packages
        components += recipe.firmware_components
    processes.run([
        "mmdebstrap", "--variant=extract", "--quiet", f"--include={','.join(packages)}",
        f"--components={','.join(components)}", "--format=directory", suite, target,
    ], env={**os.environ, "LC_ALL": "C.UTF-8"})  # fmt: skip
    return target


def _write_initrd(tree: InitramfsTree, target: Path) -> int:
    """Pack and compress; return the unpacked size in bytes.

    Two archives one after the other, as the kernel allows: what it unpacks, and live.squashfs, which is
    compressed already, as it is.
    """
    params = zstandard.ZstdCompressionParameters.from_level(_LEVEL, threads=-1)
    packed = tree.squash()
    with target.open("wb") as out:
        with zstandard.ZstdCompressor(compression_params=params).stream_writer(out, closefd=False) as packer:
            first = Archive(packer)
            first.tree(tree.root)
            first.device("dev/console", 5, 1)  # init's own standard output, before /dev is mounted
            size = first.close()
        out.write(bytes(-out.tell() % 4))
        second = Archive(out)
        second.file(LIVE, packed)
        return size + second.close()
