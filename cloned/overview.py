"""What page, API and metrics see of the workshop: the engine's state with what the other rooms know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cloned.control import Control
from cloned.core import coin_cells, slow_cards
from cloned.core.answer_data import CaptureData
from cloned.core.brief import Brief, brief
from cloned.core.events import Command
from cloned.core.evidence import doubtful
from cloned.core.ids import LaptopId, SessionId
from cloned.core.inventories import disagreements
from cloned.core.laptop import Laptop, named
from cloned.core.shown import Progress, ShownLaptop, Snapshot
from cloned.core.shown_data import SwitchData
from cloned.core.snapshot import Drawn, snapshot
from cloned.core.triage import TriageExplained, explain
from cloned.core.warnings import Warn
from cloned.core.workshop import Workshop
from cloned.engine import Engine
from cloned.monitor import Monitor
from cloned.saying import Phrase
from cloned.wallclock import shown

SAME_FOR_SECONDS = 0.2
"""Seconds that a snapshot may be old where no event came since: progress alone moved."""


NOTICED_SECONDS = 0.01
"""Seconds that looking for what is odd may take each time."""
WARNED_FOR_SECONDS = 15.0
"""Seconds that a count of warnings is believed: looking for doubtful laptops takes its time."""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Puts a snapshot together. What each room adds is handed in by `app.py`; a room that is not there adds nothing."""

    engine: Engine
    monitor: Monitor
    control: Control
    name: Callable[[], str]
    lag: Callable[[], float] = float
    """Seconds that the loop lately came late; of these `held` and `busy` as in lag.py."""
    held: Callable[[], float] = float
    busy: Callable[[], float] = float
    senders: Callable[[], Mapping[SessionId, Any]] = dict
    """Figures of each open session's sender, a dataclass."""
    switches: Callable[[], Sequence[SwitchData]] = tuple
    captures: Callable[[], Sequence[CaptureData]] = tuple
    warnings: Sequence[Callable[[], Iterable[Mapping[str, str]]]] = field(default=())

    _last: list[tuple[float, Workshop, Snapshot]] = field(default_factory=list)
    """When the latest was drawn, of which state, and it."""

    _warned: list[tuple[float, int]] = field(default_factory=list)
    """When warnings were counted last, and how many there were."""
    _odd: list[tuple[float, Mapping[LaptopId, Laptop], tuple[Warn, ...]]] = field(default_factory=list)
    """Until when what is odd about laptops is believed, of which laptops, and it."""
    _resting: Drawn = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        """The whole workshop, now; for many who ask at once the same one, as long as nothing happened."""
        now, workshop = time.monotonic(), self.engine.workshop
        if not self._last or self._last[0][1] is not workshop or now - self._last[0][0] > SAME_FOR_SECONDS:
            self._last[:] = [(now, workshop, self._drawn())]
        return self._last[0][2]

    def brief(self) -> Brief:
        """The workshop in figures: cheap enough for every scrape, however many laptops are known."""
        now = time.monotonic()
        if not self._warned or now - self._warned[0][0] > WARNED_FOR_SECONDS:
            self._warned[:] = [(now, sum(1 for _ in self._warnings()))]
        return replace(
            brief(self.engine.workshop, self.engine.clock()),
            switches=self.switches(),
            warnings=self._warned[0][1],
            backlog=self.engine.backlog,
            loop_lag=round(self.lag(), 4),
            loop_held=round(self.held(), 4),
            loop_busy=round(self.busy(), 4),
        )

    def _drawn(self) -> Snapshot:
        workshop = self.engine.workshop
        if len(self._resting) > len(workshop.laptops):
            self._resting.clear()  # some were forgotten
        seen = snapshot(workshop, self.monitor.progress, self.engine.clock(), shown, self._resting)
        senders = {str(session): asdict(stats) for session, stats in self.senders().items()}
        return replace(
            seen,
            workshop=self.name(),
            backlog=self.engine.backlog,
            loop_lag=round(self.lag(), 4),
            loop_held=round(self.held(), 4),
            loop_busy=round(self.busy(), 4),
            laptops=_proving(seen.laptops, self.captures()),
            sessions=tuple(replace(each, sender=senders.get(each.id)) for each in seen.sessions),
            switches=tuple({**each} for each in self.switches()),
            warnings=tuple(self._warnings()),
        )

    def _warnings(self) -> Iterable[Warn]:
        if self.engine.problem:
            yield Warn("state-disk-full", self.engine.problem, "nothing is lost")
        for told in self.warnings:
            yield from (Warn(each["code"], each["text"], each["hint"]) for each in told())
        yield from self._of_laptops()

    def _of_laptops(self) -> Sequence[Warn]:
        """What is odd about laptops: believed twenty times as long as looking takes, where thousands are known."""
        laptops, now = self.engine.workshop.laptops, time.monotonic()
        if not self._odd or (laptops is not self._odd[0][1] and now > self._odd[0][0]):
            found = tuple(_odd(laptops))
            took = time.monotonic() - now
            self._odd[:] = [(now + (20 * took if took > NOTICED_SECONDS else 0), laptops, found)]
        return self._odd[0][2]

    async def command(self, command: Command) -> Mapping[str, object]:
        """Have a command obeyed; ClonedError with the reason if it cannot be."""
        return await self.control.command(command)

    def find(self, name: str) -> str:
        """The id of the laptop that people call so."""
        return self.control.find(name).id

    def triage(self, ident: str) -> TriageExplained:
        """What the rules make of a laptop, with every rule's reasons."""
        workshop = self.engine.workshop
        laptop = workshop.laptops[LaptopId(ident)]
        return explain(workshop.settings.triage, laptop, laptop.contact.last_hello)


def _odd(laptops: Mapping[LaptopId, Laptop]) -> Iterable[Warn]:
    yield from doubtful(laptops)
    yield from disagreements(laptops.values())
    yield from coin_cells.warnings(laptops.values())
    yield from slow_cards.warnings(laptops.values())
    for laptop in laptops.values():
        if laptop.job.reallocated:
            count = laptop.job.reallocated
            text = Phrase(
                "{laptop}: its disk replaced {count} bad {count:sector|sectors} meanwhile",
                laptop=named(laptop),
                count=count,
            )
            yield Warn("disk-failing", text, "replace the disk before it leaves")


def _proving(laptops: Iterable[ShownLaptop], captures: Iterable[CaptureData]) -> tuple[ShownLaptop, ...]:
    """A captured laptop's progress is the proof's once it has sent everything."""
    proving = {(each["laptop"], each["name"]): each for each in captures if each["state"] == "proving"}
    return tuple(_with_proof(each, proving.get((each.id, each.capture or ""))) for each in laptops)


def _with_proof(laptop: ShownLaptop, proof: CaptureData | None) -> ShownLaptop:
    if proof is None:
        return laptop
    figures = Progress(bytes=proof["bytes"], total=proof["total"], rate=0, pieces_left=0, activity="proving")
    return replace(laptop, progress=figures)
