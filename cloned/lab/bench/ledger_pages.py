"""Every list, page and figure of a daemon over HTTP, with years of results behind it, in a file and PostgreSQL.

The daemon runs in a namespace of its own; each address is asked once, and then a few times more.
"""

from __future__ import annotations

import argparse
import http.client
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cloned.inventory.ledger import Ledger
from cloned.lab import postgresql
from cloned.lab.bench.filled import erased, fill, mac_of, row
from cloned.lab.bench.service import SINKS, checked, journal, laid
from cloned.lab.kernel import in_namespace

LAPTOPS, ERASED, DONATION = 1400, 10, "Town hall"
"""Laptops that the workshop knows; of the ledger's every tenth was erased; the donor of a hundred."""
AGAIN = 5
AT_MOST_MS = 100.0
ADDRESSES = (
    "/", "/laptops", "/laptops?search=PF000777", "/laptops?show=done&sort=tag&page=20", "/laptops/{known}",
    "/laptops/l000777", "/sessions", "/images", "/switch", "/inventory", "/erasures", "/evening", "/deliveries",
    "/settings", "/help", "/metrics", "/readyz", "/api/v1/state", "/api/v1/laptops?limit=50", "/api/v1/inventory",
    "/api/v1/ledger", "/api/v1/ledger?limit=1000", "/api/v1/ledger?laptop=l000777", "/api/v1/scan?text=PF000777",
    "/api/v1/erasures", "/api/v1/erasures?limit=1000", "/api/v1/deliveries", "/api/v1/deliveries.csv",
    "/api/v1/certificate.pdf?donation=Nobody", "/laptops/l000010/certificate.pdf", "/today.xlsx", "/today/list.pdf",
)  # fmt: skip
DEEP = ("/api/v1/ledger?limit=50", "/api/v1/erasures?limit=50")
"""Lists that are followed for some pages by their `Link`."""
Told = dict[str, tuple[float, float]]
"""By address milliseconds of the first answer and of a later one."""


async def pages_bench(options: argparse.Namespace, console: Console) -> None:
    """The table of both."""
    found = {"SQLite": await _measure("", options.filled)}
    if postgresql.programs() is not None:
        with postgresql.running() as server:
            server.folder.chmod(0o711)  # the daemon is another user
            found["PostgreSQL"] = await _measure(server.database(), options.filled)
    heads = [f"{name}, {which}" for name in found for which in ("first", "later")]
    table = Table("", *heads, title=f"milliseconds over HTTP with {options.filled} laptops (aim {AT_MOST_MS:.0f})")
    for asked in next(iter(found.values())):
        table.add_row(asked, *(f"{each:.1f}" for told in found.values() for each in told[asked]))
    console.print(table)


async def filled(place: str, count: int) -> None:
    """A ledger of so many laptops, that every sink has got; of one in ten also that it was erased."""
    ledger = await Ledger.open(place)
    try:
        for first in range(0, count, 5000):
            of_it = range(first, min(count, first + 5000))
            made = [row(each, 1, each) for each in of_it]
            made += [erased(each, each - 1, DONATION if each < 1000 else "") for each in of_it if each % ERASED == 0]
            await fill(ledger, made, SINKS, "sent")
    finally:
        await ledger.close()


async def _measure(place: str, count: int) -> Told:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloned-bench-")))
        (folder / "state").mkdir()
        journal(folder / "state" / "journal.sqlite", LAPTOPS)
        await filled(place or str(folder / "state" / "ledger.sqlite"), count)
        served = laid(folder, stack, place)
        served.start()
        await served.ready()
        await checked(served)
        known = next(each["id"] for each in (await served.state())["laptops"])
        space = Path(f"/proc/{served.pid}/ns/net")
        return in_namespace(space, lambda: dict(_asked(known)))


def _asked(known: str) -> Iterator[tuple[str, tuple[float, float]]]:
    for address in ADDRESSES:
        path = address.format(known=known)
        yield path, _times(path)
    for address in DEEP:
        yield f"{address}, page 20", _deep(address)
    yield "/api/v1/scan?text=MAC", _times(f"/api/v1/scan?text={mac_of(777)}")


def _times(path: str) -> tuple[float, float]:
    first, _ = _once(path)
    return first, statistics.median(_once(path)[0] for _ in range(AGAIN))


def _deep(address: str) -> tuple[float, float]:
    """Of the twentieth page, the first time that it is asked and later."""
    path = address
    for _ in range(19):
        path = re.sub(r'^<(.*)>; rel="next"$', r"\1", _once(path)[1])
    return _times(path)


def _once(path: str) -> tuple[float, str]:
    """Milliseconds until the whole answer is there, and its `Link`; OSError where the daemon cannot answer."""
    line = http.client.HTTPConnection("127.0.0.1", 8080, timeout=60)
    try:
        begun = time.perf_counter()
        line.request("GET", path)
        answer = line.getresponse()
        answer.read()
        took = (time.perf_counter() - begun) * 1000
        if answer.status not in (200, 400, 404):
            raise OSError(f"{path} was answered {answer.status}")
        return took, answer.getheader("Link", "")
    finally:
        line.close()
