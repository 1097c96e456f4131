"""The firmware's boot entry for the restored system (UEFI specification 2.10, chapter 3)."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from cloned.agent import sysfs
from cloned.agent.target import Skipped, Target, release_name
from cloned.agent.tools import ToolError, run
from cloned.disk.layout import Partition

_FALLBACK = "EFI/BOOT/BOOTX64.EFI"
_LOADERS = ("shimx64.efi", "grubx64.efi", "bootmgfw.efi", "systemd-bootx64.efi")
"""What to start, best first."""


def entry(target: Target, label: str = "") -> str:
    """Make a boot entry that starts the disk's own loader, and the fallback loader if it has none.

    Skipped where the laptop starts through BIOS or the disk has no EFI system partition.
    """
    if not sysfs.names("/sys/firmware/efi"):
        raise Skipped("this laptop starts through BIOS")
    part, kind = _system_partition(target)
    with target.mounted(part, kind) as folder:
        loader = find_loader(folder)
        if loader is None:
            raise ToolError(f"partition {part.number} holds no boot loader that is known")
        added = _fallback(folder, loader)
    name = label or _system_name(target) or "Linux"
    _replace_entry(target, part, name, "\\" + str(loader).replace("/", "\\"))
    return f"{name}: {loader}{' and the fallback loader' if added else ''}"


def _system_partition(target: Target) -> tuple[Partition, str]:
    for part in target.read().partitions:
        if part.type in ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "ef"):
            return part, target.file_system(part) or "vfat"
    raise Skipped("the disk has no EFI system partition")


def find_loader(folder: Path) -> Path | None:
    """The loader to start, relative to the EFI system partition; FAT knows no upper and lower case."""
    efi = _child(folder, "EFI")
    files = sorted(path for path in efi.rglob("*") if path.is_file()) if efi else []
    own = {path.name.lower(): path for path in files if path.parent.name.lower() != "boot"}
    fallback = [path for path in files if path.name.lower() == "bootx64.efi"]
    best = [own[name] for name in _LOADERS if name in own] + fallback
    return best[0].relative_to(folder) if best else None


def _child(folder: Path, name: str) -> Path | None:
    return next((path for path in folder.iterdir() if path.name.lower() == name.lower()), None)


def _fallback(folder: Path, loader: Path) -> bool:
    """Copy the loader and what lies beside it to where firmware looks when it has forgotten its entries."""
    efi = _child(folder, "EFI") or folder / "EFI"
    boot = _child(efi, "BOOT") or efi / "BOOT"
    if boot.is_dir() and _child(boot, "BOOTX64.EFI"):
        return False
    boot.mkdir(exist_ok=True)
    for path in (folder / loader).parent.iterdir():
        if path.is_file():
            shutil.copyfile(path, boot / path.name)
    shutil.copyfile(folder / loader, folder / _FALLBACK)
    return True


def _system_name(target: Target) -> str:
    try:
        with target.root() as root:
            return release_name(root).split(" (")[0]
    except Skipped:
        return "Windows Boot Manager" if target.windows() else ""


def _replace_entry(target: Target, part: Partition, name: str, loader: str) -> None:
    """One entry of this name, and it comes first."""
    for number in entries(run(["efibootmgr"], timeout=60), name):
        run(["efibootmgr", "--quiet", "--bootnum", number, "--delete-bootnum"], timeout=60)
    where = ["--disk", target.path, "--part", str(part.number)]
    run(["efibootmgr", "--quiet", "--create", *where, "--label", name, "--loader", loader], timeout=60)


def entries(listing: str, name: str) -> list[str]:
    """Numbers of the entries called `name` in efibootmgr's listing."""
    return re.findall(rf"^Boot([0-9A-F]{{4}})\*?\s+{re.escape(name)}(?:\t.*)?$", listing, re.MULTILINE)
