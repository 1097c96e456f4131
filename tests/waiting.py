"""What every test waits with: for something to be so, never for a number of seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path


async def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until `true()`; TimeoutError fails the test where it never is."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


def block_until(true: Callable[[], object], what: str = "what was waited for") -> None:
    """The same where no loop runs. A minute is for a machine that is very busy."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.01)


def unread(port: int) -> int:
    """Bytes that wait at a UDP port of ours (proc_net_udp: rx_queue)."""
    rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return sum(int(row[4].partition(":")[2], 16) for row in rows if int(row[1].rpartition(":")[2], 16) == port)
