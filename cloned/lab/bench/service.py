"""Measures what the service costs: start, memory, a scrape, a reload, with years of results behind it.

    python -m cloned.lab.bench.service [--laptops 1400] [--results 100000] [--rounds 20]

The daemon runs as `cloned serve` in a namespace of its own, over a ledger of so many results and a journal in which
so many laptops are known: a checkpoint, and an evening of 48 behind it. Processor time is the process's own, so that
what else the machine does counts less.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import secrets
import socket
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from rich.console import Console
from rich.table import Table

from cloned import client, memory
from cloned.core.disks import Disk
from cloned.core.effect_types import Record
from cloned.core.events import (
    Booted,
    Configured,
    Event,
    Finished,
    Hello,
    ImageInfo,
    ImageKnown,
    Judged,
    Ready,
    Settings,
    SwitchChanged,
    Verifying,
)
from cloned.core.ids import LaptopId, clean, token_digest
from cloned.core.laptop import Facts, State, VerdictKind
from cloned.core.ledger_events import Recorded
from cloned.core.reducer import step
from cloned.core.row_types import as_row
from cloned.core.workshop import Workshop
from cloned.inventory.ledger import Ledger
from cloned.journal import Journal, JournalEntry
from cloned.lab import stock as stocks
from cloned.lab.bench.filled import fill, row
from cloned.lab.daemon import DaemonProcess, DaemonSettings
from cloned.lab.kernel import in_namespace
from cloned.lab.laptops import LaptopKind
from cloned.lab.network import LabNetwork, laptop_mac

EVENING = 48
SINKS = ("inventory", "list")
"""As the lab's daemon has them (`lab/daemon.py`)."""
AIMS = {"start": 2.0, "scrape": 0.05, "share": 1.0, "reload": 0.5, "memory": 150.0}
"""Seconds, seconds, percent of a core at one scrape in 5 s, seconds, MB."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Past:
    """Laptops that went through the workshop, as the journal would hold them."""

    image: ImageInfo
    now: float
    chance: random.Random = field(default_factory=lambda: random.Random(15))  # noqa: S311 - a made-up past
    state: Workshop = field(default_factory=Workshop)
    entries: list[JournalEntry] = field(default_factory=list)

    def note(self, event: Event) -> None:
        """`event`, and that its results were entered."""
        self.now += 0.5
        entry = JournalEntry(self.now, self.chance.randbytes(16).hex(), event)
        self.state, effects = step(self.state, event, entry.at, entry.entropy)
        self.entries.append(entry)
        for effect in effects:
            if isinstance(effect, Record):
                self.note(Recorded(LaptopId(as_row(effect.row)["laptop"]), as_row(effect.row)["attempt"]))

    def clone(self, number: int) -> None:
        """One laptop from its boot to done."""
        mac = f"02:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        address = f"10.77.{4 + (number >> 8)}.{number & 255}"
        uuid = f"{number:08x}-1111-2222-3333-444455556666"
        identity = clean(uuid, f"PF{number:06d}", "LENOVO", "20L6S0ABCD", [mac])
        disk = Disk("/dev/nvme0n1", 256060514304, serial=f"S3Z9{number:06d}", model="SAMSUNG MZVLB256")
        token = token_digest(f"past {number}")
        self.note(Booted(token, identity, mac, address))
        self.note(Hello(token, Facts(identity, mac, "uefi", disks=(disk,)), address))
        [ident] = {boot.laptop for key, boot in self.state.boots.items() if key == token}
        if ident is None:
            raise ValueError(f"laptop {number} did not come to be")
        for event in self._way(ident, disk):
            self.note(event)
        if self.state.laptops[ident].state is not State.DONE:
            raise ValueError(f"laptop {number} is {self.state.laptops[ident].state}, not done")

    def _way(self, ident: LaptopId, disk: Disk) -> Iterator[Event]:
        session = self.state.laptops[ident].session
        if session is None:
            raise ValueError(f"laptop {ident} got no place in a session")
        yield Ready(ident, session, disk.key, ("gpt",), True)
        yield Verifying(ident, session)
        yield Judged(
            laptop=ident,
            session=session,
            round=1,
            verdict=VerdictKind.VERIFIED,
            wrong=0,
            differs=(),
            image_hash=self.image.image_hash,
            bytes=self.image.used,
        )
        yield Finished(ident, (("grow", "skipped", ""),))


def journal(path: Path, laptops: int) -> None:
    """So many laptops known, the last 48 of them behind the checkpoint."""
    past = Past(ImageInfo("school-2026", "ab" * 32, 7_340_032_000, 20 * 10**9), time.time() - 7 * 86400)
    past.note(Configured(Settings(confirm="auto", default_image=past.image.name)))
    past.note(ImageKnown(past.image))
    past.note(SwitchChanged(24, "24 ports", 1000))
    kept = Journal(path)
    try:
        for number in range(laptops):
            if number == laptops - EVENING:
                kept.append(past.entries)
                kept.checkpoint(past.state)
                past.entries = []
            past.clone(number)
        kept.append(past.entries)
    finally:
        kept.close()


async def ledger(path: Path, results: int) -> None:
    """So many results, of as many laptops, that every sink has got."""
    opened = await Ledger.open(path)
    try:
        for first in range(0, results, 5000):
            made = [row(n, 1, n) for n in range(first, min(results, first + 5000))]
            await fill(opened, made, SINKS, "sent")
    finally:
        await opened.close()


def resident(pid: int) -> float:
    """MB that a process holds in memory (VmRSS of proc(5))."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1000 if found else 0.0


def spent(pid: int) -> float:
    """Seconds of processor that a process has used itself (utime and stime of proc(5))."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / _TICKS


@dataclass
class ServiceFigures:
    """What was measured; seconds and MB."""

    start: float = 0.0
    """Until it says READY=1 to whoever started it (sd_notify(3)): laptops may boot, the page answers."""
    start_spent: float = 0.0
    first: float = 0.0
    """Until it has then given the whole state to the first who asked."""
    memory: float = 0.0
    scrapes: list[float] = field(default_factory=list)
    scrape_spent: float = 0.0
    reloads: list[float] = field(default_factory=list)


def serving(folder: Path, made: LabNetwork, ledger: str = "") -> DaemonProcess:
    """`cloned serve` over the state in `folder`; `ledger`: its URL, where that is no file there."""
    stock = stocks.prepare("sample", lambda words: None)
    (folder / "state" / "images").symlink_to(stock.store.root)
    settings = DaemonSettings(
        state=folder / "state", runtime=folder / "run", live=stock.live, boot=stock.boot, image="sample",
        kind=LaptopKind.THIN, mbit_s=None, webhook="http://127.0.0.1:9/", webhook_secret=secrets.token_hex(16),
        classic=(), gates={}, ledger=ledger,
    )  # fmt: skip
    return DaemonProcess(settings, made.server, folder / "daemon.log")


async def measure(laptops: int, results: int, rounds: int) -> ServiceFigures:
    """All figures of one daemon."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloned-bench-")))
        (folder / "state").mkdir()
        journal(folder / "state" / "journal.sqlite", laptops)
        await ledger(folder / "state" / "ledger.sqlite", results)
        ready = await stack.enter_async_context(listening(folder / "notify"))
        return await _figures(laid(folder, stack), ready, rounds)


def laid(folder: Path, stack: AsyncExitStack, ledger: str = "") -> DaemonProcess:
    """A network with one cable, and a daemon for it that is not yet started; `folder`/state is there."""
    made = LabNetwork(f"cl{secrets.token_hex(2)}", 1)
    stack.callback(made.close)
    made.build()
    made.plug_thin(1, laptop_mac(made.run, 1))
    made.plug_server()
    served = serving(folder, made, ledger)
    stack.push_async_callback(served.stop)
    return served


async def _figures(served: DaemonProcess, ready: asyncio.Event, rounds: int) -> ServiceFigures:
    served.start()
    await served.ready()
    await served.stop()  # once, a copy is made of what "another version" has left
    found, began = ServiceFigures(), time.monotonic()
    ready.clear()
    served.start()
    await ready.wait()
    found.start, pid = time.monotonic() - began, served.pid
    found.start_spent = spent(pid)
    await served.ready()
    found.first = time.monotonic() - began - found.start
    await checked(served)
    await asyncio.sleep(memory.EVERY_SECONDS + 5)  # at rest: what its check at start took is given back
    found.memory = resident(pid)
    scrape = _scraper(pid)
    await asyncio.to_thread(scrape)
    before = spent(pid)
    found.scrapes = [await asyncio.to_thread(scrape) for _ in range(rounds)]
    found.scrape_spent = (spent(pid) - before) / rounds
    for _ in range(rounds):
        began = time.monotonic()
        await client.call(served.settings.runtime, "POST", "/api/v1/commands", {"do": "reload"})
        found.reloads.append(time.monotonic() - began)
    return found


@asynccontextmanager
async def listening(place: Path) -> AsyncIterator[asyncio.Event]:
    """Hear what a daemon that is started meanwhile tells systemd; the event is set where it says that it is ready."""
    ready, loop = asyncio.Event(), asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        _bind(heard, place)
        heard.setblocking(False)
        loop.add_reader(heard, lambda: ready.set() if b"READY=1" in heard.recv(4096).split(b"\n") else None)
        os.environ["NOTIFY_SOCKET"] = str(place)
        try:
            yield ready
        finally:
            del os.environ["NOTIFY_SOCKET"]
            loop.remove_reader(heard)


def _bind(heard: socket.socket, place: Path) -> None:
    """As systemd does: the daemon, which is another user, may write to it."""
    heard.bind(str(place))
    place.chmod(0o666)


async def checked(served: DaemonProcess) -> None:
    """Until its own check at start is through."""
    while not (await served.ask("/api/v1/check"))["at"]:  # noqa: ASYNC110 - it is another process's
        await asyncio.sleep(0.5)


def _scraper(pid: int) -> Callable[[], float]:
    def scrape() -> float:
        began = time.monotonic()
        with urlopen("http://127.0.0.1:8080/metrics", timeout=60) as answer:
            answer.read()
        return time.monotonic() - began

    return lambda: in_namespace(Path(f"/proc/{pid}/ns/net"), scrape)


def table(found: ServiceFigures) -> Table:
    """The figures beside their aims."""
    made = Table(box=None, header_style="bold")
    for heading in ("what", "median", "worst", "processor", "aim"):
        made.add_column(heading, justify="left" if heading == "what" else "right")
    made.add_row("start to ready, s", f"{found.start:.1f}", "", f"{found.start_spent:.1f}", f"≤ {AIMS['start']:.0f}")
    made.add_row("the whole state after it, s", f"{found.first:.1f}")
    made.add_row("memory at rest, MB", f"{found.memory:.0f}", "", "", f"≤ {AIMS['memory']:.0f}")
    made.add_row(
        "a scrape, ms", *_ms(found.scrapes), f"{found.scrape_spent * 1000:.0f}", f"≤ {AIMS['scrape'] * 1000:.0f}"
    )
    share = found.scrape_spent / 5 * 100
    made.add_row("a core at one scrape in 5 s, %", "", "", f"{share:.2f}", f"≤ {AIMS['share']:.0f}")
    made.add_row("a reload, ms", *_ms(found.reloads), "", f"≤ {AIMS['reload'] * 1000:.0f}")
    return made


def _ms(seconds: Iterable[float]) -> tuple[str, str]:
    told = [each * 1000 for each in seconds]
    return f"{statistics.median(told):.0f}", f"{max(told):.0f}"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--laptops", type=int, default=1400)
    parser.add_argument("--results", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    Console().print(table(asyncio.run(measure(asked.laptops, asked.results, asked.rounds))))


if __name__ == "__main__":
    main()
