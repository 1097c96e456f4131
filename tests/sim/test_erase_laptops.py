"""Erasures of whole laptops: one to three drives, each as bad as in test_erase.py, a laptop that loses its power, a daemon
that is killed and replays its journal. What counts is what lies on the drives of a laptop that is called erased.

`history(SEED)` replays one. Ten thousand of them run at night.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from pydantic import TypeAdapter

from cloned.agent.erase_driver import carry_out
from cloned.core.disks import Disk
from cloned.core.erase_events import DiskErased, DiskWritten, MediaTold
from cloned.core.events import Booted, Command, Event, Hello, Returned, Vanished
from cloned.core.ids import clean, token_digest
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.orders import order
from cloned.core.words import KEPT
from cloned.disk import erase_samples as samples
from cloned.disk.erase_record import DiskErasure
from cloned.netboot.erasures import _only_further
from tests.sim.test_erase import Drive, PowerCut, SimHands, built
from tests.story import Telling, replayed

HISTORIES, BATCHES = 800, 4
AT_NIGHT, NIGHT_BATCHES = 10_000, 10
_EVENTS: TypeAdapter[Event] = TypeAdapter(Event)


class Daemon(Telling):
    """The core and its journal, with one laptop: killed, it is what the journal says."""

    def __init__(self) -> None:
        super().__init__(now=1.8e9)

    def killed(self) -> None:
        """Started again: everything from the journal as it is written, nothing else."""
        texts = [_EVENTS.dump_json(entry.event, context=KEPT) for entry in self.journal]
        read = map(_EVENTS.validate_json, texts)
        state = replayed([replace(entry, event=event) for entry, event in zip(self.journal, read, strict=True)])
        assert state == self.state, "a replay came to another state"
        self.state = state

    @property
    def only(self) -> Laptop:
        (found,) = self.state.laptops.values()
        return found


class SimLaptop:
    """A laptop with its drives, at its daemon."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.daemon = Daemon()
        pairs = [built(seed * 4 + number) for number in range(self.chance.choice((1, 2, 2, 3)))]
        self.drives: dict[str, Drive] = {}
        for number, (drive, _) in enumerate(pairs):
            medium = replace(drive.medium, path=f"/dev/disk{number}", serial=f"S{number}")
            self.drives[medium.key] = replace(drive, medium=medium)
        self.before = {key: list(drive.blocks) for key, drive in self.drives.items()}
        self.boots = 0

    def boot(self) -> None:
        """Power on: boot script, hello, what its disks can do."""
        self.boots += 1
        token, who = token_digest(f"boot {self.boots}"), clean("", "5CG1", "HP", "ProBook", ["02:00:00:00:00:01"])
        media = tuple(drive.medium for drive in self.drives.values())
        disks = tuple(Disk(each.path, each.size, serial=each.serial) for each in media)
        self.daemon.tell(Booted(token, who, "02:00:00:00:00:01", "10.0.0.2"))
        self.daemon.tell(Hello(token, Facts(who, disks=disks), "10.0.0.2"))
        if order(self.daemon.state, self.daemon.only).get("media"):
            self.daemon.tell(MediaTold(self.daemon.only.id, media))

    def save(self, hands: SimHands, record: DiskErasure) -> None:
        """As netboot/erasures.py takes it in; the daemon, or the laptop, may die before the answer."""
        hands.tick()
        laptop = self.daemon.only
        assert laptop.erasure is not None
        old = laptop.erasure.find(record.medium.key)
        assert old is not None
        record = DiskErasure.from_json(record.to_json())
        if _only_further(old, record):
            self.daemon.tell(
                DiskWritten(laptop.id, laptop.erasure.id, record.medium.key, record.offset, record.unreached)
            )
        elif old != record:
            self.daemon.tell(DiskErased(laptop.id, laptop.erasure.id, record))
        if self.chance.random() < 0.03:
            self.daemon.killed()
        hands.tick()

    def run(self, cuts: bool) -> None:
        """From the order to its end, or to the next power cut."""
        told = order(self.daemon.state, self.daemon.only)
        left = self.chance.randrange(5, 200) if cuts else 10**9
        for each in told["disks"]:
            record = DiskErasure.from_json(each)
            if record.over:
                continue
            hands = SimHands(self.drives[record.medium.key], left)
            carry_out(record, hands, lambda now, hands=hands: self.save(hands, now))  # type: ignore[misc]
            left = hands.left

    def lose_power(self) -> None:
        """The drives go on or not; the daemon notices, or the laptop is back before it does."""
        for drive in self.drives.values():
            if self.chance.random() < 0.5:
                drive.look()
        if self.chance.random() < 0.5:
            self.daemon.tell(Vanished(self.daemon.only.id))
        if self.chance.random() < 0.2:
            self.daemon.tell(Returned(self.daemon.only.id))


def history(seed: int) -> SimLaptop:
    """One laptop's erasure, through whatever comes."""
    laptop = SimLaptop(seed)
    laptop.boot()
    daemon = laptop.daemon
    level = laptop.chance.choice(("clear", "clear", "purge"))
    daemon.tell(Command("erase", "Ann", daemon.only.id, disks=tuple(laptop.drives), level=level))
    for turn in range(30):
        if daemon.only.state is not State.ERASING:
            return laptop
        try:
            laptop.run(cuts=turn < 8 and laptop.chance.random() < 0.6)
        except PowerCut:
            laptop.lose_power()
            laptop.boot()
    raise AssertionError(f"history({seed}) never ends")


def check(seed: int) -> str:
    """What a history came to; AssertionError where it is called erased and is not."""
    laptop = history(seed)
    seen = laptop.daemon.only
    if seen.erasure is None or not seen.erasure.erased:
        assert seen.state is not State.ERASED, f"history({seed}) is called erased and is not"
        return str(seen.erasure.result if seen.erasure is not None else "refused")
    for key, drive in laptop.drives.items():
        before = laptop.before[key]
        left = [n for n, data in enumerate(before) if any(data) and drive.blocks[n] == data]
        assert not left, f"history({seed}) is called erased, but blocks {left} of {key} hold old data"
        assert not any(samples.MARK in data for data in drive.blocks), f"history({seed}) left a marker on {key}"
    assert len(laptop.daemon.rows) == 1, f"history({seed}) has {len(laptop.daemon.rows)} rows"
    return "erased"


def checked(first: int, last: int, every: int) -> Counter[str]:
    return Counter(check(seed) for seed in range(first, last, every))


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_laptop_is_called_erased_of_which_an_old_sector_can_be_found(batch: int) -> None:
    ends = checked(batch, HISTORIES, BATCHES)
    assert ends["erased"] > HISTORIES / BATCHES / 10, ends
    assert ends["not-erased"] > HISTORIES / BATCHES / 10, ends


@pytest.mark.nightly
@pytest.mark.parametrize("batch", range(NIGHT_BATCHES))
def test_of_ten_thousand_none(batch: int) -> None:
    assert checked(batch, AT_NIGHT, NIGHT_BATCHES)["erased"]
