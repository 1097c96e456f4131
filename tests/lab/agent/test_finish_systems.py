"""The finishing steps on what people really have: Windows with its recovery at the end, a btrfs with its root anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from cloned import processes
from cloned.disk.layout import Layout, Partition, read_layout
from cloned.live import LiveInfo
from cloned.saying import Phrase
from tests.lab.agent.machine import Machine, cut, dd_image
from tests.lab.agent.test_finish import ESP, GUID, LINUX
from tests.wire.agent.bench import MIB, Server

pytestmark = [pytest.mark.lab, pytest.mark.slow]

RECOVERY, DATA = "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
RESERVED = "E3C9E316-0B5C-4DB8-817D-F92DF00215AE"
SECTORS = MIB // 512


def empty(path: Path, mib: int) -> Path:
    with path.open("wb") as file:
        file.truncate(mib * MIB)
    return path


def windows_layout() -> Layout:
    """As Windows 10 and 11 install themselves: EFI system, reserved, C:, and the recovery partition last."""
    parts = (
        Partition(1, SECTORS, 40 * SECTORS, ESP, GUID.format(1), name="EFI system partition"),
        Partition(2, 41 * SECTORS, SECTORS, RESERVED, GUID.format(2), name="Microsoft reserved partition"),
        Partition(3, 42 * SECTORS, 96 * SECTORS, DATA, GUID.format(3), name="Basic data partition"),
        Partition(4, 138 * SECTORS, 32 * SECTORS, RECOVERY, GUID.format(4), attrs="8000000000000001"),
    )
    return Layout("gpt", GUID.format(0), 512, parts)


REAGENT = "Windows/System32/Recovery/ReAgent.xml"
WHERE = '<WindowsRE version="2.0"><WinreLocation path="\\Recovery\\WindowsRE" id="0" offset="{}" guid=""/></WindowsRE>'
"""What Windows keeps of its recovery."""


def ntfs(path: Path, mib: int, *folders: str, files: Mapping[str, str] = MappingProxyType({})) -> Path:
    empty(path, mib)
    processes.run(["mkfs.ntfs", "-q", "-F", "-f", path])
    place = path.with_name(f"{path.name}.mounted")
    place.mkdir()
    processes.run(["ntfs-3g", path, place])
    try:
        for folder in folders:
            (place / folder).mkdir()
        for name, text in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
    finally:
        processes.run(["umount", place])
    return path


def windows_esp(folder: Path) -> Path:
    """Windows' loader, and the directory of a Debian that was there once."""
    file, loader, config = empty(folder / "esp", 40), folder / "loader", folder / "grub.cfg"
    loader.write_bytes(b"MZ a loader")
    config.write_text("search.fs_uuid 11111111-2222-4333-8444-555555555555 root\n")
    processes.run(["mkfs.vfat", file])
    processes.run(["mmd", "-i", file, "::EFI", "::EFI/Microsoft", "::EFI/Microsoft/Boot", "::EFI/debian"])
    names = (("Microsoft/Boot/bootmgfw.efi", loader), ("Microsoft/Boot/BCD", config), ("debian/shimx64.efi", loader),
             ("debian/grub.cfg", config))  # fmt: skip
    for name, source in names:
        processes.run(["mcopy", "-i", file, source, f"::EFI/{name}"])
    return file


async def test_windows_with_its_recovery_last_on_a_larger_disk(tmp_path: Path, system: LiveInfo) -> None:
    layout = windows_layout()
    files = {
        1: windows_esp(tmp_path),
        3: ntfs(tmp_path / "c", 96, "Windows", "Users", files={REAGENT: WHERE.format(138 * MIB)}),
        4: ntfs(tmp_path / "re", 32, "Recovery"),
    }
    before = hashlib.sha256(files[4].read_bytes()).digest()
    machine = Machine(system, tmp_path, 512 * MIB, uefi=True)
    steps = [{"name": "grow"}, {"name": "efi-entry", "entries": []}, {"name": "stamp"}]
    server = Server(dd_image(layout, files), machine.order_disk(), steps=steps)
    said = await machine.run(server)
    results = {
        step["name"]: (step["result"], Phrase.read(step["detail"])) for step in server.told("finished")[0]["steps"]
    }
    moved = "partition 3 (ntfs) has 341 MiB more; recovery partition 4 was carried to the end of the disk"
    assert results["grow"] == ("done", moved), said
    assert results["efi-entry"] == (
        "done", "Windows Boot Manager: EFI/Microsoft/Boot/bootmgfw.efi and the fallback loader"
    ), said  # fmt: skip
    assert results["stamp"] == ("done", "cloned-release.txt in Windows"), said
    with machine.file.open("rb") as disk:

        def read(offset: int, length: int) -> bytes:
            disk.seek(offset)
            return disk.read(length)

        found = read_layout(read, machine.size, 512)
    assert [(part.start // SECTORS, part.size // SECTORS) for part in found.partitions] == [
        (1, 40), (41, 1), (42, 437), (479, 32)]  # fmt: skip
    assert [replace(part, start=0, size=0) for part in found.partitions] == [
        replace(part, start=0, size=0) for part in layout.partitions]  # fmt: skip
    after = cut(machine, found.partition(4), tmp_path / "re-after")
    assert hashlib.sha256(after.read_bytes()).digest() == before
    windows = cut(machine, found.partition(3), tmp_path / "c-after")
    assert processes.run(["ntfscat", "--force", windows, REAGENT]).stdout.decode() == WHERE.format(479 * MIB)
    processes.run(["ntfsfix", "-n", windows])
    size = processes.run(["ntfsresize", "--info", "--force", windows]).stdout.decode()
    assert f"Current device size: {437 * MIB} bytes" in size
    listing = processes.run(
        ["mdir", "-b", "-i", cut(machine, found.partition(1), tmp_path / "esp-after"), "::EFI/BOOT"]
    )
    assert [line.rpartition("/")[2] for line in listing.stdout.decode().split()] == ["BOOTX64.EFI"]


def btrfs_root(folder: Path, subvolume: str) -> Path:
    """A btrfs with a system in a subvolume, and a snapshot of it beside it."""
    file, place = empty(folder / "btrfs", 256), folder / "mounted"
    processes.run(["mkfs.btrfs", "-q", file])
    place.mkdir()
    processes.run(["mount", "-o", "loop", file, place])
    try:
        (place / subvolume).parent.mkdir(parents=True, exist_ok=True)
        processes.run(["btrfs", "subvolume", "create", place / subvolume])
        (place / subvolume / "etc").mkdir()
        (place / subvolume / "etc/os-release").write_text('PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\n')
        (place / subvolume / "etc/fstab").write_text(f"LABEL=x / btrfs defaults,subvol={subvolume} 0 0\n")
        (place / subvolume / "etc/hostname").write_text("master\n")
        processes.run(["btrfs", "subvolume", "snapshot", place / subvolume, place / "a-copy"])
    finally:
        processes.run(["umount", place])
    return file


async def test_a_root_in_some_subvolume_of_a_btrfs(tmp_path: Path, system: LiveInfo) -> None:
    part = Partition(2, SECTORS, 256 * SECTORS, LINUX, GUID.format(2), name="root")
    layout = Layout("gpt", GUID.format(0), 512, (part,))
    machine = Machine(system, tmp_path, 300 * MIB, disk="nvme")
    steps = [{"name": "hostname", "hostname": "deelit-7"}]
    image = dd_image(layout, {2: btrfs_root(tmp_path, "systems/@desk")})
    server = Server(image, machine.order_disk(), steps=steps)
    said = await machine.run(server)
    (step,) = server.told("finished")[0]["steps"]
    assert step["result"] == "done", (step, said)
    after, place = cut(machine, part, tmp_path / "after"), tmp_path / "mounted"
    processes.run(["mount", "-o", "loop,ro", after, place])
    try:
        assert (place / "systems/@desk/etc/hostname").read_text() == "deelit-7\n"
        assert (place / "a-copy/etc/hostname").read_text() == "master\n"
    finally:
        processes.run(["umount", place])
