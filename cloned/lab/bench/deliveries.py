"""Measures how results that wait get to a sink, beside what the sink's latency alone would take; part of inventory.py.

The sink is a webhook that answers after 50 ms and, at random, one time in twenty with 503; so many results are on their
way together as its setting says where nobody changes it. Who sends is `cloned serve` in a namespace of its own, killed
by SIGKILL and started again; and, beside it, an outbox alone (sending.py), for what the rest of a daemon costs.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from aiohttp import web
from rich.console import Console
from rich.table import Table

from cloned.destinations import WebhookSettings
from cloned.inventory.ledger import Ledger
from cloned.lab import stock as stocks
from cloned.lab.as_installed import as_installed
from cloned.lab.bench.filled import fill, row
from cloned.lab.daemon import DaemonProcess, DaemonSettings
from cloned.lab.kernel import listening_socket
from cloned.lab.laptops import LaptopKind
from cloned.lab.network import LabNetwork, laptop_mac
from cloned.processes import spawn

LATENCY, ERRORS = 0.05, 0.05
AT_ONCE = int(WebhookSettings.model_fields["at_once"].default)
SINK = "inventory"
"""As the lab's daemon calls its webhook (`lab/daemon.py`)."""


@dataclass
class ResultSite:
    """A webhook's other side: late, now and then in trouble, and it remembers in which order everything came."""

    stubborn: str = ""
    """A laptop that is always answered 503."""
    got: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    seen: set[str] = field(default_factory=set)
    twice: int = 0
    """Came again, with a key that was known."""
    came: asyncio.Event = field(default_factory=asyncio.Event)
    """Set where a result was answered."""
    answering: int = 0
    last: float = 0.0
    answered: int = 0
    spent: float = 0.0
    """Seconds from question to answer, all of them together."""
    url: str = ""

    async def start(self, listens: socket.socket) -> web.AppRunner:
        """Listen there, until what is returned is cleaned up."""
        app = web.Application()
        app.router.add_post("/", self._post)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, listens).start()
        self.url = f"http://127.0.0.1:{listens.getsockname()[1]}/"
        return runner

    async def _post(self, request: web.Request) -> web.Response:
        began = time.monotonic()
        told = await request.json()
        self.answering += 1
        try:
            await asyncio.sleep(LATENCY)
        finally:
            self.answering -= 1
        self.answered, self.spent = self.answered + 1, self.spent + time.monotonic() - began
        self.came.set()
        if told["data"]["laptop"] == self.stubborn or random.random() < ERRORS:  # noqa: S311
            return web.Response(status=503)
        if told["key"] in self.seen:
            self.twice += 1
        else:
            self.seen.add(told["key"])
            self.got[told["data"]["laptop"]].append(told["data"]["attempt"])
            self.last = time.monotonic()
        return web.Response()

    @property
    def latency(self) -> float:
        """Seconds that an answer took: what it slept, and what its own processor made of that."""
        return self.spent / self.answered

    @property
    def disordered(self) -> int:
        """Laptops whose results did not come in order."""
        return sum(attempts != sorted(attempts) for attempts in self.got.values())

    async def quiet(self) -> None:
        """Until nobody is answered any more who was killed."""
        while self.answering:  # noqa: ASYNC110 - it is a matter of 50 ms
            await asyncio.sleep(0.005)
        self.came.clear()


class Killable(Protocol):
    """Who sends, and can be killed."""

    @property
    def running(self) -> bool:
        """Whether it is there."""

    def start(self) -> None:
        """Begin."""

    def kill(self) -> None:
        """As a power cut would."""


class OutboxAlone:
    """sending.py over the ledger at `place`."""

    def __init__(self, place: Path, url: str) -> None:
        self._command = [sys.executable, "-m", "cloned.lab.bench.sending", str(place), url, str(AT_ONCE)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start its process."""
        as_installed()
        self._process = spawn(self._command, stderr=None)

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


async def run(sender: Killable, site: ResultSite, count: int, kills: int) -> tuple[float, float]:
    """Seconds until `count` results are there, the sender being killed that often on the way; and of these, how many
    passed until the next one had begun and had its first answer."""
    begun, away = time.monotonic(), 0.0
    for kill in range(kills + 1):
        await site.quiet()
        started = time.monotonic()
        sender.start()
        await site.came.wait()
        away += time.monotonic() - started
        while len(site.seen) < count * (kill + 1) // (kills + 1):
            await asyncio.sleep(0.01)
            if not sender.running:
                raise RuntimeError("who sends ended by itself")
        sender.kill()
    return site.last - begun, away


async def prepared(place: Path, count: int, laptops: int) -> dict[int, int]:
    """A ledger in which so many results of so many laptops wait; how many each laptop has."""
    ledger = await Ledger.open(place)
    attempts: dict[int, int] = defaultdict(int)
    made = []
    for moment in range(count):
        laptop = moment % laptops
        attempts[laptop] += 1
        made.append(row(laptop, attempts[laptop], moment))
    await fill(ledger, made, (SINK,), "waiting")
    await ledger.register(["list"], {"list": "none"})
    await ledger.close()
    return attempts


@dataclass
class Delivered:
    """What came of it, as times the sink's latency alone."""

    ratio: float
    starts: float
    site: ResultSite

    def cells(self, who: str, kills: int) -> list[str]:
        """Of a line of the table."""
        site = self.site
        figures = [f"{self.ratio:.2f}", f"{self.starts:.2f}", f"{self.ratio - self.starts:.2f}"]
        return [who, str(kills), str(len(site.seen)), str(site.disordered), str(site.twice), *figures]


Make = Callable[[Path, ResultSite, AsyncExitStack], Awaitable[Killable]]


async def deliver(make: Make, count: int, laptops: int, kills: int, *, stubborn: bool = False) -> Delivered:
    """Fill a ledger, have it sent, and compare the time with that of the latency alone."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloned-bench-")))
        (folder / "state").mkdir()
        attempts = await prepared(folder / "state" / "ledger.sqlite", count, laptops)
        site = ResultSite("l000000" if stubborn else "")
        sender = await make(folder, site, stack)
        expected = count - (attempts[0] if stubborn else 0)
        seconds, away = await run(sender, site, expected, kills)
    alone = expected * site.latency / (1 - ERRORS) / AT_ONCE  # who is answered 503 has waited too
    return Delivered(seconds / alone, away / alone, site)


async def alone(folder: Path, site: ResultSite, stack: AsyncExitStack) -> Killable:
    """An outbox with nothing around it."""
    stack.push_async_callback((await site.start(socket.create_server(("127.0.0.1", 0)))).cleanup)
    sender = OutboxAlone(folder / "state" / "ledger.sqlite", site.url)
    stack.callback(sender.kill)
    return sender


async def served(folder: Path, site: ResultSite, stack: AsyncExitStack) -> Killable:
    """A daemon in a namespace of its own, with the receiver in the same one."""
    made = LabNetwork(f"cl{secrets.token_hex(2)}", 1)
    stack.callback(made.close)
    made.build()
    made.plug_thin(1, laptop_mac(made.run, 1))
    made.plug_server()
    listens = listening_socket(Path("/run/netns") / made.server, "127.0.0.1", 0)
    stack.push_async_callback((await site.start(listens)).cleanup)
    stock = stocks.prepare("sample", lambda words: None)
    (folder / "state" / "images").symlink_to(stock.store.root)
    settings = DaemonSettings(
        state=folder / "state", runtime=folder / "run", live=stock.live, boot=stock.boot, image="sample",
        kind=LaptopKind.THIN, mbit_s=None, webhook=site.url, webhook_secret=secrets.token_hex(16), classic=(), gates={},
    )  # fmt: skip
    sender = DaemonProcess(settings, made.server, folder / "daemon.log")
    stack.callback(sender.kill)
    return sender


async def deliveries_bench(options: argparse.Namespace, console: Console) -> None:
    """All of them, without kills and over kills."""
    title = f"{options.results} results of {options.laptops} laptops, {AT_ONCE} at once; times of the latency alone"
    table = Table("who", "kills", "came", "out of order", "came again", "all", "its starts", "the rest", title=title)
    for who, make, kills in (
        ("outbox alone", alone, 0),
        ("cloned serve", served, 0),
        ("cloned serve", served, options.kills),
    ):
        found = await deliver(make, options.results, options.laptops, kills)
        table.add_row(*found.cells(who, kills))
    console.print(table)


async def stubborn_bench(options: argparse.Namespace, console: Console) -> None:
    """One laptop that is always refused with 503: what it costs the others, without kills."""
    count = min(options.results, 3000)
    without = await deliver(alone, count, count // 3, 0)
    with_one = await deliver(alone, count, count // 3, 0, stubborn=True)
    table = Table("results", "without", "with one always 503", "out of order", title="time / latency alone")
    table.add_row(str(count), f"{without.ratio:.3f}", f"{with_one.ratio:.3f}", str(with_one.site.disordered))
    console.print(table)
