"""Measures how soon a port of the switch that goes up stands on the page, while a laptop boots.

    python -m cloned.lab.bench.port [--rounds 5]

A bridge is the switch, Debian's snmpd answers for it, the daemon reads it as it would any other; the watcher is
a browser's connection for events.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import secrets
import statistics
import tempfile
import time
import uuid
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table

from cloned.lab import stock as stocks
from cloned.lab.bootrom import BIOS_ARCH, dhcp
from cloned.lab.daemon import DaemonProcess, DaemonSettings, server_address
from cloned.lab.forward import Forward
from cloned.lab.kernel import in_namespace
from cloned.lab.laptops import LaptopKind
from cloned.lab.network import NIC, LabNetwork, laptop_mac
from cloned.lab.workshop import plug_snmpd

BOOTING, PLUGGED = 1, 2
"""The laptop that keeps the daemon looking, and the port that goes up and down."""
AIM = 6.0
GIVE_UP = 30.0


def network(folder: Path, stack: AsyncExitStack) -> LabNetwork:
    """Two laptops' cables, the server and a switch that answers SNMP."""
    made = LabNetwork(f"cl{secrets.token_hex(2)}", 2)
    stack.callback(made.close)
    made.build()
    for number in (BOOTING, PLUGGED):
        made.plug_thin(number, laptop_mac(made.run, number))
    made.plug_server()
    plug_snmpd(made, folder, stack)
    return made


def daemon(folder: Path, made: LabNetwork) -> DaemonProcess:
    """`cloned serve` in the server's namespace; nothing will be cloned."""
    stock = stocks.prepare("sample", lambda words: None)
    state = folder / "state"
    state.mkdir()
    (state / "images").symlink_to(stock.store.root)
    settings = DaemonSettings(
        state=state, runtime=folder / "run", live=stock.live, boot=stock.boot, image="sample", kind=LaptopKind.THIN,
        mbit_s=None, webhook="http://127.0.0.1:9/", webhook_secret=secrets.token_hex(16), classic=(), gates={},
    )  # fmt: skip
    return DaemonProcess(settings, made.server, folder / "daemon.log")


def boot(made: LabNetwork) -> None:
    """One laptop asks for an address as its firmware would: for a minute the switch is looked at often."""
    mac, machine = laptop_mac(made.run, BOOTING), uuid.uuid4().bytes
    in_namespace(made.path(made.laptop(BOOTING)), lambda: dhcp(NIC, mac, machine, BIOS_ARCH, ipxe=False))


def drawn(page: str, *, up: bool) -> bool:
    """Whether the page shows the plugged port with (without) a link."""
    socket = re.search(rf'<li class="port access([^"]*)">\s*<p class="socket[^"]*" title="port{PLUGGED}"', page)
    return socket is not None and ("up" in socket[1].split()) == up


async def until_drawn(events: aiohttp.StreamReader, *, up: bool) -> float:
    """Seconds until an event draws the port so; TimeoutError after half a minute."""
    began = time.monotonic()
    async with asyncio.timeout(GIVE_UP):
        async for line in events:
            if line.startswith(b"data:") and drawn("".join(map(str, json.loads(line[5:]).values())), up=up):
                return time.monotonic() - began
    raise ConnectionError("the page's events ended")


async def measure(rounds: int) -> list[float]:
    """Seconds from link to page, each round at another moment of the daemon's own clock."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloned-bench-")))
        made = network(folder, stack)
        served = daemon(folder, made)
        stack.push_async_callback(served.stop)
        served.start()
        await served.ready()
        forward = await stack.enter_async_context(Forward(made.path(made.server), server_address(), 0))
        made.link(BOOTING, up=True)
        session = await stack.enter_async_context(aiohttp.ClientSession(read_bufsize=1 << 24))
        address = f"http://127.0.0.1:{forward.port}/events"
        timeout = aiohttp.ClientTimeout(total=None)
        answer = await stack.enter_async_context(session.get(address, timeout=timeout))
        return await _rounds(made, answer.content, rounds)


async def _rounds(made: LabNetwork, events: aiohttp.StreamReader, rounds: int) -> list[float]:
    seconds = []
    for number in range(rounds):
        await asyncio.to_thread(boot, made)
        await until_drawn(events, up=False)
        await asyncio.sleep(5 * number / rounds)
        await asyncio.to_thread(made.link, PLUGGED, up=True)
        seconds.append(await until_drawn(events, up=True))
        await asyncio.to_thread(made.link, PLUGGED, up=False)
    return seconds


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    seconds = asyncio.run(measure(parser.parse_args().rounds))
    table = Table(box=None, header_style="bold")
    for heading in ("a port goes up", "best s", "median s", "worst s", "aim s"):
        table.add_column(heading, justify="left" if heading == "a port goes up" else "right")
    figures = (min(seconds), statistics.median(seconds), max(seconds))
    table.add_row("until it is on the page", *(f"{figure:.1f}" for figure in figures), f"≤ {AIM:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
