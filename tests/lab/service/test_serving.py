"""A real daemon in a namespace: told to reload twenty times a second, and with a clock that jumps."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cloned import client
from cloned.errors import ClonedError
from cloned.lab.bench.service import laid
from cloned.lab.daemon import DaemonProcess
from tests.lab.service import room

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")]

HOUR, YEAR = 3600, 365 * 86400


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts a daemon in a network of its own; ended afterwards."""
    async with AsyncExitStack() as stack:

        async def start(environment: Mapping[str, str] | None = None) -> DaemonProcess:
            (tmp_path / "state").mkdir(exist_ok=True)
            made = laid(tmp_path, stack)
            made.environment.update(environment or {})
            made.start()
            await made.ready()
            return made

        yield start


def config(daemon: DaemonProcess) -> Path:
    return daemon.settings.state / "cloned.toml"


def logged(daemon: DaemonProcess) -> str:
    """What it has logged so far: of the same cause a line a second at most."""
    return daemon.log.read_text("utf-8", "replace")


async def in_force(daemon: DaemonProcess) -> bool:
    """Whether the page of settings shows that file systems are grown."""
    page = await client.call(daemon.settings.runtime, "GET", "/settings", raw=True)
    return re.search(r"grow_?\w*\b(?:(?!grow).)*?true", page.decode(), re.DOTALL) is not None


async def until(what: str, look: Callable[[], Any]) -> None:
    for _ in range(600):
        if await look():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(what)


async def test_twenty_reloads_a_second_right_and_wrong(served: Callable[[], Any]) -> None:
    daemon = await served()
    good, pid = config(daemon).read_text(), daemon.pid
    assert not await in_force(daemon)
    for number in range(60):
        wrong = number % 3 == 1
        config(daemon).write_text(good + ("[sessions\n" if wrong else f"\n# {number}\n"))
        os.kill(pid, signal.SIGHUP)
        await asyncio.sleep(0.05)
    config(daemon).write_text(good.replace("grow = false", "grow = true"))
    os.kill(pid, signal.SIGHUP)

    await until("the last configuration is in force", lambda: in_force(daemon))
    assert daemon.pid == pid
    assert daemon.running
    log = logged(daemon)
    assert "the configuration stays as it was" in log
    assert "Traceback" not in log
    assert await daemon.ask("/api/v1/state")


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[room.FakedClock]:
    with room.clock_for(tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.skipif(not room.FAKETIME.exists(), reason="apt-get install faketime")
async def test_a_clock_that_jumps_an_hour_back_and_ten_years_ahead(
    clock: room.FakedClock, served: Callable[..., Any]
) -> None:
    daemon = await served(clock.environment)

    for seconds in (-HOUR, 10 * YEAR, -HOUR, 0):
        clock.jump(seconds)
        runtime, text = daemon.settings.runtime, f"at {seconds}"
        told = await client.call(runtime, "POST", "/api/v1/commands", {"do": "batch", "image": "sample", "text": text})
        assert told["ok"]
        [batch] = [each for each in (await daemon.state())["batches"] if text in str(each)]
        assert abs(at(batch) - (time.time() + seconds)) < 13 * HOUR
        assert daemon.running
    daemon.kill()
    daemon.start()
    await daemon.ready()
    assert "Traceback" not in logged(daemon)
    with pytest.raises(ClonedError):
        await client.call(daemon.settings.runtime, "POST", "/api/v1/commands", {"do": "nothing"})


def at(batch: dict[str, Any]) -> float:
    """Until when a batch holds, seconds since 1970."""
    return datetime.fromisoformat(str(batch["until"]).replace("Z", "+00:00")).timestamp()
