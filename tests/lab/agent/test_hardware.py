"""What the boot menu offers beside cloning, in the live system, in QEMU: nothing of it writes to the disk."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from aiohttp import web

from cloned.live import LiveInfo, agent_zipapp
from tests.lab.agent.machine import Machine
from tests.lab.agent.test_keyboard import until
from tests.wire.agent.bench import MIB, Server, image

pytestmark = [pytest.mark.lab, pytest.mark.slow]

SMBIOS = "type=1,manufacturer=LENOVO,product=20L5,serial=PF1ABC,uuid=4c4c4544-0039-4210-8052-b7c04f4e3732"


class Named(Machine):
    """A laptop that knows its make."""

    def _command(self, port: int) -> list[str | Path]:
        return [*super()._command(port), "-smbios", SMBIOS]


async def test_show_hardware_shows_it_until_a_key_and_touches_nothing(tmp_path: Path, system: LiveInfo) -> None:
    machine = Named(system, tmp_path, 64 * MIB, "ide-hd", append="cloned.want=memtest memtest=2")
    machine.file.write_bytes(bytes(range(256)) * (64 * MIB // 256))
    before = hashlib.sha256(machine.file.read_bytes()).digest()
    server = Server(image(), machine.order_disk())
    running = asyncio.create_task(machine.run(server))
    await until(lambda: "O  switch off" in machine.serial() or running.done())
    shown = machine.serial()
    for word in (
        "LENOVO 20L5", "PF1ABC", "4c4c4544-0039-4210-8052", "BIOS", "Processor", "GiB", "QEMU HARDDISK DISK-1",
        "SATA", "SMART: good", "52:54:00:12:34:56", "Memory test: 2 patterns, nothing wrong",
    ):  # fmt: skip
        assert word in shown, shown[-2000:]
    await machine.monitor("sendkey r")
    async with asyncio.timeout(60):
        await running
    assert server.heard == []
    assert hashlib.sha256(machine.file.read_bytes()).digest() == before


class Late(Named):
    """A laptop whose server has no agent to give at first."""

    asked = 0

    async def _serve(self, server: Server) -> web.AppRunner:
        async def agent(request: web.Request) -> web.Response:
            self.asked += 1
            return web.Response(body=agent_zipapp()) if self.asked > 3 else web.Response(status=404)

        return await server.start(web.get("/agent.pyz", agent))


async def test_a_server_without_an_agent_is_named_and_asked_again(tmp_path: Path, system: LiveInfo) -> None:
    machine = Late(system, tmp_path, 64 * MIB, append="cloned.want=hardware")
    running = asyncio.create_task(machine.run(Server(image(), machine.order_disk())))
    await until(lambda: "O  switch off" in machine.serial() or running.done())
    said = machine.serial()
    assert "gave no agent (HTTP/1.1 404 Not Found)" in said
    assert machine.asked == 4
    assert "segfault" not in said
    await machine.monitor("sendkey o")
    async with asyncio.timeout(60):
        await running
