"""Watches laptops at work: progress, silence and standstill. Only what means something becomes an event."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cloned.core.boot import BootRequest, identity_of
from cloned.core.events import Event, PartsTold, Returned, SlowCard, Stalled, Tick, Vanished, Verifying
from cloned.core.hardware import hardware
from cloned.core.ids import LaptopId, SessionId
from cloned.core.laptop import Laptop, State
from cloned.core.report_figures import MEASURED, ReportFigures
from cloned.core.schedule import due
from cloned.engine import Engine
from cloned.json_data import JsonObject
from cloned.stream.probe import Heard
from cloned.wire import line

GONE_AFTER_SECONDS = 8.5
"""Seconds of silence after which a laptop counts as gone: with a look each second it is shown so within 10."""

EVERY_SECONDS = 1.0
"""Seconds between two looks."""

LONGEST_SECONDS = 1e7
"""Seconds: who takes longer than months is not told when it will be through."""

ACTIVITIES = frozenset(
    {
        "idle",
        "waiting",
        "preparing",
        "surveying",
        "receiving",
        "verifying",
        "capturing",
        "erasing",
        "proving",
        "finishing",
        "finished",
        "failed",
        "testing",
    }
)
"""What an agent can be doing; anything else is not shown."""

PARTS_EVERY_SECONDS = 10.0
"""Between two times that a laptop's later parts are written down: each report tells them all, and one that tells others
each second fills nobody's journal."""
STEADY_SECONDS = 2.0
"""Seconds without a report for which a laptop is taken to go on as it did."""

VIAS = ("multicast", "unicast", "nothing")
"""By which way pieces may come; nothing where none brings any."""
_HEARD = frozenset(
    {State.ASKING, State.WAITING, State.READY, State.RECEIVING, State.VERIFYING, State.FINISHING, State.ERASING}
)


@dataclass
class LastHeard:
    """What was last heard of one laptop; times are monotonic seconds."""

    heard: float
    moved: float
    mark: tuple[object, ...] = ()
    progress: ReportFigures = field(default_factory=ReportFigures)
    probe: Heard | None = None
    via: str = ""
    round: int = 0
    parts: float = -PARTS_EVERY_SECONDS
    """When parts that it told later were written down last."""

    def figures(self, now: float) -> ReportFigures:
        """`progress`, its time left less what has gone by since: a laptop that falls silent gets no nearer."""
        left = self.progress.get("left_seconds")
        if left is None:
            return self.progress
        return {**self.progress, "left_seconds": round(max(0.0, left - min(now - self.heard, STEADY_SECONDS)), 1)}


class Monitor:
    """Takes reports in, gives events and progress out."""

    def __init__(self, engine: Engine, headway_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._headway, self._clock = engine, headway_seconds, clock
        self._watches: dict[LaptopId, LastHeard] = {}
        self.received: Counter[str] = Counter()
        """Bytes that laptops said they have got since we began, by how they came; never falls."""
        self._started = clock()
        self._awaited: dict[LaptopId, float] = {}
        """Since when we wait for a word of those that were not heard yet."""

    @property
    def progress(self) -> Mapping[LaptopId, ReportFigures]:
        """The last report's figures of each laptop at work; the time left counts on between two reports."""
        laptops, now = self._engine.workshop.laptops, self._clock()
        return {
            ident: watch.figures(now)
            for ident, watch in self._watches.items()
            if ident in laptops
            and (laptops[ident].active or laptops[ident].capture.image or laptops[ident].state is State.ERASING)
            and watch.progress
        }

    @property
    def probes(self) -> Mapping[LaptopId, Heard]:
        """What each laptop last counted of the multicast probe."""
        return {ident: watch.probe for ident, watch in self._watches.items() if watch.probe is not None}

    @property
    def vias(self) -> Mapping[LaptopId, str]:
        """By which way each laptop's pieces come: "multicast", "unicast", or "nothing" where none brings any."""
        return {ident: watch.via for ident, watch in self._watches.items() if watch.via}

    def heard_at(self, request: BootRequest) -> tuple[str, bool]:
        """Where the laptop is heard that a boot request is taken for, and whether the MAC that asks is one of its own.

        Empty where there is none, or it is silent: nobody knows then. The engine looks after those that are starting.
        """
        workshop, now, mac = self._engine.workshop, self._clock(), request.mac
        known = workshop.find(identity_of(request))
        for laptop in workshop.laptops.values():
            own = mac in (laptop.facts.boot_mac, *laptop.identity.macs)
            watch = self._watches.get(laptop.id)
            if (own or laptop is known) and watch is not None and now - watch.heard < GONE_AFTER_SECONDS:
                return laptop.contact.address, own
        return "", True

    async def heard(self, laptop: Laptop, report: JsonObject) -> None:
        """Take a report in; submits an event only where the laptop's state follows from it."""
        now = self._clock()
        watch = self._watches.setdefault(laptop.id, LastHeard(now, now))
        watch.heard = now
        progress = _figures(report)
        round_ = told if isinstance(told := report.get("round"), int) else 0
        mark = (
            line(report.get("state"), 20),
            line(report.get("session"), 40),
            progress.get("bytes"),
            progress.get("pieces_left"),
            round_,
            line(report.get("said"), 300),
        )
        if watch.mark:  # of a first word nobody knows when its bytes came: before we began, perhaps
            self._count(laptop, report, _Step(watch.progress, watch.round), _Step(progress, round_))
        watch.round = round_
        if mark != watch.mark:
            watch.mark, watch.moved = mark, now
        watch.progress, watch.probe = progress, _probe(report.get("probe"))
        watch.via = via if isinstance(via := report.get("via"), str) and via in VIAS else ""
        for event in (self._meaning(laptop, report), _slow_card(laptop, report), self._later(laptop, report, watch)):
            if event is not None:
                await self._engine.submit(event)

    def _later(self, laptop: Laptop, report: JsonObject, watch: LastHeard) -> PartsTold | None:
        """What it tells of its parts, where that is news; the next report tells it again."""
        now = self._clock()
        event = _parts(laptop, report) if now - watch.parts >= PARTS_EVERY_SECONDS else None
        if event is not None:
            watch.parts = now
        return event

    def _count(self, laptop: Laptop, report: JsonObject, before: _Step, now: _Step) -> None:
        """What a laptop at work has got since its last report."""
        session = self._engine.workshop.sessions.get(laptop.session) if laptop.session is not None else None
        if session is None or report.get("session") != laptop.session:
            return
        kind = "classic" if session.classic else "unicast" if report.get("via") == "unicast" else "pieces"
        self.received[kind] += max(0, int(_got(before, now)))

    def _meaning(self, laptop: Laptop, report: JsonObject) -> Event | None:
        if laptop.state is State.GONE:
            return Returned(laptop.id)
        session = report.get("session")
        if report.get("state") == "verifying" and laptop.state is State.RECEIVING and session == laptop.session:
            return Verifying(laptop.id, SessionId(str(session)))
        return None

    async def run(self) -> None:
        """Look every second for laptops that fell silent or stand still, and for what is due; until cancelled."""
        while True:
            before = self._clock()
            await asyncio.sleep(EVERY_SECONDS)
            self.deaf(self._clock() - before - EVERY_SECONDS)
            for event in self.look():
                await self._engine.submit(event)

    def deaf(self, seconds: float) -> None:
        """For so long nobody could be heard, since the daemon itself had no turn: that is no laptop's silence."""
        now = self._clock()
        for watch in self._watches.values() if seconds > 0 else ():
            watch.heard, watch.moved = min(now, watch.heard + seconds), min(now, watch.moved + seconds)
        self._started = min(now, self._started + max(0.0, seconds))
        self._awaited = {key: min(now, since + max(0.0, seconds)) for key, since in self._awaited.items()}

    def look(self) -> list[Event]:
        """Events that follow from the passing of time alone."""
        now = self._clock()
        laptops = self._engine.workshop.laptops
        for ident in [ident for ident in self._watches if ident not in laptops]:
            del self._watches[ident]
        self._awaited = {
            key: since for key, since in self._awaited.items() if key in laptops and key not in self._watches
        }
        events = [event for laptop in laptops.values() if (event := self._silence(laptop, now)) is not None]
        return [*events, Tick()] if due(self._engine.workshop, self._engine.clock()) else events

    def _gathering(self, laptop: Laptop) -> bool:
        """Whether it is ready and waits until its classic session begins."""
        session = self._engine.workshop.sessions.get(laptop.session) if laptop.session is not None else None
        gathering = session is not None and session.kind == "classic" and session.joinable
        return gathering and laptop.state is State.RECEIVING

    def _since(self, now: float) -> float:
        """Since when one that was never heard by this name could have been: our start, or now if it just got it."""
        return self._started if now - self._started < GONE_AFTER_SECONDS else now

    def _silence(self, laptop: Laptop, now: float) -> Event | None:
        if laptop.state not in _HEARD or (laptop.state is State.ASKING and not laptop.contact.hellos):
            return None
        watch = self._watches.get(laptop.id)
        heard = watch.heard if watch is not None else self._awaited.setdefault(laptop.id, self._since(now))
        if now - heard > GONE_AFTER_SECONDS:
            return Vanished(laptop.id)
        if watch is not None and laptop.active and not self._gathering(laptop) and now - watch.moved > self._headway:
            watch.moved = now
            return Stalled(laptop.id, self._headway)
        return None


def _slow_card(laptop: Laptop, report: JsonObject) -> SlowCard | None:
    """What a report says of the card's power saving, `{"mbit", "off"}`, where that is news."""
    told = report.get("slow_card")
    if laptop.link.card or not laptop.active or not isinstance(told, Mapping):
        return None
    mbit = told.get("mbit")
    return SlowCard(laptop.id, mbit, told.get("off") is True) if type(mbit) is int and 0 <= mbit < 10**6 else None


def _parts(laptop: Laptop, report: JsonObject) -> PartsTold | None:
    """What a report says of the laptop's parts, as the `hardware` of a hello does, where that is news."""
    told, known = report.get("parts"), laptop.facts.hardware
    if not isinstance(told, Mapping) or not laptop.contact.hellos:
        return None
    later = hardware(told)
    return PartsTold(laptop.id, later) if known.with_later(later) != known else None


def _probe(told: object) -> Heard | None:
    """What a report says of the multicast probe: `{"heard", "expected"}`, packets of the last seconds."""
    if not isinstance(told, Mapping):
        return None
    heard, expected = told.get("heard"), told.get("expected")
    if not isinstance(heard, int) or not isinstance(expected, int):
        return None
    return Heard(heard, expected) if 0 <= heard <= expected < 10**6 else None


class _Step(NamedTuple):
    """What a report says of bytes: the figures, and which round of fetching they are of."""

    figures: ReportFigures
    round: int


_THROUGH = ("verifying", "waiting", "finished")
"""What a laptop does once a round's bytes are there. A small round begins and ends between two reports."""


def _got(before: _Step, now: _Step) -> float:
    """Bytes that came between two reports; a round that begins anew adds nothing by that.

    While it reads back, `bytes` may tell of that; what it has got is then what the round wanted.
    """
    did, does, same = before.figures.get("activity"), now.figures.get("activity"), before.round == now.round
    done, wanted = before.figures.get("bytes", 0), before.figures.get("total", 0)
    alike = did == "receiving" and same and wanted == now.figures.get("total", 0)
    if does == "receiving":
        return now.figures.get("bytes", 0) - (done if alike else 0)
    if does not in _THROUGH or now.round < 1:
        return 0
    if did == "receiving" and same:
        return wanted - done if does == "verifying" else (now.figures.get("bytes", 0) - done if alike else 0)
    return 0 if same and did in _THROUGH else now.figures.get("bytes", 0)


def _figures(report: JsonObject) -> ReportFigures:
    """The numbers of a report, each only where it is one, with the time left that follows from them."""
    found = ReportFigures()
    for name in MEASURED:
        figure = report.get(name)
        if isinstance(figure, int | float) and 0 <= figure < 1e18:
            found[name] = figure
    if found.get("rate", 0) < 1:
        found.pop("rate", None)  # less than a byte a second is none: times made of it have no end
    held = report.get("held_by")
    found["held_by"] = held if isinstance(held, str) and held in ("network", "processor", "disk") else None
    rate, total, done = found.get("rate", 0), found.get("total", 0), found.get("bytes", 0)
    left = (total - done) / rate if rate and total >= done else LONGEST_SECONDS
    found["left_seconds"] = round(left, 1) if left < LONGEST_SECONDS else None
    found["activity"] = activity if (activity := line(report.get("state"), 20)) in ACTIVITIES else ""
    if disks := _disks(report.get("disks")):
        found["disks"] = disks
    return found


def _disks(told: object) -> dict[str, dict[str, object]]:
    """How far each disk's erasure is, where one is under way: key to share done and what is going on."""
    if not isinstance(told, list) or not told:
        return {}
    found: dict[str, dict[str, object]] = {}
    for each in told[:32]:
        if isinstance(each, Mapping) and isinstance(each.get("done"), int | float) and 0 <= each["done"] <= 1:
            found[str(each.get("disk"))[:120]] = {"done": each["done"], "words": str(each.get("words", ""))[:300]}
    return found
