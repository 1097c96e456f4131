"""Runs the faults of faults.py when their time has come, and knows which of them really happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cloned.disk.manifest import Manifest
from cloned.lab.daemon import DaemonProcess
from cloned.lab.fault import Fault
from cloned.lab.hostility import Hostility
from cloned.lab.laptops import LabLaptop, LaptopKind
from cloned.lab.network import LabNetwork, losses
from cloned.lab.services import Services
from cloned.lab.watching import LaptopSeen
from cloned.tasks import TaskOwner


@dataclass(frozen=True)
class Stage:
    """All that faults act upon."""

    network: LabNetwork
    kind: LaptopKind
    laptops: Mapping[int, LabLaptop]
    daemon: DaemonProcess
    services: Services
    manifest: Manifest

    @property
    def thin(self) -> bool:
        """Whether its laptops are namespaces."""
        return self.kind is LaptopKind.THIN

    def lost(self, laptop: int) -> int:
        """Packets that the link towards a laptop lost on purpose."""
        return losses(self.network.laptop(laptop) if self.thin else self.network.switch)


class FaultInjector:
    """The faults of one run, and the hands that they act with."""

    def __init__(self, faults: Sequence[Fault], stage: Stage, say: Callable[[str], None]) -> None:
        self.faults = tuple(faults)
        self.stage = stage
        self.done: dict[str, str] = {}
        """Fault, as it was asked for, to what it did."""
        self.off: set[int] = set()
        """Laptops that are off or frozen because of us right now."""
        self.hostility: Hostility | None = None
        self._say = say
        self._over: set[Fault] = set()
        self._begun: set[Fault] = set()
        self._tasks = TaskOwner("faults")

    def happened(self, fault: Fault, what: str) -> None:
        """Note that `fault` truly happened, and what it did."""
        self.done[fault.text] = what

    def say(self, words: str) -> None:
        """Tell whoever watches the run."""
        self._say(words)

    @contextmanager
    def busy(self, laptop: int) -> Iterator[None]:
        """While this laptop is off or frozen because of us."""
        self.off.add(laptop)
        try:
            yield
        finally:
            self.off.discard(laptop)

    def prepare(self) -> None:
        """What must stand before the first laptop is powered on."""
        for fault in self.faults:
            fault.prepare(self)

    def look(self, sights: Iterable[LaptopSeen]) -> None:
        """Called every fraction of a second: start the faults whose time has come."""
        seen = list(sights)
        for fault in self.faults:
            if fault not in self._begun and fault.due(seen):
                self._begun.add(fault)
                self._tasks.start(self._run(fault), fault.text)

    async def _run(self, fault: Fault) -> None:
        try:
            await fault.act(self)
        finally:
            self._over.add(fault)

    @property
    def underway(self) -> bool:
        """Whether a fault that began has not ended."""
        return any(fault.text not in self.done for fault in self._begun)

    @property
    def acting(self) -> bool:
        """Whether somebody still acts whose time was set: the run is not over before."""
        return any(fault.lasts and fault.text not in self.done for fault in self._begun - self._over)

    def missing(self) -> list[str]:
        """Faults that never happened, with the reason: a run with one of those has failed."""
        for fault in self.faults:
            fault.count(self)
        return [f"{fault.text} did not happen" for fault in self.faults if fault.text not in self.done]

    async def close(self) -> None:
        """Stop whatever is still going on."""
        if self.hostility is not None:
            self.hostility.close()
        await self._tasks.close()
