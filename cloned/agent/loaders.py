"""Which boot loader on the EFI system partitions starts what is on this disk, by evidence."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cloned.clonezilla.nvram import BootEntry

FALLBACK = "EFI/BOOT/BOOTX64.EFI"
_WINDOWS = "efi/microsoft/boot/bootmgfw.efi"
_LINUX = ("shimx64.efi", "grubx64.efi", "systemd-bootx64.efi", "refind_x64.efi")
"""A directory's loader, best first."""
_CFG_LIMIT = 65536
_SOUGHT = re.compile(r"""fs[-_]uuid\s+(?:-\S+(?:\s+root)?\s+)*["']?([0-9A-Fa-f-]{9,36})""")
"""What GRUB looks for: `search.fs_uuid UUID root`, `search --fs-uuid --set=root UUID`, `--set root`, hints between."""


@dataclass(frozen=True)
class Loader:
    """A boot loader that was found."""

    partition: str
    """GUID of its EFI system partition; empty on an MBR disk."""
    number: int
    path: str
    """Below that partition, as it is written there."""
    kind: str
    """linux, windows or fallback."""
    points_to: frozenset[str] = frozenset()
    """UUIDs of file systems that the grub.cfg beside it looks for."""

    @property
    def directory(self) -> str:
        """The directory it lies in, in lower case: `debian`."""
        return Path(self.path).parent.name.lower()


@dataclass(frozen=True)
class Systems:
    """What the disk holds."""

    windows: bool = False
    linux: Sequence[str] = ()
    """ID and then ID_LIKE of os-release(5) of the Linux system that was found."""
    closed: bool = False
    """Whether something is encrypted or in LVM, so that a system may be there unseen."""
    uuids: Collection[str] = field(default_factory=frozenset)
    """UUIDs of file systems, in lower case."""

    @property
    def maybe_linux(self) -> bool:
        """Whether a Linux is there, or could be."""
        return bool(self.linux) or self.closed


def find_loaders(folder: Path, partition: str = "", number: int = 0) -> Iterator[Loader]:
    """Every loader on an EFI system partition that is mounted on `folder`; FAT knows no upper and lower case."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(_below_efi(folder))}
    names = {name.lower(): name for name in files}
    for place, kind in ((_WINDOWS, "windows"), (FALLBACK.lower(), "fallback")):
        if place in names:
            yield Loader(partition, number, names[place], kind)
    for directory in dict.fromkeys(Path(name).parent.as_posix() for name in files):
        if directory.lower() == "efi/boot" or directory.lower().startswith("efi/microsoft"):
            continue
        own = [names.get(f"{directory}/{name}".lower()) for name in _LINUX]
        best = next((name for name in own if name), None)
        if best:
            yield Loader(partition, number, best, "linux", _points_to(files, names, directory))


def _below_efi(folder: Path) -> Iterator[Path]:
    for child in folder.iterdir():
        if child.name.lower() == "efi" and child.is_dir():
            yield from (path for path in child.rglob("*") if path.is_file())


def _points_to(files: dict[str, Path], names: dict[str, str], directory: str) -> frozenset[str]:
    """What Debian's kind of grub.cfg on the EFI system partition looks for: `search.fs_uuid UUID root`."""
    name = names.get(f"{directory}/grub.cfg".lower())
    if name is None:
        return frozenset()
    with suppress(OSError), files[name].open("rb") as file:
        text = file.read(_CFG_LIMIT).decode("utf-8", "replace")
        return frozenset(found.lower() for found in _SOUGHT.findall(text))
    return frozenset()


def best_loader(
    loaders: Sequence[Loader], systems: Systems, wanted: Sequence[BootEntry] = ()
) -> tuple[Loader, str] | None:
    """The loader to start, and the label that the master's firmware had for it (or nothing).

    What the master's firmware started comes first, if it is here and what it starts is; then a loader whose system is
    on the disk; then the fallback. What a removed system left behind is taken only if there is nothing else.
    """
    for entry in wanted:
        for loader in loaders:
            same = loader.partition in ("", entry.partition) and loader.path.lower() == entry.loader.lower()
            if same and loader.kind != "fallback" and not left_over(loader, systems):
                return loader, entry.label
    ranked = sorted(loaders, key=lambda loader: _rank(loader, systems))
    return (ranked[0], "") if ranked else None


def left_over(loader: Loader, systems: Systems) -> bool:
    """Whether the system that put it there is gone from the disk."""
    if loader.kind == "windows":
        return not systems.windows
    if loader.kind == "fallback":
        return False
    gone = bool(loader.points_to) and not systems.closed and loader.points_to.isdisjoint(systems.uuids)
    return gone or not systems.maybe_linux


def _rank(loader: Loader, systems: Systems) -> tuple[int, int, int]:
    kinds = {"linux": 0, "windows": 1, "fallback": 2}
    if left_over(loader, systems):
        return 3, kinds[loader.kind], 0
    return kinds[loader.kind], _fit(loader, systems), _quality(loader)


def _fit(loader: Loader, systems: Systems) -> int:
    """How well the directory fits the system's own name: `opensuse` fits opensuse-leap, `ubuntu` what is like it."""
    for place, ident in enumerate(systems.linux):
        if ident and (loader.directory.startswith(ident) or ident.startswith(loader.directory)):
            return place
    return len(systems.linux)


def _quality(loader: Loader) -> int:
    name = Path(loader.path).name.lower()
    return _LINUX.index(name) if name in _LINUX else len(_LINUX)
