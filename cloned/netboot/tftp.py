"""A read-only TFTP server: requests in asyncio, transfers with a connected socket each (tftp_transfer.py)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from cloned.buckets import Bucket
from cloned.descriptors import EXHAUSTED, Reserve
from cloned.errors import MissingError
from cloned.netboot.tftp_content import ContentCache, Found
from cloned.netboot.tftp_transfer import Pump, Transfer
from cloned.netboot.tftp_wire import Blocks, Code, Request, TftpError, agree, read_request
from cloned.quoting import quoted
from cloned.saying import Phrase

log = logging.getLogger(__name__)

PORT = 69
MAX_TRANSFERS = 512
MAX_PER_CLIENT = 16
ROUND_TRIP_SECONDS = 0.2
"""Seconds within which our first answer is at the laptop: what it sent before then it sent without having it."""
_TIMESTAMPS = 35
"""SO_TIMESTAMPNS (socket(7)): the kernel says when a datagram came, however late we read it."""
_STAMP = struct.Struct("@qq")
"""Seconds and nanoseconds since 1970 (struct timespec)."""
_DRAIN = 64
_RESERVE = 2 * MAX_PER_CLIENT
"""Descriptors for transfers where connections took all others."""

_LINES = 30
"""Lines of the log at once about what was refused, and then one a second: who asks for nonsense may do so for hours."""

Address = tuple[str, int]

Outcome = Literal["", "complete", "size", "refused", "missing", "failed", "stopped", "repeated", "anew"]
"""What becomes of a request: all of it was fetched, or its size; we refused; no such file; we could not; the laptop
broke off or fell silent; it was asked again before the first answer came; it was asked anew in the middle."""


@dataclass(frozen=True)
class Told:
    """What a request came to, for the history."""

    client: str
    name: str
    """As it was asked for, each byte as one character."""
    got: str
    why: str = ""
    complete: bool = False
    outcome: Outcome = ""


Lookup = Callable[[str, str], Awaitable[Found]]
"""(name, client address) → file; raises TftpError."""


@dataclass
class _Entry:
    """What a client's port is served with."""

    data: bytes
    """Its request, to tell a repeat from a new one."""
    name: str
    task: asyncio.Task[None] | None = None
    transfer: Transfer | None = None
    """None: it is being prepared."""

    @property
    def answered(self) -> bool:
        """Whether the first round trip is over."""
        return self.transfer is not None and self.transfer.answered

    def answered_by(self, moment: float) -> bool:
        """Whether it was over at a moment of the loop's clock."""
        return (
            self.transfer is not None and self.transfer.answered and moment > self.transfer.started + ROUND_TRIP_SECONDS
        )


class TftpServer:
    """Answers read requests on one interface. Transfers run in `pump`, which may serve several of these."""

    def __init__(
        self, interface: str, address: str, lookup: Lookup, pump: Pump, told: Callable[[Told], None],
        *, cache: ContentCache, port: int = PORT, mtu: int = 1500,
    ) -> None:  # fmt: skip
        self._interface, self._address, self._port = interface, address, port
        self._lookup, self._pump, self._told, self._cache = lookup, pump, told, cache
        self._largest = mtu - 32  # IP, UDP and TFTP headers: blocks never travel in fragments
        self._clients: dict[Address, _Entry] = {}
        self._counts: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sock: socket.socket | None = None
        self._errors: socket.socket | None = None
        """Errors go from a port of their own, as every answer does (RFC 1350 §4); one for all of them."""
        self._reserve = Reserve(0)
        self._lines = Bucket(_LINES, 1)
        self._loop = asyncio.get_running_loop()

    @property
    def transfers(self) -> int:
        """How many are under way."""
        return len(self._clients)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._sock.getsockname()[1]) if self._sock is not None else self._port

    def start(self) -> None:
        """Listen; MissingError if the port is in use or not allowed."""
        self._sock = _socket(self._interface, self._address, self._port)
        self._sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
        self._errors = _socket(self._interface, self._address, 0)
        self._reserve = Reserve(_RESERVE)
        self._loop.add_reader(self._sock, self._readable)

    async def close(self) -> None:
        """Stop listening. Transfers under way are the pump's to end."""
        if self._sock is not None:
            self._loop.remove_reader(self._sock)
            self._sock.close()
            self._sock = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._reserve.close()

    def _readable(self) -> None:
        assert self._sock is not None
        for _ in range(_DRAIN):
            try:
                data, told, _, client = self._sock.recvmsg(2048, 64)
            except OSError:
                return
            self.request(data, client, self._loop.time() - _age(told))

    def request(self, data: bytes, client: Address, came: float | None = None) -> None:
        """Handle one datagram from `client`, which came at a moment of the loop's clock; never raises."""
        try:
            request = read_request(data)
            if request is None:
                return
            if self._is_repeat(data, client, self._loop.time() if came is None else came):
                return
            self._make_room(client)
        except TftpError as error:
            self._refuse(client, error.name, error)
            return
        entry = self._clients[client] = _Entry(data, request.name)
        self._counts[client[0]] += 1
        entry.task = self._loop.create_task(self._serve(request, client, entry), name=f"tftp.{client[0]}:{client[1]}")
        self._tasks.add(entry.task)
        entry.task.add_done_callback(self._tasks.discard)

    def _is_repeat(self, data: bytes, client: Address, came: float) -> bool:
        """Whether an impatient client asked the same again before it had an answer: it has one transfer only.

        Where we are slow, that is read when it has had one long since: what counts is when it came. Whatever else comes
        from a port that is being served begins anew: there is firmware that uses one port for all it ever asks, and a
        laptop that was reset in the middle starts with the same port too.
        """
        entry = self._clients.get(client)
        if entry is None:
            return False
        if entry.data == data and not entry.answered_by(came):
            if entry.transfer is not None:
                entry.transfer.asked_again = True
            self._told(Told(client[0], entry.name, "", outcome="repeated"))
            return True
        self._drop(client, entry, Phrase("it asked anew"))
        self._told(
            Told(client[0], entry.name, "", Phrase("it asked for something anew before it was done"), outcome="anew")
        )
        return False

    def _make_room(self, client: Address) -> None:
        """Keep to the limits: of one address, and of all, where a transfer that was never answered makes room."""
        if self._counts[client[0]] >= MAX_PER_CLIENT:
            raise TftpError(Code.UNDEFINED, Phrase("too many transfers at once, try again"), "")
        if len(self._clients) < MAX_TRANSFERS:
            return
        silent = next((one for one in self._clients.items() if not one[1].answered), None)
        if silent is None:
            raise TftpError(Code.UNDEFINED, Phrase("too many transfers at once, try again"), "")
        self._drop(*silent, Phrase("it never answered, and others ask"))

    def _drop(self, client: Address, entry: _Entry, why: str) -> None:
        """End what a port is served with; its end is told by whoever drops it."""
        self._forget(client, entry)
        if entry.transfer is not None:
            self._pump.stop(entry.transfer, why)
        elif entry.task is not None:
            entry.task.cancel()

    async def _serve(self, request: Request, client: Address, entry: _Entry) -> None:
        """Find the file, settle the options, hand the transfer over."""
        try:
            transfer = await self._prepare(request, client)
        except TftpError as error:
            self._forget(client, entry)
            self._refuse(client, request.name, error)
        except (OSError, MissingError) as error:
            self._forget(client, entry)
            log.warning("TFTP to %s: %s", client[0], error)
            why = Phrase("the server could not send it: {error}", error=error)
            self._told(Told(client[0], request.name, "", why, outcome="failed"))
        except asyncio.CancelledError:
            self._forget(client, entry)
            raise
        else:
            entry.transfer = transfer
            self._pump.add(transfer, lambda transfer: self._from_pump(client, entry, transfer))

    async def _prepare(self, request: Request, client: Address) -> Transfer:
        found = await self._lookup(request.name, client[0])
        content = await self._cache.content(found, text=request.netascii)
        terms = agree(request.options, len(content.data), self._largest)
        return Transfer(self._transfer_socket(client), Blocks(content.data, terms.block), terms, content)

    def _transfer_socket(self, client: Address) -> socket.socket:
        """A socket for one transfer, also where connections have taken every descriptor there is."""
        try:
            return _socket(self._interface, self._address, 0, client)
        except MissingError as error:
            cause = error.__cause__
            if not (isinstance(cause, OSError) and cause.errno in EXHAUSTED and self._reserve.spend()):
                raise
        return _socket(self._interface, self._address, 0, client)

    def _from_pump(self, client: Address, entry: _Entry, transfer: Transfer) -> None:
        """In the pump's thread: pass it on to the loop, unless that is closed already."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended, client, entry, transfer)

    def _ended(self, client: Address, entry: _Entry, transfer: Transfer) -> None:
        self._reserve.refill()
        if self._clients.get(client) is not entry:
            return  # it was dropped, and that was told
        self._forget(client, entry)
        why = transfer.outcome or ""
        got = (
            ""
            if why
            else Phrase("{size} bytes in {seconds} s", size=transfer.blocks.size, seconds=f"{transfer.seconds:.1f}")
        )
        outcome: Outcome = "stopped" if why else "complete"
        if why and transfer.only_asked:
            got, why, outcome = Phrase("its size, {size} bytes", size=transfer.blocks.size), "", "size"
        self._told(Told(client[0], entry.name, got, why, not transfer.outcome, outcome))

    def _forget(self, client: Address, entry: _Entry) -> None:
        if self._clients.get(client) is not entry:
            return
        del self._clients[client]
        self._counts[client[0]] -= 1
        if self._counts[client[0]] <= 0:
            del self._counts[client[0]]

    def _refuse(self, client: Address, name: str, error: TftpError) -> None:
        """Send the error, and tell of it: a name that firmware mangled is found again in the log."""
        outcome: Outcome = "missing" if error.code is Code.NOT_FOUND else "refused"
        self._told(Told(client[0], name, "", error.words, outcome=outcome))
        if not self._lines.take():
            log.info("TFTP: %s asked for %s: %s", client[0], quoted(name or "(nothing)", 80), error.words)
        if self._errors is not None:
            with contextlib.suppress(OSError):
                self._errors.sendto(error.encode(), client)


def _age(told: Iterable[tuple[int, int, bytes]]) -> float:
    """Seconds since the kernel took a datagram in; 0 where it does not say."""
    for level, kind, data in told:
        if (level, kind) == (socket.SOL_SOCKET, _TIMESTAMPS) and len(data) >= _STAMP.size:
            seconds, nanoseconds = _STAMP.unpack_from(data)
            return max(0.0, time.time() - float(seconds) - float(nanoseconds) / 1e9)
    return 0.0


def _socket(interface: str, address: str, port: int, peer: Address | None = None) -> socket.socket:
    """A UDP socket that hears and speaks on `interface` only."""
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
            sock.bind((address, port))
            if peer is not None:
                sock.connect(peer)
        except OSError:
            sock.close()
            raise
    except OSError as error:
        hint = (
            Phrase("stop the other TFTP server (ss -lunp 'sport = :69' names it)")
            if port
            else Phrase("see the link of that interface")
        )
        if isinstance(error, PermissionError):
            hint = Phrase("run it as root, or through the service")
        raise MissingError(
            Phrase(
                "TFTP on {interface} ({address} port {port}): {error}",
                interface=interface,
                address=address,
                port=port,
                error=error,
            ),
            hint,
        ) from error
    return sock
