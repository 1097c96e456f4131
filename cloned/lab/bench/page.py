"""Measures what people's screens cost: browsers that watch, first pages, the list of laptops, papers.

    python -m cloned.lab.bench.page [--seconds 20] [--browsers 50]

A process of its own serves the page over a real state: 48 laptops are at work and report each second (their reports
are handed to the monitor, as the agents' calls do), others went through before. Browsers are connections for events,
in three languages by turns. Each second one laptop's number changes, and how late each screen has it is measured.
Papers and translations are measured in seconds of processor, the rest by the clock on the wall.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import web
from rich.console import Console
from rich.table import Table

from cloned.connections import Counted
from cloned.core.disks import Disk
from cloned.core.events import Booted, Configured, Hello, ImageInfo, ImageKnown, Ready, SwitchChanged
from cloned.core.ids import LaptopId, clean, token_digest
from cloned.core.laptop import Facts, Laptop
from cloned.core.row_types import LedgerTotals, Row, SinkStatus
from cloned.core.settings import Settings
from cloned.lab.bench.service import Past, spent
from cloned.languages import CODES, language
from cloned.monitor import Monitor
from cloned.overview import Overview
from cloned.papers.label import labels
from cloned.papers.media import MEDIA
from cloned.papers.sheet import sheets
from cloned.papers.subject import PrintingSite, Storage, Subject
from cloned.status.app import create_app
from cloned.status.auth import Auth
from cloned.status.live import WATCHERS, Hub
from cloned.status.pages import Pages
from cloned.status.warmth import Warmth

AT_WORK = 48
MANY, LISTED, SHEETS = 1400, 10_000, 500
AIMS = {"late": 1.0, "share": 15.0, "more": 10.0, "kb": 100.0, "first": 0.2, "list": 0.1, "label": 50.0, "sheets": 10.0}
"""Seconds, percent of a core (and percent on top with 1,400 known), KB, seconds, seconds, ms, seconds."""
_IMAGE = ImageInfo("school-2026", "ab" * 32, 7_340_032_000, 20 * 10**9)


def workshop(known: int) -> tuple[Past, list[LaptopId]]:
    """A state with so many laptops that went through a week ago, and 48 that receive now."""
    past = Past(_IMAGE, time.time() - 7 * 86400)
    past.note(Configured(Settings(confirm="auto", default_image=_IMAGE.name)))
    past.note(ImageKnown(_IMAGE))
    past.note(SwitchChanged(AT_WORK, "48 ports", 1000))
    past.clone(0)
    [done] = past.state.laptops.values()
    past.now = time.time() - 60
    busy = [_at_work(past, 100_000 + number) for number in range(AT_WORK)]
    alike = (_like(done, 1000 + number) for number in range(known))
    past.state = replace(past.state, laptops={**past.state.laptops, **{each.id: each for each in alike}})
    return past, busy


def _like(done: Laptop, number: int) -> Laptop:
    """Another one that went through."""
    serial = f"PF{number:06d}"
    identity = replace(done.facts.identity, serial=serial, uuid=f"{number:08x}-1111-2222-3333-444455556666")
    facts = replace(done.facts, identity=identity)
    return replace(done, id=LaptopId(f"{number:010x}"), number=number, facts=facts)


def _at_work(past: Past, number: int) -> LaptopId:
    """One more, which has begun to receive."""
    mac, token = f"02:00:01:00:{number >> 8 & 255:02x}:{number & 255:02x}", token_digest(f"now {number}")
    identity = clean(
        f"{number:08x}-1111-2222-3333-444455556666", f"PF{number:06d}", "Dell Inc.", "Latitude 5490", [mac]
    )
    disk = Disk("/dev/nvme0n1", 256060514304, serial=f"S3Z9{number:06d}", model="SAMSUNG MZVLB256")
    address = f"10.77.200.{number & 255}"
    past.note(Booted(token, identity, mac, address))
    past.note(Hello(token, Facts(identity, mac, "uefi", disks=(disk,)), address))
    laptop = next(each for each in past.state.laptops.values() if each.facts.boot_mac == mac)
    if laptop.session is None:
        raise ValueError(f"laptop {number} got no place in a session")
    past.note(Ready(laptop.id, laptop.session, disk.key, ("gpt",), True))
    return laptop.id


_NOBODY: Any = None
"""Who obeys commands: nobody gives any."""


class _Records:
    """A ledger that has nothing to tell: it is measured by itself (bench/inventory.py)."""

    async def totals(self) -> LedgerTotals:
        return {"rows": 0, "verdicts": {}, "done_today": 0}

    async def rows(self, **_asked: object) -> list[Row]:
        return []

    async def sinks(self) -> list[SinkStatus]:
        return []


async def serve(known: int) -> None:
    """Serve until told to stop; tells on standard output the port, and each change with its time."""
    past, busy = workshop(known)
    engine: Any = SimpleNamespace(workshop=past.state, clock=time.time, backlog=0, problem="")
    monitor = Monitor(engine, 300)
    seen = Overview(engine=engine, monitor=monitor, control=_NOBODY, name=lambda: "Bench")
    hub = Hub()
    hub.counted = Counted(WATCHERS, WATCHERS)  # all of loopback counts as one place
    await Warmth().warm()
    with tempfile.TemporaryDirectory(prefix="cloned-bench-") as folder:
        app = create_app(seen, _Records(), Auth(Path(folder)), hub)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
        try:
            await asyncio.gather(hub.run(), _change(engine, monitor, hub, busy))
        finally:
            await runner.cleanup()


async def _change(engine: Any, monitor: Monitor, hub: Hub, busy: list[LaptopId]) -> None:
    """Each second a report of every laptop at work, and another number for one of them."""
    for turn in range(10**9):
        for at, ident in enumerate(busy):
            laptop = engine.workshop.laptops[ident]
            done = (turn * 84_000_000 + at * 9_000_000) % _IMAGE.used
            told = {"state": "receiving", "session": laptop.session, "bytes": done, "total": _IMAGE.used, "rate": 84e6}
            await monitor.heard(laptop, {**told, "held_by": "network", "pieces_left": 900, "lost": 0})
        ident, tag = busy[turn % len(busy)], f"Q{turn}-"  # short: a tile sets a long one in two parts
        engine.workshop = engine.workshop.with_laptop(replace(engine.workshop.laptops[ident], tag=tag))
        hub.now()
        print(json.dumps({"tag": tag, "at": time.monotonic()}), flush=True)
        await asyncio.sleep(1.1)


@dataclass
class PageFigures:
    """What was measured with so many laptops known: seconds, percent of a core, KB."""

    late: list[float] = field(default_factory=list)
    missed: int = 0
    share: float = 0.0
    first: list[float] = field(default_factory=list)
    size: float = 0.0
    packed: float = 0.0
    listed: list[float] = field(default_factory=list)
    listing: float = 0.0
    """Seconds of processor for one."""


@asynccontextmanager
async def _server(known: int) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cloned.lab.bench.page", "--serve", str(known), stdout=asyncio.subprocess.PIPE
    )
    try:
        told = await process.stdout.readline() if process.stdout is not None else b""
        yield process, f"http://127.0.0.1:{json.loads(told)['port']}"
    finally:
        process.terminate()
        await process.wait()


async def measure(known: int, browsers: int, seconds: float) -> PageFigures:
    """Watch with so many browsers for so long."""
    found, told = PageFigures(), dict[str, float]()
    async with _server(known) as (process, url), aiohttp.ClientSession(read_bufsize=1 << 24) as session:
        listening = asyncio.create_task(_listen(process, told))
        await _pages(session, url, "/?lang=nl", found.first)
        before = spent(process.pid)
        await _pages(session, url, "/laptops?lang=nl", found.listed)
        found.listing = (spent(process.pid) - before) / len(found.listed)
        await _size(session, url, found)
        seen: list[dict[str, float]] = [{} for _ in range(browsers)]
        watching = [asyncio.create_task(_watch(url, CODES[n % 3], each)) for n, each in enumerate(seen)]
        await asyncio.sleep(3)
        before, began, already = spent(process.pid), time.monotonic(), set(told)
        await asyncio.sleep(seconds)
        found.share = 100 * (spent(process.pid) - before) / (time.monotonic() - began)
        await asyncio.sleep(2)
        made = [tag for tag, at in told.items() if tag not in already and at < began + seconds]
        found.late = [each[tag] - told[tag] for tag in made for each in seen if tag in each]
        found.missed = len(made) * browsers - len(found.late)
        for task in (*watching, listening):
            task.cancel()
        await asyncio.gather(*watching, listening, return_exceptions=True)
    return found


async def _listen(process: asyncio.subprocess.Process, told: dict[str, float]) -> None:
    while process.stdout is not None and (line := await process.stdout.readline()):
        made = json.loads(line)
        told[made["tag"]] = made["at"]


async def _pages(session: aiohttp.ClientSession, url: str, path: str, into: list[float]) -> None:
    """How long a page takes, again and again."""
    for _ in range(8):
        began = time.monotonic()
        async with session.get(url + path) as answer:
            await answer.read()
        into.append(time.monotonic() - began)


async def _size(session: aiohttp.ClientSession, url: str, found: PageFigures) -> None:
    """KB of the first page, as it is and packed."""
    async with session.get(url + "/?lang=nl", headers={"Accept-Encoding": "identity"}) as answer:
        found.size = len(await answer.read()) / 1000
    async with session.get(url + "/?lang=nl", headers={"Accept-Encoding": "gzip"}, auto_decompress=False) as answer:
        found.packed = len(await answer.read()) / 1000


async def _watch(url: str, code: str, seen: dict[str, float]) -> None:
    """One browser: notes when the event of each change came."""
    patient = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(read_bufsize=1 << 24, timeout=patient) as session,
        session.get(f"{url}/events?lang={code}") as answer,
    ):
        answer.raise_for_status()
        async for line in answer.content:
            now = time.monotonic()
            for tag in _tags(line):
                seen.setdefault(tag, now)


def _tags(line: bytes) -> Iterator[str]:
    for found in re.findall(rb"\bQ[0-9]+-", line):
        yield found.decode()


def papers() -> tuple[float, float, float]:
    """Milliseconds and KB of a label, seconds for 500 sheets."""
    site, words = PrintingSite("Deel IT Mechelen", "http://cloned.example:8080"), language("nl")
    who = Subject(
        id="1f2e3d", number=7, tag="DM-2026-0042", vendor="LENOVO", product="ThinkPad T480s", serial="PF1ABCDE",
        firmware="uefi", cpu="Intel Core i5-8350U", memory=8 * 10**9,
        disks=(Storage("SAMSUNG", "S4ELNX", "nvme", 256 * 10**9, "ok", True),), image="school-2026",
        image_hash="9f" * 32, verdict="verified", state="done", at="2026-11-29T10:00:00Z",
    )  # fmt: skip
    labels([who], MEDIA["62"], site, words)
    took = []
    for _ in range(20):
        began = time.process_time()
        data = labels([who], MEDIA["62"], site, words)
        took.append(1000 * (time.process_time() - began))
    began = time.process_time()
    sheets([who] * SHEETS, site, words)
    return statistics.median(took), len(data) / 1000, time.process_time() - began


def translating() -> float:
    """Milliseconds that a wall in Dutch or French, whichever is slower, takes more than one in English."""
    past, _ = workshop(0)
    engine: Any = SimpleNamespace(workshop=past.state, clock=time.time, backlog=0, problem="")
    seen = Overview(
        engine=engine,
        monitor=Monitor(engine, 300),
        control=_NOBODY,
        name=lambda: "Bench",
    )
    pages = Pages(seen, _Records())
    took: dict[str, list[float]] = {code: [] for code in CODES}
    for _ in range(30):
        for code, into in took.items():
            pages.painter(language(code))._tiles.clear()
            began = time.process_time()
            asyncio.run(pages.wall(language(code)))
            into.append(1000 * (time.process_time() - began))
    english = statistics.median(took.pop("en"))
    return max(map(statistics.median, took.values())) - english


def rows(few: PageFigures, many: PageFigures, huge: PageFigures) -> Iterator[tuple[str, str, str]]:
    """What was measured, the figure, the aim."""
    for name, found in ((f"{AT_WORK} laptops", few), (f"the same, {MANY:,} more known", many)):
        late = sorted(found.late)
        yield f"{name}: a change is on every screen, worst", f"{late[-1]:.2f} s", f"≤ {AIMS['late']:.0f} s"
        yield f"{name}: changes that a screen missed", str(found.missed), "0"
        yield f"{name}: share of a core", f"{found.share:.1f} %", f"≤ {AIMS['share']:.0f} %"
        said = f"{statistics.median(found.first) * 1000:.0f} ms, {found.size:.0f} KB ({found.packed:.0f} KB packed)"
        yield f"{name}: first page", said, f"≤ {AIMS['first'] * 1000:.0f} ms, {AIMS['kb']:.0f} KB"
    more = many.share - few.share
    yield f"{MANY:,} more known cost", f"{more:+.1f} % of a core", f"≤ +{AIMS['more']:.0f} %"
    said = f"{statistics.median(huge.listed) * 1000:.0f} ms ({huge.listing * 1000:.0f} ms of processor)"
    yield f"the list of {LISTED:,}", said, f"≤ {AIMS['list'] * 1000:.0f} ms"
    label, size, took = papers()
    yield "a label", f"{label:.1f} ms, {size:.1f} KB", f"≤ {AIMS['label']:.0f} ms, 20 KB"
    yield f"{SHEETS} sheets", f"{took:.1f} s", f"≤ {AIMS['sheets']:.0f} s"
    yield "a translation of the wall", f"{translating():.2f} ms", "≤ 1 ms"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--browsers", type=int, default=50)
    parser.add_argument("--serve", type=int, default=None, help=argparse.SUPPRESS)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    if given.serve is not None:
        asyncio.run(serve(given.serve))
        return
    few = asyncio.run(measure(0, given.browsers, given.seconds))
    many = asyncio.run(measure(MANY, given.browsers, given.seconds))
    huge = asyncio.run(measure(LISTED, 0, 0))
    table = Table(box=None, header_style="bold")
    for heading in ("what", "measured", "aim"):
        table.add_column(heading)
    for row in rows(few, many, huge):
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
