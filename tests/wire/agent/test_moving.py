"""Windows with its recovery behind it grows on a larger disk: real NTFS, real tools, and power that is cut anywhere."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from cloned import processes
from cloned.agent import grow as growing
from cloned.agent.blockio import BlockDevice, Range
from cloned.agent.finish import stamp
from cloned.agent.grow import grow
from cloned.agent.moving import REAGENT
from cloned.agent.target import Skipped, VerifiedDisk
from cloned.disk.layout import Layout, Partition, Read, read_layout, table_writes
from cloned.disk.ntfs import Ntfs
from cloned.disk.partitions import RECOVERY
from cloned.disk.sizes import size_of_file_system

pytestmark = [pytest.mark.wire, pytest.mark.skipif(os.geteuid() != 0, reason="needs root for loop devices")]

MIB = 1024 * 1024
SECTORS = MIB // 512
DATA = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
GUID = "ABCDEF00-1111-2222-3333-{:012X}"
SIZE = 56 * MIB
LAYOUT = Layout("gpt", GUID.format(0), 512, (
    Partition(1, SECTORS, 20 * SECTORS, DATA, GUID.format(1), name="Basic data partition"),
    Partition(2, 21 * SECTORS, 5 * SECTORS, RECOVERY, GUID.format(2), attrs="8000000000000001"),
))  # fmt: skip
XML = """<?xml version='1.0' encoding='utf-8'?>
<WindowsRE version="2.0">
  <WinreBCD id="{{d5b1a1f0-0000-11ee-9c43-000000000000}}"/>
  <WinreLocation path="\\Recovery\\WindowsRE" id="0" offset="{}" guid="{{abcdef00-1111-2222-3333-000000000000}}"/>
  <ImageLocation path="" id="0" offset="0" guid="{{00000000-0000-0000-0000-000000000000}}"/>
</WindowsRE>
"""


class Looped(VerifiedDisk):
    """A disk in a file, whose partitions' nodes are loop devices: kernels without GPT have no others."""

    def __init__(self, file: Path) -> None:
        super().__init__({"path": str(file), "size": SIZE, "sector_size": 512}, live=False)
        self.loops: list[str] = []

    def node(self, part: Partition) -> str:
        places = ["--offset", str(part.start * 512), "--sizelimit", str(part.size * 512)]
        made = processes.run(["losetup", "--find", "--show", *places, self.path])
        self.loops.append(made.stdout.decode().strip())
        return self.loops[-1]

    def detach(self) -> None:
        """Take the nodes away."""
        while self.loops:
            processes.run(["losetup", "--detach", self.loops.pop()])


@contextlib.contextmanager
def disk(file: Path) -> Iterator[Looped]:
    target = Looped(file)
    try:
        yield target
    finally:
        target.detach()


def ntfs(path: Path, mib: int, files: dict[str, str]) -> bytes:
    with path.open("wb") as file:
        file.truncate(mib * MIB)
    processes.run(["mkfs.ntfs", "-q", "-F", "-f", path])
    place = path.with_name(f"{path.name}.mounted")
    place.mkdir()
    processes.run(["ntfs-3g", path, place])
    try:
        for name, text in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
    finally:
        processes.run(["umount", place])
    return path.read_bytes()


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A verified disk: Windows with what it keeps of its recovery, and the recovery behind it."""
    folder = tmp_path_factory.mktemp("windows")
    xml = XML.format(LAYOUT.partition(2).start * 512)
    made = bytearray(SIZE)
    for number, data in (
        (1, ntfs(folder / "c", 20, {"Windows/explorer.exe": "MZ", REAGENT: xml, "Users/a": "kept" * 9000})),
        (2, ntfs(folder / "re", 5, {"Recovery/WindowsRE/Winre.wim": "MSWIM" * 40000})),
    ):
        at = LAYOUT.partition(number).start * 512
        made[at : at + len(data)] = data
    for at, data in table_writes(LAYOUT, SIZE):
        made[at : at + len(data)] = data
    return bytes(made)


@pytest.fixture
def file(tmp_path: Path, windows: bytes) -> Path:
    path = tmp_path / "disk"
    path.write_bytes(windows)
    return path


def reader(file: Path, base: int = 0) -> Read:
    def read(at: int, length: int) -> bytes:
        with file.open("rb") as data:
            return os.pread(data.fileno(), length, base + at)

    return read


def layout_of(file: Path, *, either: bool = False) -> Layout:
    return read_layout(reader(file), SIZE, 512, either=either)


def recovery(file: Path, layout: Layout) -> bytes:
    return reader(file)(layout.partition(2).start * 512, layout.partition(2).size * 512)


def read_in_windows(file: Path, layout: Layout, name: str) -> bytes:
    return Ntfs(reader(file, layout.partition(1).start * 512)).read_file(name)[1]


def test_recovery_goes_to_the_end_and_windows_gets_the_room(file: Path, windows: bytes) -> None:
    with disk(file) as target:
        said = grow(target)
    assert said == "partition 1 (ntfs) has 29 MiB more; recovery partition 2 was carried to the end of the disk"
    found = layout_of(file)
    assert [(part.start // SECTORS, part.size // SECTORS) for part in found.partitions] == [(1, 49), (50, 5)]
    assert [part.uuid for part in found.partitions] == [part.uuid for part in LAYOUT.partitions]
    old = LAYOUT.partition(2)
    assert recovery(file, found) == windows[old.start * 512 : old.end * 512]
    assert read_in_windows(file, found, REAGENT.lower()).decode() == XML.format(50 * MIB)
    assert read_in_windows(file, found, "Users/a") == b"kept" * 9000
    with disk(file) as target:
        node = target.node(found.partition(1))
        assert size_of_file_system(reader(Path(node))) > 48 * MIB
        assert b"processed successfully" in subprocess.run(["ntfsfix", "-n", node], capture_output=True).stdout
        with pytest.raises(Skipped, match="no larger than the image"):
            grow(target)
        assert stamp(target, {"image": "school"}, {}) == "cloned-release.txt in Windows"
        assert b'IMAGE="school"' in read_in_windows(file, found, "cloned-release.txt")
    assert b"No problems found" in processes.run(["sgdisk", "--verify", file]).stdout


class PowerCut(BaseException):
    """Nothing runs after it."""


def cut_after(monkeypatch: pytest.MonkeyPatch, writes: int, *, torn: bool) -> list[int]:
    """Let so many writes reach the disk, and of the next one half, or nothing. Returns where each began."""
    whole, begun = BlockDevice.write, list[int]()

    def write(self: BlockDevice, ranges: Iterable[Range], data: memoryview) -> None:
        ranges = list(ranges)
        begun.append(ranges[0][0])
        if len(begun) > writes:
            if torn:
                half = len(data) // 2 // 512 * 512
                whole(self, [(ranges[0][0], half)], data[:half])
            raise PowerCut
        whole(self, ranges, data)

    monkeypatch.setattr(BlockDevice, "write", write)
    return begun


@pytest.mark.slow
def test_power_that_is_cut_loses_nothing_wherever_it_is_cut(
    file: Path, windows: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = windows[LAYOUT.partition(2).start * 512 : LAYOUT.partition(2).end * 512]
    with monkeypatch.context() as patch, disk(file) as target:
        begun = cut_after(patch, 1000, torn=False)
        grow(target)
    assert len(begun) >= 5
    for torn in (False, True):
        for number in range(len(begun)):
            file.write_bytes(windows)
            with monkeypatch.context() as patch, disk(file) as target:
                cut_after(patch, number, torn=torn)
                with pytest.raises(PowerCut):
                    grow(target)
            found = layout_of(file, either=True)  # what firmware finds
            assert recovery(file, found) == old
            assert read_in_windows(file, found, "Users/a") == b"kept" * 9000
            with disk(file) as target:
                assert "more" in grow(target)
            found = layout_of(file)
            assert [part.start // SECTORS for part in found.partitions] == [1, 50]
            assert recovery(file, found) == old
            assert read_in_windows(file, found, REAGENT).decode() == XML.format(50 * MIB)


def test_power_that_is_cut_before_the_file_system_follows(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patch, disk(file) as target:
        patch.setattr(growing, "_file_system", cut)
        with pytest.raises(PowerCut):
            grow(target)
    with disk(file) as target:
        assert grow(target) == "partition 1 (ntfs) has 0 MiB more"


def left_open(node: Path) -> None:
    """Mark the volume as to be checked, with something in its log."""
    processes.run(["ntfsfix", node])
    with node.open("r+b") as volume:
        (cluster,) = struct.unpack("<Q", os.pread(volume.fileno(), 8, 48))
        record = os.pread(volume.fileno(), 1024, cluster * 4096 + 2 * 1024)
        at = record.index(b"\x80\0\0\0", struct.unpack_from("<H", record, 20)[0])
        runs = record[at + struct.unpack_from("<H", record, at + 32)[0] :]
        first = int.from_bytes(runs[1 + (runs[0] & 15) :][: runs[0] >> 4], "little")
        os.pwrite(volume.fileno(), b"RSTR" + bytes(508), first * 4096)


def test_a_windows_that_cannot_be_told_keeps_its_recovery_where_it_is(file: Path, windows: bytes) -> None:
    """Its log says that it was not shut down cleanly: libntfs writes nothing then."""
    with disk(file) as target:
        left_open(Path(target.node(LAYOUT.partition(1))))
        with pytest.raises(Skipped, match=r"recovery partition stays where it is: .*ntfscp failed"):
            grow(target)
    assert layout_of(file) == LAYOUT
    assert recovery(file, layout_of(file)) == windows[LAYOUT.partition(2).start * 512 :][: 5 * MIB]


@pytest.mark.parametrize("make", [
    ["mkfs.ext4", "-q"], ["mkfs.ext4", "-q", "-b", "1024", "-O", "^64bit"], ["mkfs.ntfs", "-q", "-Q", "-F"],
    ["mkfs.xfs", "-q"], ["mkfs.btrfs", "-q"],
], ids=lambda make: f"{make[0]} {make[-1]}")  # fmt: skip
def test_how_large_a_file_system_says_it_is(tmp_path: Path, make: list[str]) -> None:
    path = tmp_path / "fs"
    with path.open("wb") as file:
        file.truncate(301 * MIB + 4096)
    processes.run([*make, path])
    assert 0 <= 301 * MIB + 4096 - size_of_file_system(reader(path)) < MIB
    path.write_bytes(bytes(MIB))
    assert size_of_file_system(reader(path)) == 0
    path.write_bytes(b"XFSB")
    assert size_of_file_system(reader(path)) == 0
