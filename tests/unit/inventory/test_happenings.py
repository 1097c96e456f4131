"""What hooks are told of, and what becomes of it where they are slow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.workshop import Workshop
from cloned.inventory import happenings
from cloned.inventory.happenings import Happenings
from cloned.inventory.hooks import HookRun
from tests.waiting import until


class Quiet:
    """An engine whose laptops are done one after the other."""

    def __init__(self) -> None:
        self.workshop = Workshop()
        self.commands: list[Any] = []
        self._listeners: list[Callable[[], None]] = []

    def clock(self) -> float:
        return 1_795_000_000.0

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def command(self, command: Any) -> None:
        self.commands.append(command)

    def done(self, number: int) -> None:
        identity = Identity(serial=f"PF{number}")
        self.workshop = self.workshop.with_laptop(
            Laptop(LaptopId(f"id{number}"), number, Facts(identity), State.DONE, 0, 0)
        )
        for each in self._listeners:
            each()


class Slow:
    """Hooks that end when they are let."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.go = asyncio.Event()

    async def fire(self, event: str, told: Mapping[str, Any], ended: Any) -> list[HookRun]:
        self.told.append(told["laptop"]["number"])
        await ended(HookRun("one", 0, "", answer={"tag": f"DM-{self.told[-1]}"}))
        await self.go.wait()
        return []


async def test_slow_hooks_are_told_of_the_latest_and_answers_are_obeyed_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(happenings, "UNDER_WAY", 3)
    monkeypatch.setattr(happenings, "MOST_WAITING", 4)
    engine, slow = Quiet(), Slow()
    running = asyncio.create_task(Happenings(engine, slow).run())  # type: ignore[arg-type]  # as much of them as is used
    await until(lambda: engine._listeners)
    for number in range(10):
        engine.done(number)
        await asyncio.sleep(0)
    await until(lambda: len(slow.told) == 3)
    assert [each.text for each in engine.commands] == ["DM-0", "DM-1", "DM-2"]
    slow.go.set()
    await until(lambda: len(slow.told) == 7)
    assert slow.told == [0, 1, 2, 6, 7, 8, 9]
    assert "hooks are too slow: done is not told" in caplog.text
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
