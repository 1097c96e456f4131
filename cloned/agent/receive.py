"""Takes a session's pieces off the network: by multicast, or one by one where multicast brings nothing.

An example: the socket takes in what comes and asks ten times a second for what is missing. For four seconds nothing
comes, though there is room: two fetchers begin to GET the lowest pieces by HTTP, while the socket goes on listening
and joins its group anew each second. At the fifth second a switch lets the stream through: 50 packets between two
looks, and the fetchers stop; the piece that was half fetched is wanted again like any other. Who writes the pieces to
the disk does not notice which way they came.
"""

from __future__ import annotations

import io
import logging
import os
import queue
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from cloned.stream.packets import MAX_FRAME_BYTES, StreamAddress, read_answer
from cloned.stream.receiver import Assembly
from cloned.stream.transport import Seen, Transport, TransportStep

if TYPE_CHECKING:
    from http.client import HTTPConnection

log = logging.getLogger(__name__)

UDP_GRO = 104
"""udp(7): what the kernel put together comes in one call, its packet size in a control message (Linux 5.0)."""

SO_RCVTIMEO = getattr(socket, "SO_RCVTIMEO", 20)
SO_RCVBUFFORCE = 33

ASK_EVERY_SECONDS = 0.1
ASK_AGAIN_SECONDS = 0.02
"""Seconds between two rounds of asking: as a rule, and at least where room has become free."""

ASK_IN_SILENCE_SECONDS = 0.04
"""Seconds between two rounds where nothing comes although something is missing: the end of a session."""

FETCHERS = 2
PIECE_TIMEOUT = 30.0


class Whole(Protocol):
    """A complete piece, to be read once as a file."""

    @property
    def piece(self) -> int:
        """Its number."""

    def read(self, size: int = -1) -> bytes:
        """The next part of its frame; empty at the end."""

    def sound(self) -> bool:
        """After all was read: whether it came undamaged."""


class Fetched(io.BytesIO):
    """A piece that came by HTTP."""

    def __init__(self, piece: int, frame: bytes) -> None:
        super().__init__(frame)
        self.piece = piece

    def sound(self) -> bool:
        """TCP saw to that."""
        return True


class Reception:
    """Receives `wanted` pieces and hands each to `deliver`, holding no more than `slots` that were not released."""

    def __init__(
        self,
        *,
        stream: StreamAddress | None,
        fetch_url: str | None,
        token: str,
        interface: str,
        pieces: int,
        wanted: Iterable[int],
        slots: int,
        deliver: Callable[[Whole], None],
    ) -> None:
        """`interface`: name of the network card, or empty to let the routing table choose."""
        self._stream, self._interface, self._deliver = stream, interface, deliver
        session = stream.session if stream else 0
        self.assembly = Assembly(session, int.from_bytes(os.urandom(8), "big"), pieces, wanted, slots)
        self.held_by: Callable[[], str] = lambda: "network"
        self.via = "multicast" if stream else "unicast"
        self.reached = True
        """False once multicast brought nothing and there is no other way."""
        self._events: deque[tuple[str, int, bytes]] = deque()
        self._fetch = _Fetch(fetch_url, token, self._events) if fetch_url else None
        self._outstanding = 0
        self._ways = Transport(time.monotonic(), can_fetch=self._fetch is not None)
        self._last_ask = 0.0
        self._room_told = -1
        self._others = 0
        self._silence = False
        self.busy = 0.0
        """Share of a core that receiving lately took: near 1, the processor and not the network sets the pace."""
        self._worked = time.monotonic(), 0.0

    # -- from other threads -----------------------------------------------------------------------

    def release(self, piece: int) -> None:
        """The piece is written."""
        self._events.append(("release", piece, b""))

    def again(self, piece: int) -> None:
        """The piece was damaged."""
        self._events.append(("again", piece, b""))

    # -- the thread -------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Receive until all is released, or `stop` is set."""
        if self._fetch is not None:
            self._fetch.start(stop)
        if self._stream is None:
            self._run_unicast_only(stop)
            return
        data = _data_socket(self._stream, self._interface)
        asking = _asking_socket(self._stream)
        try:
            self._run(data, asking, stop)
            self._say_goodbye(asking)
        finally:
            data.close()
            asking.close()

    def _run_unicast_only(self, stop: threading.Event) -> None:
        while self.assembly.left() and not stop.is_set():
            self._take_events()
            self._hand_out()
            stop.wait(0.005)

    def _run(self, data: socket.socket, asking: socket.socket, stop: threading.Event) -> None:
        assembly, deliver = self.assembly, self._deliver
        while assembly.left() and not stop.is_set():
            into = assembly.landing()
            try:
                size, ancillary, _, _ = data.recvmsg_into([into], 64)
            except BlockingIOError:
                self._silence = True
            else:
                self._silence = False
                segment = struct.unpack("=i", ancillary[0][2][:4])[0] if ancillary else size
                for frame in assembly.feed(into[:size], segment):
                    deliver(frame)
            if self._events:
                self._take_events()
            now = time.monotonic()
            if now - self._last_ask >= ASK_AGAIN_SECONDS and self._should_ask(now):
                self._ask(data, asking, now)

    def _should_ask(self, now: float) -> bool:
        if now - self._last_ask >= ASK_EVERY_SECONDS:
            return True
        if self._silence and self.assembly.begun and now - self._last_ask >= ASK_IN_SILENCE_SECONDS:
            return True
        gained = self.assembly.room() - self._room_told
        return gained > 0 and (self._room_told == 0 or gained * 3 >= self.assembly.slots)

    def _ask(self, data: socket.socket, asking: socket.socket, now: float) -> None:
        """One round: say what is wanted, hear what the sender says, and see whether multicast still serves."""
        self._last_ask = now
        self._measure_work(now)
        self._hear_answers(asking)
        self._choose_way(data, now)
        self._room_told = self.assembly.room()
        unicast = self.via == "unicast"
        if self._ways.left and int(now) == int(now - ASK_EVERY_SECONDS):
            return  # out of the group: be heard of once a second
        for packet in self.assembly.asks(self.held_by(), unicast=unicast):
            try:
                asking.send(packet)
            except OSError as error:  # the server is away, or the link is down: ask again
                log.debug("cannot ask: %s", error)
                return

    def _measure_work(self, now: float) -> None:
        since, before = self._worked
        if now - since >= 1.0:
            work = time.thread_time()
            self.busy, self._worked = (work - before) / (now - since), (now, work)

    def _hear_answers(self, asking: socket.socket) -> None:
        while True:
            try:
                packet = asking.recv(2048)
            except BlockingIOError:
                return
            except OSError:
                continue  # port unreachable: the daemon is being started again
            answer = read_answer(packet)
            if answer is not None and (answer.session, answer.receiver) == (
                self.assembly.session,
                self.assembly.receiver,
            ):
                self.assembly.heed(answer)
                self._others = answer.receivers - 1

    def _choose_way(self, data: socket.socket, now: float) -> None:
        assembly = self.assembly
        seen = Seen(assembly.received, assembly.lost, assembly.through, assembly.room(), self._others)
        step = self._ways.look(seen, now)
        if step is not TransportStep.GO_ON:
            log.log(logging.DEBUG if step is TransportStep.REJOIN else logging.WARNING, "multicast: %s", step.value)
        if step is TransportStep.REJOIN:
            self._member(data, False)
            self._member(data, True)
        elif step is TransportStep.LEAVE:  # so that the switch stops what this port can't carry
            self._member(data, False)
        elif step is TransportStep.COME_BACK:
            self._member(data, True)
        if step in (TransportStep.FETCH, TransportStep.LEAVE, TransportStep.COME_BACK):
            assembly.begin_anew()
        self.via = "unicast" if self._ways.fetching else "multicast"
        self.reached = self._ways.can_fetch or not self._ways.silent(now)
        if self._ways.fetching:
            self._hand_out()

    def _member(self, data: socket.socket, member: bool) -> None:
        """Join or leave the group."""
        assert self._stream is not None
        option = socket.IP_ADD_MEMBERSHIP if member else socket.IP_DROP_MEMBERSHIP
        try:
            data.setsockopt(socket.IPPROTO_IP, option, _membership(self._stream, self._interface))
        except OSError as error:  # the card has gone for a moment
            log.debug("multicast membership: %s", error)

    def _say_goodbye(self, asking: socket.socket) -> None:
        for _ in range(3):
            try:
                asking.send(self.assembly.bye())
            except OSError as error:
                log.debug("cannot say goodbye: %s", error)

    # -- one by one -------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        """Keep the fetchers busy."""
        while self._fetch is not None and self._outstanding < FETCHERS + 1:
            piece = self.assembly.take()
            if piece is None:
                return
            self._outstanding += 1
            self._fetch.todo.put(piece)

    def _take_events(self) -> None:
        while self._events:
            what, piece, frame = self._events.popleft()
            if what == "release":
                self.assembly.release(piece)
            elif what == "again":
                self.assembly.again(piece)
            else:
                self._outstanding -= 1
                if frame:
                    self._deliver(Fetched(piece, frame))
                else:
                    self.assembly.again(piece)
        if self.via == "unicast":
            self._hand_out()


class _Fetch:
    """Threads that GET pieces over connections that are kept."""

    def __init__(self, url: str, token: str, events: deque[tuple[str, int, bytes]]) -> None:
        self._url, self._token, self._events = urlsplit(url), token, events
        self.todo: queue.SimpleQueue[int] = queue.SimpleQueue()

    def start(self, stop: threading.Event) -> None:
        for number in range(FETCHERS):
            threading.Thread(target=self._run, args=(stop,), name=f"fetch-{number}", daemon=True).start()

    def _run(self, stop: threading.Event) -> None:
        connection: HTTPConnection | None = None
        while not stop.is_set():
            try:
                piece = self.todo.get(timeout=0.2)
            except queue.Empty:
                continue
            if connection is None:
                connection = self._connection()
            frame = self._get(connection, piece)
            self._events.append(("fetched", piece, frame))
            if not frame:
                stop.wait(1.0)
        if connection is not None:
            connection.close()

    def _connection(self) -> HTTPConnection:
        from http.client import HTTPConnection  # few laptops need it, and it takes an emulated one 0.8 s

        return HTTPConnection(self._url.hostname or "", self._url.port, timeout=PIECE_TIMEOUT)

    def _get(self, connection: HTTPConnection, piece: int) -> bytes:
        """The frame of a piece; empty if it could not be had this time."""
        from http.client import HTTPException

        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            connection.request("GET", f"{self._url.path}/{piece}", headers=headers)
            response = connection.getresponse()
            frame = response.read(MAX_FRAME_BYTES + 1)
            if response.status == 200 and len(frame) <= MAX_FRAME_BYTES:
                return frame
            log.warning("piece %d: HTTP %d", piece, response.status)
        except (OSError, HTTPException) as error:
            log.warning("piece %d: %s", piece, error)
        connection.close()
        return b""


def _membership(stream: StreamAddress, interface: str) -> bytes:
    """An ip_mreqn (ip(7)): group, any address, index of the card."""
    index = socket.if_nametoindex(interface) if interface else 0
    return struct.pack("=4s4si", socket.inet_aton(stream.group), b"\0" * 4, index)


def _data_socket(stream: StreamAddress, interface: str) -> socket.socket:
    """A socket in the session's group, with as much room for what waits as the laptop's memory allows."""
    data = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    data.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    data.bind((stream.group, stream.port))
    data.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, _membership(stream, interface))
    data.setsockopt(socket.SOL_SOCKET, SO_RCVTIMEO, struct.pack("@ll", 0, 20_000))
    _enlarge(data, min(64 << 20, memory_available() // 8))
    try:
        data.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    except OSError as error:
        log.info("no UDP receive offload: %s", error)
    return data


def _enlarge(data: socket.socket, size: int) -> None:
    try:
        data.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except PermissionError:
        data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def _asking_socket(stream: StreamAddress) -> socket.socket:
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.connect((stream.server, stream.request_port))
    asking.setblocking(False)
    return asking


def memory_available() -> int:
    """Bytes that programs can still have (proc(5), MemAvailable)."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 512 << 20
