"""Carries the faults of faults.py out, and knows which of them really happened."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cloned.disk.manifest import Manifest, PieceMap
from cloned.errors import ClonedError
from cloned.lab.daemon import DaemonProcess
from cloned.lab.faults import Corrupt, Drop, Fault, Hostile, Loss, OnLaptop, Restart, SinkDown, SlowDisk, Stall
from cloned.lab.hostility import Hostility
from cloned.lab.laptops import LabLaptop, LaptopKind
from cloned.lab.machine import VirtualLaptop
from cloned.lab.network import LabNetwork, losses
from cloned.lab.services import Services
from cloned.lab.thinbox import ThinBox
from cloned.lab.watching import Sight
from cloned.tasks import TaskOwner

_OFF_SECONDS = 3.0
"""How long a laptop stays off after a power cut."""


@dataclass(frozen=True)
class Stage:
    """All that faults act upon."""

    network: LabNetwork
    kind: LaptopKind
    laptops: Mapping[int, LabLaptop]
    daemon: DaemonProcess
    services: Services
    manifest: Manifest


class FaultInjector:
    """The faults of one run. `happened` says what each one did."""

    def __init__(self, faults: Sequence[Fault], stage: Stage, say: Callable[[str], None]) -> None:
        self.faults = tuple(faults)
        self.happened: dict[str, str] = {}
        """Fault, as it was asked for, to what it did."""
        self.busy: set[int] = set()
        """Laptops that are off or frozen because of us right now."""
        self._stage = stage
        self._say = say
        self._begun: set[Fault] = set()
        self._tasks = TaskOwner("faults")
        self._first_result: float | None = None
        self._hostility: Hostility | None = None
        self._over: set[Fault] = set()

    def prepare(self) -> None:
        """What must stand before the first laptop is powered on."""
        for fault in self.faults:
            if isinstance(fault, SlowDisk):
                self._slow(fault)
            elif isinstance(fault, Loss):
                self._stage.network.lossy(fault.laptop, fault.percent, thin=self._stage.kind is LaptopKind.THIN)
            elif isinstance(fault, Corrupt):
                self._stage.services.gates[fault.laptop] = self._gate(fault)
            elif isinstance(fault, SinkDown):
                self._stage.services.inventory.away = True
            elif isinstance(fault, Hostile):
                self._hostility = self._plug_hostile(fault)

    def look(self, sights: Iterable[Sight]) -> None:
        """Called every fraction of a second: start the faults whose time has come."""
        seen = list(sights)
        for fault in self.faults:
            if fault not in self._begun and self._due(fault, seen):
                self._begun.add(fault)
                self._tasks.start(self._carry_out(fault), fault.text)

    @property
    def underway(self) -> bool:
        """Whether a fault that began has not ended."""
        return any(fault.text not in self.happened for fault in self._begun)

    @property
    def acting(self) -> bool:
        """Whether somebody still acts whose time was set: the run is not over before."""
        return any(isinstance(fault, Hostile) and fault.text not in self.happened for fault in self._begun - self._over)

    def missing(self) -> list[str]:
        """Faults that never happened, with the reason: a run with one of those has failed."""
        self._count_losses()
        return [f"{fault.text} did not happen" for fault in self.faults if fault.text not in self.happened]

    async def close(self) -> None:
        """Stop whatever is still going on."""
        if self._hostility is not None:
            self._hostility.close()
        await self._tasks.close()

    def _due(self, fault: Fault, sights: Sequence[Sight]) -> bool:
        if isinstance(fault, Hostile):
            return True
        if isinstance(fault, SinkDown):
            return any(sight.final for sight in sights)
        if isinstance(fault, Restart):
            return any(sight.receiving and sight.received >= fault.percent for sight in sights)
        if isinstance(fault, (Drop, Stall)):
            sight = sights[fault.laptop - 1]
            return sight.receiving and sight.received >= fault.percent
        return False

    async def _carry_out(self, fault: Fault) -> None:
        if isinstance(fault, Restart):
            await self._restart(fault)
        elif isinstance(fault, SinkDown):
            await self._sink_down(fault)
        elif isinstance(fault, Hostile):
            await self._hostile(fault)
        elif isinstance(fault, Drop):
            await self._on_laptop(fault, self._drop)
        elif isinstance(fault, Stall):
            await self._on_laptop(fault, self._stall)

    async def _on_laptop(self, fault: OnLaptop, act: Callable[[OnLaptop, LabLaptop], object]) -> None:
        self.busy.add(fault.laptop)
        try:
            done = act(fault, self._stage.laptops[fault.laptop])
            if asyncio.iscoroutine(done):
                await done
        finally:
            self.busy.discard(fault.laptop)

    async def _drop(self, fault: OnLaptop, laptop: LabLaptop) -> None:
        await asyncio.to_thread(laptop.power_cut)
        self._say(f"laptop {fault.laptop}: power cut")
        await asyncio.sleep(_OFF_SECONDS)
        laptop.power_on()
        self.happened[fault.text] = f"laptop {fault.laptop} lost power and was switched on {_OFF_SECONDS:.0f} s later"

    async def _stall(self, fault: OnLaptop, laptop: LabLaptop) -> None:
        assert isinstance(fault, Stall)
        await asyncio.to_thread(laptop.freeze)
        self._say(f"laptop {fault.laptop}: frozen for {fault.seconds:g} s")
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            if laptop.running:
                await asyncio.to_thread(laptop.thaw)
        self.happened[fault.text] = f"laptop {fault.laptop} stood still for {fault.seconds:g} s"

    async def _restart(self, fault: Restart) -> None:
        daemon = self._stage.daemon
        await asyncio.to_thread(daemon.kill)
        self._say("the daemon was killed")
        began = time.monotonic()
        daemon.start()
        await daemon.ready()
        self.happened[fault.text] = f"the daemon was killed and ready again after {time.monotonic() - began:.1f} s"

    async def _sink_down(self, fault: SinkDown) -> None:
        inventory = self._stage.services.inventory
        await asyncio.sleep(fault.seconds)
        inventory.away = False
        if inventory.turned_away:
            until = f"until {fault.seconds:g} s after the first result"
            self.happened[fault.text] = f"the inventory was away {until}; tried {inventory.turned_away} times meanwhile"

    def _plug_hostile(self, fault: Hostile) -> Hostility:
        stage = self._stage
        macs = [laptop.identity.mac for laptop in stage.laptops.values()]
        hostility = Hostility(stage.network, fault.seconds, macs, stage.daemon.log.parent)
        hostility.prepare()
        return hostility

    async def _hostile(self, fault: Hostile) -> None:
        assert self._hostility is not None
        self._say(f"a hostile laptop and a stranger act for {fault.seconds:g} s")
        before = self._stage.daemon.peak_memory()
        try:
            did = await self._hostility.act()
        finally:
            self._over.add(fault)
        if "the laptop did" in did and "the stranger did" in did:
            lag = (await self._stage.daemon.state())["loop_lag"]
            more = max(0, self._stage.daemon.peak_memory() - before) / 1e6
            cost = f"the loop was held for {lag:.3f} s at most of late, {more:.0f} MB more than before"
            self.happened[fault.text] = f"{did}; {cost}"
            self._say(self.happened[fault.text])

    def _slow(self, fault: SlowDisk) -> None:
        laptop = self._stage.laptops[fault.laptop]
        assert isinstance(laptop, (VirtualLaptop, ThinBox))
        laptop.bytes_per_second = int(fault.mb_s * 1_000_000)
        self.happened[fault.text] = f"laptop {fault.laptop}'s disk moves {fault.mb_s:g} MB/s"

    def _count_losses(self) -> None:
        for fault in self.faults:
            if isinstance(fault, Loss):
                network = self._stage.network
                thin = self._stage.kind is LaptopKind.THIN
                lost = losses(network.laptop(fault.laptop) if thin else network.switch)
                if lost:
                    self.happened[fault.text] = f"{lost} packets to laptop {fault.laptop} were lost"

    def _gate(self, fault: Corrupt) -> Callable[[int], None]:
        """What the gate does, once: the laptop has written everything and has read nothing back."""

        def change(number: int) -> None:
            if fault.text not in self.happened:
                where = change_used_byte(self._stage.laptops[fault.laptop], self._stage.manifest.plan.map)
                self.happened[fault.text] = f"laptop {fault.laptop}: {where}"
                self._say(self.happened[fault.text])

        return change


def change_used_byte(laptop: LabLaptop, pieces: PieceMap) -> str:
    """Flip one bit of one used byte, chosen at random, behind the laptop's back; says where.

    Raises ClonedError if the disk does not hold the change afterwards.
    """
    place = pieces.place(secrets.randbelow(pieces.count))
    spot = secrets.randbelow(place.length)
    offset = next(iter(place.layer.ranges(place.offset + spot, 1)))[0] + (place.layer.start or 0)
    before = laptop.disk.read(offset, 1)
    laptop.disk.write(offset, bytes([before[0] ^ (1 << secrets.randbelow(8))]))
    after = laptop.disk.read(offset, 1)
    if after == before or not after:
        raise ClonedError(f"the byte at {offset} of laptop {laptop.number}'s disk did not change")
    return f"byte {offset} of the disk (partition {place.layer.number}) was {before[0]:#04x} and is {after[0]:#04x}"
