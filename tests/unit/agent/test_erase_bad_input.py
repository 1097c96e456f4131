"""What drives may answer that makes no sense, and disks of any size: the bad input that has no test beside its part.

Vanishing and shrinking disks, lies, power cuts: tests/sim and tests/wire/agent. Tools that are missing or fail, frozen, locked and
failing drives: tests/interop/erase. Certificates: tests/unit/test_certificates.py. Names of donors: tests/unit/papers.
"""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest

from cloned.agent import erase_driver, erase_io
from cloned.agent.erase_driver import carry_out
from cloned.core.erasure import built_in
from cloned.core.refusals import Refusal
from cloned.disk import erase_machine as machine
from cloned.disk import erase_samples as samples
from cloned.disk.erase import EraseLevel, choose
from cloned.disk.erase_record import DiskErasure, ErasureFault, LookBack
from cloned.disk.erase_samples import DiskSample
from cloned.disk.erase_status import DeviceStatus, SanitizeState
from cloned.disk.media import FactsError, Medium, NvmeAbilities
from tests.unit.core.test_erasing import Shop

TB = 10**12
SSD = Medium("/dev/nvme0n1", 512 * 10**9, serial="N1", bus="nvme", nvme=NvmeAbilities(block_erase=True))


class Hands:
    """A drive whose status is a list of percentages, said again and again."""

    def __init__(self, percents: list[int]) -> None:
        self.percents, self.now, self.looks = percents, 0.0, 0

    def uncover(self, record: DiskErasure) -> tuple[Medium, tuple[str, ...]]:
        return record.medium, ()

    def remember(self, record: DiskErasure) -> tuple[DiskSample, ...]:
        return (DiskSample(0, 4096, "ab"),)

    def untouched(self, record: DiskErasure) -> bool:
        return False

    def tools(self, record: DiskErasure) -> tuple[str, ...]:
        return ()

    def begin(self, record: DiskErasure) -> str:
        return ""

    def status(self, record: DiskErasure) -> DeviceStatus:
        percent = self.percents[min(self.looks, len(self.percents) - 1) if 100 in self.percents else
                                self.looks % len(self.percents)]  # fmt: skip
        self.looks += 1
        if percent == 100:
            return DeviceStatus(SanitizeState.DONE, None, "done")
        return DeviceStatus(SanitizeState.RUNNING, percent / 100, "running")

    def write(self, record: DiskErasure) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
        raise NotImplementedError

    def verify(self, record: DiskErasure) -> LookBack:
        return LookBack("sample", "s", 1, 1, 1, "zeros")

    def progress(self, record: DiskErasure, done: float) -> None:
        assert 0 <= done <= 1

    def pause(self, seconds: float) -> None:
        self.now += 600 if seconds else 0

    def clock(self) -> float:
        return self.now


def erased(percents: list[int]) -> DiskErasure:
    return carry_out(machine.plan(SSD, EraseLevel.PURGE, "s"), Hands(percents), lambda _: None)


@pytest.mark.parametrize("percents", [[1], [0, 30, 60, 90, 0], [90, 0], [50, 49, 48]])
def test_a_status_that_never_ends_or_jumps_back_for_ever_is_a_drive_that_hangs(percents: list[int]) -> None:
    found = erased(percents)
    assert found.fault is ErasureFault.HANGS
    assert not found.erased


def test_one_that_jumps_back_once_and_comes_to_its_end_does_not_hang() -> None:
    assert erase_driver.STANDSTILL_SECONDS > 10 * 600
    assert erased([30, 90, 0, 30, 60, 95, 100]).erased


@pytest.mark.parametrize("how", ["sample", "all"])
def test_sixteen_terabytes_take_no_more_memory_than_one(how: str) -> None:
    tracemalloc.start()
    try:
        places = samples.after("s", 16 * TB, how)
        cut = erase_io._cut(places)
        assert len(list(islice(cut, 5000))) == 5000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 << 20
    covered = sum(place.length for place in places)
    assert covered == 16 * TB if how == "all" else covered >= 16 * TB * samples.SHARE
    assert all(place.offset % samples.PLACE_BYTES == 0 for place in places)


@pytest.mark.parametrize("size", [1, 511, 4096, 10_000_000_001, 16 * TB - 1])
def test_all_of_a_disk_is_all_of_it(size: int) -> None:
    end = 0
    for place in samples.after("s", size, "all"):
        assert place.offset == end
        end += place.length
    assert end == size


def test_a_disk_without_a_byte_is_refused_with_what_to_do() -> None:
    refused = choose(replace(SSD, size=0), EraseLevel.CLEAR)
    assert refused.technique is None
    assert "destroy it" in refused.next_step


def test_two_disks_that_say_the_same_serial_are_not_told_apart_by_it() -> None:
    twin = replace(SSD, path="/dev/nvme1n1")
    shop = Shop()
    shop.boot(media=(SSD, twin))
    assert len(built_in(shop.laptop.media)) == 2
    for disks in (("N1",), ("N1", "N1"), ("/dev/nvme0n1", "/dev/nvme1n1")):
        assert isinstance(shop.erase(*disks), Refusal)


@pytest.mark.parametrize(
    "told",
    [
        None, [], "x", {}, {"medium": {}}, {"medium": {"path": 1}}, {"phase": "verified"},
        {"medium": {"path": "/dev/sda", "size": -1}}, {"medium": {"path": "/dev/sda", "size": "huge"}},
    ],
)  # fmt: skip
def test_records_that_are_none_are_refused(told: object) -> None:
    with pytest.raises(FactsError):
        DiskErasure.from_json(told)


def test_a_record_with_endless_sentences_is_cut() -> None:
    told = json.loads(json.dumps(machine.plan(SSD, EraseLevel.CLEAR, "s").to_json()))
    told |= {"answers": ["x" * 10**6] * 500, "notes": [{"message": "y\n" * 10**5, "values": {}}] * 500}
    found = DiskErasure.from_json(told)
    assert len(found.answers) == len(found.notes) == 50
    assert max(map(len, (*found.answers, *found.notes))) <= 500
    assert all(text.isprintable() for text in (*found.answers, *found.notes))
