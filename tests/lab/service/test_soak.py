"""A daemon over a night of boots: what it holds at the end is what it held after the first two hundred."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from cloned import memory
from cloned.lab.bench.service import resident
from cloned.lab.daemon import DaemonProcess
from cloned.lab.thinbox import ThinBox
from cloned.netboot.gate import PER_SECOND
from tests.lab.service import room

pytestmark = [
    pytest.mark.lab,
    pytest.mark.nightly,
    pytest.mark.timeout(6 * 3600),
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root"),
]

LAPTOPS = 12
BOOTS = int(os.environ.get("CLONED_SOAK_BOOTS", "2004"))
FIRST = min(200, BOOTS // 3)
"""Boots after which it holds what it will hold."""
SHARE = 0.05
"""By how much anything may have grown since."""
FEW = 2
"""Threads and descriptors that a client who is there just now, or one worker more of a bounded pool, make up."""
ROUND_SECONDS = 600.0
SOONEST_SECONDS = 1 / PER_SECOND + 1
"""From one boot of a laptop to its next: one that boots more often, round after round, is sent away."""


@dataclass
class Held:
    """What a process holds: MB, and how many of each."""

    memory: float
    descriptors: int
    threads: int
    files: int

    @classmethod
    def of(cls, daemon: DaemonProcess) -> Held:
        """Of a daemon that has nothing to do."""
        process, folders = Path(f"/proc/{daemon.pid}"), (daemon.settings.state, daemon.settings.runtime)
        files = sum(len(names) for folder in folders for _, _, names in os.walk(folder))
        descriptors, threads = (len(list((process / name).iterdir())) for name in ("fd", "task"))
        return cls(resident(daemon.pid), descriptors, threads, files)


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[tuple[DaemonProcess, list[ThinBox]]]:
    """A daemon and laptops that are off."""
    async with AsyncExitStack() as stack:
        yield await room.workshop(stack, tmp_path, LAPTOPS)


async def through(daemon: DaemonProcess, boxes: list[ThinBox], jobs: int) -> None:
    """All of them on, until each was verified for the `jobs`th time and is off."""
    for box in boxes:
        box.power_on()
    again = asyncio.create_task(asyncio.sleep(SOONEST_SECONDS))
    async with asyncio.timeout(ROUND_SECONDS):
        while not await room.verified(daemon, LAPTOPS, jobs) or any(box.running for box in boxes):
            await asyncio.sleep(1)
    for box in boxes:
        box.power_cut()
    await again


async def held(daemon: DaemonProcess) -> Held:
    """What it holds once it has given back what it could."""
    await asyncio.sleep(memory.EVERY_SECONDS + 5)
    return Held.of(daemon)


async def test_a_night_of_boots_leaves_nothing_behind(workshop: tuple[DaemonProcess, list[ThinBox]]) -> None:
    daemon, boxes = workshop
    after: dict[int, Held] = {}
    for number in range(1, BOOTS // LAPTOPS + 1):
        await through(daemon, boxes, number)
        for box in boxes:
            box.chooses = "clone"  # somebody chooses it: whoever is done boots his own disk else
        if number in (FIRST // LAPTOPS, BOOTS // LAPTOPS):
            after[number * LAPTOPS] = await held(daemon)
            print(after)
    first, last = (asdict(each) for each in after.values())
    grown = {
        name: (first[name], last[name])
        for name in first
        if last[name] > max(first[name] * (1 + SHARE), first[name] + FEW)
    }
    assert not grown, after
