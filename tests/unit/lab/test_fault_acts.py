"""Every fault does what it says: to the laptop, its link, the daemon or the inventory, when its time has come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest

from cloned.core.shown_data import LaptopData
from cloned.lab import faults, hostility
from cloned.lab.fault import Fault
from cloned.lab.fault_texts import parse_fault
from cloned.lab.faults import KINDS
from cloned.lab.injector import FaultInjector, Stage
from cloned.lab.watching import LaptopSeen
from tests.waiting import until

FINISHED = "done"
"""State of a laptop that has a result."""


class Recorder:
    """Remembers what is called, set and put into it; `given` is what it has."""

    _name: str
    _did: list[str]

    def __init__(self, name: str, did: list[str], **given: object) -> None:
        vars(self).update(_name=name, _did=did, **given)

    def __getattr__(self, name: str) -> Recorder:
        return Recorder(f"{self._name}.{name}", self._did)

    def __setattr__(self, name: str, value: object) -> None:
        self._did.append(f"{self._name}.{name} = {value}")

    def __setitem__(self, key: object, value: object) -> None:
        self._did.append(f"{self._name}[{key}]")

    def __call__(self, *words: object, **named: object) -> Recorder:
        told = ", ".join([*map(str, words), *(f"{key}={value}" for key, value in named.items())])
        self._did.append(f"{self._name}({told})")
        return self

    def __await__(self) -> Iterator[None]:
        yield from ()


def stage(did: list[str]) -> Stage:
    inventory = Recorder("inventory", did, turned_away=2)
    services = Recorder("services", did, inventory=inventory)
    laptop = Recorder("laptop", did, parts={"camera": True}, running=True, identity=Recorder("identity", did, mac="m"))
    daemon = Recorder("daemon", did, peak_memory=lambda: 0, log=Recorder("log", did))
    made = Recorder("stage", did, laptops={1: laptop}, daemon=daemon, network=Recorder("network", did),
                    services=services, thin=True, lost=lambda laptop: 7)  # fmt: skip
    return cast("Stage", made)


def seen(state: str, received: int) -> LaptopSeen:
    data = {"state": state, "verdict": "none", "disks": [], "progress": {"bytes": received, "total": 100}}
    return LaptopSeen(1, cast("LaptopData", data))


EARLY, LATE = seen("receiving", 10), seen("receiving", 60)
DOES: dict[str, list[str]] = {
    "corrupt:1": ["services.gates[1]"],
    "drop:1@50": ["laptop.power_cut()", "laptop.power_on()"],
    "stall:1@50:9": ["laptop.freeze()", "laptop.thaw()"],
    "slow-disk:1:5": ["laptop.bytes_per_second = 5000000"],
    "loss:1:0.5": ["network.lossy(1, 0.5, thin=True)"],
    "restart@50": ["daemon.kill()", "daemon.start()", "daemon.ready()"],
    "sink-down:9": ["inventory.away = True", "inventory.away = False"],
    "hostile:9": ["hostility.prepare()", "hostility.act()"],
    "worn-battery:1": ["'full_wh': 14.0"],
    "no-camera:1": ["'camera': False"],
    "locked:1": ["'passwords': ['administrator']"],
    "dead-disk:1": ["laptop.dead_disk = True"],
}
"""What is seen of each from outside, in order. One that changes a laptop's parts: which, in what it then has."""


class Harm(Recorder):
    """Stands for those who do harm."""

    async def act(self) -> str:
        self._did.append("hostility.act()")
        return "the laptop did much; the stranger did more"


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits."""
    sleep = asyncio.sleep

    async def at_once(seconds: float) -> None:
        await sleep(0)

    monkeypatch.setattr("cloned.lab.faults.asyncio.sleep", at_once)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.form)
async def test_a_fault_does_what_it_says(kind: type[Fault], monkeypatch: pytest.MonkeyPatch) -> None:
    [text] = [each for each in DOES if type(parse_fault(each, 1)) is kind]
    did: list[str] = []
    monkeypatch.setattr(hostility, "Hostility", lambda *given: Harm("hostility", did))
    injector = FaultInjector([parse_fault(text, 1)], stage(did), lambda words: None)
    injector.prepare()
    injector.look([EARLY])
    for _ in range(5):
        await asyncio.sleep(0)
    before = len(did)
    injector.look([LATE if kind.in_the_middle else seen(FINISHED, 100)])
    await until(lambda: not injector.underway)
    assert [step for step in DOES[text] if not any(step in each for each in did)] == []
    assert [each for each in did if each in DOES[text]] == [each for each in DOES[text] if each in did]
    if kind.due is not Fault.due and not kind.lasts:
        assert len(did) > before, "it did not wait for its time"
        assert before == (kind.prepare is not Fault.prepare)
    assert injector.missing() == [] or kind is faults.Corrupt  # which happens when the laptop reads back
    assert injector.off == set()
    await injector.close()


async def test_what_never_came_is_missing() -> None:
    injector = FaultInjector([parse_fault("drop:1@50", 1)], stage([]), lambda words: None)
    injector.prepare()
    injector.look([EARLY])
    assert not injector.underway
    assert injector.missing() == ["drop:1@50 did not happen"]


def test_a_laptop_that_is_off_because_of_us_is_known() -> None:
    injector: Any = FaultInjector([], stage([]), lambda words: None)
    with injector.busy(1):
        assert injector.off == {1}
    assert injector.off == set()
