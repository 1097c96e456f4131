"""Loop devices that go by themselves, and disks that are slow and right."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cloned.lab.checks import Bystander
from cloned.lab.loops import LoopDevice
from cloned.lab.slowdisk import ThrottledDisk
from tests.waiting import block_until

pytestmark = [pytest.mark.wire, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
MIB = 1 << 20


def attached(backing: Path) -> list[str]:
    notes = Path("/sys/block").glob("loop*/loop/backing_file")
    return [note.parts[3] for note in notes if str(backing) in note.read_text()]


@pytest.fixture
def backing(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.write_bytes(bytes(8 * MIB))
    return path


def test_a_loop_device_is_its_file(backing: Path) -> None:
    loop = LoopDevice(backing)
    try:
        with loop.path.open("r+b", buffering=0) as device:
            device.seek(MIB)
            device.write(b"x" * 4096)
            os.fsync(device.fileno())
        assert backing.read_bytes()[MIB : MIB + 4096] == b"x" * 4096
        assert attached(backing) == [loop.path.name]
    finally:
        loop.close()
    assert attached(backing) == []


def test_it_goes_when_its_holder_is_killed(backing: Path) -> None:
    code = (
        "import time; from pathlib import Path; from cloned.lab.loops import LoopDevice\n"
        f"device = LoopDevice(Path({str(backing)!r}))\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        assert attached(backing)
        child.kill()
    block_until(lambda: not attached(backing), "the end of the loop device")


def test_a_slow_disk_is_slow_both_ways_and_holds_what_was_written(backing: Path, tmp_path: Path) -> None:
    slow = ThrottledDisk(backing, tmp_path, 8_000_000)
    loop = LoopDevice(slow.path)
    try:
        data = os.urandom(4 * MIB)
        seconds = [timed(lambda: put(loop.path, data, MIB)), timed(lambda: got.append(get(loop.path, len(data), MIB)))]
    finally:
        loop.close()
        slow.close()
    assert got.pop() == data
    assert backing.read_bytes()[MIB : 5 * MIB] == data
    assert min(seconds) > len(data) / 8_000_000 * 0.95
    assert "slow-disk" not in Path("/proc/mounts").read_text()


def test_a_slow_disk_does_not_mix_up_reading_and_writing_at_once(backing: Path, tmp_path: Path) -> None:
    slow = ThrottledDisk(backing, tmp_path, 100_000_000)
    loop = LoopDevice(slow.path)
    halves = [os.urandom(2 * MIB) for _ in range(2)]
    try:
        put(loop.path, halves[0], 0)
        other = threading.Thread(target=put, args=(loop.path, halves[1], 4 * MIB))
        other.start()
        for _ in range(5):
            assert get(loop.path, 2 * MIB, 0) == halves[0]
        other.join()
    finally:
        loop.close()
        slow.close()
    assert backing.read_bytes()[4 * MIB : 6 * MIB] == halves[1]


def test_discarding_a_slow_disk_works(backing: Path, tmp_path: Path) -> None:
    backing.write_bytes(b"x" * (8 * MIB))
    slow = ThrottledDisk(backing, tmp_path, 100_000_000)
    loop = LoopDevice(slow.path)
    try:
        subprocess.run(["blkdiscard", loop.path], check=True)
    finally:
        loop.close()
        slow.close()
    assert backing.read_bytes() == bytes(8 * MIB)


def test_a_touched_bystander_is_noticed(tmp_path: Path) -> None:
    bystander = Bystander(tmp_path)
    try:
        assert bystander.check().ok
        (tmp_path / "bystander.txt").write_text("mine\n")
        assert not bystander.check().ok
    finally:
        bystander.close()


got: list[bytes] = []


def timed(work: object) -> float:
    began = time.monotonic()
    work()  # type: ignore[operator]
    return time.monotonic() - began


def put(path: Path, data: bytes, offset: int) -> None:
    with path.open("r+b", buffering=0) as device:
        os.pwrite(device.fileno(), data, offset)
        os.fsync(device.fileno())


def get(path: Path, size: int, offset: int) -> bytes:
    """Past the device's own page cache."""
    with path.open("rb", buffering=0) as device:
        os.posix_fadvise(device.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return os.pread(device.fileno(), size, offset)


def test_partitions_of_what_was_behind_it_before_are_forgotten(backing: Path) -> None:
    """A test that was killed left them, and Clonezilla saved them with the disk that came after."""
    subprocess.run(["sfdisk", "--quiet", backing], input=b"label: gpt\nsize=2MiB\nsize=2MiB\n", check=True)
    first = LoopDevice(backing)
    subprocess.run(["partx", "--add", first.path], check=True)
    left = Path("/sys/block", first.path.name)
    assert len(list(left.glob("loop*p*/partition"))) == 2
    first.close()
    assert len(list(left.glob("loop*p*/partition"))) == 2
    second = LoopDevice(backing)
    try:
        assert not list(Path("/sys/block", second.path.name).glob("loop*p*/partition"))
    finally:
        subprocess.run(["partx", "--delete", first.path], check=False, capture_output=True)
        second.close()
