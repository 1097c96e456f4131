from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import pytest

from cloned.lag import KEPT_SECONDS, Longest, LoopLag, ready_seconds
from tests.waiting import until

pytestmark = pytest.mark.wire  # real programs


async def test_a_loop_that_is_held_is_noticed() -> None:
    lag = LoopLag()
    measuring = asyncio.create_task(lag.run())
    await until(lambda: lag._late._kept)
    time.sleep(0.3)  # what must not happen, done on purpose
    await until(lambda: lag.longest >= 0.2)
    assert lag.recent == lag.longest
    measuring.cancel()


async def test_what_the_loop_worked_itself_is_told_apart_from_what_it_waited_for() -> None:
    lag = LoopLag()
    measuring = asyncio.create_task(lag.run())
    await until(lambda: lag._late._kept)
    time.sleep(0.3)  # held up, but not by work
    await until(lambda: lag.longest >= 0.2)
    assert lag.busy < 0.2
    end = time.thread_time() + 0.3
    while time.thread_time() < end:
        pass
    await until(lambda: lag.busy >= 0.2)
    assert lag.recent >= lag.busy
    measuring.cancel()


async def test_waiting_for_a_processor_is_not_held_against_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """As /proc/thread-self/schedstat tells it: of a third of a second a quarter on the queue."""
    waited = 0.0
    monkeypatch.setattr("cloned.lag.ready_seconds", lambda: waited)
    lag = LoopLag()
    measuring = asyncio.create_task(lag.run())
    await until(lambda: lag._late._kept)
    waited = 0.25
    time.sleep(0.35)
    await until(lambda: lag.longest >= 0.25)
    assert lag.recent - lag.held == pytest.approx(0.25)
    measuring.cancel()


def test_the_kernel_counts_what_a_thread_waits_for_a_processor() -> None:
    before = ready_seconds()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range((os.cpu_count() or 1) + 1)]
    try:
        until = time.monotonic() + 10
        while ready_seconds() == before:
            assert time.monotonic() < until
    finally:
        for each in busy:
            each.kill()
            each.wait()


def test_the_longest_is_forgotten_after_its_time() -> None:
    longest = Longest()
    for at, seconds in ((0.0, 0.5), (1.0, 0.1), (2.0, 0.3)):
        longest.note(at, seconds)
    assert [longest.since(at) for at in (0.0, 1.0, 3.0)] == [0.5, 0.3, 0.0]
    longest.note(KEPT_SECONDS + 1, 0.2)
    assert longest.since(KEPT_SECONDS + 1 - KEPT_SECONDS) == 0.3
    assert len(longest._kept) == 2
