"""Reads and writes on real loop devices, with sectors of 512 and of 4096 bytes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from cloned.agent import blockio
from cloned.agent.blockio import BlockDevice, DiskError

pytestmark = pytest.mark.wire
SIZE = 24 << 20


@contextlib.contextmanager
def loop_device(file: Path, sector: int) -> Iterator[str]:
    command = ["losetup", "--find", "--show", "--sector-size", str(sector), str(file)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    try:
        yield name
    finally:
        subprocess.run(["losetup", "--detach", name], check=True)


@pytest.fixture(params=["file", 512, 4096])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Path to open, and the file behind it; the disk is full of noise."""
    file = tmp_path / "disk"
    file.write_bytes(Random(1).randbytes(SIZE))
    if request.param == "file":
        yield str(file), file
    else:
        with loop_device(file, request.param) as name:
            yield name, file


def aligned(data: bytes) -> memoryview:
    memory = blockio.buffer(max(4096, len(data)))
    memory[: len(data)] = data
    return memory[: len(data)]


def written(path: str, ranges: list[tuple[int, int]], seed: int = 2) -> bytes:
    """Write noise over ranges; the noise."""
    data = Random(seed).randbytes(sum(length for _, length in ranges))
    disk = BlockDevice(path, writable=True)
    disk.write(ranges, aligned(data))
    disk.sync()
    disk.close()
    return data


def digest(path: str, ranges: list[tuple[int, int]]) -> bytes:
    disk = BlockDevice(path)
    try:
        return disk.digest(ranges, blockio.buffer())
    finally:
        disk.close()


def held(path: str) -> bytes:
    with Path(path).open("rb") as disk:
        return disk.read()


CASES = {
    "one stretch": [(1 << 20, 4 << 20)],
    "many with small gaps": [((1 << 20) + (n << 15), 1 << 14) for n in range(100)],
    "gaps too large to fill": [(n << 20, 1 << 16) for n in range(20)],
    "sectors": [(512 * 3, 512), (512 * 5, 1024), (512 * 9, 512 * 7)],
    "odd bytes": [(1001, 7), (5000, 4096), (20_001, 99_999), (200_000, 1)],
    "up to the end": [(SIZE - 70_000, 70_000)],
    "a range longer than a buffer": [(1 << 20, 20 << 20)],
    "odd, then aligned": [(4096, 100), (65536, 8192), (200 << 10, 4096)],
}


@pytest.mark.parametrize("ranges", CASES.values(), ids=CASES.keys())
def test_what_is_written_is_read_back_and_nothing_used_beside_it_changes(
    target: tuple[str, Path], ranges: list[tuple[int, int]]
) -> None:
    path, _ = target
    before = held(path)
    data = written(path, ranges)
    assert digest(path, ranges) == hashlib.sha256(data).digest()
    after = held(path)
    at, end = 0, 0
    for offset, length in ranges:
        assert after[offset : offset + length] == data[at : at + length]
        gap = after[end:offset]
        assert gap == before[end:offset] or (end and offset - end <= blockio.FILL and not any(gap))
        at, end = at + length, offset + length
    assert after[end:] == before[end:]


def test_reading_back_goes_past_the_page_cache(target: tuple[str, Path]) -> None:
    """What changes below the page cache is seen: a flipped byte in the file under a loop device."""
    path, file = target
    ranges = [(1 << 20, 1 << 20)]
    data = written(path, ranges)
    assert held(path)[1 << 20 : 2 << 20] == data  # now it is in the cache
    with file.open("r+b") as under:
        under.seek((1 << 20) + 77)
        under.write(b"\0" if data[77] else b"\1")
        os.fsync(under.fileno())
    assert digest(path, ranges) != hashlib.sha256(data).digest()


def test_random_ranges_one_after_the_other(target: tuple[str, Path]) -> None:
    path, _ = target
    random = Random(5)
    expected = bytearray(held(path))
    disk = BlockDevice(path, writable=True)
    for _ in range(25):
        cuts = sorted(random.sample(range(0, SIZE, random.choice((1, 512, 4096))), 2 * random.randrange(1, 6)))
        ranges = [(a, min(b - a, 300_000)) for a, b in zip(cuts[::2], cuts[1::2], strict=True)]
        data = random.randbytes(sum(length for _, length in ranges))
        disk.write(ranges, aligned(data))
        at = end = 0
        for offset, length in ranges:
            if (
                end
                and offset - end <= blockio.FILL
                and bytes(disk_part(disk, end, offset - end)) != expected[end:offset]
            ):
                expected[end:offset] = bytes(offset - end)  # a small gap that was filled
            expected[offset : offset + length] = data[at : at + length]
            at, end = at + length, offset + length
    disk.close()
    assert held(path) == bytes(expected)


def disk_part(disk: BlockDevice, offset: int, length: int) -> bytes:
    with Path(disk.path).open("rb") as again:
        again.seek(offset)
        return again.read(length)


def test_what_lies_beyond_the_end_is_unreadable_not_wrong(target: tuple[str, Path]) -> None:
    path, _ = target
    assert digest(path, [(SIZE - 4096, 4096), (SIZE + 4096, 4096)]) == b""


def test_a_write_beyond_the_end_is_a_disk_error(tmp_path: Path) -> None:
    file = tmp_path / "disk"
    file.write_bytes(bytes(1 << 20))
    with loop_device(file, 512) as path:
        disk = BlockDevice(path, writable=True)
        with pytest.raises(DiskError, match="write error at byte 1044480") as raised:
            disk.write([((1 << 20) - 4096, 8192)], aligned(bytes(8192)))
        disk.close()
    assert raised.value.code == "disk-write-error"


def test_what_the_disk_cannot_give_back_is_unreadable(tmp_path: Path) -> None:
    """The file under a loop device is cut short: reads behind the cut fail with EIO, as from a bad sector."""
    file = tmp_path / "disk"
    file.write_bytes(os.urandom(4 << 20))
    first = hashlib.sha256(file.read_bytes()[:4096]).digest()
    with loop_device(file, 512) as path:
        os.truncate(file, 2 << 20)
        assert digest(path, [(3 << 20, 4096)]) == b""
        assert digest(path, [(0, 4096)]) == first
        assert digest(path, [((2 << 20) - 65536, 65536), ((2 << 20) + 65536, 4096)]) == b""


def test_a_disk_in_use_is_not_opened_for_writing(tmp_path: Path) -> None:
    file = tmp_path / "disk"
    file.write_bytes(bytes(1 << 20))
    with loop_device(file, 512) as path:
        holder = os.open(path, os.O_RDONLY | os.O_EXCL)
        try:
            with pytest.raises(OSError) as raised:
                BlockDevice(path, writable=True)
            assert raised.value.errno == errno.EBUSY
        finally:
            os.close(holder)
