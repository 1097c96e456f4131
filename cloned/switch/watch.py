"""Keeps looking at the workshop's switches: often while laptops work, seldom when idle.

What others need of it: `on_reading` is called with every `SwitchReading`; `chain()` is all switches
together as last known; `hurry` says whether laptops boot or clone now.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cloned.core.shown_data import SwitchData, SwitchTables, WarningData
from cloned.core.warnings import Warn
from cloned.saying import Phrase, chained
from cloned.switch.chain import Chain, SwitchLink, SwitchPort, crowded, join
from cloned.switch.counters import ErrorHistory
from cloned.switch.day import SwitchDay
from cloned.switch.ports import Port, SwitchView
from cloned.switch.worker import State, SwitchAnswer, SwitchWorker, Watched
from cloned.tasks import TaskOwner

log = logging.getLogger(__name__)

__all__ = ["Chain", "SwitchLink", "SwitchPort", "SwitchReading", "SwitchWatch", "Watched", "crowded"]

BUSY, IDLE = 5.0, 60.0
"""Seconds between looks while laptops boot or clone, and when nothing is going on."""
QUICK = 10
"""A switch that answers a look in less than a tenth of half that time is looked at twice as often while busy: some
(net-snmp is one) tell what was so three seconds ago."""
WHOLE_EVERY_SECONDS = 120.0
"""Seconds after which the tables that hardly change are read again while busy."""


@dataclass(frozen=True)
class SwitchReading:
    """What one look gave, or the last known state where it gave nothing."""

    switch: str
    state: State
    view: SwitchView | None
    """The last known view; None if the switch never answered."""
    at: float | None
    """When `view` was read: seconds since 1970."""
    age: float
    """Seconds since then; 0 for a fresh one."""
    error: str = ""
    hint: str = ""
    changes: tuple[tuple[str, str], ...] = ()
    """Ports whose link changed since the last reading: name, "up" or "down"."""
    warnings: tuple[Warn, ...] = ()
    seconds: float = 0.0
    """How long the look took."""
    day: Mapping[str, object] = field(default_factory=lambda: SwitchDay().to_json())
    """What its ports did in the hours before, as `SwitchDay.to_json` gives it."""

    @property
    def capacity(self) -> int | None:
        """Laptops that fit, as last known; None if never known."""
        return None if self.view is None else self.view.capacity

    def to_json(self) -> SwitchData:
        """For snapshot and API: the `switch show` object of the last view, with the state of the reading."""
        shown = _never_read(self.switch) if self.view is None else self.view.tables()
        told = [WarningData(code=each.code, text=each.text, hint=each.hint) for each in self.warnings]
        return {
            **shown,
            "warnings": told,
            "state": self.state,
            "age": round(self.age, 1),
            "error": self.error,
            "hint": self.hint,
            "day": self.day,
        }


def _never_read(address: str) -> SwitchTables:
    """The object of a switch that never answered: with every key, and nothing known."""
    return {"address": address, "sys_descr": "", "sys_name": "", "ports": [], "fdb": [], "lldp": [], "capacity": None}


OnReading = Callable[[SwitchReading], None]


class SwitchWatch:
    """Looks at switches until closed. Every look ends in one call of `on_reading`, in the daemon's loop."""

    def __init__(
        self,
        switches: Sequence[Watched],
        on_reading: OnReading,
        *,
        server_macs: Collection[str] = (),
        busy: float = BUSY,
        idle: float = IDLE,
        whole_every: float = WHOLE_EVERY_SECONDS,
    ) -> None:
        self._on_reading = on_reading
        self._server_macs = frozenset(server_macs)
        self._pace = {True: busy, False: idle}
        self._worker = SwitchWorker()
        self._owner = TaskOwner("switch")
        self._woken = asyncio.Event()
        self._busy = False
        self._lookouts = [_Lookout(self._worker, switch, whole_every) for switch in switches]

    def hurry(self, busy: bool) -> None:
        """Look often (laptops boot or clone) or seldom; turning busy looks at once."""
        if busy and not self._busy:
            self._woken.set()
        self._busy = busy

    async def run(self) -> None:
        """Look until cancelled; raises what a lookout should never raise."""
        for lookout in self._lookouts:
            self._owner.start(self._look_out(lookout), str(lookout.watched.address), service=True)
        try:
            await self._owner.wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop looking, and end the process that reads."""
        await self._owner.close()
        await self._worker.close()

    @property
    def readings(self) -> tuple[SwitchReading, ...]:
        """The last reading of each switch that was looked at, with its age as of now and its place in the chain."""
        joined = {view.address: view for view in self.chain().views}
        known = (lookout.known() for lookout in self._lookouts if lookout.last is not None)
        return tuple(in_chain(reading, joined.get(reading.switch)) for reading in known)

    def chain(self) -> Chain:
        """All switches together, as last known."""
        views = [lookout.view for lookout in self._lookouts if lookout.view is not None]
        return join(views, self._server_macs)

    async def look(self) -> tuple[SwitchReading, ...]:
        """One look at every switch now, at the same time; also told to `on_reading`."""
        readings = await asyncio.gather(*(lookout.look() for lookout in self._lookouts))
        for reading in readings:
            self._on_reading(reading)
        return tuple(readings)

    async def _look_out(self, lookout: _Lookout) -> None:
        while True:
            began = time.monotonic()
            self._on_reading(await lookout.look())
            await self._pause(began, time.monotonic() - began)

    async def _pause(self, began: float, took: float) -> None:
        """Wait for the next look: `pace` after the last one began, or at once when turned busy."""
        while (left := began + self._seconds(took) - time.monotonic()) > 0:
            self._woken.clear()
            try:
                async with asyncio.timeout(left):
                    await self._woken.wait()
            except TimeoutError:
                return
            if self._busy:
                return

    def _seconds(self, took: float) -> float:
        """From one look, which took so long, to the next."""
        pace = self._pace[self._busy]
        return min(pace, max(pace / 2, QUICK * took)) if self._busy else pace


class _Lookout:
    """One switch: what it last said, and how its counters go."""

    def __init__(self, worker: SwitchWorker, watched: Watched, whole_every: float) -> None:
        self.watched = watched
        self.view: SwitchView | None = None
        self.last: SwitchReading | None = None
        self._worker = worker
        self._whole_every = whole_every
        self._whole_at = float("-inf")
        self._errors = ErrorHistory()
        self._day = SwitchDay()
        self._read_at: float | None = None

    async def look(self) -> SwitchReading:
        """One look: at the tables that change, or at all of them when it is time."""
        now = time.monotonic()
        answer = await self._worker.look(self.watched, whole=now - self._whole_at >= self._whole_every)
        if answer.view is None:
            self.last = self._failed(answer)
            return self.last
        if answer.whole:
            self._whole_at = now
        self.last = self._seen(answer, answer.view, now)
        return self.last

    def known(self) -> SwitchReading:
        """The last reading, with its age as of now."""
        assert self.last is not None
        return self._reading(self.last.state, self.last.warnings, self.last.error, self.last.hint)

    def _seen(self, answer: SwitchAnswer, view: SwitchView, now: float) -> SwitchReading:
        before, self.view = self.view, view
        self._errors.add(now, {port.if_index: port.in_errors for port in view.ports if port.in_errors is not None})
        self._read_at, changes = time.time(), link_changes(before, view)
        counters = {port.name: port.in_errors for port in view.ports if port.in_errors is not None}
        self._day.add(self._read_at, changes, counters)
        warnings = (*view.warnings, *_climbing(view, self._errors.climbing()))
        return SwitchReading(
            str(self.watched.address),
            "ok",
            view,
            self._read_at,
            0.0,
            changes=changes,
            warnings=warnings,
            seconds=answer.seconds,
            day=self._day.to_json(),
        )

    def _failed(self, answer: SwitchAnswer) -> SwitchReading:
        if self.last is None or self.last.state != answer.state:
            log.warning("%s: %s", answer.error, answer.hint)
        return self._reading(answer.state, (self._silence(answer),), answer.error, answer.hint)

    def _silence(self, answer: SwitchAnswer) -> Warn:
        if self.view is None:
            return Warn("switch-unreachable", answer.error, answer.hint)
        old = Phrase(
            "its last word is {age:span} old: {places} {places:laptop fits|laptops fit}",
            age=self._age(),
            places=self.view.capacity,
        )
        what = chained([answer.error, old])
        return Warn("switch-unreachable", what, answer.hint)

    def _reading(self, state: State, warnings: tuple[Warn, ...], error: str, hint: str) -> SwitchReading:
        return SwitchReading(
            switch=str(self.watched.address),
            state=state,
            view=self.view,
            at=self._read_at,
            age=self._age(),
            error=error,
            hint=hint,
            warnings=warnings,
            day=self._day.to_json(),
        )

    def _age(self) -> float:
        return 0.0 if self._read_at is None else max(0.0, time.time() - self._read_at)


def in_chain(reading: SwitchReading, joined: SwitchView | None) -> SwitchReading:
    """The reading with the roles that only the connection to other switches shows; told if it is fresh."""
    if joined is None:
        return reading
    told = joined.warnings if reading.state == "ok" else ()
    return replace(reading, view=joined, warnings=tuple(dict.fromkeys((*reading.warnings, *told))))


def link_changes(before: SwitchView | None, after: SwitchView) -> tuple[tuple[str, str], ...]:
    """Ports whose link came or went between two views: name, "up" or "down"."""
    if before is None:
        return ()
    old: Mapping[int, Port] = {port.if_index: port for port in before.ports}
    return tuple(
        (port.name, "up" if port.oper == "up" else "down")
        for port in after.ports
        if (port.oper == "up") != (port.if_index in old and old[port.if_index].oper == "up")
    )


def _climbing(view: SwitchView, grown: Mapping[int, int]) -> list[Warn]:
    name = view.sys_name or view.address
    return [
        Warn(
            "port-errors",
            Phrase(
                "{name} {label}: {grown} damaged {grown:frame|frames} within a minute",
                name=name,
                label=port.label,
                grown=grown[port.if_index],
            ),
            "try another cable, then another port",
        )
        for port in view.ports
        if port.if_index in grown
    ]
