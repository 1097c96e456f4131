"""Measures the way of results into inventories, beside what the other side's latency alone would take.

    python -m cloned.lab.bench.inventory [deliveries|stubborn|ledger|csv …] [--results 10000] [--kills 20]

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
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cloned.inventory import rows
from cloned.inventory.ledger import Ledger
from cloned.inventory.sinks.base import Delivery
from cloned.inventory.sinks.files import CsvFile
from cloned.lab import postgresql
from cloned.lab.bench.deliveries import deliveries_bench, stubborn_bench
from cloned.lab.bench.filled import fill, mac_of, row

LAPTOPS = 100_000


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
            lambda: ledger.ids(mac_of(777)),
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
