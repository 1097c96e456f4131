"""Files of FAT file systems that mkfs.vfat and mtools made, and whatever else may lie there."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cloned.disk import fat as fat_module
from cloned.disk.fat import LARGEST_BYTES, Fat, FatError

pytestmark = pytest.mark.skipif(shutil.which("mcopy") is None or shutil.which("mkfs.vfat") is None, reason="no mtools")
FILES = {
    "EFI/BOOT/BOOTX64.EFI": os.urandom(100_000),
    "EFI/debian/shimx64.efi": os.urandom(3 * 512),
    "EFI/debian/a rather long name of a file.cfg": b"set x",
    "EFI/debian/empty": b"",
}


def made(folder: Path, bits: int) -> bytes:
    return made_of(folder, FILES, bits)


def made_of(folder: Path, files: Mapping[str, bytes], bits: int) -> bytes:
    """A FAT with these files, by the usual tools."""
    disk = folder / "disk"
    with disk.open("wb") as file:
        file.truncate({12: 2 << 20, 16: 16 << 20, 32: 40 << 20}[bits])
    subprocess.run(["mkfs.vfat", "-F", str(bits), disk], check=True, capture_output=True)
    folders = sorted({str(Path(name).parent) for name in files} | {"EFI"})
    subprocess.run(["mmd", "-i", disk, *(f"::{each}" for each in folders)], check=True)
    for name, data in files.items():
        (folder / "file").write_bytes(data)
        subprocess.run(["mcopy", "-i", disk, folder / "file", f"::{name}"], check=True)
    return disk.read_bytes()


def reading(data: bytes) -> Callable[[int, int], bytes]:
    """Zeros where there is nothing, as of an image."""

    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length].ljust(length, b"\0") if length < 1 << 26 else b""

    return read


@pytest.mark.wire
@pytest.mark.parametrize("bits", [12, 16, 32])
def test_every_file_is_found_and_read(tmp_path: Path, bits: int) -> None:
    fat = Fat(reading(made(tmp_path, bits)))
    found = dict(fat.files("efi"))
    assert {name.lower(): fat.content(entry) for name, entry in found.items()} == {
        name.lower(): data for name, data in FILES.items()
    }
    assert any(name.endswith("/a rather long name of a file.cfg") for name in found)
    assert list(fat.files("boot")) == []


@pytest.mark.wire
def test_so_much_is_read_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fat = Fat(reading(made(tmp_path, 12)))
    entry = dict(fat.files("efi"))["EFI/debian/shimx64.efi"]
    for size, said in ((LARGEST_BYTES, "is cut short"), (LARGEST_BYTES + 1, "has 16777217 bytes")):
        with pytest.raises(FatError, match=said):
            fat.content(replace(entry, size=size))
    there = 12  # four entries in each of EFI and (the third is a file) BOOT and debian, with `.` and `..`
    monkeypatch.setattr(fat_module, "_MOST_ENTRIES", there)
    assert len(list(fat.files("efi"))) == len(FILES)
    monkeypatch.setattr(fat_module, "_MOST_ENTRIES", there - 1)
    with pytest.raises(FatError, match="too many files"):
        list(fat.files("efi"))


def test_what_is_no_fat_is_said(tmp_path: Path) -> None:
    for data in (b"", bytes(512), os.urandom(510) + b"\x55\xaa", b"\xeb<\x90NTFS    " + bytes(499) + b"\x55\xaa"):
        with pytest.raises((FatError, struct.error)):
            list(Fat(reading(data)).files("EFI"))


@pytest.mark.wire
def test_damage_is_an_error_or_other_files_and_always_ends(tmp_path: Path) -> None:
    sound, chance = made(tmp_path, 12), random.Random(7)
    for _ in range(300):
        data = bytearray(sound)
        for _ in range(chance.randrange(1, 30)):
            data[chance.randrange(40_000)] = chance.randrange(256)
        try:
            fat = Fat(reading(bytes(data)))
            for _, entry in fat.files("EFI"):
                assert len(fat.content(entry)) == entry.size
        except (FatError, struct.error):
            continue


@pytest.mark.parametrize(("clusters", "bits"), [(4084, 12), (4085, 16), (65524, 16), (65525, 32)])
def test_how_wide_its_entries_are_goes_by_the_number_of_clusters(clusters: int, bits: int) -> None:
    """Microsoft's FAT specification, 3.5: nothing else counts."""
    boot = bytearray(512)
    struct.pack_into("<HBHBHH", boot, 11, 512, 1, 1, 1, 16, 0)
    struct.pack_into("<H", boot, 22, 256)
    struct.pack_into("<I", boot, 32, 1 + 256 + 1 + clusters)
    boot[510:] = b"\x55\xaa"
    assert Fat(reading(bytes(boot)))._bits == bits
