"""The real agent erases a loop device by order of a real engine; agent and daemon are killed on the way."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from cloned.core.boot import BootRequest
from cloned.core.events import Command, SwitchChanged
from cloned.core.laptop import Laptop, State
from cloned.disk.media import Medium
from cloned.engine import Engine
from cloned.journal import Journal
from cloned.lab.slowdisk import ThrottledDisk
from cloned.live import agent_zipapp
from cloned.monitor import Monitor
from cloned.netboot.agents import AgentApi
from cloned.tasks import TaskOwner
from tests.waiting import until
from tests.wire.agent.bench import scratch_in
from tests.wire.agent.test_erase import OLD, filled, loop_device

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for loop devices"),
]
MAC = "52:54:00:00:00:01"
FACTS = {"serial": "PF1", "vendor": "Lab", "product": "Thin", "firmware": "uefi", "boot_mac": MAC, "macs": [MAC]}
SIZE = 24 << 20


class House:
    """Streams, and a ledger that keeps its rows in a list."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    async def limit(self, rates: Any) -> None:
        """Nothing is streamed."""

    async def record(self, row: dict[str, Any]) -> None:
        self.rows.append(row)


class Site:
    """A daemon's part that erases, on loopback; it can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.house = folder, 0, House()
        self.folder.mkdir()

    async def start(self) -> None:
        house: Any = self.house
        self.tasks, self.journal = TaskOwner("test"), Journal(self.folder / "journal")
        self.engine = Engine(self.journal, house, house)
        self.engine.replay()
        api = AgentApi(self.engine, Monitor(self.engine, 60), house, house, lambda _: [])
        for work, name in ((self.engine.run(), "engine"), (self.engine.run_effects(), "effects")):
            self.tasks.start(work, name, service=True)
        await self.engine.submit(SwitchChanged(8, "test", 1000))
        app = web.Application()
        app.add_routes(api.routes())
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self.runner.addresses[0][1]

    async def stop(self) -> None:
        await self.runner.cleanup()
        await self.tasks.close()
        self.journal.close()

    @property
    def laptop(self) -> Laptop:
        [laptop] = self.engine.workshop.laptops.values()
        return laptop

    async def until(self, true: Any) -> Laptop:
        await until(lambda: self.engine.workshop.laptops and true(self.laptop), 60)
        return self.laptop

    @asynccontextmanager
    async def agent(self, device: str) -> AsyncIterator[asyncio.subprocess.Process]:
        self.token = token = (await self.engine.boot(BootRequest(MAC, "127.0.0.1", serial="PF1"))).token
        (self.folder / "facts.json").write_text(json.dumps({**FACTS, "disk_serial": "DISK-1"}))
        (self.folder / "agent.pyz").write_bytes(agent_zipapp())
        command = ["-I", str(self.folder / "agent.pyz"), "--only-disk", device, "--facts"]
        command += [str(self.folder / "facts.json"), "--boot", f"http://127.0.0.1:{self.port}/{token}"]
        with (self.folder / "screen").open("ab") as screen:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, stdout=screen, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env=scratch_in(self.folder),
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def erase(self, serial: str = "DISK-1") -> None:
        await self.until(lambda laptop: laptop.media)
        await self.engine.command(Command("erase", "test", self.laptop.id, disks=(serial,)))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    one = Site(tmp_path / "site")
    await one.start()
    yield one
    await one.stop()


def phase(laptop: Laptop) -> str:
    return str(laptop.erasure.disks[0].phase) if laptop.erasure else ""


async def test_a_laptop_is_erased_and_switches_itself_off(site: Site, tmp_path: Path) -> None:
    file = filled(tmp_path / "disk")
    with loop_device(file) as device:
        async with site.agent(device) as process:
            await site.erase()
            laptop = await site.until(lambda laptop: laptop.state in (State.ERASED, State.ASIDE))
            assert laptop.state is State.ERASED, (laptop.detail, (site.folder / "screen").read_text())
            async with asyncio.timeout(20):
                assert await process.wait() == 0
    assert file.read_bytes() == bytes(SIZE)
    (row,) = site.house.rows
    assert row["erasure"]["disks"][0]["verified"] is True
    assert OLD.decode() not in json.dumps(row)


FAST = (("started", "agent"), ("completed", "daemon"))
"""The rest is as slow as it is alike."""
STEPS = [
    pytest.param(when, who, marks=() if (when, who) in FAST else pytest.mark.slow)
    for when in ("planned", "remembered", "started", "completed")
    for who in ("agent", "daemon", "both")
]


@pytest.mark.parametrize(("when", "who"), STEPS)
async def test_whoever_is_killed_it_goes_on(site: Site, tmp_path: Path, when: str, who: str) -> None:
    file = filled(tmp_path / "disk")
    disk = ThrottledDisk(file, tmp_path, 30_000_000)
    try:
        with loop_device(disk.path) as device:
            async with site.agent(device) as process:
                await site.erase()
                await site.until(lambda laptop: phase(laptop) == when or laptop.state is State.ERASED)
                if who != "daemon":
                    process.kill()
                if who != "agent":
                    await site.stop()
                    await site.start()
                if who == "daemon":
                    await site.until(lambda laptop: laptop.state in (State.ERASED, State.ASIDE))
            if who != "daemon":
                async with site.agent(device):
                    await site.until(lambda laptop: laptop.state in (State.ERASED, State.ASIDE))
            assert site.laptop.state is State.ERASED, (site.laptop.detail, (site.folder / "screen").read_text())
    finally:
        disk.close()
    assert file.read_bytes() == bytes(SIZE)


async def test_a_disk_that_is_told_in_the_middle_makes_the_laptop_not_erased_and_all_are_looked_at_again(
    site: Site, tmp_path: Path
) -> None:
    file = filled(tmp_path / "disk")
    disk = ThrottledDisk(file, tmp_path, 30_000_000)
    late = Medium("/dev/sdz", 10**9, serial="LATE", model="Slow Starter", bus="sata")
    try:
        with loop_device(disk.path) as device:
            async with site.agent(device), ClientSession() as caller:
                await site.erase()
                await site.until(lambda laptop: phase(laptop) == "started")
                url, who = f"http://127.0.0.1:{site.port}/agent/v1/media", {"Authorization": f"Bearer {site.token}"}
                async with caller.post(url, json={"media": [late.to_json()]}, headers=who) as answer:
                    assert answer.status == 200
                laptop = await site.until(lambda laptop: laptop.state is State.ASIDE and laptop.media)
    finally:
        disk.close()
    assert laptop.erasure is not None
    assert [(each.medium.serial, each.erased) for each in laptop.erasure.disks] == [("DISK-1", True), ("LATE", False)]
    assert (laptop.erasure.result, "Slow Starter LATE" in laptop.detail) == ("not-erased", True)
    assert [medium.serial for medium in laptop.media] == ["DISK-1"]
    (row,) = site.house.rows
    assert row["state"] == "aside"


async def test_a_disk_that_was_not_named_is_not_touched(site: Site, tmp_path: Path) -> None:
    file = filled(tmp_path / "disk")
    before = file.read_bytes()
    with loop_device(file) as device:
        async with site.agent(device):
            with pytest.raises(Exception, match="DISK-1"):
                await site.erase("SOMETHING-ELSE")
            assert site.laptop.state is not State.ERASING
    assert file.read_bytes() == before
