"""Watches a running lab: powers laptops on in their turn, lets faults happen, and knows when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from cloned.core.shown_data import WorkshopData
from cloned.errors import ClonedError
from cloned.lab.erasing import EraseConfirmer
from cloned.lab.estimate_check import EstimateCheck
from cloned.lab.laptops import LaptopKind
from cloned.lab.overruling import TriageOverruler
from cloned.lab.power import PowerPlan
from cloned.lab.watching import LaptopSeen, sights
from cloned.lab.workshop import LabWorkshop, troubles

_LOOK_SECONDS = 0.2
"""Seconds between looks."""
_QUIET = {LaptopKind.VM: 240.0, LaptopKind.THIN: 90.0}
"""Seconds without any change after which a lab is stuck. Emulated firmware can be slow."""
_CLASSIC_SECONDS = 600.0
"""As many more where Clonezilla itself restores: its scripts start thousands of programs before the first byte."""
_TESTS_SECONDS = 240.0
"""As many more where parts are tested: memory alone may take two minutes."""
_OFF_SECONDS = 10.0
"""Seconds that a laptop may be off in the middle of its work before it counts as lost."""


class Follower:
    """Follows one lab. `problems` says in words what went wrong with the lab as a whole."""

    def __init__(self, workshop: LabWorkshop) -> None:
        self.problems: list[str] = []
        self.snapshot: WorkshopData = {"laptops": [], "sessions": []}
        self._workshop = workshop
        self._macs = [each.mac for each in workshop.identities]
        options = workshop.options
        self._plan = PowerPlan(workshop.identities, options.of_kind, options.latecomers)
        self._pulse: object = None
        self._moved = time.monotonic()
        slow = _CLASSIC_SECONDS if options.classic or workshop.stock.manifest.plan.classic else 0.0
        tests = _TESTS_SECONDS if options.tests else 0.0
        self._patience = _QUIET[options.of_kind] + self._longest_pause() + slow + tests
        self._off_since: dict[int, float] = {}
        self._given_up: set[int] = set()
        self._powered: dict[int, float] = {}
        self.estimates = EstimateCheck()
        image = workshop.stock.manifest.name
        self._erasures = EraseConfirmer(options.erase, options.erasers, image, workshop.daemon, workshop.display.say)
        self._triage: TriageOverruler | None = TriageOverruler(image, workshop.daemon, workshop.display.say)
        self.to_hello: dict[int, float] = {}
        """Seconds from power-on to the agent's hello, by laptop's number."""

    @property
    def sights(self) -> list[LaptopSeen]:
        """The laptops as last seen."""
        return sights(self.snapshot, self._macs)

    async def to_the_end(self) -> None:
        """Return when every laptop is done, aside or lost, or nothing moves any more."""
        while not await self._look():  # noqa: ASYNC110 - what we wait for is another process's state
            await asyncio.sleep(_LOOK_SECONDS)

    async def forever(self) -> None:
        """Keep things going without an end: `lab up`. Whom triage holds back waits for whoever looks at the lab."""
        self._triage = None
        while True:
            await self._look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> bool:
        """One look at everything; True if it is over."""
        if not await self._ask():
            return False
        seen, workshop = self.sights, self._workshop
        for number in self._plan.now(seen, time.monotonic()):
            workshop.laptops[number].power_on()
            self._powered[number] = self._moved = time.monotonic()
        self._note_hellos(seen)
        self.estimates.look(seen, time.monotonic())
        await self._erasures.look(seen)
        if self._triage is not None:
            await self._triage.look(seen)
        workshop.injector.look(seen)
        workshop.display.show(seen)
        self._note_lost(seen)
        if self._all_over(seen):
            return True
        return self._stuck(seen)

    async def _ask(self) -> bool:
        """Fetch the snapshot; False while the daemon is being started again."""
        try:
            self.snapshot = await self._workshop.daemon.state()
        except ClonedError as error:
            if self._workshop.injector.underway or self._workshop.daemon.running:
                return False
            raise ClonedError("the daemon died", self._workshop.daemon.last_words()) from error
        return True

    def _all_over(self, seen: Sequence[LaptopSeen]) -> bool:
        ended = all(sight.final or sight.number in self._given_up for sight in seen)
        injector = self._workshop.injector
        return ended and self._plan.done and not injector.off and not injector.acting

    def _note_hellos(self, seen: Sequence[LaptopSeen]) -> None:
        for sight in seen:
            if sight.spoke and sight.number in self._powered:
                self.to_hello.setdefault(sight.number, time.monotonic() - self._powered[sight.number])

    def _note_lost(self, seen: Sequence[LaptopSeen]) -> None:
        """A laptop that switched itself off, or died, before it was done."""
        now = time.monotonic()
        for sight in seen:
            laptop = self._workshop.laptops[sight.number]
            busy = sight.number in self._workshop.injector.off
            if laptop.running or sight.final or busy or not self._plan.is_on(sight.number):
                self._off_since.pop(sight.number, None)
            elif (
                now - self._off_since.setdefault(sight.number, now) > _OFF_SECONDS
                and sight.number not in self._given_up
            ):
                self._given_up.add(sight.number)
                self.problems.append(f"laptop {sight.number} went off in state {sight.state}: {troubles(laptop)}")

    def _stuck(self, seen: Sequence[LaptopSeen]) -> bool:
        pulse = [sight.pulse for sight in seen]
        now = time.monotonic()
        if pulse != self._pulse or self._workshop.injector.underway:
            self._pulse, self._moved = pulse, now
        if now - self._moved < self._patience:
            return False
        waiting = [sight for sight in seen if not sight.final]
        for sight in waiting:
            shown = troubles(self._workshop.laptops[sight.number])
            self.problems.append(f"laptop {sight.number} is stuck in state {sight.state}; its screen: {shown}")
        return True

    def _longest_pause(self) -> float:
        """How long nothing may happen because it was asked for."""
        options = self._workshop.options
        waits = [late.seconds for late in options.latecomers.values()]
        return max(waits, default=0.0)
