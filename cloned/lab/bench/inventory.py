"""Measures the way of results into inventories, beside what the other side's latency alone would take.

    python -m cloned.lab.bench.inventory [deliveries|stubborn|ledger|csv …] [--results 10000] [--kills 20]

The sink is a webhook that answers after 50 ms and, at random, one time in twenty with 503; the outbox is a process of
its own that is killed by SIGKILL and started again. The ledger is filled with 100,000 laptops, in SQLite and, where it
is installed, in PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from rich.console import Console
from rich.table import Table
from sqlalchemy import insert

from cloned.inventory import recalling, rows, tallies
from cloned.inventory.deliveries import tally
from cloned.inventory.ledger import Ledger
from cloned.inventory.names import keep_names
from cloned.inventory.schema import deliveries, results, revisions
from cloned.inventory.sinks.base import Delivery
from cloned.inventory.sinks.files import CsvFile
from cloned.lab import postgresql
from cloned.processes import spawn

LATENCY, ERRORS, AT_ONCE = 0.05, 0.05, 8
LAPTOPS = 100_000
BEGIN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)


def row(laptop: int, attempt: int, moment: int) -> dict[str, Any]:
    """A result as a laptop leaves it."""
    return {
        "laptop": f"l{laptop:06d}", "attempt": attempt, "at": (BEGIN + timedelta(seconds=moment)).isoformat(),
        "image": "school-2026", "image_hash": "ab" * 32, "verdict": "verified", "state": "done",
        "serial": f"PF{laptop:06d}", "vendor": "LENOVO", "product": "20L6S0ABCD", "macs": [_mac(laptop)],
        "tag": f"DM-{laptop:06d}", "disk": {"serial": "S3Z9", "model": "SAMSUNG MZVLB256", "size": 256060514304},
        "cpu": "Intel(R) Core(TM) i5-8350U", "memory": 8 << 30, "bytes": 7_340_032_000, "rounds": 1,
        "seconds": {"boot": 31.0, "receive": 71.5, "verify": 40.0},
        "hardware": {"batteries": [{"design_wh": 50.0, "full_wh": 44.0, "cycles": 210}], "wifi": "Intel AX200"},
    }  # fmt: skip


def _mac(laptop: int) -> str:
    return f"02:00:00:{laptop >> 16:02x}:{laptop >> 8 & 255:02x}:{laptop & 255:02x}"


async def fill(ledger: Ledger, made: list[dict[str, Any]], names: tuple[str, ...], state: str) -> None:
    """Put results in as `record` would, many at a time."""
    kept = [rows.clean(each) for each in made]
    for start in range(0, len(kept), 1000):
        part = kept[start : start + 1000]
        keys = [{"laptop": each.laptop, "attempt": each.attempt, "revision": 1} for each in part]
        async with ledger._write(long=True) as connection:
            told = [
                key | {name: each.data[name] for name in ("at", "state", "verdict", "image", "serial", "tag", "uuid")}
                | {"row": each.data}
                for key, each in zip(keys, part, strict=True)
            ]  # fmt: skip
            await connection.execute(insert(results), told)
            made_keys = [key | {"key": each.key, "recorded": time.time(), "row": each.data}
                         for key, each in zip(keys, part, strict=True)]  # fmt: skip
            await connection.execute(insert(revisions), made_keys)
            owed = [key | {"sink": name, "state": state, "tries": 0, "due": 0.0, "reason": "", "added": time.time()}
                    for key in keys for name in names]  # fmt: skip
            if owed:
                await connection.execute(insert(deliveries), owed)
            await connection.run_sync(keep_names, sorted({each.laptop for each in part}))
            await connection.run_sync(recalling.keep, sorted({each.laptop for each in part}))
            await connection.run_sync(tally, [each for one in part for each in tallies.counted(one.data)])
    await ledger.register(names, dict.fromkeys(names, "none"))


@dataclass
class ResultSite:
    """A webhook's other side: late, now and then in trouble, and it remembers in which order everything came."""

    stubborn: str = ""
    """A laptop that is always answered 503."""
    got: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    seen: set[str] = field(default_factory=set)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    """Set where a result came from the sender of now, not from one that was killed meanwhile."""
    sender: int = 0
    last: float = 0.0
    url: str = ""

    async def start(self) -> web.AppRunner:
        """Listen on a port of the kernel's choice."""
        app = web.Application()
        app.router.add_post("/", self._post)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"  # type: ignore[union-attr]
        return runner

    async def _post(self, request: web.Request) -> web.Response:
        told, sender = await request.json(), self.sender
        await asyncio.sleep(LATENCY)
        if sender == self.sender:
            self.came.set()
        if told["data"]["laptop"] == self.stubborn or random.random() < ERRORS:  # noqa: S311
            return web.Response(status=503)
        if told["key"] not in self.seen:
            self.seen.add(told["key"])
            self.got[told["data"]["laptop"]].append(told["data"]["attempt"])
            self.last = time.monotonic()
        return web.Response()

    @property
    def disordered(self) -> int:
        """Laptops whose results did not come in order."""
        return sum(attempts != sorted(attempts) for attempts in self.got.values())


async def run_outbox(place: Path, receiver: ResultSite, count: int, kills: int) -> tuple[float, float]:
    """Seconds until `count` results are there, the outbox being killed that often on the way; and of these, how many
    passed until the next one had started and sent something."""
    begun, away = time.monotonic(), 0.0
    for kill in range(kills + 1):
        command = [sys.executable, "-m", "cloned.lab.bench.sending", str(place), receiver.url, str(AT_ONCE)]
        receiver.sender += 1
        process = spawn(command, stderr=None)
        target = count * (kill + 1) // (kills + 1)
        started = time.monotonic()
        receiver.came.clear()
        await receiver.came.wait()
        away += time.monotonic() - started
        while len(receiver.seen) < target:
            await asyncio.sleep(0.01)
            if process.poll() is not None:
                raise RuntimeError("the outbox ended by itself")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    return receiver.last - begun, away


async def deliver(count: int, laptops: int, kills: int, stubborn: bool = False) -> tuple[float, float, ResultSite]:
    """Fill a ledger, run the outbox; how many times the latency alone it took, and how much of that were starts."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "ledger.sqlite"
        ledger = await Ledger.open(place)
        attempts: dict[int, int] = defaultdict(int)
        made = []
        for moment in range(count):
            laptop = moment % laptops
            attempts[laptop] += 1
            made.append(row(laptop, attempts[laptop], moment))
        await fill(ledger, made, ("hook",), "waiting")
        await ledger.close()
        receiver = ResultSite("l000000" if stubborn else "")
        runner = await receiver.start()
        expected = count - (attempts[0] if stubborn else 0)
        seconds, away = await run_outbox(place, receiver, expected, kills)
        await runner.cleanup()
    alone = expected * LATENCY / (1 - ERRORS) / AT_ONCE  # who is answered 503 has waited too
    return seconds / alone, away / alone, receiver


async def deliveries_bench(options: argparse.Namespace, console: Console) -> None:
    """All of them, over kills."""
    ratio, away, receiver = await deliver(options.results, options.laptops, options.kills)
    heads = ("results", "laptops", "kills", "came", "out of order", "time / latency alone", "of it starts")
    table = Table(*heads, title="deliveries")
    table.add_row(
        str(options.results),
        str(options.laptops),
        str(options.kills),
        str(len(receiver.seen)),
        str(receiver.disordered),
        f"{ratio:.2f}",
        f"{away:.2f}",
    )
    console.print(table)


async def stubborn_bench(options: argparse.Namespace, console: Console) -> None:
    """One laptop that is always refused with 503: what it costs the others, without kills."""
    count = min(options.results, 3000)
    without, _, _ = await deliver(count, count // 3, 0)
    with_one, _, receiver = await deliver(count, count // 3, 0, stubborn=True)
    table = Table("results", "without", "with one always 503", "out of order", title="time / latency alone")
    table.add_row(str(count), f"{without:.3f}", f"{with_one:.3f}", str(receiver.disordered))
    console.print(table)


async def milliseconds(work: Callable[[], Awaitable[Any]], times: int = 5) -> float:
    """The median of a few."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        await work()
        took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took)


async def ledger_bench(options: argparse.Namespace, console: Console) -> None:
    """Every figure, list and page of a large ledger."""
    heads = (
        "figures",
        "sinks",
        "newest 50",
        "one laptop",
        "by serial",
        "a page later",
        "erasures",
        "by MAC",
        "in other letters",
        "record one",
    )
    table = Table("", *heads, title=f"milliseconds with {options.filled} laptops")
    with tempfile.TemporaryDirectory() as scratch:
        await _measure("SQLite", str(Path(scratch) / "ledger.sqlite"), options.filled, table)
    if postgresql.programs() is not None:
        with postgresql.running() as server:
            await _measure("PostgreSQL", server.database(), options.filled, table)
    console.print(table)


async def _measure(name: str, place: str, count: int, table: Table) -> None:
    ledger = await Ledger.open(place)
    await fill(ledger, [row(number, 1, number) for number in range(count)], ("snipeit", "hook"), "sent")
    last = (await ledger.rows(limit=50))[0]
    before = (last["at"], last["laptop"], last["attempt"])
    fresh = iter(range(count, count + 100))
    figures = [
        await milliseconds(work)
        for work in (
            ledger.totals,
            ledger.backlog,
            lambda: ledger.rows(limit=50),
            lambda: ledger.rows(laptop="l000007", limit=20),
            lambda: ledger.called("PF000777"),
            lambda: ledger.rows(limit=50, before=before),
            lambda: ledger.rows(limit=200, erasures=True),
            lambda: ledger.ids(_mac(777)),
            lambda: ledger.ids("pf000777"),
            lambda: ledger.record(row(next(fresh), 1, count)),
        )
    ]
    await ledger.close()
    table.add_row(name, *(f"{each:.1f}" for each in figures))


async def csv_bench(options: argparse.Namespace, console: Console) -> None:
    """A new line of a long file beside one of a short file."""
    table = Table("lines there", "ms for the next", title="CSV")
    with tempfile.TemporaryDirectory() as scratch:
        sink = CsvFile("list", Path(scratch) / "results.csv")
        kept = 0
        for target in (1, 50_000):
            while kept < target:
                await sink.send(_delivery(kept))
                kept += 1
            took = []
            for _ in range(20):
                took.append(await milliseconds(lambda number=kept: sink.send(_delivery(number)), 1))  # type: ignore[misc]
                kept += 1
            table.add_row(str(target), f"{statistics.median(took):.2f}")
        await sink.close()
    console.print(table)


def _delivery(number: int) -> Delivery:
    kept = rows.clean(row(number, 1, number))
    return Delivery(kept.key, kept.laptop, kept.attempt, 1, kept.data)


PARTS = {"deliveries": deliveries_bench, "stubborn": stubborn_bench, "ledger": ledger_bench, "csv": csv_bench}


def main() -> None:
    """Run what was asked for, or all of it."""
    parser = argparse.ArgumentParser(description="Measure the way of results into inventories.")
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--results", type=int, default=10_000)
    parser.add_argument("--laptops", type=int, default=3000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--filled", type=int, default=LAPTOPS)
    options = parser.parse_args()
    for part in options.part or PARTS:
        asyncio.run(PARTS[part](options, Console()))


if __name__ == "__main__":
    main()
