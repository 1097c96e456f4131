"""The daemon's own check: one round for all who ask meanwhile, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cloned.config import Config
from cloned.errors import ClonedError
from cloned.rounds import Rounds
from tests.waiting import until


class Looks:
    """A check that ends when it is let, with a number that counts rounds."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.broken = 0, asyncio.Event(), False

    async def __call__(self, config: Config) -> Sequence[Mapping[str, Any]]:
        self.begun += 1
        await self.go_on.wait()
        self.go_on.clear()
        if self.broken:
            raise ClonedError("the process died")
        return [{"name": str(self.begun), "state": "ok", "said": "", "next": "", "seconds": 0.0}]


async def test_whoever_asks_while_one_is_under_way_gets_that_one_and_later_ones_another() -> None:
    looks = Looks()
    rounds = Rounds(looks, Config)
    service = asyncio.create_task(rounds.run())
    asked = [asyncio.create_task(rounds.now()) for _ in range(3)]
    await until(lambda: looks.begun)
    looks.go_on.set()
    assert [[each["name"] for each in found] for found in await asyncio.gather(*asked)] == [["1"]] * 3
    later = asyncio.create_task(rounds.now())
    await until(lambda: looks.begun == 2)
    looks.go_on.set()
    assert [each["name"] for each in await later] == ["2"]
    assert (rounds.counted() or (0, {}))[1] == {"ok": 1}
    service.cancel()


async def test_nobody_waits_for_ever_and_the_round_goes_on() -> None:
    looks = Looks()
    rounds = Rounds(looks, Config)
    service = asyncio.create_task(rounds.run())
    with pytest.raises(ClonedError) as caught:
        await rounds.now(patience=0.01)
    assert caught.value.hint == "see /check in a moment"
    looks.go_on.set()
    await until(lambda: rounds.at)
    assert rounds.to_json()["findings"]
    service.cancel()


async def test_what_a_round_died_of_is_told_to_whoever_asked() -> None:
    looks = Looks()
    looks.broken = True
    rounds = Rounds(looks, Config)
    service = asyncio.create_task(rounds.run())
    asked = asyncio.create_task(rounds.now())
    await until(lambda: looks.begun)
    looks.go_on.set()
    with pytest.raises(ClonedError, match="the process died"):
        await asked
    with pytest.raises(ClonedError):
        await service
