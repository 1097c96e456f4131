"""Whether multicast reaches the laptops: the querier that makes it, the probe that shows it, the words for it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Literal

from cloned.core.ids import LaptopId
from cloned.core.laptop import Laptop, State, named
from cloned.core.rates import alone
from cloned.engine import Engine
from cloned.monitor import Monitor
from cloned.multicast.diagnosis import NOTHING, Probed, diagnose
from cloned.multicast.igmp import Version
from cloned.multicast.querier import IgmpQuerier, ProbeSender
from cloned.stream.probe import Heard
from cloned.tasks import TaskOwner

_LISTENING = frozenset({State.ASKING, State.WAITING})
"""States in which a laptop's network is quiet enough for its count to say something of the path."""

FEWEST = 12
"""Packets that must have been expected before a count means something: three seconds of probing."""


class MulticastHealth:
    """Runs the querier always, and the probe while a laptop that said hello is here.

    `switch_of` names the switch a laptop is plugged into, "" where none tells.
    """

    def __init__(
        self,
        engine: Engine,
        monitor: Monitor,
        interface: str,
        address: IPv4Address,
        querier: Literal["auto", "v3", "off"],
        switch_of: Callable[[Laptop], str],
    ) -> None:
        self._engine, self._monitor, self._interface, self._address = engine, monitor, interface, address
        version: Version = 3 if querier == "v3" else 2
        self._querier = None if querier == "off" else IgmpQuerier(interface, address, version=version)
        self._switch_of = switch_of
        self._before: dict[LaptopId, float] = {}

    async def run(self) -> None:
        """Until cancelled. MissingError where raw sockets are not allowed."""
        owner = TaskOwner("reach")
        if self._querier is not None:
            owner.start(self._querier.run(), "querier", service=True)
        owner.start(self._probe(), "probe", service=True)
        try:
            await owner.wait()
        finally:
            await owner.close()

    async def _probe(self) -> None:
        """Send while anybody listens; a new run each time, so that old packets are not counted."""
        owner = TaskOwner("probe")
        sending: asyncio.Task[None] | None = None
        try:
            while True:
                if self._listeners() and sending is None:
                    sending = owner.start(ProbeSender(self._address, secrets.randbits(64)).run(), "sender")
                elif not self._listeners() and sending is not None:
                    await owner.close()
                    sending = None
                await asyncio.sleep(1)
        finally:
            await owner.close()

    def _listeners(self) -> list[Laptop]:
        return [each for each in self._engine.workshop.laptops.values() if _listening(each)]

    def warnings(self) -> list[dict[str, str]]:
        """What keeps multicast from laptops, and the usual suspects."""
        laptops = self._engine.workshop.laptops.values()
        results = [found for laptop in laptops if (found := self._result(laptop)) is not None]
        asked = self._querier is not None
        return [{"code": each.code, "text": each.text, "hint": each.hint} for each in diagnose(results, querier=asked)]

    def _result(self, laptop: Laptop) -> Probed | None:
        """What a laptop last counted, once that covers enough packets to mean something; in a session what it says."""
        heard = self._counted(laptop) if _listening(laptop) else self._received(laptop)
        if heard.expected < FEWEST:
            return None
        before = self._before.get(laptop.id, 0.0)
        if heard.share > NOTHING:
            self._before[laptop.id] = heard.share
        return Probed(named(laptop), heard, self._switch_of(laptop), laptop.link.port, self._alone(laptop), before)

    def _alone(self, laptop: Laptop) -> bool:
        return alone(laptop, self._engine.workshop.link_mbps)

    def _counted(self, laptop: Laptop) -> Heard:
        return self._monitor.probes.get(laptop.id, Heard(0, 0))

    def _received(self, laptop: Laptop) -> Heard:
        """All or nothing for who takes the stream: whoever starts at once had no time to count."""
        if laptop.state is not State.RECEIVING or self._alone(laptop) or laptop.id not in self._monitor.vias:
            return Heard(0, 0)
        return Heard(FEWEST if self._monitor.vias[laptop.id] == "multicast" else 0, FEWEST)


def _listening(laptop: Laptop) -> bool:
    return laptop.state in _LISTENING and bool(laptop.contact.hellos)
