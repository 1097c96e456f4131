"""Erases real loop devices full of old data, and looks at the files behind them from outside."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from cloned.agent import blockio, erase_ask, erase_io
from cloned.agent.erase_driver import carry_out
from cloned.agent.erase_hands import RealHands, found_again
from cloned.agent.erase_io import still_there
from cloned.agent.verify import Stopped
from cloned.disk import erase_machine as machine
from cloned.disk.erase import EraseLevel
from cloned.disk.erase_record import DiskErasure, ErasePhase, ErasureFault
from cloned.lab.slowdisk import ThrottledDisk

pytestmark = pytest.mark.wire
SIZE = 24 << 20
OLD = b"the family's holiday photographs, never to be seen again. "
FAST = 10**10


@contextmanager
def loop_device(file: Path, sector: int = 512) -> Iterator[str]:
    command = ["losetup", "--find", "--show", "--sector-size", str(sector), str(file)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    try:
        yield name
    finally:
        subprocess.run(["losetup", "--detach", name], check=True)


def filled(file: Path, size: int = SIZE) -> Path:
    """Old data in most of it, noise in some, nothing in the last quarter."""
    block = (OLD * 100)[:4096]
    parts = [Random(1).randbytes(4096) if n % 7 == 0 else block for n in range(size * 3 // 4 // 4096)]
    file.write_bytes(b"".join(parts) + bytes(size - len(parts) * 4096))
    return file


class Saved:
    """Records as the daemon would have them."""

    def __init__(self, stop_at: ErasePhase | None = None) -> None:
        self.records: list[DiskErasure] = []
        self.stop_at = stop_at

    def __call__(self, record: DiskErasure) -> None:
        last = self.records[-1] if self.records else None
        assert last is None or record == last or machine.strictly_later(last, record)
        self.records.append(DiskErasure.from_json(record.to_json()))
        if record.phase is self.stop_at:
            raise Stopped


def hands(device: str, stop: threading.Event | None = None) -> RealHands:
    stopped = stop or threading.Event()
    return RealHands(device, {"serial": "LOOP1"}, False, stopped.is_set, lambda record, done: None)


def planned(device: str, level: EraseLevel = EraseLevel.CLEAR, how: str = "sample") -> DiskErasure:
    (medium,) = erase_ask.every(device, {"serial": "LOOP1"})
    return machine.plan(medium, level, "ab" * 16, how)


@pytest.mark.parametrize("sector", [512, 4096])
@pytest.mark.parametrize("how", ["sample", "all"])
def test_a_disk_full_of_old_data_is_overwritten_and_verified(tmp_path: Path, sector: int, how: str) -> None:
    file = filled(tmp_path / "disk")
    with loop_device(file, sector) as device:
        record = carry_out(planned(device, how=how), hands(device), Saved())
    assert record.erased, record.said()
    assert record.reached is EraseLevel.CLEAR
    assert record.check.found == "zeros"
    assert record.check.remembered > 200
    assert file.read_bytes() == bytes(SIZE)


def test_an_odd_size_is_erased_to_its_last_byte(tmp_path: Path) -> None:
    size = 5 * (1 << 20) + 512 * 3
    file = filled(tmp_path / "disk", size)
    with file.open("r+b") as disk:
        disk.seek(size - 512)
        disk.write((OLD * 20)[:512])
    with loop_device(file) as device:
        record = carry_out(planned(device), hands(device), Saved())
    assert record.erased, record.said()
    assert file.read_bytes() == bytes(size)


def test_a_level_that_cannot_be_had_touches_nothing(tmp_path: Path) -> None:
    file = filled(tmp_path / "disk")
    before = file.read_bytes()
    with loop_device(file) as device:
        record = carry_out(planned(device, EraseLevel.PURGE), hands(device), Saved())
    assert record.fault is ErasureFault.REFUSED
    assert file.read_bytes() == before


@pytest.mark.parametrize("phase", [ErasePhase.REMEMBERED, ErasePhase.STARTED, ErasePhase.COMPLETED])
def test_it_goes_on_from_every_phase(tmp_path: Path, phase: ErasePhase) -> None:
    file = filled(tmp_path / "disk")
    saved = Saved(phase)
    with loop_device(file) as device:
        with pytest.raises(Stopped):
            carry_out(planned(device), hands(device), saved)
        assert saved.records[-1].phase is phase
        saved.stop_at = None
        record = carry_out(saved.records[-1], hands(device), saved)
    assert record.erased, record.said()
    assert file.read_bytes() == bytes(SIZE)


def test_an_order_that_is_taken_back_ends_the_writing_and_nothing_is_claimed(tmp_path: Path) -> None:
    file = filled(tmp_path / "disk")
    stop = threading.Event()
    saved = Saved()
    with loop_device(file) as device:
        mine = hands(device, stop)
        record = machine.remembered(planned(device), mine.remember(planned(device)), 1.0)
        stop.set()
        with pytest.raises(Stopped):
            carry_out(machine.starting(record, ()), mine, saved)
    assert not any(each.completed for each in saved.records)


def test_another_disk_at_the_same_node_is_not_touched(tmp_path: Path) -> None:
    file = filled(tmp_path / "disk")
    before = file.read_bytes()
    with loop_device(file) as device:
        other = RealHands(device, {"serial": "SOMEBODY-ELSE"}, False, lambda: False, lambda record, done: None)
        record = carry_out(planned(device), other, Saved())
    assert record.fault in (ErasureFault.GONE, ErasureFault.CHANGED)
    assert file.read_bytes() == before


def test_a_disk_that_shrank_is_not_touched(tmp_path: Path) -> None:
    file = filled(tmp_path / "disk")
    with loop_device(file) as device:
        record = planned(device)
    with file.open("r+b") as disk:
        disk.truncate(SIZE // 2)
    before = file.read_bytes()
    with loop_device(file) as device:
        again = DiskErasure.from_json({**record.to_json(), "medium": {**record.medium.to_json(), "path": device}})
        found = carry_out(again, hands(device), Saved())
    assert found.fault is ErasureFault.CHANGED
    assert file.read_bytes() == before


def test_a_disk_that_comes_back_under_another_name_goes_on(tmp_path: Path) -> None:
    file, saved = filled(tmp_path / "disk"), Saved(ErasePhase.STARTED)
    with loop_device(file) as device, pytest.raises(Stopped):
        carry_out(planned(device), hands(device), saved)
    other = tmp_path / "other"
    other.write_bytes((OLD * 100)[:4096] * 256)
    with loop_device(other) as taken, loop_device(file) as device:
        record = replace(saved.records[-1], medium=replace(saved.records[-1].medium, path=taken))
        record = found_again(record, device, {"serial": "LOOP1"})
        assert record.medium.path == device
        saved.stop_at = None
        assert carry_out(record, hands(device), saved).erased
    assert file.read_bytes() == bytes(SIZE)
    assert OLD in other.read_bytes()


def test_a_built_in_disk_that_nobody_named_is_seen_and_one_that_was_named_is_not(tmp_path: Path) -> None:
    with loop_device(filled(tmp_path / "disk")) as device:
        told = {"serial": "LOOP1", "wwn": "0x5000c500a1b2c3d4"}
        named = planned(device).medium
        assert erase_ask.unnamed([named], device, told) == [], "its WWN was not told before: its serial is the same"
        [late] = erase_ask.unnamed([replace(named, serial="LOOP2", wwn="")], device, told)
        assert (late.serial, late.wwn, late.built_in) == ("LOOP1", told["wwn"], True)
        assert erase_ask.unnamed([], device, told) == [late]


def test_a_disk_that_is_not_there_any_more_is_not_looked_for_elsewhere(tmp_path: Path) -> None:
    with loop_device(filled(tmp_path / "disk")) as device:
        record = planned(device)
        assert found_again(record, device, {"serial": "ANOTHER"}) == record
        assert found_again(record, "/dev/nothing", {"serial": "LOOP1"}) == record


def test_a_write_protected_disk_is_said_to_be_so_before_and_in_the_middle(tmp_path: Path) -> None:
    file = filled(tmp_path / "disk")
    before = file.read_bytes()
    with loop_device(file) as device:
        record, started = planned(device), planned(device)
        started = machine.starting(machine.remembered(started, hands(device).remember(started), 1.0), ())
        subprocess.run(["blockdev", "--setro", device], check=True)
        assert planned(device).fault is ErasureFault.REFUSED
        assert "read-only" in planned(device).said()
        for each in (record, started):
            assert carry_out(each, hands(device), Saved()).fault is ErasureFault.READ_ONLY
        subprocess.run(["blockdev", "--setrw", device], check=True)
    assert file.read_bytes()[: SIZE // 2] == before[: SIZE // 2]


def test_a_disk_that_was_pulled_out_is_not_taken_for_one_full_of_bad_sectors(tmp_path: Path) -> None:
    number = os.makedev(259, 3)
    assert still_there(0, SIZE)
    assert not still_there(number, SIZE, str(tmp_path))
    (tmp_path / "259:3").mkdir()
    (tmp_path / "259:3" / "size").write_text(f"{SIZE // 512}\n")
    assert still_there(number, SIZE, str(tmp_path))
    (tmp_path / "259:3" / "size").write_text("0\n")
    assert not still_there(number, SIZE, str(tmp_path))


def test_16_terabytes_are_written_to_their_end_and_looked_at_everywhere(tmp_path: Path) -> None:
    """Sparse: what is tested is that offsets and places reach the end."""
    size = 16 * 10**12 // 4096 * 4096
    file = tmp_path / "disk"
    with file.open("wb") as disk:
        disk.truncate(size)
        disk.seek(size - 4096)
        disk.write((OLD * 100)[:4096])
    with loop_device(file) as device:
        record, mine = planned(device), hands(device)
        record = machine.starting(machine.remembered(record, mine.remember(record), 1.0), ())
        assert record.remembered[-1].offset == size - 4096
        assert not record.remembered[-1].marker
        nearly = replace(record, offset=size - (9 << 20))
        *_, (offset, bad) = mine.write(nearly)
        assert (offset, bad) == (size, ())
    with file.open("rb") as disk:
        disk.seek(size - 4096)
        assert disk.read() == bytes(4096)


@contextmanager
def flawed(tmp_path: Path, *flaws: str) -> Iterator[tuple[str, Path]]:
    """A loop device over a disk that has flaws, and the file behind it all."""
    file = filled(tmp_path / "disk")
    with ExitStack() as stack:
        disk = ThrottledDisk(file, tmp_path, FAST, flaws)
        stack.callback(disk.close)
        yield stack.enter_context(loop_device(disk.path)), file


def test_a_bad_sector_does_not_end_the_overwrite_but_is_not_clear(tmp_path: Path) -> None:
    with flawed(tmp_path, "bad-write:9000000:100") as (device, file):
        record = carry_out(planned(device), hands(device), Saved())
    assert record.fault is ErasureFault.UNREACHED
    (stretch,) = record.unreached
    assert stretch[0] <= 9000000 < sum(stretch)
    assert stretch[1] <= 8192
    left = file.read_bytes()
    assert not any(left[: stretch[0]])
    assert not any(left[sum(stretch) :])
    assert not record.erased


@pytest.mark.parametrize("flaw", [f"lie:0:{SIZE}", f"lie:{SIZE // 2}:{SIZE // 2}", "lie:0:65536"])
def test_a_disk_that_says_it_wrote_and_did_not_is_found_by_the_read_back(tmp_path: Path, flaw: str) -> None:
    with flawed(tmp_path, flaw) as (device, file):
        record = carry_out(planned(device), hands(device), Saved())
        assert record.fault is ErasureFault.LIES, record
    assert OLD in file.read_bytes()
    assert record.completed
    assert not record.erased


def test_a_disk_that_cannot_be_read_back_is_not_called_erased(tmp_path: Path) -> None:
    with flawed(tmp_path, "bad-read:12000000:4096") as (device, _):
        record = carry_out(planned(device), hands(device), Saved())
    assert record.fault is ErasureFault.UNREADABLE


def test_a_stretch_that_answers_late_is_waited_for(tmp_path: Path) -> None:
    with flawed(tmp_path, "delay:12000000:4096") as (device, file):
        record = carry_out(planned(device), hands(device), Saved())
    assert record.erased, record.said()
    assert file.read_bytes() == bytes(SIZE)


def test_a_disk_that_vanishes_in_the_middle_claims_nothing(tmp_path: Path) -> None:
    """Its server is killed: every request fails from then on, as with a plug that was pulled."""
    file = filled(tmp_path / "disk")
    disk = ThrottledDisk(file, tmp_path, 20_000_000)
    try:
        with loop_device(disk.path) as device:
            saved = Saved()

            def save(record: DiskErasure) -> None:
                saved(record)
                if record.phase is ErasePhase.STARTED:
                    disk.close()

            record = carry_out(planned(device), hands(device), save)
    finally:
        disk.close()
    assert record.over
    assert not record.erased
    assert record.fault in (ErasureFault.TOOL, ErasureFault.GONE, ErasureFault.UNREACHED, ErasureFault.UNREADABLE)


def test_zeros_are_known_where_they_lie() -> None:
    view = blockio.buffer(8192)
    assert erase_io.all_zeros(view)
    assert erase_io.all_zeros(view[:1])
    assert erase_io.all_zeros(view[:0])
    for at in (0, 1, 4095, 8191):
        view[at] = 7
        assert not erase_io.all_zeros(view)
        view[at] = 0
    view[:] = bytes([9]) * 8192
    assert not erase_io.all_zeros(view)


def test_a_disk_that_takes_no_write_is_given_up_in_large_steps(tmp_path: Path) -> None:
    """With 4 KiB at a time a dead disk of a terabyte would take weeks; it is read to the end in 4 MiB instead."""
    file = filled(tmp_path / "disk", 64 << 20)
    slow = ThrottledDisk(file, tmp_path, FAST, [f"bad-write:0:{64 << 20}"])
    puts = []
    try:
        disk = blockio.BlockDevice(str(slow.path), writable=True)
        writer = erase_io.Writer(disk, 0, lambda: False, lambda: 0.0)
        real = writer._put
        writer._put = lambda offset, length: (puts.append(length), real(offset, length))[1]  # type: ignore[method-assign]
        bad = [each for _, found in writer.run() for each in found]
        disk.close()
    finally:
        slow.close()
    assert machine.joined(tuple(bad)) == ((0, 64 << 20),)
    assert len(puts) < 16 + 8 * (64 + 1024), "the last of it was still tried sector by sector"
    assert puts.count(erase_io.CHUNK_BYTES) == 16, "it did not go on to the end"
