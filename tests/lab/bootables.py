"""Disks that boot by themselves, made of the sample image's system: another partition table, or LVM."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from cloned.assets import root
from cloned.disk.layout import Layout, Partition, Swap, swap_areas, table_writes
from cloned.disk.manifest import BOOT_CODE_BYTES
from cloned.images.store import ImageStore
from cloned.images.system import LayerReader
from cloned.lab.stock import cache_root
from cloned.processes import run

MIB = 1024 * 1024
UUID = "c10edc10-0005-4000-8000-c10edc10ed05"
GRUB = Path("/usr/lib/grub/i386-pc")
_LOAD_SEGMENT = 0x820


def sample_root(scratch: Path) -> Path:
    """The sample system's files, out of the lab's image of it."""
    store = ImageStore(cache_root() / "images")
    manifest = store.manifest("sample")
    first = 0
    for layer in manifest.plan.layers:
        digests = manifest.pieces[first : first + layer.piece_count]
        first += layer.piece_count
        if layer.fs == "ext4":
            break
    reader, file, tree = LayerReader(layer, digests, store.pieces), scratch / "sample.ext4", scratch / "sample"
    with file.open("wb") as out:
        out.truncate(layer.size)
        for offset, length in layer.extents:
            out.seek(offset)
            out.write(reader.read(offset, length))
    tree.mkdir()
    run(["debugfs", "-R", f"rdump / {tree}", file])
    shutil.rmtree(tree / "lost+found", ignore_errors=True)
    return tree


def grub(scratch: Path, modules: Iterable[str], boot_uuid: str) -> tuple[bytes, bytes]:
    """boot.img (440 bytes) and core.img for BIOS, which looks for /boot/grub on the file system with this UUID."""
    settings, image = scratch / "core.cfg", scratch / "core.img"
    settings.write_text((root("images") / "sample/core.cfg").read_text().replace("@ROOT@", boot_uuid))
    common = ["biosdisk", "ext2", "search_fs_uuid", "normal", "configfile", "linux", "serial", "terminal", "echo"]
    run(
        [
            "grub-mkimage",
            "-O",
            "i386-pc",
            "-d",
            GRUB,
            "-c",
            settings,
            "-p",
            "/boot/grub",
            "-o",
            image,
            *common,
            *modules,
        ]
    )
    return (GRUB / "boot.img").read_bytes()[:BOOT_CODE_BYTES], image.read_bytes()


def placed(boot: bytes, core: bytes, sector: int) -> tuple[bytes, bytes]:
    """Both, told that the core image begins at `sector` (offsets of GRUB's boot.S and diskboot.S)."""
    head, body = bytearray(boot), bytearray(core.ljust(-(-len(core) // 512) * 512, b"\0"))
    struct.pack_into("<Q", head, 0x5C, sector)
    head[0x66:0x68] = b"\x90\x90"  # trust the drive number that the BIOS gives
    struct.pack_into("<QHH", body, 500, sector + 1, len(body) // 512 - 1, _LOAD_SEGMENT)
    return bytes(head), bytes(body)


def grub_settings(boot_uuid: str, root_words: str) -> str:
    """grub.cfg: starts /boot/vmlinuz at once."""
    text = (root("images") / "sample/grub.cfg").read_text()
    return re.sub(r"root=UUID=@ROOT@", root_words, text).replace("@ROOT@", boot_uuid)


def mbr_disk(scratch: Path) -> Path:
    """An MBR disk: a FAT partition, then an extended one with the system and its swap area in logical partitions."""
    step = MIB // 512
    swap = Swap("c10edc10-0006-4000-8000-c10edc10ed06", "sample-swap")
    layout = Layout(
        "dos",
        "0xc10ed0c5",
        512,
        (
            Partition(1, step, 20 * step, "c", attrs="active"),
            Partition(2, 21 * step, 270 * step, "f"),
            Partition(5, 22 * step, 200 * step, "83"),
            Partition(6, 223 * step, 64 * step, "82", swap=swap),
        ),
    )
    tree = sample_root(scratch)
    (tree / "boot/grub/grub.cfg").write_text(grub_settings(UUID, f"root=UUID={UUID}"))
    (tree / "etc/fstab").write_text(f"UUID={UUID} / ext4 errors=remount-ro 0 1\nUUID={swap.uuid} none swap sw 0 0\n")
    fat, ext4 = scratch / "fat", scratch / "ext4"
    for file, mib in ((fat, 20), (ext4, 200)):
        with file.open("wb") as out:
            out.truncate(mib * MIB)
    run(["mkfs.vfat", fat])
    run(["mke2fs", "-q", "-t", "ext4", "-L", "sample", "-U", UUID, "-E", "root_owner=0:0", "-d", tree, ext4])
    boot, core = placed(*grub(scratch, ["part_msdos"], UUID), 1)
    assert len(core) < MIB - 512
    writes = [*table_writes(layout, 300 * MIB), *swap_areas(layout), (0, boot), (512, core)]
    disk = scratch / "mbr.disk"
    with disk.open("wb") as out:
        out.truncate(300 * MIB)
        for offset, data in writes:
            out.seek(offset)
            out.write(data)
    for file, mib in ((fat, 1), (ext4, 22)):
        run(["dd", f"if={file}", f"of={disk}", "bs=1M", f"seek={mib}", "conv=notrunc,sparse"])
    return disk


def programs(names: Iterable[str], into: Path) -> None:
    """Programs of this machine with the libraries they need, started by the loader that lies beside them."""
    into.mkdir(parents=True)
    for name in names:
        path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
        assert path, name
        said = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+)", said):
            shutil.copyfile(library, into / Path(library).name)
            (into / Path(library).name).chmod(0o755)
        shutil.copyfile(path, into / name)
        (into / name).chmod(0o755)
