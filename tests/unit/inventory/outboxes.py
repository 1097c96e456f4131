"""Outboxes that run beside a test, and a sink that remembers what it was given."""

import asyncio
import contextlib

import pytest

from cloned.inventory import outbox
from cloned.inventory.outbox import Outbox
from cloned.inventory.sinks.base import Sink
from cloned.inventory.sinks.told import Receipt


class Recorder(Sink):
    """Takes what it is given, after the troubles it was told to have."""

    def __init__(self, name, *troubles):
        super().__init__(name)
        self.troubles, self.got, self.changed = list(troubles), [], asyncio.Event()

    async def send(self, delivery):
        self.changed.set()
        if self.troubles:
            trouble = self.troubles.pop(0)
            if trouble is not None:
                raise trouble
        self.got.append((delivery.laptop, delivery.attempt, delivery.key))
        return Receipt()

    async def has(self, count):
        async with asyncio.timeout(10):
            while len(self.got) < count:
                self.changed.clear()
                await self.changed.wait()
                await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def running(ledger, *sinks, **more):
    box = Outbox(ledger, sinks, **more)
    task = asyncio.create_task(box.run())
    try:
        yield box
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition):
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(outbox, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(outbox, "LOOK_AGAIN_SECONDS", 0.05)


async def idle(box):
    status = await box.status()
    return bool(status) and all(entry["state"] == "idle" for entry in status)
