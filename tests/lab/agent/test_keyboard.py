"""What a person can do at the laptop itself, in the live system, in QEMU."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from cloned.live import LiveInfo
from tests.lab.agent.machine import Machine
from tests.wire.agent.bench import MIB, Server, image

pytestmark = [pytest.mark.lab, pytest.mark.slow]


async def until(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.2)
    raise TimeoutError


async def test_one_key_confirms_what_is_offered_and_others_do_nothing(tmp_path: Path, system: LiveInfo) -> None:
    machine = Machine(system, tmp_path, 256 * MIB)
    server = Server(image(), machine.order_disk(), stage="offer")
    running = asyncio.create_task(machine.run(server))
    await until(lambda: "Press  C  to clone  small" in machine.serial())
    await machine.monitor("sendkey x")
    reports = len(server.told("report"))
    await until(lambda: len(server.told("report")) > reports + 2)
    assert server.told("confirm") == []
    await machine.monitor("sendkey c")
    said = await running
    assert server.told("confirm") == [{"image": "small", "disk": {"serial": "DISK-1", "wwn": ""}}]
    assert [verdict["verdict"] for verdict in server.verdicts] == ["verified"], said


async def test_the_power_button_switches_it_off(tmp_path: Path, system: LiveInfo) -> None:
    machine = Machine(system, tmp_path, 64 * MIB)
    server = Server(image(), machine.order_disk(), stage="offer")
    running = asyncio.create_task(machine.run(server))
    await until(lambda: len(server.told("report")) > 2)
    await machine.monitor("system_powerdown")
    async with asyncio.timeout(60):
        await running
