"""What a fault of the lab is: how it is written, what a run with it needs, when it is due, and what then happens.

faults.py has each kind, fault_texts.py reads what was asked for, `injector.py` runs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:  # what acts on a lab is loaded only where there is one
    from cloned.lab.hostility import Hostility
    from cloned.lab.injector import Stage
    from cloned.lab.laptops import LabLaptop
    from cloned.lab.watching import LaptopSeen


class FaultHands(Protocol):
    """What a fault acts with."""

    stage: Stage
    hostility: Hostility | None
    """Who was plugged in to do harm."""

    def happened(self, fault: Fault, what: str) -> None:
        """Note that `fault` truly happened, and what it did."""

    def say(self, words: str) -> None:
        """Tell whoever watches the run."""

    def busy(self, laptop: int) -> AbstractContextManager[None]:
        """A context in which this laptop is off or frozen because of us."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong on purpose; `text` is how it was asked for."""

    form: ClassVar[str] = ""
    """How it is written: `drop:N@PERCENT`."""
    in_the_middle: ClassVar[bool] = False
    """Whether it has to happen while a laptop receives, so that the image must be large."""
    again: ClassVar[bool] = False
    """Whether it may be asked for more than once."""
    slows_sinks: ClassVar[bool] = False
    """Whether results reach the inventory later for it."""
    lasts: ClassVar[bool] = False
    """Whether somebody acts whose time was set, so that the run is not over before."""
    bad_part: ClassVar[bool] = False
    """Whether one of the laptop's parts is bad, so that it must have parts."""
    changes_disk: ClassVar[bool] = False
    """Whether reading back has to find something."""

    text: str

    def prepare(self, hands: FaultHands) -> None:
        """What must stand before the first laptop is powered on."""

    def due(self, sights: Sequence[LaptopSeen]) -> bool:
        """Whether its time has come; never, for what is only prepared."""
        return False

    async def act(self, hands: FaultHands) -> None:
        """Carry it out, once it is due."""

    def count(self, hands: FaultHands) -> None:
        """Look at the end whether it happened, where only figures tell."""


@dataclass(frozen=True)
class OnLaptop(Fault):
    """A fault of one laptop."""

    laptop: int

    def whom(self, hands: FaultHands) -> LabLaptop:
        """The laptop it is for."""
        return hands.stage.laptops[self.laptop]


@dataclass(frozen=True)
class WhileReceiving(OnLaptop):
    """A fault of one laptop that has got so far."""

    percent: float

    def due(self, sights: Sequence[LaptopSeen]) -> bool:
        """When its laptop has received so much."""
        sight = sights[self.laptop - 1]
        return sight.receiving and sight.received >= self.percent
