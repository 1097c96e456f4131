"""Measures the way of results into inventories, beside what the other side's latency alone would take.

    python -m cloned.lab.bench.inventory [deliveries|stubborn|ledger|csv|pages …] [--results 10000] [--kills 20]

Deliveries are in deliveries.py. The ledger is filled with 100,000 laptops, in SQLite and, where it is installed, in
PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cloned.core.recorded import sight_in
from cloned.core.row_types import as_row
from cloned.inventory import rows
from cloned.inventory.ledger import Ledger
from cloned.inventory.sinks.base import Delivery
from cloned.inventory.sinks.files import CsvFile
from cloned.lab import postgresql
from cloned.lab.bench.deliveries import deliveries_bench, stubborn_bench
from cloned.lab.bench.filled import BEGIN, fill, mac_of, row
from cloned.lab.bench.ledger_pages import pages_bench

LAPTOPS = 100_000


async def milliseconds(work: Callable[[], Awaitable[object]], times: int = 5) -> tuple[float, float]:
    """The median of a few, by the clock and of our own processor time."""
    took, spent = [], []
    for _ in range(times):
        begun, used = time.perf_counter(), time.process_time()
        await work()
        took.append((time.perf_counter() - begun) * 1000)
        spent.append((time.process_time() - used) * 1000)
    return statistics.median(took), statistics.median(spent)


async def ledger_bench(options: argparse.Namespace, console: Console) -> None:
    """Every figure, list and page of a large ledger."""
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        found["SQLite"] = await _measure(str(Path(scratch) / "ledger.sqlite"), options.filled)
    if postgresql.programs() is not None:
        with postgresql.running() as server:
            found["PostgreSQL"] = await _measure(server.database(), options.filled)
    heads = [each for name in found for each in (name, "processor")]
    table = Table("", *heads, title=f"milliseconds with {options.filled} laptops")
    for asked in next(iter(found.values())):
        table.add_row(asked, *(f"{each:.1f}" for told in found.values() for each in told[asked]))
    console.print(table)


async def _measure(place: str, count: int) -> dict[str, tuple[float, float]]:
    """Of each thing that is asked of it, milliseconds by the clock and of the processor."""
    ledger = await Ledger.open(place)
    await fill(ledger, [row(number, 1, number) for number in range(count)], ("snipeit", "hook"), "sent")
    last = (await ledger.rows(limit=50))[0]
    before = (last["at"], last["laptop"], last["attempt"])
    fresh = iter(range(count, count + 100))
    sight = sight_in(as_row(row(777, 1, 777)))
    evening = (BEGIN, BEGIN + timedelta(seconds=60))
    asked: dict[str, tuple[Callable[[], Awaitable[object]], int]] = {
        "figures of the page": (ledger.totals, 5),
        "its sinks": (ledger.backlog, 5),
        "newest 50": (lambda: ledger.rows(limit=50), 5),
        "50 before those": (lambda: ledger.rows(limit=50, before=before), 5),
        "one laptop": (lambda: ledger.rows(laptop="l000007", limit=20), 5),
        "what sinks got of it": (lambda: ledger.log("l000007"), 5),
        "by serial": (lambda: ledger.called("PF000777"), 5),
        "by serial in other letters": (lambda: ledger.ids("pf000777"), 5),
        "by MAC": (lambda: ledger.ids(mac_of(777)), 5),
        "who a machine is": (lambda: ledger.known(sight), 5),
        "how far 1,000 are counted": (lambda: ledger.last_numbers([f"l{each:06d}" for each in range(1000)]), 5),
        "erasures": (lambda: ledger.rows(limit=200, erasures=True), 5),
        "an evening of 60": (lambda: ledger.between(*evening), 5),
        "what is due": (lambda: ledger.due("hook", 16), 5),
        "recording one": (lambda: ledger.record(row(next(fresh), 1, count)), 40),
    }
    found = {name: await milliseconds(work, times) for name, (work, times) in asked.items()}
    await ledger.close()
    return found


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
                took.append((await milliseconds(lambda number=kept: sink.send(_delivery(number)), 1))[0])  # type: ignore[misc]
                kept += 1
            table.add_row(str(target), f"{statistics.median(took):.2f}")
        await sink.close()
    console.print(table)


def _delivery(number: int) -> Delivery:
    kept = rows.clean(row(number, 1, number))
    return Delivery(kept.key, kept.laptop, kept.attempt, 1, kept.data)


PARTS = {"deliveries": deliveries_bench, "stubborn": stubborn_bench, "ledger": ledger_bench, "csv": csv_bench,
         "pages": pages_bench}  # fmt: skip


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
