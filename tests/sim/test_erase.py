"""Thousands of erasures, ten thousand at night, with drives that lie, hang, fail and vanish, and with power cuts at any moment.

The agent's own driver runs on a simulated drive; what counts is what lies on the drive in the end. `history(SEED)`
replays one.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from cloned.agent.erase_driver import EraseTrouble, carry_out
from cloned.disk import erase_machine as machine
from cloned.disk import erase_samples as samples
from cloned.disk.erase import LEVELS, EraseLevel, Technique
from cloned.disk.erase_check import Judge, blank_before
from cloned.disk.erase_record import DiskErasure, ErasureFault, LookBack
from cloned.disk.erase_samples import PLACE_BYTES, DiskSample
from cloned.disk.erase_status import DeviceStatus, SanitizeState
from cloned.disk.media import AtaAbilities, Medium, MmcAbilities, NvmeAbilities

HISTORIES, BATCHES = 2_000, 4
AT_NIGHT, NIGHT_BATCHES = 10_000, 8
SYNC = (Technique.NVME_FORMAT, Technique.NVME_FORMAT_CRYPTO, Technique.MMC_SANITIZE, Technique.ATA_SECURITY)


class PowerCut(Exception):  # noqa: N818 - an event
    """The laptop is off."""


def old(number: int) -> bytes:
    """What a family left in block `number`; some blocks are empty."""
    return bytes(PLACE_BYTES) if number % 3 == 0 else (f"photo {number} ".encode() * PLACE_BYTES)[:PLACE_BYTES]


@dataclass
class Drive:
    """The drive itself: what stays when the power goes."""

    medium: Medium
    chance: random.Random
    lies: float = 0.0
    """Share of its blocks that it leaves as they are and says nothing of."""
    quirk: str = ""
    blocks: list[bytes] = field(default_factory=list)
    state: SanitizeState = SanitizeState.NEVER
    looks: int = 0
    bad: frozenset[int] = frozenset()
    leaves: str = "zeros"

    def wipe(self) -> None:
        """What its own erase does, or what it says it does."""
        for number in range(len(self.blocks)):
            if self.chance.random() >= self.lies:
                self.blocks[number] = self.after()

    def after(self) -> bytes:
        if self.leaves == "noise":
            return self.chance.randbytes(PLACE_BYTES)
        return b"\xff" * PLACE_BYTES if self.leaves == "uniform" else bytes(PLACE_BYTES)

    def look(self) -> DeviceStatus:
        """Each look is a step of its sanitize."""
        if self.quirk == "nonsense":
            return DeviceStatus(SanitizeState.UNKNOWN, None, "??")
        if self.state is SanitizeState.RUNNING and self.quirk != "hangs":
            self.looks += 1
            if self.looks > 3:
                self.wipe()
                self.state = SanitizeState.FAILED if self.quirk == "fails" else SanitizeState.DONE
        done = 0.1 if self.quirk == "jumps" and self.looks == 3 else self.looks / 4
        return DeviceStatus(self.state, done if self.state is SanitizeState.RUNNING else None, str(self.state))


class SimHands:
    """A laptop around the drive, from one power-on to the next cut."""

    def __init__(self, drive: Drive, cut_after: int, small: int = samples.SMALL_BYTES) -> None:
        self.drive, self.left, self.now, self.small = drive, cut_after, 0.0, small

    def tick(self) -> None:
        """The power may go."""
        self.left -= 1
        if self.left < 0:
            raise PowerCut

    def step(self) -> None:
        """Something happens; the power may go just before it, and the drive may be gone."""
        self.tick()
        if self.drive.quirk == "vanishes" and self.drive.chance.random() < 0.02:
            raise EraseTrouble(ErasureFault.GONE, "no such device")

    def read(self, number: int) -> bytes:
        if self.drive.quirk == "unreadable" and number in self.drive.bad:
            raise EraseTrouble(ErasureFault.UNREADABLE, f"block {number}")
        return self.drive.blocks[number]

    def uncover(self, record: DiskErasure) -> tuple[Medium, tuple[str, ...]]:
        return record.medium, ()

    def remember(self, record: DiskErasure) -> tuple[DiskSample, ...]:
        found = []
        for place in samples.before(record.seed, record.medium.size, 16):
            self.step()
            number = place.offset // PLACE_BYTES
            if number in self.drive.bad:
                continue
            data = self.drive.blocks[number]
            if marked := blank_before(data):
                data = self.drive.blocks[number] = samples.marker(record.seed, place.offset)
            found.append(DiskSample(place.offset, PLACE_BYTES, samples.digest(record.seed, data), marked))
        return tuple(found)

    def untouched(self, record: DiskErasure) -> bool:
        self.step()
        held = (samples.digest(record.seed, self.read(place.offset // PLACE_BYTES)) for place in record.remembered)
        return all(now == place.digest for now, place in zip(held, record.remembered, strict=True))

    def tools(self, record: DiskErasure) -> tuple[str, ...]:
        return ("simulated 1",)

    def begin(self, record: DiskErasure) -> str:
        self.step()
        if self.drive.quirk == "refuses":
            raise EraseTrouble(ErasureFault.TOOL, "failed (1)")
        if record.technique in SYNC:
            cut = self.left <= 1
            self.drive.wipe() if not cut else None
            self.step()
            return "ended"
        if record.technique is not Technique.OVERWRITE and self.drive.quirk != "deaf":
            self.drive.state, self.drive.looks = SanitizeState.RUNNING, 0
        return ""

    def status(self, record: DiskErasure) -> DeviceStatus:
        self.step()
        return self.drive.look()

    def write(self, record: DiskErasure) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
        bad: list[tuple[int, int]] = []
        for number in range(record.offset // PLACE_BYTES, record.medium.size // PLACE_BYTES):
            self.step()
            if number in self.drive.bad:
                bad.append((number * PLACE_BYTES, PLACE_BYTES))
            elif self.drive.chance.random() >= self.drive.lies:
                self.drive.blocks[number] = bytes(PLACE_BYTES)
            if number % 8 == 7:
                yield (number + 1) * PLACE_BYTES, tuple(bad)
        yield record.medium.size, tuple(bad)

    def verify(self, record: DiskErasure) -> LookBack:
        assert record.technique is not None
        seed = str(self.drive.chance.random())
        judge = Judge(record.technique, record.seed, record.remembered, bytes(PLACE_BYTES))
        for place in record.remembered:
            self.step()
            self.wrong(judge.remember(place, self.read(place.offset // PLACE_BYTES)))
        for place in samples.after(seed, record.medium.size, record.how, small=self.small):
            for at in range(place.offset, place.offset + place.length, PLACE_BYTES):
                self.step()
                self.wrong(judge.sample(DiskSample(at, PLACE_BYTES), self.read(at // PLACE_BYTES)))
        return LookBack(record.how, seed, judge.places, judge.read, len(record.remembered), judge.found)

    def wrong(self, said: str) -> None:
        if said:
            raise EraseTrouble(ErasureFault.LIES, said)

    def progress(self, record: DiskErasure, done: float) -> None:
        assert 0 <= done <= 1

    def pause(self, seconds: float) -> None:
        self.now += max(seconds, 60.0) if self.drive.quirk == "hangs" else seconds

    def clock(self) -> float:
        return self.now


MEDIA = (
    Medium("/dev/vda", 0, serial="V", bus="virtio"),
    Medium("/dev/sda", 0, serial="A", bus="sata", ata=AtaAbilities(sanitize=True, block_erase=True, rotational=False)),
    Medium("/dev/sda", 0, serial="B", bus="sata", ata=AtaAbilities(security=True, rotational=False)),
    Medium("/dev/nvme0n1", 0, serial="N", bus="nvme", nvme=NvmeAbilities(block_erase=True, format=True)),
    Medium("/dev/nvme0n1", 0, serial="C", bus="nvme", nvme=NvmeAbilities(crypto_erase=True)),
    Medium("/dev/nvme0n1", 0, serial="F", bus="nvme", nvme=NvmeAbilities(format=True)),
    Medium("/dev/mmcblk0", 0, serial="M", bus="mmc", mmc=MmcAbilities(True, True)),
)
QUIRKS = ("", "", "", "", "hangs", "fails", "nonsense", "jumps", "vanishes", "refuses", "deaf", "unreadable", "bad")


def built(seed: int) -> tuple[Drive, DiskErasure]:
    """A drive with a family's data on it, and the erasure that was confirmed for it."""
    chance = random.Random(seed)
    blocks = chance.choice((1, 2, 7, 24, 64))
    medium = replace(chance.choice(MEDIA), size=blocks * PLACE_BYTES)
    quirk = chance.choice(QUIRKS)
    lies = chance.choice((0.0, 0.0, 0.0, 0.05, 0.5, 1.0))
    bad = frozenset(chance.sample(range(blocks), min(2, blocks))) if quirk in ("bad", "unreadable") else frozenset()
    content = [old(number) if chance.random() < 0.8 else bytes(PLACE_BYTES) for number in range(blocks)]
    level = chance.choice((EraseLevel.CLEAR, EraseLevel.CLEAR, EraseLevel.PURGE))
    record = machine.plan(medium, level, f"seed {seed}", chance.choice(("sample", "all")))
    leaves = LEVELS[record.technique].leaves if record.technique else "zeros"
    # an old sanitize may have left its "done" in the drive's status
    before = chance.choice((SanitizeState.NEVER, SanitizeState.DONE))
    return Drive(medium, chance, lies, quirk, content, before, bad=bad, leaves=leaves), record


def history(seed: int) -> tuple[DiskErasure, Drive, list[bytes]]:
    """One erasure, through as many power cuts as come."""
    drive, record = built(seed)
    before = list(drive.blocks)
    kept = [record]

    def save(now: DiskErasure) -> None:
        hands.tick()
        assert now == kept[-1] or machine.strictly_later(kept[-1], now), (kept[-1], now)
        kept.append(DiskErasure.from_json(json.loads(json.dumps(now.to_json()))))
        hands.tick()  # it is written down, and the laptop may never hear of it

    for cuts in range(12):
        hands = SimHands(drive, drive.chance.randrange(5, 150) if cuts < 8 and drive.chance.random() < 0.6 else 10**9)
        try:
            return carry_out(kept[-1], hands, save), drive, before
        except PowerCut:
            if drive.state is SanitizeState.RUNNING and drive.chance.random() < 0.5:
                drive.look()  # it goes on while the laptop is off
    raise AssertionError(f"history {seed} never ends")


@pytest.mark.parametrize("batch", range(BATCHES))
def test_nothing_is_called_erased_of_which_an_old_sector_can_be_found(batch: int) -> None:
    ends = checked(batch, HISTORIES, BATCHES)
    assert ends["verified"] > HISTORIES / BATCHES / 8
    assert ends["failed"] > HISTORIES / BATCHES / 8


@pytest.mark.nightly
@pytest.mark.parametrize("batch", range(NIGHT_BATCHES))
def test_of_ten_thousand_drives_none(batch: int) -> None:
    assert checked(batch, AT_NIGHT, NIGHT_BATCHES)["verified"]


def checked(first: int, last: int, every: int) -> Counter[str]:
    """How these histories ended; AssertionError where one is called erased and is not."""
    ends: Counter[str] = Counter()
    for seed in range(first, last, every):
        record, drive, before = history(seed)
        ends[str(record.phase)] += 1
        assert record.over
        if record.erased:
            left = [n for n, data in enumerate(before) if any(data) and drive.blocks[n] == data]
            assert not left, f"history({seed}) is called erased, but blocks {left} hold old data"
            assert not any(samples.MARK in data for data in drive.blocks), f"history({seed}) left a marker"
        elif not drive.lies and not drive.quirk and record.fault is not ErasureFault.REFUSED:
            raise AssertionError(f"history({seed}) was an honest drive: {record.fault} {record.detail}")
    return ends


@pytest.mark.parametrize("seed", range(60))
def test_samples_find_a_drive_that_leaves_a_twentieth_as_it_was(seed: int) -> None:
    chance = random.Random(seed)
    blocks = 6000
    medium = replace(chance.choice(MEDIA), size=blocks * PLACE_BYTES)
    record = machine.plan(medium, EraseLevel.CLEAR, f"sampled {seed}")
    assert record.technique is not None
    content = [old(3 * number + 1) for number in range(blocks)]
    lies = chance.choice((0.0, 0.05, 0.2, 1.0))
    drive = Drive(medium, chance, lies, "", content, leaves=LEVELS[record.technique].leaves)
    found = carry_out(record, SimHands(drive, 10**9, small=0), lambda _: None)
    assert found.erased is (lies == 0.0)
    assert found.fault is (ErasureFault.LIES if lies else None)
