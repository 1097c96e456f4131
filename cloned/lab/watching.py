"""The daemon's snapshot as the lab looks at it: laptops by the lab's numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cloned.core.shown_data import LaptopData, ProgressData, WorkshopData

FINAL = frozenset({"done", "aside", "erased"})
_AFTER = frozenset({"verifying", "finishing", "done"})


@dataclass(frozen=True)
class LaptopSeen:
    """One laptop at one moment."""

    number: int
    data: LaptopData | None
    """Its part of the snapshot; None as long as the daemon has not heard of it."""

    @property
    def state(self) -> str:
        """A laptop's state as reports have it; `off` before the daemon has heard of it."""
        return "off" if self.data is None else str(self.data["state"])

    @property
    def final(self) -> bool:
        """Whether it will do nothing more by itself: its tests may still run after its verdict."""
        return self.state in FINAL and not (self.data or LaptopData()).get("tests_wanted")

    @property
    def spoke(self) -> bool:
        """Whether its agent has said hello: the boot is behind it."""
        return self.data is not None and bool(self.data.get("disks"))

    @property
    def received(self) -> float:
        """Percent of what it has to receive; 100 once it is past that."""
        if self.data is None:
            return 0.0
        progress = self.data.get("progress") or ProgressData()
        if self.state in _AFTER:
            return 100.0
        if progress.get("activity") == "preparing":  # what it fetches is Clonezilla, not the image
            return 0.0
        total = progress.get("total") or 0
        return 100.0 * float(progress.get("bytes") or 0) / float(total) if total else 0.0

    @property
    def receiving(self) -> bool:
        """Whether pieces are coming in."""
        return self.state == "receiving"

    @property
    def verified(self) -> bool:
        """Whether its disk was read back and is right."""
        return self.data is not None and self.data["verdict"] == "verified"

    @property
    def erased(self) -> bool:
        """Whether every built-in disk was erased and read back."""
        done = self.data.get("erasure") if self.data is not None else None
        return done is not None and done["result"] == "erased"

    @property
    def pulse(self) -> tuple[object, ...]:
        """What changes as long as it gets on."""
        if self.data is None:
            return ()
        progress = self.data.get("progress") or ProgressData()
        erased = str(progress.get("disks"))
        told = self.data.get("attempts"), progress.get("bytes"), progress.get("pieces_left"), erased
        return self.state, *told, len(self.data.get("tests") or ())


def sights(snapshot: WorkshopData, macs: Iterable[str]) -> list[LaptopSeen]:
    """The laptops 1 … N, whose MACs are given in order, as a snapshot shows them."""
    by_mac = {mac: laptop for laptop in snapshot["laptops"] for mac in (*laptop["macs"], laptop["boot_mac"])}
    return [LaptopSeen(number, by_mac.get(mac)) for number, mac in enumerate(macs, 1)]
