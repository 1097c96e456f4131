"""The firmware's boot entry for the restored system (UEFI specification 2.10, chapter 3)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cloned.agent import sysfs
from cloned.agent.loaders import FALLBACK, Loader, Systems, best_loader, find_loaders
from cloned.agent.target import CLOSED, Skipped, VerifiedDisk, release_ids, release_name
from cloned.agent.tools import ToolError, run
from cloned.clonezilla.nvram import BootEntry
from cloned.disk.layout import Partition
from cloned.saying import Phrase

_TYPES = ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "ef")


def entry(target: VerifiedDisk, label: str = "", wanted: Sequence[BootEntry] = ()) -> str:
    """Make a boot entry that starts the disk's own loader, and the fallback loader if it has none.

    `wanted` is what the master's firmware started. Skipped where the laptop starts through BIOS or the disk has no
    EFI system partition.
    """
    if not sysfs.names("/sys/firmware/efi"):
        raise Skipped("this laptop starts through BIOS")
    parts = system_partitions(target)
    loaders = [loader for part in parts.values() for loader in _loaders(target, part)]
    systems, name = _systems(target)
    found = best_loader(loaders, systems, wanted)
    if found is None:
        raise ToolError(
            Phrase("partition {parts} holds no boot loader that is known", parts=", ".join(map(str, parts)))
        )
    loader, told = found
    part = parts[loader.number]
    with target.mounted(part, target.file_system(part) or "vfat") as folder:
        added = not target.asleep() and add_fallback(folder, loader)  # a system that sleeps may know this disk mounted
    words = label or told or ("Windows Boot Manager" if loader.kind == "windows" else name) or "Linux"
    _replace_entry(target, part, words, "\\" + loader.path.replace("/", "\\"))
    return f"{words}: {loader.path}{' and the fallback loader' if added else ''}"


def system_partitions(target: VerifiedDisk) -> dict[int, Partition]:
    """Every EFI system partition, by number; Skipped if there is none."""
    found = {part.number: part for part in target.read().partitions if part.type in _TYPES}
    if not found:
        raise Skipped("the disk has no EFI system partition")
    return found


def _loaders(target: VerifiedDisk, part: Partition) -> list[Loader]:
    """Its loaders; none of a partition that cannot be mounted, if another can."""
    with suppress(ToolError), target.mounted(part, target.file_system(part) or "vfat") as folder:
        return list(find_loaders(folder, part.uuid, part.number))
    return []


def _systems(target: VerifiedDisk) -> tuple[Systems, str]:
    """What the disk holds, and the name of the Linux system that was found."""
    parts = [part for part in target.read().partitions if not part.extended]
    kinds = [target.file_system(part) for part in parts]
    uuids = frozenset(target.file_system_uuid(part).lower() for part in parts) - {""}
    windows = target.windows() is not None or "BitLocker" in kinds
    closed = any(kind in CLOSED and kind != "BitLocker" for kind in kinds)
    try:
        with target.root() as root:
            return Systems(windows, release_ids(root), closed, uuids), release_name(root).split(" (")[0]
    except Skipped:
        return Systems(windows, (), closed or target.asleep() != "", uuids), ""


def add_fallback(folder: Path, loader: Loader) -> bool:
    """Copy the loader and what lies beside it to where firmware looks when it has forgotten its entries.

    Of Windows the loader alone: it finds the rest where it is.
    """
    efi = _child(folder, "EFI") or folder / "EFI"
    boot = _child(efi, "BOOT") or efi / "BOOT"
    if boot.is_dir() and _child(boot, "BOOTX64.EFI"):
        return False
    boot.mkdir(exist_ok=True)
    for path in (folder / loader.path).parent.iterdir() if loader.kind == "linux" else ():
        if path.is_file():
            shutil.copyfile(path, boot / path.name)
    shutil.copyfile(folder / loader.path, boot / Path(FALLBACK).name)
    return True


def _child(folder: Path, name: str) -> Path | None:
    return next((path for path in folder.iterdir() if path.name.lower() == name.lower()), None)


def _replace_entry(target: VerifiedDisk, part: Partition, name: str, loader: str) -> None:
    """One entry of this name, and it comes first."""
    for number in entries(run(["efibootmgr"], timeout=60), name):
        run(["efibootmgr", "--quiet", "--bootnum", number, "--delete-bootnum"], timeout=60)
    where = ["--disk", target.path, "--part", str(part.number)]
    run(["efibootmgr", "--quiet", "--create", *where, "--label", name, "--loader", loader], timeout=60)


def entries(listing: str, name: str) -> list[str]:
    """Numbers of the entries called `name` in efibootmgr's listing."""
    return re.findall(rf"^Boot([0-9A-F]{{4}})\*?\s+{re.escape(name)}(?:\t.*)?$", listing, re.MULTILINE)
