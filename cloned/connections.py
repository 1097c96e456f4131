"""Connections counted where they come from, and closed where nothing moves on them.

One address has so many and not more, and all together leave descriptors for the journal, DHCP and TFTP. A connection
that says nothing, or half a request, for half a minute is closed; so is one whose other end takes nothing in
(TCP_USER_TIMEOUT of tcp(7), which also counts a window that stays shut).

Whoever has enough is told so, with 503, before anything is made for the connection: it must cost us less than it costs
them. Else they fill the kernel's queue (listen(2)), and a connection whose last packet of three found that full is
nobody's: whoever waits at it goes by the kernel's repetitions, each after twice the time (tcp_retries2 of tcp(7)).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import resource
import socket
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from typing import Any, Protocol

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from cloned.buckets import Bucket
from cloned.wire import PROBLEM, problem_body

log = logging.getLogger(__name__)

PER_ADDRESS = 64
"""Connections of one address to one port."""
MOST = 2048
"""Connections to one port, where there are descriptors enough."""
NEW_AT_ONCE, NEW_PER_SECOND = 256, 25.0
"""Connections that one address may begin: each costs us more than whoever knocks."""
PLACES = 4096
"""Remembered; the one heard of longest ago goes first."""
SILENT_SECONDS = 30.0
"""Until the next whole head of a request must have come."""
UNREAD_SECONDS = 30.0
"""That what we sent may lie unread or unacknowledged."""
PAUSE_SECONDS = 2.0
"""After which a body that does not go on counts as silence."""
SHUT_SECONDS = 1.0
"""For answers under way when we end."""
RESERVE = 192
"""Descriptors that no connection gets: journal, ledger, DHCP, TFTP, images and switches need them."""


AT_ONCE = 16
"""Connections taken in before anything else has its turn again: each costs the loop half a millisecond."""
TURNED_AWAY = 512
"""And turned away, at most: each costs a thirtieth of that."""
QUEUE = 1024
"""Connections that the kernel keeps for us meanwhile, where net.core.somaxconn lets it."""
HEAD_BYTES = 1 << 16
"""Bytes of a request that are read of whoever is turned away."""
AGAIN_SECONDS = 1
"""After which whoever was turned away may try again."""
_GONE = (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN)
"""What sendfile says of a connection that was closed for lying unread, or whose cable is out."""


def affordable(share: float) -> int:
    """Connections for one port, of which all ports together leave RESERVE descriptors: `share` of the others."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, min(MOST, int((soft - RESERVE) * share)))


def raise_limit() -> None:
    """Have as many descriptors as we may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def place(address: str) -> str:
    """What counts as one place: an IPv4 address, the /64 that an IPv6 host can pick from at will, or loopback."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return "loopback" if parsed.is_loopback else f"{parsed.exploded[:19]}::/64"
        parsed = parsed.ipv4_mapped
    return "loopback" if parsed.is_loopback else str(parsed)


class Counted:
    """How much each place has of something; counted at once, before anything is awaited."""

    def __init__(self, per_place: int, most: int) -> None:
        self.per_place, self.most = per_place, most
        self._counts: Counter[str] = Counter()

    @property
    def all(self) -> int:
        """Of all places together."""
        return self._counts.total()

    def has_room(self, where: str) -> bool:
        """Whether `where` itself has not enough yet."""
        return self._counts[where] < self.per_place

    def take(self, where: str) -> bool:
        """One more for `where`; False where it, or all together, have enough."""
        if not self.has_room(where) or self.all >= self.most:
            self._counts += Counter()  # forget who has none
            return False
        self._counts[where] += 1
        return True

    def give_back(self, where: str) -> None:
        """One less."""
        self._counts[where] -= 1
        if self._counts[where] <= 0:
            del self._counts[where]


class Guest(Protocol):
    """A connection, as far as it may be asked to go."""

    @property
    def silent(self) -> bool:
        """Whether we wait for what it has to say."""

    def cut_off(self) -> None:
        """End it at once."""


class Crowd(Counted):
    """Connections. Where all together have enough, the one that has been silent longest makes room for the next: one
    machine can have a thousand addresses, and must not close a port for everybody with them.
    """

    def __init__(self, per_place: int, most: int) -> None:
        super().__init__(per_place, most)
        self._guests: OrderedDict[Guest, str] = OrderedDict()

    def enter(self, guest: Guest, where: str) -> bool:
        """One more for `where`; False where that has enough, or nobody is silent."""
        if self.all >= self.most and self.has_room(where):
            self._make_room()
        if not self.take(where):
            return False
        self._guests[guest] = where
        return True

    def leave(self, guest: Guest) -> None:
        """It is gone; nothing happens where it never was or has left before."""
        where = self._guests.pop(guest, None)
        if where is not None:
            self.give_back(where)

    def _make_room(self) -> None:
        for _ in range(len(self._guests)):
            guest = next(iter(self._guests))
            if guest.silent:
                self.leave(guest)
                guest.cut_off()
                return
            self._guests.move_to_end(guest)  # it is being answered: look at it last the next time


class Arrivals:
    """How many connections each place has begun of late. Loopback and our own socket are not counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._places: OrderedDict[str, Bucket] = OrderedDict()

    def admit(self, where: str) -> bool:
        """Whether one more may begin from there now."""
        if where in ("loopback", "socket"):
            return True
        bucket = self._places.setdefault(where, Bucket(NEW_AT_ONCE, NEW_PER_SECOND, self._clock))
        self._places.move_to_end(where)
        if len(self._places) > PLACES:
            self._places.popitem(last=False)
        return not bucket.take()


_ARRIVALS = Arrivals()
"""At all ports together."""


class AdmittingSocket(socket.socket):
    """A socket that listens, and hands on only connections of places that `admits` does not turn away."""

    def __init__(self, where: tuple[str, int], admits: Callable[[str], bool], answer: bytes | None = None) -> None:
        """`answer`: what whoever is turned away gets, else BUSY. OSError where the port is taken."""
        super().__init__(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, socket.SOCK_STREAM)
        self._admits, self._answer = admits, BUSY if answer is None else answer
        try:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self.family == socket.AF_INET6:
                self.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self.setblocking(False)
            self.bind(where)
            self.listen(QUEUE)
        except OSError:
            self.close()
            raise

    def accept(self) -> tuple[socket.socket, Any]:
        """The next that may come in. BlockingIOError where there is none, or others should have their turn."""
        for _ in range(TURNED_AWAY):
            sock, peer = super().accept()
            where = place(peer[0])
            if _ARRIVALS.admit(where) and self._admits(where):
                return sock, peer
            _tell_now_and_then(where)
            with sock:
                turn_away(sock, self._answer)
        raise BlockingIOError


def _busy() -> bytes:
    said = "there are too many connections from your address", "close some, or try again in a moment"
    body = problem_body(503, *said).encode()  # nobody has asked yet which language is wanted
    head = (
        f"HTTP/1.1 503 Service Unavailable\r\nContent-Type: {PROBLEM}; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nRetry-After: {AGAIN_SECONDS}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


BUSY = _busy()
"""The whole answer to whoever is turned away."""


def turn_away(sock: socket.socket, answer: bytes = BUSY) -> None:
    """Give this answer to a connection that is to be closed, whatever it asks.

    What it has asked is taken in first: what lies unread makes the end a reset, which may overtake the answer (RFC 9112
    §9.6).
    """
    sock.setblocking(False)
    with suppress(OSError):
        with suppress(BlockingIOError):
            sock.recv(HEAD_BYTES)
        sock.send(answer)


class CountedHandler(RequestHandler):
    """aiohttp's, which counts itself against the address it comes from."""

    __slots__ = ("_crowd", "_heard", "_where")

    def __init__(self, manager: web.Server, crowd: Crowd, **kwargs: Any) -> None:
        super().__init__(manager, **kwargs)
        self._crowd, self._where, self._heard = crowd, "", 0.0

    @property
    def silent(self) -> bool:
        """Whether no whole head of a request is here, or nothing came of its body for a moment."""
        if not self._request_in_progress and not self._messages:
            return True
        asked = self._current_request
        return asked is not None and not asked.content.is_eof() and self._loop.time() > self._heard + PAUSE_SECONDS

    def cut_off(self) -> None:
        """Make room for somebody else."""
        _tell_now_and_then("everybody")
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Something came."""
        self._heard = self._loop.time()
        super().data_received(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or be turned away where this address has too many."""
        assert isinstance(transport, asyncio.Transport)
        peer, sock = map(transport.get_extra_info, ("peername", "socket"))
        where = place(peer[0]) if isinstance(peer, tuple) else "socket"
        if not self._crowd.enter(self, where):
            _tell_now_and_then(where)
            if transport.get_extra_info("sslcontext") is None:
                with socket.socket(fileno=os.dup(sock.fileno())) as same:
                    turn_away(same)
            transport.abort()
            return
        self._where = where
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_SECONDS * 1000))
        super().connection_made(transport)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A fault of ours, with where it arose; but not that the other end is gone, which is news to nobody."""
        fault = kw.get("exc_info")
        if isinstance(fault, OSError) and (fault.errno in _GONE or self.transport is None):
            log.debug("%s is gone: %s", self._where, fault)
        else:
            super().log_exception(*args, **kw)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End, and count one less."""
        self._crowd.leave(self)
        super().connection_lost(exc)


_told_at = 0.0


def _tell_now_and_then(where: str) -> None:
    global _told_at
    if time.monotonic() - _told_at > 10:
        _told_at = time.monotonic()
        log.warning("%s has or begins too many connections: some are cut off", where)


class CountedSite(web.TCPSite):
    """A port whose connections are counted; SockSite-like in all else."""

    def __init__(self, runner: web.AppRunner, host: str, port: int, *, crowd: Crowd) -> None:
        super().__init__(runner, host, port)
        self._crowd, self._where = crowd, (host, port)

    async def start(self) -> None:
        """Listen; OSError where the port is taken."""
        await web.BaseSite.start(self)
        made = handlers(self._runner, self._crowd)
        listening = AdmittingSocket(self._where, self._crowd.has_room)
        # asyncio takes in as many at once as may wait
        self._server = await asyncio.get_running_loop().create_server(made, sock=listening, backlog=AT_ONCE)
        listening.listen(QUEUE)
        self._bound_port = listening.getsockname()[1]


def handlers(running: web.BaseRunner, crowd: Crowd) -> Callable[[], CountedHandler]:
    """Makes a handler for each connection to an application that runs."""
    loop, manager = asyncio.get_running_loop(), running.server
    assert manager is not None
    return lambda: CountedHandler(
        manager,
        crowd,
        loop=loop,
        keepalive_timeout=SILENT_SECONDS,
        access_log=None,
        auto_decompress=False,
        lingering_time=2.0,
    )


def runner(app: web.Application) -> web.AppRunner:
    """How an application is run: nobody who holds a connection open keeps us from ending."""
    return web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=SHUT_SECONDS,
        auto_decompress=False,
        lingering_time=2.0,
        keepalive_timeout=SILENT_SECONDS,
    )
