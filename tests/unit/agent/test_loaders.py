"""Which boot loader is started: what the master's firmware started, then what is on the disk, never what is left over."""

from pathlib import Path

import pytest

from cloned.agent.efi import add_fallback
from cloned.agent.loaders import Loader, Systems, best_loader, find_loaders
from cloned.agent.target import put_file, release_ids
from cloned.clonezilla.nvram import BootEntry, boot_entries

ESP = "C10EDC10-0000-4000-8000-000000000001"
ROOT = "b6cb3fe2-4e2a-4c25-8b5c-0d0b4a1f3a01"
GONE = "11111111-2222-4333-8444-555555555555"
DEBIAN = Systems(linux=("debian",), uuids={ROOT})
UBUNTU_LIKE = Systems(linux=("linuxmint", "ubuntu", "debian"), uuids={ROOT})
WINDOWS = Systems(windows=True)
CFG = "search.fs_uuid {} root\nset prefix=($root)'/boot/grub'\n"


def esp(folder: Path, *names: str) -> list[Loader]:
    """Loaders of an EFI system partition with these files."""
    for name in names:
        path, _, text = name.partition(" ")
        put_file(folder, path, text)
    return list(find_loaders(folder, ESP, 1))


def chosen(loaders: list[Loader], systems: Systems, *wanted: BootEntry) -> str:
    found = best_loader(loaders, systems, wanted)
    return found[0].path if found else ""


WIN = "EFI/Microsoft/Boot/bootmgfw.efi"
FALLBACK = "EFI/BOOT/BOOTX64.EFI"


@pytest.mark.parametrize(("files", "systems", "path"), [
    (["EFI/debian/grubx64.efi", "EFI/debian/SHIMX64.EFI", FALLBACK], DEBIAN, "EFI/debian/SHIMX64.EFI"),
    ([WIN, "EFI/Microsoft/Boot/memtest.efi", FALLBACK], WINDOWS, WIN),
    (["efi/microsoft/boot/BOOTMGFW.EFI"], WINDOWS, "efi/microsoft/boot/BOOTMGFW.EFI"),
    ([WIN, "EFI/ubuntu/shimx64.efi", FALLBACK], WINDOWS, WIN),
    ([WIN, "EFI/debian/shimx64.efi"], DEBIAN, "EFI/debian/shimx64.efi"),
    ([WIN, FALLBACK], DEBIAN, FALLBACK),
    (["EFI/fedora/shimx64.efi", "EFI/debian/grubx64.efi"], DEBIAN, "EFI/debian/grubx64.efi"),
    (["EFI/arch/grubx64.efi", "EFI/ubuntu/shimx64.efi"], UBUNTU_LIKE, "EFI/ubuntu/shimx64.efi"),
    (["EFI/opensuse/shim.efi", "EFI/opensuse/grubx64.efi"], Systems(linux=("opensuse-leap",)),
     "EFI/opensuse/grubx64.efi"),
    ([f"EFI/debian/grub.cfg {CFG.format(GONE)}", "EFI/debian/shimx64.efi",
      f"EFI/other/grub.cfg {CFG.format(ROOT)}", "EFI/other/grubx64.efi"], DEBIAN, "EFI/other/grubx64.efi"),
    ([f"EFI/debian/grub.cfg {CFG.format(GONE)}", "EFI/debian/shimx64.efi", FALLBACK], DEBIAN, FALLBACK),
    ([f"EFI/debian/grub.cfg {CFG.format(GONE)}", "EFI/debian/shimx64.efi", FALLBACK],
     Systems(closed=True, uuids={ROOT}), "EFI/debian/shimx64.efi"),
    (["EFI/debian/shimx64.efi"], Systems(), "EFI/debian/shimx64.efi"),
    (["EFI/vendor/BOOT/BOOTX64.EFI", FALLBACK], Systems(), FALLBACK),
    (["EFI/systemd/systemd-bootx64.efi", FALLBACK], DEBIAN, "EFI/systemd/systemd-bootx64.efi"),
    (["loader.txt"], DEBIAN, ""),
], ids=range(16))  # fmt: skip
def test_by_evidence(files: list[str], systems: Systems, path: str, tmp_path: Path) -> None:
    assert chosen(esp(tmp_path, *files), systems) == path


@pytest.mark.parametrize("line", [
    "search.fs_uuid {} root hd0,gpt2", "search --fs-uuid --set=root {}", "search --no-floppy --fs-uuid --set root {}",
    "search --set=root --fs-uuid {}", 'search -f --fs-uuid --set=dev --hint-bios=hd0,gpt2 "{}"',
    "search --fs-uuid --set=root --hint='hd0,msdos1'  {}",
])  # fmt: skip
def test_how_grub_is_told_where_its_system_is(line: str, tmp_path: Path) -> None:
    [loader] = esp(tmp_path, f"EFI/debian/grub.cfg {line.format(GONE.upper())}", "EFI/debian/grubx64.efi")
    assert loader.points_to == {GONE}


NVRAM = (
    "BootCurrent: 0001\nTimeout: 1 seconds\nBootOrder: 0001,0003,0000,0002\n"
    f"Boot0000* Windows Boot Manager\tHD(1,GPT,{ESP.lower()},0x800,0x100000)/File(\\EFI\\MICROSOFT\\BOOT\\BOOTMGFW.EFI)W"
    "INDOWS.........x...B.C.D.\n"
    f"Boot0001* debian\tHD(1,GPT,{ESP.lower()},0x800,0x100000)/File(\\EFI\\debian\\shimx64.efi)\n"
    "Boot0002* UEFI: PXE IPv4\tPciRoot(0x0)/Pci(0x1f,0x6)/MAC(001122334455,0)/IPv4(0.0.0.00.0.0.0,0,0)..BO\n"
    f"Boot0003  off\tHD(1,GPT,{ESP.lower()},0x800,0x100000)/\\EFI\\off\\grubx64.efi\n"
    f"Boot0004* new words\tHD(1,GPT,{ESP.lower()},0x800,0x100000)/\\EFI\\fedora\\shimx64.efi\n"
)


def test_what_efibootmgr_told_of_the_master() -> None:
    assert boot_entries(NVRAM) == (
        BootEntry("debian", ESP, "EFI/debian/shimx64.efi"),
        BootEntry("Windows Boot Manager", ESP, "EFI/MICROSOFT/BOOT/BOOTMGFW.EFI"),
        BootEntry("new words", ESP, "EFI/fedora/shimx64.efi"),
    )
    assert boot_entries("no such thing\nBoot\n") == ()


def test_entries_stand_in_order_of_number_where_the_firmware_gives_none() -> None:
    without = "".join(line for line in NVRAM.splitlines(keepends=True) if not line.startswith("BootOrder"))
    assert [entry.label for entry in boot_entries(without)] == ["Windows Boot Manager", "debian", "new words"]


def test_the_masters_own_entry_wins_if_what_it_starts_is_there(tmp_path: Path) -> None:
    loaders = esp(tmp_path, "EFI/debian/shimx64.efi", WIN)
    both = Systems(windows=True, linux=("debian",), uuids={ROOT})
    debian, windows, fedora = boot_entries(NVRAM)
    assert best_loader(loaders, both, [windows, debian]) == (loaders[0], "Windows Boot Manager")
    assert chosen(loaders, both, debian, windows) == "EFI/debian/shimx64.efi"
    assert chosen(loaders, WINDOWS, debian, windows) == WIN  # Debian is gone
    assert chosen(loaders, both, fedora) == "EFI/debian/shimx64.efi"  # no such file
    elsewhere = BootEntry("x", "C10EDC10-0000-4000-8000-000000000002", "EFI/debian/shimx64.efi")
    assert best_loader(loaders, WINDOWS, [elsewhere]) == (loaders[0], "")


def test_the_fallback_of_windows_is_its_loader_alone(tmp_path: Path) -> None:
    (loader,) = esp(tmp_path, f"{WIN} MZ", "EFI/Microsoft/Boot/BCD x")
    assert add_fallback(tmp_path, loader)
    assert [path.name for path in (tmp_path / "EFI/BOOT").iterdir()] == ["BOOTX64.EFI"]
    assert not add_fallback(tmp_path, loader)


def test_the_fallback_of_linux_has_what_lies_beside_it(tmp_path: Path) -> None:
    (loader,) = esp(tmp_path, "EFI/debian/shimx64.efi MZ", "EFI/debian/grubx64.efi x", "EFI/debian/grub.cfg x")
    assert add_fallback(tmp_path, loader)
    names = {path.name for path in (tmp_path / "EFI/BOOT").iterdir()}
    assert names == {"BOOTX64.EFI", "shimx64.efi", "grubx64.efi", "grub.cfg"}


def test_names_of_a_system(tmp_path: Path) -> None:
    put_file(tmp_path, "etc/os-release", 'NAME=x\nID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID=1\n')
    assert release_ids(tmp_path) == ("linuxmint", "ubuntu", "debian")
    assert release_ids(tmp_path / "nowhere") == ("linux",)
