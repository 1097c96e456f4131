"""The faults that a lab run can be asked for, each a class: `cloned lab run --fault SPEC`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cloned.core.shown_data import WorkshopData
from cloned.errors import ClonedError
from cloned.lab.damage import change_used_byte
from cloned.lab.fault import Fault, FaultHands, OnLaptop, WhileReceiving
from cloned.lab.laptops import PARTS

if TYPE_CHECKING:  # what acts on a lab is loaded only where there is one
    from cloned.lab.daemon import DaemonProcess
    from cloned.lab.watching import LaptopSeen

_ASK_EVERY_SECONDS = 0.5
"""Seconds between two questions while somebody hostile acts."""
OFF_SECONDS = 3.0
"""How long a laptop stays off after a power cut."""


@dataclass(frozen=True)
class Corrupt(OnLaptop):
    """One used byte changes after it was written and before it is read back."""

    form: ClassVar[str] = "corrupt:N"
    changes_disk: ClassVar[bool] = True

    def prepare(self, hands: FaultHands) -> None:
        """Change it, once, at the gate: in one of the pieces that are all written and still to be read.

        A laptop that was switched off in between has read others before: those it does not read twice.
        """
        done: list[str] = []

        def change(unread: Sequence[int]) -> None:
            if unread and not done:
                done.append(change_used_byte(self.whom(hands), hands.stage.manifest.plan.map, unread))
                hands.say(f"laptop {self.laptop}: {done[0]}")
                hands.happened(self, f"laptop {self.laptop}: {done[0]}")

        hands.stage.services.gates[self.laptop] = change


@dataclass(frozen=True)
class Drop(WhileReceiving):
    """The power is cut, then it boots again."""

    form: ClassVar[str] = "drop:N@PERCENT"
    in_the_middle: ClassVar[bool] = True
    again: ClassVar[bool] = True

    async def act(self, hands: FaultHands) -> None:
        """Off, a pause, on."""
        laptop = self.whom(hands)
        with hands.busy(self.laptop):
            await asyncio.to_thread(laptop.power_cut)
            hands.say(f"laptop {self.laptop}: power cut")
            await asyncio.sleep(OFF_SECONDS)
            laptop.power_on()
        hands.happened(self, f"laptop {self.laptop} lost power and was switched on {OFF_SECONDS:.0f} s later")


@dataclass(frozen=True)
class Stall(WhileReceiving):
    """It stands still for so long."""

    form: ClassVar[str] = "stall:N@PERCENT:SECONDS"
    in_the_middle: ClassVar[bool] = True
    again: ClassVar[bool] = True

    seconds: float

    async def act(self, hands: FaultHands) -> None:
        """Frozen, and thawed whatever happens meanwhile."""
        laptop = self.whom(hands)
        with hands.busy(self.laptop):
            await asyncio.to_thread(laptop.freeze)
            hands.say(f"laptop {self.laptop}: frozen for {self.seconds:g} s")
            try:
                await asyncio.sleep(self.seconds)
            finally:
                if laptop.running:
                    await asyncio.to_thread(laptop.thaw)
        hands.happened(self, f"laptop {self.laptop} stood still for {self.seconds:g} s")


@dataclass(frozen=True)
class SlowDisk(OnLaptop):
    """Its disk moves so many megabytes (10**6) a second and no more."""

    form: ClassVar[str] = "slow-disk:N:MB_S"
    in_the_middle: ClassVar[bool] = True

    mb_s: float

    def prepare(self, hands: FaultHands) -> None:
        """Before it is powered on."""
        self.whom(hands).bytes_per_second = int(self.mb_s * 1_000_000)
        hands.happened(self, f"laptop {self.laptop}'s disk moves {self.mb_s:g} MB/s")


@dataclass(frozen=True)
class Loss(OnLaptop):
    """So many of the packets towards it are lost."""

    form: ClassVar[str] = "loss:N:PERCENT"
    in_the_middle: ClassVar[bool] = True

    percent: float

    def prepare(self, hands: FaultHands) -> None:
        """On the link towards it."""
        hands.stage.network.lossy(self.laptop, self.percent, thin=hands.stage.thin)

    def count(self, hands: FaultHands) -> None:
        """Packets that the link says it lost."""
        lost = hands.stage.lost(self.laptop)
        if lost:
            hands.happened(self, f"{lost} packets to laptop {self.laptop} were lost")


@dataclass(frozen=True)
class Restart(Fault):
    """The daemon is killed and started again when the first laptop has got so far."""

    form: ClassVar[str] = "restart@PERCENT"
    in_the_middle: ClassVar[bool] = True
    again: ClassVar[bool] = True

    percent: float

    def due(self, sights: Sequence[LaptopSeen]) -> bool:
        """When the first has received so much."""
        return any(sight.receiving and sight.received >= self.percent for sight in sights)

    async def act(self, hands: FaultHands) -> None:
        """SIGKILL, then a start as after a power cut."""
        daemon = hands.stage.daemon
        await asyncio.to_thread(daemon.kill)
        hands.say("the daemon was killed")
        began = time.monotonic()
        daemon.start()
        await daemon.ready()
        hands.happened(self, f"the daemon was killed and ready again after {time.monotonic() - began:.1f} s")


LONGEST_AWAY = 600
"""Tenths of a second that an inventory stays away for somebody to be turned away."""


@dataclass(frozen=True)
class SinkDown(Fault):
    """The inventory is away from the start until so long after the first result."""

    form: ClassVar[str] = "sink-down:SECONDS"
    slows_sinks: ClassVar[bool] = True

    seconds: float

    def prepare(self, hands: FaultHands) -> None:
        """Away before anybody has a result."""
        hands.stage.services.inventory.away = True

    def due(self, sights: Sequence[LaptopSeen]) -> bool:
        """From the first result on."""
        return any(sight.final for sight in sights)

    async def act(self, hands: FaultHands) -> None:
        """Back after a while; it happened if somebody was turned away."""
        inventory = hands.stage.services.inventory
        await asyncio.sleep(self.seconds)
        for _ in range(LONGEST_AWAY):  # a busy daemon comes later: it must have been turned away once
            if inventory.turned_away:
                break
            await asyncio.sleep(0.1)
        inventory.away = False
        if inventory.turned_away:
            until = f"until {self.seconds:g} s after the first result"
            hands.happened(self, f"the inventory was away {until}; tried {inventory.turned_away} times meanwhile")


@dataclass(frozen=True)
class Hostile(Fault):
    """From the start on a hostile laptop and a stranger do all they can, for so long."""

    form: ClassVar[str] = "hostile:SECONDS"
    lasts: ClassVar[bool] = True

    seconds: float

    def prepare(self, hands: FaultHands) -> None:
        """Plug them in."""
        from cloned.lab.hostility import Hostility

        stage = hands.stage
        macs = [laptop.identity.mac for laptop in stage.laptops.values()]
        hostility = Hostility(stage.network, self.seconds, macs, stage.daemon.log.parent)
        hostility.prepare()
        hands.hostility = hostility

    def due(self, sights: Sequence[LaptopSeen]) -> bool:
        """At once."""
        return True

    async def act(self, hands: FaultHands) -> None:
        """Let them, and say what they did and what it cost."""
        assert hands.hostility is not None
        hands.say(f"a hostile laptop and a stranger act for {self.seconds:g} s")
        daemon = hands.stage.daemon
        before = daemon.peak_memory()
        cost = Cost()
        asking = asyncio.ensure_future(cost.ask_on(daemon))
        try:
            did = await hands.hostility.act()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        if "the laptop did" in did and "the stranger did" in did:
            more = max(0, daemon.peak_memory() - before) / 1e6
            said = (
                f"{did}; {cost.late()}, {more:.0f} MB more than before, the page answered within {cost.slowest:.2f} s"
            )
            hands.happened(self, said)
            hands.say(said)


@dataclass
class Cost:
    """What a daemon tells of itself while it is under attack: the most of each, in seconds."""

    slowest: float = 0.0
    """Until the page's state was there."""
    lag: float = 0.0
    held: float = 0.0
    busy: float = 0.0

    async def ask_on(self, daemon: DaemonProcess) -> None:
        """Ask again and again, until cancelled: the daemon itself remembers half a minute."""
        while True:
            began = time.monotonic()
            with suppress(ClonedError):  # the daemon may be being started again, by another fault
                self._note(await daemon.state())
                self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(_ASK_EVERY_SECONDS)

    def _note(self, seen: WorkshopData) -> None:
        self.lag, self.held = max(self.lag, seen["loop_lag"]), max(self.held, seen["loop_held"])
        self.busy = max(self.busy, seen["loop_busy"])

    def late(self) -> str:
        """In words."""
        return f"the loop came {self.lag:.3f} s late at most ({self.held:.3f} s held, {self.busy:.3f} s its own work)"


@dataclass(frozen=True)
class BadPart(OnLaptop):
    """Something about one laptop's parts, which its firmware tells: before it is powered on."""

    bad_part: ClassVar[bool] = True
    changes: ClassVar[dict[str, object]] = {}
    words: ClassVar[str] = ""

    def prepare(self, hands: FaultHands) -> None:
        """In what it will tell."""
        laptop = self.whom(hands)
        laptop.parts = {**PARTS, **laptop.parts, **self.changes}
        hands.happened(self, f"laptop {self.laptop} {self.words}")


@dataclass(frozen=True)
class WornBattery(BadPart):
    """Its battery holds little of what it held when new."""

    form: ClassVar[str] = "worn-battery:N"
    changes: ClassVar[dict[str, object]] = {
        "batteries": [{"name": "BAT0", "design_wh": 50.0, "full_wh": 14.0, "cycles": 812}]
    }
    words: ClassVar[str] = "has a battery that holds 28 % of what it held when new"


@dataclass(frozen=True)
class NoCamera(BadPart):
    """No camera answers."""

    form: ClassVar[str] = "no-camera:N"
    changes: ClassVar[dict[str, object]] = {"camera": False}
    words: ClassVar[str] = "has a camera that does not answer"


@dataclass(frozen=True)
class Locked(BadPart):
    """Its firmware has a password: it is held back until the lab confirms it as a person would."""

    form: ClassVar[str] = "locked:N"
    changes: ClassVar[dict[str, object]] = {"passwords": ["administrator"]}
    words: ClassVar[str] = "has a password in its firmware"


@dataclass(frozen=True)
class DeadDisk(OnLaptop):
    """Its disk, the last one where it has several, can be read and takes no write any more."""

    form: ClassVar[str] = "dead-disk:N"

    def prepare(self, hands: FaultHands) -> None:
        """Before it is powered on."""
        self.whom(hands).dead_disk = True
        hands.happened(self, f"laptop {self.laptop}'s last disk takes no write")


KINDS: tuple[type[Fault], ...] = (
    Corrupt, Drop, Stall, SlowDisk, Loss, Restart, SinkDown, Hostile, WornBattery, NoCamera, Locked, DeadDisk,
)  # fmt: skip
"""Every fault, in the order in which help lists them."""
