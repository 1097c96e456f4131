"""The sender of a piece stream: sockets, pacing and frames around the decisions of stream/sender.py."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cloned.casting.frames import FrameReader, PieceSource
from cloned.casting.group_socket import GroupSocket
from cloned.casting.link import LinkBudget
from cloned.descriptors import Bell
from cloned.errors import MissingError
from cloned.saying import Phrase
from cloned.stream import packets
from cloned.stream.pacing import STEP_SECONDS, Pace
from cloned.stream.packets import PACKET, PAYLOAD_BYTES, Mark, StreamAddress
from cloned.stream.rate_meter import RateMeter
from cloned.stream.sender import Burst, StreamSender

log = logging.getLogger(__name__)

GIGABIT = 0.98e9
"""Bit/s on the wire: leaves the last part of a gigabit to pages, boots and requests."""

CATCH_UP_SECONDS = 0.02
"""Seconds of sending that are made up for after a delay: other processes take the server's processor now and then."""

METERED_SECONDS = 1.0
"""Seconds over which it is told how fast it sends."""

RETRY_SECONDS = 5.0
"""Seconds until a piece that could not be read is tried again."""


@dataclass(frozen=True)
class ReceiverStats:
    """One receiver, as the sender sees it."""

    address: str
    heard: float
    """Seconds since its last request."""
    wants: int
    """Pieces it has not begun."""
    room: int
    received: int
    lost: int
    held_by: str
    unicast: bool
    deaf: bool
    lagging: bool


@dataclass(frozen=True)
class StreamStats:
    """What a session's sender has done and whom it serves."""

    packets: int = 0
    repaired: int = 0
    bytes: int = 0
    """Of frames, repairs included."""
    rate: float = 0.0
    """Bit/s on the wire that it may send now."""
    sending: float = 0.0
    """Bit/s on the wire that it sent in the last second or so."""
    paused: bool = False
    """Never: who reads the API finds it where it was."""
    trouble: str = ""
    ceiling: float = 0.0
    """Bit/s on the wire that the links of those who listen carry."""
    receivers: tuple[ReceiverStats, ...] = ()


class PieceSender:
    """One session: multicasts what its receivers ask for until it is closed."""

    def __init__(
        self,
        source: PieceSource,
        stream: StreamAddress,
        *,
        interface: str = "",
        rate: float = GIGABIT,
        link: LinkBudget | None = None,
        may_ask: Callable[[str], bool] = lambda address: True,
    ) -> None:
        """`interface`: IPv4 address of the card to send from, else `stream.server`; `rate`: most bit/s on the wire.

        `may_ask`: whether an address is heard; called in the sending thread, for each request.
        """
        self.stream = stream
        self._work = _Work(source, stream, interface or stream.server, rate, link or LinkBudget(rate), may_ask)

    @property
    def stats(self) -> StreamStats:
        """A recent snapshot, renewed about every quarter of a second."""
        return self._work.stats

    @property
    def carried(self) -> tuple[int, int]:
        """Bytes of packets as UDP carries them since it began, repairs included; and of those the repairs."""
        return self._work.carried, self._work.carried_again

    def set_rate(self, rate: float) -> None:
        """Follow what the switch now says of the links: bit/s on the wire."""
        self._work.do(lambda work: work.pace.set_ceiling(rate))

    async def run(self) -> None:
        """Serve until cancelled or closed; MissingError if the port is taken."""
        await self._open()
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        thread = threading.Thread(target=self._work.run, args=(loop, ended), name="pieces", daemon=True)
        thread.start()
        try:
            await ended
        finally:
            self._work.stop()
            await asyncio.shield(asyncio.to_thread(thread.join))

    async def _open(self) -> None:
        """Take the sockets; whoever cancels this meanwhile leaves none of them open."""
        opening = asyncio.ensure_future(asyncio.to_thread(self._work.open))
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await opening
            self._work.close()
            raise

    async def close(self) -> None:
        """End `run`."""
        self._work.stop()


class _Work:
    """What the sending thread owns."""

    def __init__(
        self,
        source: PieceSource,
        stream: StreamAddress,
        interface: str,
        rate: float,
        link: LinkBudget,
        may_ask: Callable[[str], bool],
    ) -> None:
        self._may_ask = may_ask
        self.core = StreamSender(stream.session, source.count, int.from_bytes(os.urandom(4), "big"), link.frames())
        self.pace = Pace(rate)
        self.stats = StreamStats(rate=rate, ceiling=rate)
        self._source, self._stream, self._interface, self._link = source, stream, interface, link
        self._frames: dict[int, bytearray] = {}
        self._addresses: dict[int, tuple[str, int]] = {}
        self._commands: deque[Callable[[_Work], None]] = deque()
        self._stop = False
        self._broken = ""
        self._retry_at = 0.0
        self._due = 0.0
        self._looked = 0.0
        self._rate = rate
        self._meter = RateMeter(METERED_SECONDS)
        self._sending = 0.0
        self.carried, self.carried_again = 0, 0
        """Bytes of packets as UDP carries them, repairs included; and of those the repairs."""
        self._seen = 0
        self._bell, self._poll = Bell(), select.poll()
        self._group: GroupSocket
        self._reader: FrameReader
        self._requests: socket.socket

    # -- life -------------------------------------------------------------------------------------

    def open(self) -> None:
        """Take the sockets; MissingError says which port is taken."""
        stream = self._stream
        self._requests = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._requests.bind((stream.server, stream.request_port))
        except OSError as error:
            self._requests.close()
            where = f"{stream.server}:{stream.request_port}"
            raise MissingError(
                Phrase("UDP {where} cannot be listened on ({error})", where=where, error=error),
                Phrase("ss -ulpn | grep {where}", where=where),
            ) from error
        self._requests.setblocking(False)
        self._requests.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._group = GroupSocket(self._interface, stream.group, stream.port)
        self._link.join(stream.session)
        self._bell.open()
        for each in (self._requests, self._bell):  # not select(2): it knows no descriptors from 1024 on
            self._poll.register(each, select.POLLIN)
        self._reader = FrameReader(self._source, stream.session, self._bell.ring)

    def do(self, command: Callable[[_Work], None]) -> None:
        """Have the sending thread run `command`."""
        self._commands.append(command)
        self._bell.ring()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stop = True
        self._bell.ring()

    def run(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
        """The thread: serve until `stop`, then tell `ended` how it went."""
        _on_time()
        failure: BaseException | None = None
        try:
            while not self._stop:
                self._turn()
        except BaseException as error:
            failure = error
        finally:
            self.stats = self._snapshot(time.monotonic())
            self.close()
        loop.call_soon_threadsafe(_settle, ended, failure)

    def close(self) -> None:
        """Give everything back that `open` took."""
        self._link.leave(self._stream.session)
        self._reader.close()
        self._requests.close()
        self._group.close()
        self._bell.close()

    # -- one turn ---------------------------------------------------------------------------------

    def _turn(self) -> None:
        now = time.monotonic()
        self._hear(now)
        self._take_loaded()
        while self._commands:
            self._commands.popleft()(self)
        for piece in self.core.to_load(now):
            self._reader.load(piece)
        if now - self._looked >= STEP_SECONDS:
            self._look(now)
        item = self.core.next(now)
        if item is None:
            self._idle(0.02)
        elif isinstance(item, Mark):
            self._send_to_group([packets.mark(item)], 1)
        else:
            self._send(item)
            self._wait_for_turn(len(item.indexes))

    def _idle(self, seconds: float) -> None:
        """Wait for a request, a frame or a command."""
        self._poll.poll(seconds * 1000)
        self._bell.hush()

    def _hear(self, now: float) -> None:
        for _ in range(64):
            try:
                packet, address = self._requests.recvfrom(2048)
            except BlockingIOError:
                return
            except ConnectionError:  # ICMP port unreachable for an answer we sent
                continue
            if not self._may_ask(address[0]):
                continue
            request = packets.read_request(packet, self._stream.session, self._source.count)
            if request is None:
                continue
            answer = self.core.hear(request, now, address[0])
            if request.receiver in self.core.receivers.known:
                self._addresses[request.receiver] = address
            if answer is not None:
                self._answer(answer, address)

    def _answer(self, answer: packets.Answer, address: tuple[str, int]) -> None:
        try:
            self._requests.sendto(packets.answer(answer), address)
        except OSError as error:
            log.debug("no answer to %s: %s", address[0], error)

    # -- frames -----------------------------------------------------------------------------------

    def _take_loaded(self) -> None:
        for piece, frame in self._reader.loaded():
            if isinstance(frame, Exception):
                log.error("piece %d cannot be read: %s", piece, frame)
                self._broken = Phrase("piece {piece} cannot be read: {frame}", piece=piece, frame=frame)
                self._retry_at = time.monotonic() + RETRY_SECONDS
                self.core.failed(piece)
                continue
            self._frames[piece] = frame
            for gone in self.core.loaded(piece, -(-len(frame) // PACKET)):
                del self._frames[gone]

    # -- sending ----------------------------------------------------------------------------------

    def _send(self, burst: Burst) -> None:
        buffer, epoch = self._frames[burst.piece], self.core.epoch
        view, indexes = memoryview(buffer), burst.indexes
        if isinstance(indexes, range):
            packets.stamp(buffer, indexes.start, indexes.stop, epoch, burst.sequence)
            parts = [view[indexes.start * PACKET : indexes.stop * PACKET]]
        else:
            for sequence, index in enumerate(indexes, burst.sequence):
                packets.stamp(buffer, index, index + 1, epoch, sequence)
            parts = [view[index * PACKET : (index + 1) * PACKET] for index in indexes]
        size = sum(map(len, parts))  # the last packet of a piece is shorter, and a piece may be one
        self.carried += size
        self.carried_again += size if burst.repair else 0
        self._send_to_group(parts, len(indexes))

    def _send_to_group(self, parts: Sequence[bytes | memoryview], count: int) -> None:
        if not self._group.send(parts, count):
            self._idle(0.2)  # a link that is down: what was not sent is repaired

    def _wait_for_turn(self, count: int) -> None:
        """Sleep until what was sent has had its time on the wire; a pause is not made up for."""
        now = time.monotonic()
        self._due = max(self._due, now - CATCH_UP_SECONDS) + count * packets.WIRE_BYTES * 8 / self._rate
        if self._due - now > 0.0005:
            time.sleep(self._due - now)

    def _look(self, now: float) -> None:
        """Adapt the rate and renew the snapshot."""
        self._looked = now
        if self._broken and now >= self._retry_at:
            self._broken = ""
            self.core.retry()
        if self.pace.update(self.core.samples(now)):
            self.core.slowed_down()
        self.core.room = self._link.frames()
        if self.core.sent > self._seen:
            self._rate = self._link.share(self._stream.session, self.pace.rate, now)
        self._seen = self.core.sent
        self._sending = self._meter.rate(now, self.core.sent) * packets.WIRE_BYTES * 8
        self.stats = self._snapshot(now)

    def _snapshot(self, now: float) -> StreamStats:
        core = self.core
        self._addresses = {key: value for key, value in self._addresses.items() if key in core.receivers.known}
        receivers = tuple(
            ReceiverStats(
                address=self._addresses[r.id][0],
                heard=now - r.heard,
                wants=r.wants.bit_count(),
                room=r.room,
                received=r.received,
                lost=r.lost,
                held_by=r.held_by,
                unicast=r.unicast,
                deaf=r.deaf,
                lagging=r.lagging,
            )
            for r in core.receivers.known.values()
            if r.id in self._addresses
        )
        return StreamStats(
            packets=core.sent,
            repaired=core.repaired,
            bytes=core.sent * PAYLOAD_BYTES,
            rate=self._rate,
            sending=self._sending,
            trouble=self._broken or self._group.trouble,
            ceiling=self.pace.ceiling,
            receivers=receivers,
        )


def _on_time() -> None:
    """Let this thread run as soon as its turn to send comes, however busy the server is (sched(7)).

    It sleeps most of the time; without the permission it does as well as an ordinary thread can.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError as error:
        log.debug("no real-time scheduling for the stream: %s", error)


def _settle(ended: asyncio.Future[None], failure: BaseException | None) -> None:
    if ended.done():
        return
    if failure is None:
        ended.set_result(None)
    else:
        ended.set_exception(failure)
