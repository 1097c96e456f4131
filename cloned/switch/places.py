"""What the switches say, told to the engine: how many laptops fit, and which port each is in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from cloned.config import Switch
from cloned.core.events import Event, Located, SwitchChanged
from cloned.core.laptop import Laptop, State
from cloned.engine import Engine
from cloned.switch.chain import Chain, crowded
from cloned.switch.configured import address_of, credentials_of, rules_of
from cloned.switch.server import server_macs
from cloned.switch.watch import SwitchReading, SwitchWatch, Watched
from cloned.tasks import TaskOwner

_RESTING = frozenset({State.DONE, State.GONE, State.ASIDE})


class Places:
    """Watches the configured switches; with none, the configured number of places stands.

    `ports` is that number, `mbps` the speed of the server's own link; `booting` says whether a machine boots that is
    not known as a laptop yet; `moved` is called when links came or went.
    """

    def __init__(
        self, engine: Engine, switches: Sequence[Switch], ports: int, mbps: int, *,
        booting: Callable[[], bool], moved: Callable[[], None],
    ) -> None:
        self._engine, self._ports, self._mbps = engine, ports, mbps
        macs = server_macs()
        watched = [Watched(address_of(each), credentials_of(each), rules_of(each, macs)) for each in switches]
        self._booting, self._moved = booting, moved
        self._read = asyncio.Event()
        self._watch = SwitchWatch(watched, self._on_reading, server_macs=macs) if watched else None

    def _on_reading(self, reading: SwitchReading) -> None:
        self._read.set()
        if reading.changes:
            self._moved()

    async def run(self) -> None:
        """Watch until cancelled."""
        await self.tell()
        if self._watch is None:
            await asyncio.Event().wait()
            return
        owner = TaskOwner("places")
        owner.start(self._watch.run(), "watch", service=True)
        owner.start(self._follow(), "follow", service=True)
        try:
            await owner.wait()
        finally:
            await owner.close()

    async def _follow(self) -> None:
        """Tell what each reading changed; look often while anybody is here."""
        while True:
            assert self._watch is not None
            self._watch.hurry(self._booting() or self._anybody_here())
            self._read.clear()
            try:
                async with asyncio.timeout(1):
                    await self._read.wait()
            except TimeoutError:
                continue
            await self.tell()

    def _anybody_here(self) -> bool:
        return any(each.state not in _RESTING for each in self._engine.workshop.laptops.values())

    async def tell(self) -> None:
        """Submit what is news to the engine."""
        for event in self._news():
            await self._engine.submit(event)

    def _news(self) -> list[Event]:
        chain = self._watch.chain() if self._watch is not None else None
        workshop = self._engine.workshop
        if chain is None or not chain.views:
            unread = "" if self._watch is None else "; the switch was not read yet"
            fits = SwitchChanged(self._ports, f"the configured number of places{unread}", self._mbps)
            located: list[Event] = []
        else:
            mbps = min(self._mbps, chain.narrowest_mbps or self._mbps)
            fits = SwitchChanged(chain.places, chain.why() + self._silences(), mbps)
            located = [each for laptop in workshop.laptops.values() for each in _located(laptop, chain)]
        known = SwitchChanged(workshop.places, workshop.places_why, workshop.link_mbps)
        return located if fits == known else [fits, *located]

    def _silences(self) -> str:
        """Which of the switches that count have not answered since; by the clock, so that it is news only once."""
        assert self._watch is not None
        silent = [each for each in self._watch.readings if each.state != "ok" and each.at is not None]
        words = (f"{each.switch} silent since {time.strftime('%H:%M', time.localtime(each.at))}" for each in silent)
        return f" ({', '.join(words)})" if silent else ""

    def readings(self) -> list[dict[str, Any]]:
        """Each switch as last read, for page and API."""
        return [reading.to_json() for reading in self._watch.readings] if self._watch is not None else []

    def warnings(self) -> list[dict[str, str]]:
        """What somebody should look at on the switches."""
        if self._watch is None:
            return []
        chain = self._watch.chain()
        macs = {
            mac: f"laptop {laptop.tag or laptop.number}" for laptop in self._engine.workshop.laptops.values()
            for mac in (laptop.boot_mac, *laptop.identity.macs) if mac
        }
        own = [warning for reading in self._watch.readings for warning in reading.warnings]
        told = (*own, *chain.warnings, *crowded(chain, macs))
        return [{"code": each.code, "text": each.text, "hint": each.hint} for each in told]


def _located(laptop: Laptop, chain: Chain) -> list[Event]:
    """Where a laptop is plugged in, if that is news. A laptop that is off keeps its last port."""
    for mac in dict.fromkeys((laptop.boot_mac, *laptop.identity.macs)):
        place = chain.locate(mac) if mac else None
        if place is not None:
            speed = place.port.speed_mbps
            news = place.port.name != laptop.port or (speed is not None and speed != laptop.speed_mbps)
            return [Located(laptop.id, place.port.name, speed)] if news else []
    return []
