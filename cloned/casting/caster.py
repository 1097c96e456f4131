"""Every session's sender: opened and shut as the engine says, on addresses that survive a restart."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from cloned.casting.classic_session import ClassicSession, ClassicStats, StreamPart, Tell
from cloned.casting.frames import PieceSource
from cloned.casting.link import LinkBudget
from cloned.casting.pieces import PieceSender, StreamStats
from cloned.core.effect_types import OpenStream, Rates, SetReceivers
from cloned.core.events import Event, StreamEnded
from cloned.core.ids import SessionId
from cloned.disk.manifest import Manifest
from cloned.errors import ImageError
from cloned.order_types import StreamPlace
from cloned.saying import Phrase
from cloned.stream.packets import StreamAddress
from cloned.tasks import TaskOwner, Trouble

log = logging.getLogger(__name__)

REQUEST_PORTS = 43000
"""Requests of session n come to UDP port 43000 + n mod 2000: no two open sessions share one."""

DATA_PORTS = 46000
"""Pieces go to UDP port 46000 + n mod 2000 of the session's group."""

SPAN = 2000

USABLE = 0.97
"""Part of a link that streams may fill, counted with all that Ethernet adds: the rest is for pages, boots and
requests."""


class ImageSource(Protocol):
    """Where pieces are: the image store."""

    def manifest(self, name: str) -> Manifest:
        """The manifest of an image; ImageError if there is none."""

    def piece_frame(self, name: str, piece: int) -> bytes:
        """A piece as one zstd frame; blocking."""

    def saved_parts(self, name: str) -> list[tuple[str, list[Path]]]:
        """The partitions that Clonezilla saved, in its order, with their files; ImageError if they are gone."""


@dataclass(frozen=True)
class _Source:
    """One image's pieces."""

    frames: ImageSource
    image: str
    count: int

    def frame(self, piece: int) -> bytes:
        return self.frames.piece_frame(self.image, piece)


async def _nobody(event: Event) -> None:
    """Until somebody listens."""


class Caster:
    """Holds a PieceSender for each open session, and the streams of the classic ones.

    `server` gives our address on the laptops' network, `interface` is the card that has it; `mbps` is the speed of
    its link, `most_mbps` what streams may take of it together at most. What a classic session comes to goes to
    `tell`; `may_ask` says whether a laptop of a session is at an address, and is called from senders' threads.
    """

    def __init__(
        self,
        frames: ImageSource,
        server: Callable[[], str],
        mbps: int,
        *,
        interface: str = "",
        most_mbps: int | None = None,
        tell: Tell = _nobody,
        may_ask: Callable[[SessionId, str], bool] = lambda session, address: True,
    ) -> None:
        self._frames, self._server, self._interface = frames, server, interface
        self._tell, self._may_ask = tell, may_ask
        self._classics: dict[SessionId, ClassicSession] = {}
        self._begun: dict[SessionId, asyncio.Task[object]] = {}
        self._most = most_mbps
        self._limits: dict[SessionId, int] = {}
        self.link = LinkBudget(self._usable(mbps))
        self._tasks = TaskOwner("casting")
        self._senders: dict[SessionId, PieceSender] = {}
        self._sources: dict[SessionId, _Source] = {}
        self._counting: set[PieceSender] = set()
        """Senders whose figures are not in `_past` yet."""
        self._past: Counter[str] = Counter()

    def sent(self) -> dict[str, tuple[int, int]]:
        """Bytes sent since we began, and of those repairs, by how they travelled; neither ever falls."""
        pieces = self._past["pieces"] + sum(each.carried[0] for each in self._counting)
        repaired = self._past["repaired"] + sum(each.carried[1] for each in self._counting)
        classic = self._past["classic"] + sum(each.sent for each in self._classics.values())
        return {
            "pieces": (pieces, repaired),
            "unicast": (self._past["unicast"], 0),
            "classic": (classic, 0),
        }

    def fetched(self, size: int) -> None:
        """A piece of so many bytes was fetched by itself."""
        self._past["unicast"] += size

    def _count(self, sender: PieceSender) -> None:
        """A sender that has ended: what it did stays counted."""
        if sender in self._counting:
            self._counting.discard(sender)
            pieces, repaired = sender.carried
            self._past.update(pieces=pieces, repaired=repaired)

    async def open(self, opened: OpenStream) -> None:
        """Start a session's sender; nothing where it runs already."""
        if opened.session in self._senders or opened.session in self._classics:
            return
        if opened.kind != "pieces":
            await self._open_classic(opened)
            return
        source = _Source(self._frames, opened.image, self._frames.manifest(opened.image).plan.map.count)
        address = address_of(opened, self._server())
        self._sources[opened.session] = source
        self._renew(opened.session, source, address)
        self._tasks.supervise(partial(self._serve, opened.session, source, address), str(opened.session), ends=True)
        log.info("session %s: %s on %s:%d", opened.session, opened.image, address.group, address.port)

    async def _open_classic(self, opened: OpenStream) -> None:
        """Make a classic session ready; one for guests begins at once, the others with their receivers."""
        if opened.interrupted:
            await self._tell(StreamEnded(opened.session, Phrase("the daemon was restarted"), again=True))
        try:
            parts = [StreamPart(*each) for each in await asyncio.to_thread(self._frames.saved_parts, opened.image)]
        except ImageError as error:
            await self._tell(StreamEnded(opened.session, str(error)))
            return
        share = partial(self._classic_share, opened.session)
        session = ClassicSession(opened, parts, self._interface, self._server(), share, self._tell)
        self._classics[opened.session] = session
        count = self._frames.manifest(opened.image).plan.map.count
        self._sources[opened.session] = _Source(self._frames, opened.image, count)
        log.info("session %s: %s from port base %d on", opened.session, opened.image, opened.port)
        if opened.guests and not opened.interrupted:
            self._begin(opened.session, session)

    async def settle(self, receivers: SetReceivers) -> None:
        """Have a classic session's streams go to these addresses, and begin them; nothing where it is over."""
        session = self._classics.get(receivers.session)
        if session is None:
            return
        session.admission.wanted = frozenset(receivers.addresses)
        if receivers.session not in self._begun and receivers.addresses:
            self._begin(receivers.session, session)

    async def limit(self, rates: Rates) -> None:
        """Have every stream keep to the links it goes over; a classic one from its next partition on."""
        self.link.set_rate(self._usable(rates.link))
        self._limits = dict(rates.sessions)
        for session, sender in self._senders.items():
            sender.set_rate(self._limit(session))

    def _usable(self, mbps: int) -> float:
        """Bit/s on the wire that streams may fill of a link."""
        return min(mbps * USABLE, self._most or mbps) * 1e6

    def _limit(self, session: SessionId) -> float:
        """Bit/s for one session; what the whole link carries while nothing is known of it."""
        known = self._limits.get(session)
        return self.link.rate if known is None else self._usable(known)

    def _classic_share(self, session: SessionId, wish: float) -> float:
        """Bit/s that a classic session may send now if it could use `wish` (0: as much as there is)."""
        most = self._limit(session)
        return self.link.share(session, min(wish or most, most), time.monotonic())

    def _begin(self, ident: SessionId, session: ClassicSession) -> None:
        self._begun[ident] = self._tasks.start(session.run(), str(ident))

    def _renew(self, session: SessionId, source: _Source, address: StreamAddress) -> PieceSender:
        """A new sender for a session: receivers take it for one that was started anew, and ask it again."""
        sender = PieceSender(
            source,
            address,
            rate=self._limit(session),
            link=self.link,
            may_ask=partial(self._may_ask, session),
        )
        self._senders[session] = sender
        self._counting.add(sender)
        return sender

    async def _serve(self, session: SessionId, source: _Source, address: StreamAddress) -> None:
        """Run a session's sender until it is shut; after one that failed the next call finds a new one."""
        sender = self._senders.get(session)
        if sender is None:
            return
        try:
            await sender.run()
        except Exception:
            if self._senders.get(session) is sender:
                self._renew(session, source, address)
            raise
        finally:
            self._count(sender)

    async def shut(self, session: SessionId) -> None:
        """End a session's sender, if it runs."""
        sender = self._senders.pop(session, None)
        self._sources.pop(session, None)
        if sender is not None:
            await sender.close()
        classic = self._classics.pop(session, None)
        self._past["classic"] += classic.sent if classic is not None else 0
        begun = self._begun.pop(session, None)
        if begun is not None:
            begun.cancel()
            await asyncio.gather(begun, return_exceptions=True)

    def address(self, session: SessionId) -> StreamPlace | None:
        """Where receivers find the stream; None while nobody sends it."""
        sender = self._senders.get(session)
        return sender.stream.to_json() if sender is not None else None

    def source(self, session: str) -> PieceSource | None:
        """An open session's pieces, for who fetches them one by one; None if it is not open."""
        return self._sources.get(SessionId(session))

    def stats(self) -> dict[SessionId, StreamStats | ClassicStats]:
        """What each open session's sender has done."""
        classic = {session: each.stats for session, each in self._classics.items()}
        return {**{session: sender.stats for session, sender in self._senders.items()}, **classic}

    def troubles(self) -> list[Trouble]:
        """Senders that failed of late and were started again."""
        return self._tasks.troubles()

    async def wait(self) -> None:
        """Return never, or raise what a sender died of again and again."""
        await self._tasks.wait()

    async def close(self) -> None:
        """End every sender."""
        for session in [*self._senders, *self._classics]:
            await self.shut(session)
        await self._tasks.close()


def address_of(opened: OpenStream, server: str) -> StreamAddress:
    """A session's addresses, from its journalled random bits and number: a restarted daemon finds the same.

    The group lies in 239.192.0.0/14, the organisation-local scope (RFC 2365 §6.2).
    """
    bits = bytes.fromhex(opened.stream)
    group = f"239.{192 + (bits[8] & 3)}.{bits[9]}.{1 + bits[10] % 254}"
    port = opened.number % SPAN
    return StreamAddress(int.from_bytes(bits[:8], "big"), group, DATA_PORTS + port, server, REQUEST_PORTS + port)
