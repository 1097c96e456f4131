from __future__ import annotations

import asyncio
import time

from cloned.lag import LoopLag


async def test_a_loop_that_is_held_is_noticed() -> None:
    lag = LoopLag()
    measuring = asyncio.create_task(lag.run())
    while not lag._holds:
        await asyncio.sleep(0.01)
    time.sleep(0.3)  # what must not happen, done on purpose
    async with asyncio.timeout(10):
        while lag.longest < 0.2:
            await asyncio.sleep(0.01)
    assert lag.recent == lag.longest
    measuring.cancel()
