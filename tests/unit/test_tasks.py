"""Services: one that fails is started again and told, and only what fails again and again is raised."""

from __future__ import annotations

import asyncio

import pytest

from cloned import tasks
from cloned.errors import MissingError
from cloned.tasks import REPEATS, TaskOwner


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(tasks, "LONGEST_PAUSE", 0.002)


class Service:
    """Fails so many times, and then runs."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.left, self.runs = error, times, 0
        self.well = asyncio.Event()

    async def run(self) -> None:
        self.runs += 1
        if self.left:
            self.left -= 1
            raise self.error
        self.well.set()
        await asyncio.Event().wait()


async def test_a_service_that_failed_is_started_again_and_told() -> None:
    owner, service = TaskOwner("t"), Service(ValueError("a fault"), REPEATS - 1)
    owner.supervise(service.run, "service")
    async with asyncio.timeout(10):
        await service.well.wait()
    [trouble] = owner.troubles()
    assert (trouble.name, trouble.error, service.runs) == ("service", "a fault", REPEATS)
    await owner.close()


async def test_a_fault_that_repeats_is_raised() -> None:
    owner, service = TaskOwner("t"), Service(ValueError("a fault"), REPEATS)
    owner.supervise(service.run, "service")
    with pytest.raises(ValueError):
        async with asyncio.timeout(10):
            await owner.wait()
    await owner.close()


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), MissingError("a port is taken")])
async def test_what_the_world_does_to_it_is_borne(error: Exception) -> None:
    owner, service = TaskOwner("t"), Service(error, 4 * REPEATS)
    owner.supervise(service.run, "service")
    async with asyncio.timeout(10):
        await service.well.wait()
    await owner.close()


async def test_one_that_may_end_ends() -> None:
    async def short() -> None:
        pass

    owner = TaskOwner("t")
    async with asyncio.timeout(10):
        await owner.supervise(short, "short", ends=True)
    assert owner.troubles() == []
    owner.supervise(short, "service")
    with pytest.raises(RuntimeError):
        await asyncio.wait_for(owner.wait(), 10)
    await owner.close()
