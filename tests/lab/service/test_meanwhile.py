"""Laptops that are cloned while the daemon is told to reload without end, or its clock jumps, and is scraped all along."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from cloned import client
from cloned.lab.daemon import DaemonProcess
from cloned.lab.thinbox import ThinBox
from cloned.netboot.gate import PER_SECOND
from tests.lab.service import room

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")]

LAPTOPS = 3
SECONDS = 300.0
SOONEST_SECONDS = 1 / PER_SECOND + 1
"""From one boot of a laptop to its next."""
HOUR, YEAR = 3600, 365 * 86400
Begin = Callable[..., Awaitable[tuple[DaemonProcess, list[ThinBox]]]]


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    """Starts a daemon with laptops that are off."""
    async with AsyncExitStack() as stack:

        async def made(environment: Mapping[str, str] | None = None) -> tuple[DaemonProcess, list[ThinBox]]:
            return await room.workshop(stack, tmp_path, LAPTOPS, environment)

        yield made


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[room.FakedClock]:
    with room.clock_for(tmp_path, monkeypatch) as made:
        yield made


def counters(text: str) -> dict[str, float]:
    """What only grows, by name and labels: in Prometheus's text their names end so."""
    pairs = re.findall(r"^(cloned_\w+_total(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in pairs}


@asynccontextmanager
async def scraped(daemon: DaemonProcess) -> AsyncIterator[list[dict[str, float]]]:
    """Scrapes again and again meanwhile; each is answered."""
    heard: list[dict[str, float]] = []

    async def scrape() -> None:
        while True:
            text = await client.call(daemon.settings.runtime, "GET", "/metrics", raw=True)
            heard.append(counters(text.decode()))
            await asyncio.sleep(0.1)

    scraping = asyncio.create_task(scrape())
    try:
        yield heard
    finally:
        scraping.cancel()
        [failed] = await asyncio.gather(scraping, return_exceptions=True)
    assert isinstance(failed, asyncio.CancelledError), failed


def grew(heard: list[dict[str, float]]) -> None:
    """No counter ever fell, nor was one gone again."""
    for before, after in pairwise(heard):
        assert all(after[name] >= value for name, value in before.items())


async def cloned(daemon: DaemonProcess, boxes: list[ThinBox], meanwhile: Callable[[int], Awaitable[None]]) -> None:
    """All of them on, until all were verified; `meanwhile` runs again and again. One whose firmware got no script in
    time, on a busy machine, has started from its own disk: somebody switches it on again."""
    on, loop = dict.fromkeys(boxes, 0.0), asyncio.get_running_loop()
    async with asyncio.timeout(SECONDS):
        number = 0
        while not await room.verified(daemon, LAPTOPS, 1):
            for box in boxes:
                if not box.running and loop.time() > on[box] + SOONEST_SECONDS and not through(box):
                    box.power_on()
                    on[box] = loop.time()
            await meanwhile(number)
            number += 1


def through(box: ThinBox) -> bool:
    """Whether it says that all is on its disk."""
    return box.screen.exists() and "Done." in box.screen.read_text("utf-8", "replace")


async def test_twenty_reloads_a_second_keep_nobody_waiting(begin: Begin) -> None:
    daemon, boxes = await begin()
    config, pid = daemon.settings.state / "cloned.toml", daemon.pid
    good = config.read_text()

    async def reload(number: int) -> None:
        for each in range(20):
            config.write_text(good + ("[sessions\n" if each % 3 == 1 else f"\n# {number}, {each}\n"))
            os.kill(pid, signal.SIGHUP)
            await asyncio.sleep(0.05)

    async with scraped(daemon) as heard:
        await cloned(daemon, boxes, reload)
    grew(heard)
    assert heard[-1]['cloned_verdicts_total{verdict="verified"}'] == LAPTOPS
    assert (daemon.pid, daemon.running) == (pid, True)
    log = daemon.log.read_text("utf-8", "replace")
    assert "the configuration stays as it was" in log
    assert "Traceback" not in log


@pytest.mark.skipif(not room.FAKETIME.exists(), reason="apt-get install faketime")
async def test_a_clock_that_jumps_loses_no_laptop_and_no_result(clock: room.FakedClock, begin: Begin) -> None:
    """An hour back and ten years ahead, again and again, between boot and verdict; then it is right again."""
    daemon, boxes = await begin(clock.environment)
    pid = daemon.pid

    async def jump(number: int) -> None:
        clock.jump((-HOUR, 10 * YEAR, 0)[number % 3])
        await asyncio.sleep(1.0)

    async with scraped(daemon) as heard:
        await cloned(daemon, boxes, jump)
    clock.jump(0)
    grew(heard)
    assert (daemon.pid, daemon.running) == (pid, True)
    rows = await daemon.ask("/api/v1/ledger")
    assert (
        sorted((row["verdict"], row["attempt"]) for row in rows if row["verdict"] == "verified")
        == [("verified", 1)] * LAPTOPS
    )
    assert "Traceback" not in daemon.log.read_text("utf-8", "replace")
    daemon.kill()
    daemon.start()
    await daemon.ready()
    assert await room.verified(daemon, LAPTOPS, 1)
