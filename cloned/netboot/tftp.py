"""A read-only TFTP server in asyncio: one connected socket per transfer, so that nobody waits for another.

Retransmission: 1 s without an answer, then doubling, six times. Once the round trip is known, a first, early
one goes out after eight of them (at least 50 ms): at 1 % loss a lock-step transfer would otherwise stand
still most of the time. A duplicate acknowledgement alone never sends a block twice (RFC 1123 §4.2.3.1).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import struct
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cloned.errors import MissingError
from cloned.netboot.tftp_wire import Blocks, Code, Request, Terms, TftpError, agree, netascii, read_answer, read_request

log = logging.getLogger(__name__)

PORT = 69
UDP_SEGMENT = 103
MAX_TRANSFERS = 512
MAX_PER_CLIENT = 16
FIRST_WAIT, MAX_WAIT, TRIES = 1.0, 8.0, 6
EARLY_FLOOR = 0.05
_DRAIN = 64
_CACHE_BYTES = 128 * 1024 * 1024
_GSO_BYTES, _GSO_PACKETS = 65000, 64

Address = tuple[str, int]


@dataclass(frozen=True)
class Told:
    """What a transfer came to, for the history."""

    client: str
    name: str
    got: str
    why: str = ""
    complete: bool = False


class BlockCache:
    """Files cut into packets, kept while they are likely to be asked for again (least recently used go first)."""

    def __init__(self, limit: int = _CACHE_BYTES) -> None:
        self._limit, self._bytes = limit, 0
        self._kept: OrderedDict[tuple[bytes, int, int], Blocks] = OrderedDict()

    def blocks(self, content: bytes, key: bytes, block: int) -> Blocks:
        """`content` in blocks of `block` bytes; `key` names the content, empty for what is never asked twice."""
        name = (key, len(content), block)
        found = self._kept.get(name) if key else None
        if found is None:
            found = Blocks(content, block)
            if key:
                self._keep(name, found)
        else:
            self._kept.move_to_end(name)
        return found

    def _keep(self, name: tuple[bytes, int, int], blocks: Blocks) -> None:
        self._kept[name] = blocks
        self._bytes += blocks.size
        while self._bytes > self._limit and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._bytes -= old.size


class Transfer:
    """One file to one client. `finished(self, why)` is called exactly once; `why` is empty if all was acknowledged."""

    def __init__(
        self,
        sock: socket.socket,
        blocks: Blocks,
        terms: Terms,
        finished: Callable[[Transfer, str], None],
    ) -> None:
        self._sock, self._blocks, self._terms, self._finished = sock, blocks, terms, finished
        self._loop = asyncio.get_running_loop()
        self._acked = -1 if terms.accepted else 0
        """Newest block acknowledged; -1 while the OACK is not."""
        self._sent = 0
        self._last_sent = 0.0
        self._round_trip = 0.0
        self._tries = 0
        self._repeated = False
        self._timer: asyncio.TimerHandle | None = None
        self._segments = terms.window > 1
        self._done = False
        self.started = self._loop.time()

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._blocks.size

    def start(self) -> None:
        """Send the first packet."""
        self._loop.add_reader(self._sock, self._readable)
        self._arm(FIRST_WAIT)
        self._send_window()

    def stop(self, why: str) -> None:
        """End it, complete or not."""
        if self._done:
            return
        self._done = True
        self._loop.remove_reader(self._sock)
        if self._timer is not None:
            self._timer.cancel()
        self._sock.close()
        self._finished(self, why)

    def _readable(self) -> None:
        for _ in range(_DRAIN):
            try:
                data = self._sock.recv(516)
            except BlockingIOError:
                return
            except OSError as error:  # the client's port is closed, or the link is gone
                self.stop(f"the laptop went away ({error.strerror})")
                return
            self._take(data)
            if self._done or self._terms.window == 1:
                return

    def _take(self, data: bytes) -> None:
        answer = read_answer(data, max(self._sent, 0))
        if isinstance(answer, TftpError):
            self.stop(f"the laptop stopped it: {answer.words or 'no reason given'} (error {int(answer.code)})")
        elif answer is not None:
            self._acknowledged(answer)

    def _acknowledged(self, block: int) -> None:
        if block <= self._acked or block > self._sent:
            if block == self._acked and self._terms.window > 1:
                self._gap()
            return
        now = self._loop.time()
        if not self._repeated:
            sample = now - self._last_sent
            self._round_trip = sample if not self._round_trip else 0.875 * self._round_trip + 0.125 * sample
        self._acked, self._tries, self._repeated = block, 0, False
        if block >= self._blocks.count:
            self.stop("")
        else:
            self._send_window()

    def _gap(self) -> None:
        """RFC 7440 §4: the same block again means that the first one after it was lost; once per window is enough."""
        if not self._repeated and self._loop.time() - self._last_sent > self._round_trip / 2:
            self._repeated = True
            self._send_window()

    def _send_window(self) -> None:
        """Send what comes after the last acknowledged block, or the OACK."""
        self._last_sent = self._loop.time()
        if self._acked < 0:
            self._send(self._terms.oack())
            return
        first = self._acked + 1
        count = min(self._terms.window, self._blocks.count - self._acked)
        self._sent = max(self._sent, self._acked + count)
        if count == 1:
            self._send(self._blocks.packets(first, 1))
        else:
            self._send_many(first, count)

    def _send_many(self, first: int, count: int) -> None:
        """A window in as few system calls as the kernel allows (UDP_SEGMENT, udp(7))."""
        segment = self._blocks.segment
        step = min(_GSO_PACKETS, _GSO_BYTES // segment) if self._segments else 1
        for at in range(first, first + count, max(step, 1)):
            part = self._blocks.packets(at, min(step, first + count - at))
            if step <= 1 or len(part) <= segment:
                self._send(part)
                continue
            try:
                self._sock.sendmsg([part], [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", segment))])
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.ENOPROTOOPT):
                    return
                self._segments = False  # a link that can't: one by one from now on
                self._send_many(at, first + count - at)
                return

    def _send(self, data: bytes | memoryview) -> None:
        """A packet that the kernel would not take is as good as lost: the timer sends it again."""
        with contextlib.suppress(OSError):
            self._sock.send(data)

    def _arm(self, seconds: float) -> None:
        self._timer = self._loop.call_later(seconds, self._tick)

    def _wait(self) -> float:
        """Seconds to wait for an answer to what was sent last."""
        if self._terms.timeout:
            return self._terms.timeout
        if self._tries == 0 and self._round_trip:
            return min(max(EARLY_FLOOR, 8 * self._round_trip), FIRST_WAIT)
        return float(min(FIRST_WAIT * 2 ** max(self._tries - bool(self._round_trip), 0), MAX_WAIT))

    def _tick(self) -> None:
        """Send again what was not answered in time. One timer serves all blocks: it only looks at the clock."""
        left = self._last_sent + self._wait() - self._loop.time()
        if left > 0.001:
            self._arm(left)
            return
        self._tries += 1
        if self._tries > TRIES:
            self.stop("the laptop stopped answering")
            return
        self._repeated = True
        self._send_window()
        self._arm(self._wait())


@dataclass(frozen=True)
class Found:
    """A file's content; `key` names it for the cache, empty for what was rendered for one laptop."""

    content: bytes
    key: bytes = b""


Lookup = Callable[[str, str], Awaitable[Found]]
"""(name, client address) → content; raises TftpError."""


class TftpServer:
    """Answers read requests on one interface."""

    def __init__(
        self,
        interface: str,
        address: str,
        lookup: Lookup,
        told: Callable[[Told], None] = lambda told: None,
        *,
        port: int = PORT,
        mtu: int = 1500,
        cache: BlockCache | None = None,
    ) -> None:
        self._interface, self._address, self._lookup, self._told, self._port = interface, address, lookup, told, port
        self._largest = mtu - 32  # IP, UDP and TFTP headers: blocks never travel in fragments
        self._cache = cache or BlockCache()
        self._transfers: dict[Address, Transfer | None] = {}
        self._clients: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sock: socket.socket | None = None

    @property
    def transfers(self) -> int:
        """How many are under way."""
        return len(self._transfers)

    def start(self) -> None:
        """Listen; MissingError if the port is in use or not allowed."""
        self._sock = _socket(self._interface, self._address, self._port)
        asyncio.get_running_loop().add_reader(self._sock, self._readable)

    async def close(self) -> None:
        """Stop listening and every transfer."""
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()
            self._sock = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transfer in [one for one in self._transfers.values() if one is not None]:
            transfer.stop("the server stopped")
        self._transfers.clear()

    def _readable(self) -> None:
        assert self._sock is not None
        for _ in range(_DRAIN):
            try:
                data, client = self._sock.recvfrom(2048)
            except OSError:
                return
            self.request(data, client)

    def request(self, data: bytes, client: Address) -> None:
        """Handle one datagram from `client`; never raises, whatever it holds."""
        if client in self._transfers:
            return  # sent again by an impatient client: the transfer has its own timer
        try:
            request = read_request(data)
            if request is None:
                return
            if len(self._transfers) >= MAX_TRANSFERS or self._clients[client[0]] >= MAX_PER_CLIENT:
                raise TftpError(Code.UNDEFINED, "too many transfers at once, try again")
        except TftpError as error:
            self._refuse(client, "?", error)
            return
        self._transfers[client] = None
        self._clients[client[0]] += 1
        task = asyncio.get_running_loop().create_task(
            self._serve(request, client), name=f"tftp.{client[0]}:{client[1]}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, request: Request, client: Address) -> None:
        started = False
        try:
            found = await self._lookup(request.name, client[0])
            content = netascii(found.content) if request.netascii else found.content
            terms = agree(request.options, len(content), self._largest)
            blocks = self._cache.blocks(content, b"" if request.netascii else found.key, terms.block)
            transfer = Transfer(
                _socket(self._interface, self._address, 0, client),
                blocks,
                terms,
                lambda transfer, why: self._ended(client, request.name, transfer, why),
            )
            self._transfers[client] = transfer
            started = True
            transfer.start()
        except TftpError as error:
            self._refuse(client, request.name, error)
        except (OSError, MissingError) as error:
            log.warning("TFTP to %s: %s", client[0], error)
            self._told(Told(client[0], request.name, "", f"the server could not send it: {error}"))
        finally:
            if not started:
                self._forget(client)

    def _ended(self, client: Address, name: str, transfer: Transfer, why: str) -> None:
        self._forget(client)
        seconds = asyncio.get_running_loop().time() - transfer.started
        got = "" if why else f"{transfer.size} bytes in {seconds:.1f} s"
        self._told(Told(client[0], name, got, why, complete=not why))

    def _forget(self, client: Address) -> None:
        self._transfers.pop(client, None)
        self._clients[client[0]] -= 1
        if self._clients[client[0]] <= 0:
            del self._clients[client[0]]

    def _refuse(self, client: Address, name: str, error: TftpError) -> None:
        """An error packet goes from a port of its own, as every answer does (RFC 1350 §4)."""
        self._told(Told(client[0], name, "", error.words))
        with contextlib.suppress(OSError, MissingError), _socket(self._interface, self._address, 0) as sock:
            sock.sendto(error.encode(), client)


def _socket(interface: str, address: str, port: int, peer: Address | None = None) -> socket.socket:
    """A UDP socket that hears and speaks on `interface` only."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        sock.bind((address, port))
        if peer is not None:
            sock.connect(peer)
    except OSError as error:
        sock.close()
        hint = (
            "stop the other TFTP server (ss -lunp 'sport = :69' names it)" if port else "see the address and the link"
        )
        raise MissingError(f"TFTP on {interface} ({address} port {port}): {error.strerror}", hint) from error
    return sock
