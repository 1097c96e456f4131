"""What the switches say, told to the engine: how many laptops fit, and which port each is in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from cloned.config import Switch
from cloned.core.events import Event, Located, SwitchChanged
from cloned.core.laptop import Laptop, State, named
from cloned.core.shown_data import SwitchData
from cloned.core.warnings import Warn
from cloned.engine import Engine
from cloned.saying import Phrase, chained
from cloned.switch.chain import COUNTED, Chain, crowded
from cloned.switch.configured import address_of, credentials_of, rules_of
from cloned.switch.laptops import believed, located, macs_of, misread_ports, place_of, slow_links
from cloned.switch.server import server_macs
from cloned.switch.watch import SwitchReading, SwitchWatch, Watched
from cloned.tasks import TaskOwner

_RESTING = frozenset({State.DONE, State.GONE, State.ASIDE})
_AS_BEFORE = Phrase("{before} (as read before the start at {start:time})").message


class SwitchService:
    """Watches the configured switches; with none, the configured number of places stands.

    `ports` is that number, `mbps` the speed of the server's own link; `booting` says whether a machine boots that is
    not known as a laptop yet; `moved` is called when links came or went.
    """

    def __init__(
        self,
        engine: Engine,
        switches: Sequence[Switch],
        ports: int,
        mbps: int,
        *,
        booting: Callable[[], bool],
        moved: Callable[[], None],
    ) -> None:
        self._engine, self._ports, self._mbps = engine, ports, mbps
        macs = server_macs()
        watched = [Watched(address_of(each), credentials_of(each), rules_of(each, macs)) for each in switches]
        self._booting, self._moved = booting, moved
        self._began, self._several = time.time(), len(switches) > 1
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
        chain, workshop = self._chain(), self._engine.workshop
        if not chain.views:
            fits = self._unread()
            moved: list[Located] = []
        else:
            mbps = min(self._mbps, chain.narrowest_mbps(self._mbps) or self._mbps)
            fits = self._counted(chain, mbps)
            news = (located(laptop, chain, several=self._several) for laptop in workshop.laptops.values())
            moved = [each for each in news if each is not None]
        known = SwitchChanged(workshop.places, workshop.places_why, workshop.link_mbps)
        return list(moved) if fits == known else [fits, *moved]

    def _counted(self, chain: Chain, mbps: int) -> SwitchChanged:
        """The places that were read; where a switch shows none, never 0: what is configured, or the laptops here."""
        if chain.places or chain.reserved_whole:
            return SwitchChanged(chain.places, chained([*filter(None, (chain.why(), self._silences()))]), mbps)
        here = sum(each.state not in _RESTING for each in self._engine.workshop.laptops.values())
        if here > self._ports:
            return SwitchChanged(here, Phrase("the laptops that are here; no switch shows a port for them"), mbps)
        return SwitchChanged(
            self._ports, Phrase("the configured number of places; no switch shows a port for laptops"), mbps
        )

    def _chain(self) -> Chain:
        """All switches as last known; an empty one where none was read, or none is configured."""
        return self._watch.chain() if self._watch is not None else Chain()

    def _unread(self) -> SwitchChanged:
        """What stands while no switch was read: its last word before this start, else the configured number."""
        workshop = self._engine.workshop
        if self._watch is None:
            return SwitchChanged(self._ports, Phrase("the configured number of places"), self._mbps)
        before = _before(workshop.places_why)
        if not before.startswith(COUNTED):
            return SwitchChanged(
                self._ports, Phrase("the configured number of places; the switch was not read yet"), self._mbps
            )
        return SwitchChanged(
            workshop.places, Phrase(_AS_BEFORE, before=before, start=self._began), min(self._mbps, workshop.link_mbps)
        )

    def _silences(self) -> str:
        """Switches that do not answer, each with when it last did: a fixed time, so it is news only once."""
        assert self._watch is not None
        words = [
            Phrase("{switch} silent since {at:time}", switch=each.switch, at=each.at)
            for each in self._watch.readings
            if each.state != "ok" and each.at is not None
        ]
        return chained(words)

    def readings(self) -> list[SwitchData]:
        """Each switch as last read, for page and API."""
        return [reading.to_json() for reading in self._watch.readings] if self._watch is not None else []

    def warnings(self) -> list[dict[str, str]]:
        """What somebody should look at on the switches, and laptops on slow links."""
        chain = self._chain()
        laptops, link = self._engine.workshop.laptops.values(), self._engine.workshop.link_mbps
        macs = {mac: named(laptop) for laptop in laptops for mac in macs_of(laptop)}
        own = [warning for reading in self._watch.readings for warning in reading.warnings] if self._watch else []
        slow = slow_links([each for each in laptops if each.state not in _RESTING], chain, link)
        here = [each for each in laptops if each.state not in _RESTING]
        odd = (*self._no_places(chain), *misread_ports(here, chain))
        told = (*believed(own, here, chain), *believed(chain.warnings, here, chain), *crowded(chain, macs), *slow, *odd)
        return [{"code": each.code, "text": each.text, "hint": each.hint} for each in told]

    def _no_places(self, chain: Chain) -> list[Warn]:
        if not chain.views or chain.places or chain.reserved_whole:
            return []
        places = self._engine.workshop.places
        return [
            Warn(
                "switch-no-places",
                Phrase("no switch shows a port for laptops; {places} are cloned at once", places=places),
                "look at `cloned switch show`; [sessions] ports says how many fit",
            )
        ]

    def switch_of(self, laptop: Laptop) -> str:
        """The name of the switch a laptop is plugged into; "" where none tells."""
        chain = self._chain()
        place = place_of(laptop, chain)
        names = {view.address: view.sys_name or view.address for view in chain.views}
        return names[place.switch] if place is not None else ""


def _before(why: str) -> str:
    """The sentence that was marked as one of before this start; earlier versions kept it as a plain text."""
    if isinstance(why, Phrase) and why.message == _AS_BEFORE:
        return str(why.values["before"])
    return why if isinstance(why, Phrase) else why.partition(" (as read before the start at")[0]
