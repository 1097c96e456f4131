"""A daemon that ends is gone soon, whatever still holds on to it: systemd starts it again only then."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from cloned.cli import serve

pytestmark = pytest.mark.wire

STUCK = """
import asyncio, time
from cloned.cli import serve
serve.LONGEST_END_SECONDS = 0.5
serve._gone_soon(3, "cloned: the journal is damaged")
async def stuck():
    await asyncio.gather(asyncio.to_thread(time.sleep, 60), asyncio.sleep(60))
asyncio.run(stuck())
"""


def test_it_is_gone_though_a_thread_and_a_task_hang() -> None:
    began = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, timeout=50, check=False)
    assert (ended.returncode, ended.stderr.decode().strip()) == (3, "cloned: the journal is damaged")
    assert time.monotonic() - began < 50
    assert serve.LONGEST_END_SECONDS < 5
