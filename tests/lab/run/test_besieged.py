"""A real daemon, real clients that hold on to it, and the real kernel's limits."""

from __future__ import annotations

import asyncio
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from cloned import processes
from cloned.lab import stock as stocks
from cloned.lab.daemon import PAGE, DaemonProcess, DaemonSettings
from cloned.lab.kernel import in_namespace
from cloned.lab.laptops import LaptopKind
from cloned.lab.network import NETWORK, NIC, SERVER, LabNetwork, laptop_mac
from tests.lab.run.labs import needs_root

pytestmark = [pytest.mark.lab, needs_root]
BOOT = 8069
STRANGERS = 12
"""Addresses that the clients come from: 64 connections are let in of each."""


class Siege:
    """The daemon in its namespace, and whoever connects to it from a laptop's cable."""

    def __init__(self, network: LabNetwork, daemon: DaemonProcess, images: Path) -> None:
        self.network, self.daemon, self.images = network, daemon, images
        self.held: list[socket.socket] = []

    async def connect(self, port: int, said: bytes, number: int) -> None:
        """Hold a connection from one of the strangers' addresses, on which this was said and nothing is read."""

        def work() -> socket.socket:
            source = (str(NETWORK[1002 + number % STRANGERS]), 0)
            client = socket.create_connection((str(SERVER.ip), port), timeout=5, source_address=source)
            client.sendall(said)
            return client

        with suppress(OSError):  # those that are cut off at once are no error here
            space = self.network.path(self.network.laptop(1))
            self.held.append(await asyncio.to_thread(in_namespace, space, work))

    async def flood(self, count: int) -> None:
        for number in range(count):
            await self.connect((BOOT, PAGE)[number % 2], b"GET / HTTP/1.1\r\nHost:", number)


@pytest.fixture
async def siege() -> AsyncIterator[Siege]:
    """A daemon with 512 descriptors and two images, and a laptop's cable with many addresses."""
    stock = stocks.prepare("sample", lambda words: None)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloned-siege-")))
        network = LabNetwork(f"cl{secrets.token_hex(2)}", 1)
        stack.callback(network.close)
        network.build()
        network.plug_thin(1, laptop_mac(network.run, 1))
        network.plug_server()
        network.link(1, up=True)
        images = folder / "state" / "images"
        images.mkdir(parents=True)
        (images / ".pieces").symlink_to(stock.store.root / ".pieces")
        (images / "sample").symlink_to(stock.store.root / "sample")
        inside = ["ip", "netns", "exec", network.laptop(1), "ip"]
        for number in range(STRANGERS):
            processes.run([*inside, "addr", "add", f"{NETWORK[1002 + number]}/{NETWORK.prefixlen}", "dev", NIC])
        settings = DaemonSettings(
            state=folder / "state", runtime=folder / "run", live=stock.live, boot=stock.boot, image="sample",
            kind=LaptopKind.THIN, mbit_s=None, webhook="http://127.0.0.1:9/", webhook_secret=secrets.token_hex(16),
            classic=(), gates={},
        )  # fmt: skip
        daemon = DaemonProcess(settings, network.server, folder / "daemon.log")
        daemon.descriptors = 512
        stack.push_async_callback(daemon.stop)
        daemon.start()
        await daemon.ready()
        siege = Siege(network, daemon, images)
        yield siege
        for client in siege.held:
            client.close()


async def test_600_half_heads_at_512_descriptors_end_nothing(siege: Siege) -> None:
    await siege.flood(600)
    assert len(siege.held) > 100
    assert (await siege.daemon.state())["images"]
    (siege.images / "sample").unlink()  # whoever looks after images goes on looking
    async with asyncio.timeout(120):
        while (await siege.daemon.state())["images"]:
            await siege.flood(20)
    assert siege.daemon.running


async def test_it_is_gone_soon_whatever_clients_hold_open(siege: Siege) -> None:
    process = siege.daemon._process
    assert process is not None
    for number in range(40):
        await siege.connect(BOOT, b"GET /live/initrd HTTP/1.1\r\nHost: x\r\n\r\n", number)
        await siege.connect(BOOT, b"POST /agent/v1/report HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n{", number)
        await siege.connect(PAGE, f"GET /events HTTP/1.1\r\nHost: {SERVER.ip}\r\n\r\n".encode(), number)
        await siege.connect(PAGE, b"GET / HTTP/1.1\r\nHost:", number)
    assert len(siege.held) > 100
    process.terminate()
    began = time.monotonic()
    try:
        await asyncio.to_thread(process.wait, 60)
    except subprocess.TimeoutExpired:
        pytest.fail("it is still there after a minute")
    print(f"gone after {time.monotonic() - began:.1f} s")
    assert process.returncode == 0
