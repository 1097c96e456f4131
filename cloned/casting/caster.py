"""Every session's sender: opened and shut as the engine says, on addresses that survive a restart."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from cloned.casting.link import Link
from cloned.casting.pieces import PieceSender, PieceSource, StreamStats
from cloned.core.events import OpenStream
from cloned.core.ids import SessionId
from cloned.core.manifest import Manifest
from cloned.core.packets import StreamAddress
from cloned.errors import ClonedError
from cloned.tasks import TaskOwner

log = logging.getLogger(__name__)

REQUEST_PORTS = 43000
"""Requests of session n come to UDP port 43000 + n mod 2000: no two open sessions share one."""

DATA_PORTS = 46000
"""Pieces go to UDP port 46000 + n mod 2000 of the session's group."""

SPAN = 2000


class Frames(Protocol):
    """Where pieces are: the image store."""

    def manifest(self, name: str) -> Manifest:
        """The manifest of an image; ImageError if there is none."""

    def piece_frame(self, name: str, piece: int) -> bytes:
        """A piece as one zstd frame; blocking."""


@dataclass(frozen=True)
class _Source:
    """One image's pieces."""

    frames: Frames
    image: str
    count: int

    def frame(self, piece: int) -> bytes:
        return self.frames.piece_frame(self.image, piece)


class Caster:
    """Holds a PieceSender for each open session.

    `server` gives our address on the laptops' network; `rate` is bit/s for all sessions together.
    """

    def __init__(self, frames: Frames, server: Callable[[], str], rate: float) -> None:
        self._frames, self._server = frames, server
        self.link = Link(rate)
        self._rate = rate
        self._tasks = TaskOwner("casting")
        self._senders: dict[SessionId, PieceSender] = {}
        self._sources: dict[SessionId, _Source] = {}

    async def open(self, opened: OpenStream) -> None:
        """Start a session's sender; nothing where it runs already."""
        if opened.session in self._senders:
            return
        source = _Source(self._frames, opened.image, self._frames.manifest(opened.image).plan.map.count)
        address = address_of(opened, self._server())
        sender = PieceSender(source, address, rate=self._rate, link=self.link)
        self._senders[opened.session], self._sources[opened.session] = sender, source
        self._tasks.start(self._serve(opened.session, sender), str(opened.session))
        log.info("session %s: %s on %s:%d", opened.session, opened.image, address.group, address.port)

    async def _serve(self, session: SessionId, sender: PieceSender) -> None:
        """Run a sender; one that cannot be opened is said so, and tried again when the session is."""
        try:
            await sender.run()
        except ClonedError as error:
            log.error("session %s cannot be sent: %s", session, error)
            self._senders.pop(session, None)
            raise

    async def shut(self, session: SessionId) -> None:
        """End a session's sender, if it runs."""
        sender = self._senders.pop(session, None)
        self._sources.pop(session, None)
        if sender is not None:
            await sender.close()

    def address(self, session: SessionId) -> dict[str, Any] | None:
        """Where receivers find the stream; None while nobody sends it."""
        sender = self._senders.get(session)
        return sender.stream.to_json() if sender is not None else None

    def source(self, session: str) -> PieceSource | None:
        """An open session's pieces, for who fetches them one by one; None if it is not open, or paused."""
        sender = self._senders.get(SessionId(session))
        return None if sender is None or sender.stats.paused else self._sources[SessionId(session)]

    def stats(self) -> dict[SessionId, StreamStats]:
        """What each open session's sender has done."""
        return {session: sender.stats for session, sender in self._senders.items()}

    async def wait(self) -> None:
        """Return never, or raise what a sender died of."""
        await self._tasks.wait()

    async def close(self) -> None:
        """End every sender."""
        for session in list(self._senders):
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
