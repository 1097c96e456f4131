"""How long it will still take, for each laptop and for all of them. Pure: from the state and the last reports.

What laptops of the same image have needed this far is the best that is known of the next one; before the first
is through, the rates of those at work, and before that the link.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from cloned.core.ids import LaptopId
from cloned.core.laptop import Laptop, State
from cloned.core.rates import rates
from cloned.core.reasons import Reason
from cloned.core.report_figures import ReportFigures
from cloned.core.schedule import Schedule
from cloned.core.workshop import Workshop

NET = 0.9
"""Part of a link's speed that image bytes get."""

VERIFY, FINISH, PREPARE = 0.3, 0.6, 0.5
"""Seconds of reading back the rest, of finishing and of writing the layout, while nobody has shown what they take."""

SETTLED_SECONDS = 5.0
"""Seconds of receiving before its rate says anything: the first pieces come whole at different times."""

LEARNT = ("receive", "verify", "finish")

Progress = Mapping[LaptopId, ReportFigures]


@dataclass(frozen=True)
class Estimate:
    """Seconds from now; who has no estimate is not in it."""

    laptops: Mapping[LaptopId, float]
    all: float | None
    """Until the last of those at work or waiting is through; None where nobody is, or it cannot be said."""


@dataclass(frozen=True)
class _Pace:
    """What a laptop of one image needs."""

    receive: float
    verify: float
    finish: float

    @property
    def whole(self) -> float:
        return self.receive + self.verify + self.finish


def estimate(workshop: Workshop, progress: Progress, schedule: Schedule, now: float) -> Estimate:
    """The estimate; `schedule` says who waits for what."""
    active, streams = workshop.active(), {laptop.goal.image for laptop in workshop.active()}
    waiting = _in_turn(workshop, schedule)
    images = {laptop.goal.image for laptop in (*active, *waiting)}
    settled = {each.id: progress[each.id] for each in active if each.id in progress and _settled(each, now)}
    paces = {image: _pace(workshop, settled, image, max(1, len(streams | {image}))) for image in images}
    left = {each.id: _left(each, settled.get(each.id, {}), paces[each.goal.image], now) for each in active}
    ends = sorted(left.values())
    places = [0.0] * max(0, workshop.places - len(ends)) + ends
    heapq.heapify(places)
    for laptop in waiting if places else []:
        held = max(0.0, workshop.holds.get(laptop.goal.image, 0.0) - now)
        begin = max(heapq.heappop(places), held)
        left[laptop.id] = begin + paces[laptop.goal.image].whole
        heapq.heappush(places, left[laptop.id])
    return Estimate(left, max(left.values(), default=None))


def _settled(laptop: Laptop, now: float) -> bool:
    return laptop.state is not State.RECEIVING or now - laptop.since >= SETTLED_SECONDS


def _in_turn(workshop: Workshop, schedule: Schedule) -> list[Laptop]:
    """Those who wait for nothing but their turn, in order."""
    turn = (Reason.SWITCH_FULL, Reason.OTHER_IMAGE_FIRST, Reason.LINK_FULL, Reason.HELD, Reason.CLASSIC_UNDER_WAY)
    waiting = [
        workshop.laptops[ident] for ident, wait in schedule.waits.items()
        if wait.reason in turn and workshop.laptops[ident].goal.image in workshop.images
    ]  # fmt: skip
    return sorted(waiting, key=lambda laptop: (laptop.since, laptop.number))


def _pace(workshop: Workshop, progress: Progress, image: str, streams: int) -> _Pace:
    """What one laptop of `image` needs from beginning to end."""
    mates = [laptop for laptop in workshop.laptops.values() if laptop.goal.image == image]
    through = [dict(each.seconds) for each in mates if each.state is State.DONE and each.job.number == 1]
    if through:
        return _Pace(*(median(each.get(name, 0.0) for each in through) for name in LEARNT))
    known = workshop.images.get(image)
    used = known.used if known is not None else 0
    speeds = [float(progress[each.id].get("rate") or 0) for each in mates if each.id in progress]
    moving = [speed for speed in speeds if speed > 0]
    speed = median(moving) if moving else _link(workshop, image) / streams
    return _Pace(PREPARE + used / speed, VERIFY, FINISH)


def _link(workshop: Workshop, image: str) -> float:
    """Bytes a second that the links let through for `image`."""
    limits = dict(rates(workshop).sessions)
    session = workshop.open_session(image)
    mbps = limits.get(session.id, workshop.link_mbps) if session is not None else workshop.link_mbps
    return max(1.0, mbps * NET * 1e6 / 8)


def _left(laptop: Laptop, report: ReportFigures, pace: _Pace, now: float) -> float:
    """Seconds that a laptop at work still needs."""
    spent = max(0.0, now - laptop.since)
    if laptop.state is State.FINISHING:
        return max(0.5, pace.finish - spent)
    if laptop.state is State.VERIFYING:
        return _moving(report, max(0.0, pace.verify - spent)) + pace.finish
    rest = max(0.0, pace.receive - spent)
    return (_moving(report, rest) if laptop.state is State.RECEIVING else rest) + pace.verify + pace.finish


def _moving(report: ReportFigures, otherwise: float) -> float:
    """What a report's bytes and rate say, if they say anything."""
    left = report.get("left_seconds")
    return otherwise if left is None else float(left)


def right(estimates: Iterable[tuple[float, float]], within: float = 0.2, seconds: float = 2.0) -> float:
    """The share of (estimated, actual) seconds that agree within a part of the actual, or within so many seconds."""
    found = [abs(said - took) <= max(within * took, seconds) for said, took in estimates]
    return sum(found) / len(found) if found else 0.0
