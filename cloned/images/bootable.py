"""What the bootable sample holds: Debian's kernel, an initramfs, busybox, and GRUB for BIOS and UEFI."""

from __future__ import annotations

import re
import shutil
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from cloned.assets import root
from cloned.disk.layout import Layout
from cloned.disk.manifest import BOOT_CODE_BYTES
from cloned.errors import ClonedError, MissingError
from cloned.live.cpio import Archive
from cloned.processes import run
from cloned.saying import Phrase

_BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"
_LOAD_SEGMENT = 0x820
"""Where boot.img loads the rest of the core image."""


@dataclass(frozen=True)
class Contents:
    """Trees for the root file system and the EFI system partition, and GRUB's two images for BIOS."""

    root: Path
    esp: Path
    boot_code: bytes = b""
    core: bytes = b""

    def boot_writes(self, layout: Layout) -> list[tuple[int, bytes]]:
        """(byte offset, bytes) of boot.img and core.img, each told where the next stage lies.

        Offsets are those of GRUB's boot.S and diskboot.S.
        """
        sector = layout.sector_size
        place = next(part for part in layout.partitions if part.type == _BIOS_BOOT)
        boot = bytearray(self.boot_code[:BOOT_CODE_BYTES])
        struct.pack_into("<Q", boot, 0x5C, place.start)
        boot[0x66:0x68] = b"\x90\x90"  # trust the drive number that the BIOS gives
        core = bytearray(self.core.ljust(-(-len(self.core) // sector) * sector, b"\0"))
        struct.pack_into("<QHH", core, sector - 12, place.start + 1, len(core) // sector - 1, _LOAD_SEGMENT)
        if len(core) > place.size * sector:
            raise ClonedError("GRUB's core image is larger than the BIOS boot partition")
        return [(0, bytes(boot)), (place.start * sector, bytes(core))]


def contents(recipe: Mapping[str, Any], scratch: Path) -> Contents:
    """Fetch the packages, and lay out the trees below `scratch`."""
    debian = scratch / "debian"
    _unpack(recipe, debian)
    uuid = next(part["uuid"] for part in recipe["partition"] if part["fs"] == "ext4")
    tree, esp = scratch / "root", scratch / "esp"
    _root(recipe, debian, tree, uuid)
    _esp(debian, esp, uuid)
    boot_code = (debian / "usr/lib/grub/i386-pc/boot.img").read_bytes()
    return Contents(tree, esp, boot_code, _core(recipe, debian, scratch, uuid))


def _unpack(recipe: Mapping[str, Any], into: Path) -> None:
    """Download the packages with apt and unpack them; nothing is installed."""
    depends = run(["apt-cache", "depends", recipe["kernel"]]).stdout.decode()
    kernel = re.search(r"Depends: (linux-image-\S+)", depends)
    if not kernel:
        raise MissingError(Phrase("apt knows no package {kernel}", kernel=recipe["kernel"]), "apt-get update")
    packages = into.with_name("packages")
    packages.mkdir()
    packages.chmod(0o777)  # apt downloads as its own user; the directory is removed again
    try:
        run(["apt-get", "download", "-qq", kernel[1], *recipe["packages"]], cwd=packages, timeout=600)
    except ClonedError as error:
        what = f"the packages of the sample image cannot be downloaded: {error.hint}"
        raise MissingError(what, "apt-get update") from error
    for package in sorted(packages.glob("*.deb")):
        run(["dpkg-deb", "-x", package, into])


def _asset(name: str) -> Path:
    return root("images") / "sample" / name


def _root(recipe: Mapping[str, Any], debian: Path, tree: Path, uuid: str) -> None:
    for folder in ("boot/grub", "bin", "sbin", "etc/ssh", "proc", "sys", "dev", "run", "tmp", "root", "var"):
        (tree / folder).mkdir(parents=True)
    (kernel,) = (debian / "boot").glob("vmlinuz-*")
    shutil.copyfile(kernel, tree / "boot/vmlinuz")
    (tree / "boot/grub/grub.cfg").write_text(_asset("grub.cfg").read_text().replace("@ROOT@", uuid))
    _initramfs(recipe, debian, tree / "boot/initrd.img")
    busybox = _copy(debian / "bin/busybox", tree / "bin/busybox", 0o755)
    for applet in run([busybox, "--list-full"]).stdout.decode().split():
        link = tree / Path(applet).relative_to("usr") if applet.startswith("usr/") else tree / applet
        link.parent.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to("/bin/busybox")
    (tree / "sbin/init").unlink()
    _copy(_asset("root/init"), tree / "sbin/init", 0o755)
    _copy(_asset("root/inittab"), tree / "etc/inittab", 0o644)
    _copy(_asset("root/os-release"), tree / "etc/os-release", 0o644)
    _settings(recipe, tree / "etc")


def _settings(recipe: Mapping[str, Any], etc: Path) -> None:
    """What makes a system this one and no other: the finishing steps change it on each laptop."""
    parts = {part["fs"]: part for part in recipe["partition"]}
    (etc / "hostname").write_text("master\n")
    (etc / "hosts").write_text("127.0.0.1\tlocalhost\n127.0.1.1\tmaster\n")
    (etc / "machine-id").write_text("c10edc10c10edc10c10edc10c10edc10\n")
    (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (etc / "group").write_text("root:x:0:\n")
    (etc / "fstab").write_text(
        f"UUID={parts['ext4']['uuid']} / ext4 errors=remount-ro 0 1\nUUID={parts['swap']['uuid']} none swap sw 0 0\n"
    )


def _copy(source: Path, target: Path, mode: int) -> Path:
    shutil.copyfile(source, target)
    target.chmod(mode)
    return target


def _initramfs(recipe: Mapping[str, Any], debian: Path, target: Path) -> None:
    tree = debian.with_name("initramfs")
    for folder in ("bin", "dev", "proc", "sys", "root", "modules"):
        (tree / folder).mkdir(parents=True)
    _copy(debian / "bin/busybox", tree / "bin/busybox", 0o755)
    _copy(_asset("initramfs/init"), tree / "init", 0o755)
    order = []
    for path in _closure(recipe["modules"], debian / "lib/modules"):
        order.append(path.name)
        _copy(path, tree / "modules" / path.name, 0o644)
    (tree / "modules/order").write_text("".join(f"{name}\n" for name in order))
    with target.open("wb") as file, zstandard.ZstdCompressor(level=10).stream_writer(file) as packed:
        archive = Archive(packed)
        archive.device("dev/console", 5, 1)
        archive.tree(tree)
        archive.close()


def _closure(wanted: list[str], modules: Path) -> Iterator[Path]:
    """The modules and what they depend on, each after what it needs; those built into the kernel are left out."""
    files = {_plain(path.name): path for path in sorted(modules.rglob("*.ko*"))}
    seen: set[str] = set()

    def visit(name: str) -> Iterator[Path]:
        path = files.get(name)
        if path is None or name in seen:
            return
        seen.add(name)
        unpacked = _unpacked(path)
        found = re.search(rb"\0depends=([^\0]*)\0", unpacked.read_bytes())
        for other in found[1].decode().split(",") if found else []:
            yield from visit(_plain(other))
        yield unpacked

    for name in wanted:
        yield from visit(name)


def _plain(name: str) -> str:
    return name.split(".ko")[0].replace("-", "_")


def _unpacked(path: Path) -> Path:
    """Debian 13 compresses its modules."""
    if path.suffix == ".xz":
        run(["xz", "-d", path])
        return path.with_suffix("")
    return path


def _esp(debian: Path, esp: Path, uuid: str) -> None:
    """shim at the fall-back place, Debian's signed GRUB beside it; its prefix is /EFI/debian."""
    (esp / "EFI/BOOT").mkdir(parents=True)
    (esp / "EFI/debian").mkdir()
    shutil.copyfile(debian / "usr/lib/shim/shimx64.efi.signed", esp / "EFI/BOOT/BOOTX64.EFI")
    shutil.copyfile(debian / "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", esp / "EFI/BOOT/grubx64.efi")
    (esp / "EFI/debian/grub.cfg").write_text(_asset("core.cfg").read_text().replace("@ROOT@", uuid))


def _core(recipe: Mapping[str, Any], debian: Path, scratch: Path, uuid: str) -> bytes:
    """GRUB's core image for BIOS: finds the root file system by its UUID, whatever the disk is called."""
    settings, image = scratch / "core.cfg", scratch / "core.img"
    settings.write_text(_asset("core.cfg").read_text().replace("@ROOT@", uuid))
    run(
        [
            debian / "usr/bin/grub-mkimage",
            "-O",
            "i386-pc",
            "-d",
            debian / "usr/lib/grub/i386-pc",
            "-c",
            settings,
            "-p",
            "/boot/grub",
            "-o",
            image,
            *recipe["grub_modules"],
        ]
    )
    return image.read_bytes()
