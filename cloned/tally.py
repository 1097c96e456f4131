"""Counts what happens: events of the engine as counters that only grow, and durations as histograms.

It hears of every event that takes effect while the daemon runs, never of those that are replayed: so a restart begins
at nought, as Prometheus expects of a counter.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from cloned.core.attempts import ATTEMPTS, LENDINGS
from cloned.core.effect_types import Effect, Record
from cloned.core.events import Command, Ejected, Event, Judged
from cloned.core.ids import LaptopId
from cloned.core.laptop import Laptop, State
from cloned.core.reasons import Reason
from cloned.core.row_types import Row, as_row
from cloned.core.workshop import Workshop

STEPS = ("boot", "wait", "receive", "verify", "finish", "erase")
"""What is timed: a laptop's steps, as the ledger has them, and its erasure."""
BOUNDS = (1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0, 14400.0)
"""Upper bounds of the buckets, in seconds: from a thin laptop's boot to the erasure of a large disk."""
FAULTS = tuple(str(reason.value) for reason in Reason)


@dataclass
class Durations:
    """One histogram, in seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Take one in."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bound as Prometheus writes it, and how many are no longer than that."""
        found, sum_of = [], 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self.counts, strict=True):
            sum_of += count
            found.append((bound, float(sum_of)))
        return found


def _first(before: Workshop, row: Row) -> bool:
    """Whether a row is of what just came to its end; it is recorded again when something of it is learnt later."""
    was = before.laptops.get(LaptopId(row["laptop"]))
    if row["attempt"] >= LENDINGS or was is None:
        return False
    if row["attempt"] < ATTEMPTS:
        return was.job.open and was.job.number == row["attempt"]
    return was.erasure is None or not (was.erasure.recorded and was.erasure.id == row["erasure"]["id"])


class Tally:
    """The workshop's counters of events; `happened` is called by the engine."""

    def __init__(self) -> None:
        self.steps = {step: Durations() for step in STEPS}
        self.verdicts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.retries: Counter[str] = Counter()
        self.ejections: Counter[str] = Counter()
        self.erasures: Counter[tuple[str, str, str]] = Counter()
        self.erasure_seconds: defaultdict[str, float] = defaultdict(float)

    def happened(self, before: Workshop, after: Workshop, event: Event, effects: Iterable[Effect]) -> None:
        """Count an event by what it changed; one that changed nothing counts for nothing."""
        if before is after:
            return
        for ident, laptop in after.laptops.items():
            was = before.laptops.get(ident)
            if laptop is not was:
                self._laptop(was, laptop)
        if isinstance(event, Judged):
            self._judged(before, after, event)
        elif isinstance(event, Command) and event.do == "retry":
            self.retries["command"] += 1
        elif isinstance(event, Ejected):
            self.ejections["stream"] += 1
        for effect in effects:
            if isinstance(effect, Record) and _first(before, as_row(effect.row)):
                self._recorded(as_row(effect.row))

    def _laptop(self, was: Laptop | None, now: Laptop) -> None:
        """A laptop that was set aside, or fell silent, is a fault; with the reason that people see."""
        entered = was is None or was.state is not now.state
        if entered and now.state in (State.ASIDE, State.GONE) and now.reason is not None:
            self.faults[str(now.reason.value)] += 1
            if now.reason is Reason.NO_HEADWAY:
                self.ejections["standstill"] += 1

    def _judged(self, before: Workshop, after: Workshop, event: Judged) -> None:
        was, now = before.laptops.get(event.laptop), after.laptops.get(event.laptop)
        if was is None or now is None or was.job.rounds == now.job.rounds:
            return
        self.verdicts[str(event.verdict)] += 1
        if now.state is State.RECEIVING:
            self.retries["round"] += 1

    def _recorded(self, row: Row) -> None:
        """A result: its steps' seconds, and of an erasure each disk."""
        if row["attempt"] < ATTEMPTS and row.get("state") == "gone":
            return  # should it come back, the row of its end has all seconds
        if row["attempt"] < ATTEMPTS:
            for step, seconds in row["seconds"].items():
                if step in self.steps:
                    self.steps[step].add(float(seconds))
            return
        self.steps["erase"].add(float(row["seconds"]["erase"]))
        for disk in row["erasure"]["disks"]:
            outcome = "verified" if disk["verified"] else "completed" if disk["completed"] else "failed"
            method = str(disk["method"] or "none")
            self.erasures[method, str(disk["level"] or "none"), outcome] += 1
            self.erasure_seconds[method] += float(disk["seconds"] or 0.0)
