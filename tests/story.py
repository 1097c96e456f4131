"""The one driver of stories: events told to the core one after the other, and what a laptop goes through.

`Telling` has the clock, the state, the journal and the effects; `Story` a workshop in which a laptop boots, is confirmed
and cloned. `replayed` gives the state that a journal leads to.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from cloned.core.disks import Disk
from cloned.core.effect_types import Effect, Record
from cloned.core.events import (
    Booted,
    Configured,
    Event,
    Hello,
    ImageInfo,
    ImageKnown,
    Judged,
    Ready,
    Settings,
    SwitchChanged,
)
from cloned.core.ids import LaptopId, clean
from cloned.core.laptop import Facts, Laptop, VerdictKind
from cloned.core.reducer import step
from cloned.core.workshop import Workshop
from cloned.journal import JournalEntry

GB = 10**9
IMAGE = ImageInfo("school", "a" * 64, GB, 20 * GB)
DISK = Disk("/dev/sda", 250 * GB, serial="S1")


class Telling:
    """A workshop that is told events, and what it would have written down and done; `now` is in seconds."""

    def __init__(self, *events: Event, now: float = 1000.0) -> None:
        self.now, self.state, self.draws = now, Workshop(), itertools.count()
        self.journal: list[JournalEntry] = []
        self.effects: list[Effect] = []
        for event in events:
            self.tell(event)

    def tell(self, event: Event, after: float = 1.0) -> list[Effect]:
        """So many seconds later; what it led to."""
        self.now += after
        self.journal.append(entry := JournalEntry(self.now, self.draw(), event))
        self.state, effects = step(self.state, event, entry.at, entry.entropy)
        self.heed(effects)
        return list(effects)

    def draw(self) -> str:
        """Hexadecimal digits by chance, the same in each run."""
        return f"{next(self.draws):032x}"

    def heed(self, effects: Sequence[Effect]) -> None:
        """What becomes of effects: they are kept."""
        self.effects += effects

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows that it would record."""
        return [dict(each.row) for each in self.effects if isinstance(each, Record)]

    def laptop(self, ident: LaptopId) -> Laptop:
        """As it stands now."""
        return self.state.laptops[ident]


def replayed(journal: Sequence[JournalEntry], state: Workshop | None = None) -> Workshop:
    """The state that a journal leads to, from the beginning or from `state` on."""
    state = state or Workshop()
    for entry in journal:
        state, _ = step(state, entry.event, entry.at, entry.entropy)
    return state


class Story(Telling):
    """Laptops of one model in a workshop with one image."""

    def __init__(self, confirm: str = "ask", image: str = "school", places: int = 8) -> None:
        self.boots = 0
        settings = Settings(confirm=confirm, default_image=image)
        super().__init__(Configured(settings), ImageKnown(IMAGE), SwitchChanged(places, "test", 1000))

    def boot(self, serial: str = "PF1", disks: tuple[Disk, ...] = (DISK,), product: str = "Latitude 5490") -> Laptop:
        """One boots, and its agent says hello."""
        self.boots += 1
        identity = clean("", serial, "Dell Inc.", product, ["02:00:00:00:00:01"])
        token = f"t{self.boots}"
        self.tell(Booted(token, identity, "02:00:00:00:00:01", "10.0.0.5"))
        self.tell(Hello(token, Facts(identity, "02:00:00:00:00:01", "uefi", disks=disks), "10.0.0.5"))
        ident = self.state.boots[token].laptop
        assert ident is not None
        return self.state.laptops[ident]

    def clone(self, ident: LaptopId, verdict: VerdictKind = VerdictKind.VERIFIED) -> None:
        """A confirmed one receives and is read back."""
        session = self.laptop(ident).session
        assert session is not None
        self.tell(Ready(ident, session, "S1", (), False))
        self.tell(Judged(ident, session, 1, verdict, 0, (), IMAGE.image_hash, GB))
