"""A classic session's streams: partition after partition, each on its own port, to exactly those who are in."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cloned.casting.udpcast import Sender, StrangerError, StreamOutcome
from cloned.clonezilla.udpcast import Admission, Joined, SenderWord, Sent
from cloned.core.effect_types import OpenStream
from cloned.core.events import Ejected, Event, StreamEnded
from cloned.core.portbases import STEP
from cloned.errors import ClonedError
from cloned.saying import Phrase
from cloned.stream.rate_meter import RateMeter

log = logging.getLogger(__name__)

Tell = Callable[[Event], Awaitable[object]]
Share = Callable[[float], float]
"""Bit/s that we may send now, given what we could use (0: as much as there is)."""

ROOM = 1.3
"""How much more of the link than it uses a stream claims: udp-sender cannot be told another rate on the way."""

OVER_SECONDS = 2.0
"""Seconds over which a stream's rate is taken."""


@dataclass(frozen=True)
class StreamPart:
    """One partition or logical volume of an image, as Clonezilla saved it."""

    name: str
    files: Sequence[Path]


@dataclass
class ClassicStats:
    """How far a classic session's streams are."""

    server: str
    """Our address on the laptops' network."""
    port: int
    """Port base of the first stream."""
    part: str = ""
    """What is being sent, as the image calls it."""
    number: int = 0
    """Its number, from 1 on; 0 while nothing was begun."""
    parts: int = 0
    bytes: int = 0
    """Bytes of this part's files that all receivers have."""
    inside: list[str] = field(default_factory=list)
    """Addresses that are in."""
    out: list[str] = field(default_factory=list)
    """Addresses that were ejected or gave up."""


class ClassicSession:
    """Sends an image's parts to those that are admitted. `tell` takes what the engine must hear."""

    def __init__(
        self, opened: OpenStream, parts: Sequence[StreamPart], interface: str, server: str, share: Share, tell: Tell
    ) -> None:
        self.stats = ClassicStats(server, opened.port, parts=len(parts))
        self.admission = Admission(None if opened.guests else frozenset(), opened.guests)
        self._session, self._parts, self._tell = opened.session, parts, tell
        self._interface, self._share, self._meter = interface, share, RateMeter(OVER_SECONDS)
        self.sent = 0
        """Bytes that went out, of all parts together."""

    async def run(self) -> None:
        """Send everything; then, or where that fails, say so to the engine."""
        try:
            await self._send_all()
        except StrangerError as error:
            log.warning("classic session %s: %s; the next one goes over other ports", self._session, error)
            await self._tell(StreamEnded(self._session, str(error), again=True))
        except ClonedError as error:
            log.error("classic session %s: %s", self._session, error)
            await self._tell(StreamEnded(self._session, str(error)))
        else:
            await self._tell(StreamEnded(self._session))

    async def _send_all(self) -> None:
        for number, part in enumerate(self._parts):
            if self.admission.gone:
                return
            self.stats.number, self.stats.part, self.stats.bytes, self.stats.inside = number + 1, part.name, 0, []
            port = self.stats.port + number * STEP
            sender = Sender(
                part.files,
                self._interface,
                port,
                self.admission,
                max_bitrate=self._share(0.0),
                on_said=self._hear,
                on_out=self._out,
                on_turn=self._claim,
                untouched=number == 0,
            )
            outcome = await sender.run()
            log.info("classic session %s: %s went to %s", self._session, part.name, ", ".join(sorted(outcome.finished)))
            await self._settle(outcome)

    def _hear(self, said: SenderWord) -> None:
        match said:
            case Joined(address):
                self.stats.inside.append(address)
            case Sent(count):
                self.sent += max(0, count - self.stats.bytes)
                self.stats.bytes = count

    def _claim(self, now: float) -> None:
        """Keep our part of the link while we use it: what we send, and some more so that we may get faster."""
        rate = self._meter.rate(now, self.stats.bytes) * 8
        if rate:
            self._share(rate * ROOM)

    async def _out(self, address: str, why: str) -> None:
        """Somebody was ejected: the others go on, and the engine hears of it."""
        self.stats.out.append(address)
        await self._tell(Ejected(self._session, address, why))

    async def _settle(self, outcome: StreamOutcome) -> None:
        """Only who has all of this part gets the next one."""
        self.admission.keep(outcome.finished)
        for address in sorted(outcome.dropped - set(self.stats.out)):
            await self._out(address, Phrase("it left the stream before the end"))
