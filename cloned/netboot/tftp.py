"""A read-only TFTP server: requests in asyncio, transfers with a connected socket each (tftp_transfer.py)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from cloned.errors import MissingError
from cloned.netboot.tftp_transfer import Pump, Transfer
from cloned.netboot.tftp_wire import Blocks, Code, Request, TftpError, agree, netascii, read_request

log = logging.getLogger(__name__)

PORT = 69
MAX_TRANSFERS = 512
MAX_PER_CLIENT = 16
_DRAIN = 64
_CACHE_BYTES = 128 * 1024 * 1024

Address = tuple[str, int]
T = TypeVar("T")


@dataclass(frozen=True)
class Told:
    """What a transfer came to, for the history."""

    client: str
    name: str
    got: str
    why: str = ""
    complete: bool = False


@dataclass(frozen=True)
class Found:
    """A file: `key` names its content for the cache, empty for what was rendered for one laptop."""

    size: int
    read: Callable[[], bytes]
    """Blocking; called in a thread."""
    key: str = ""


Lookup = Callable[[str, str], Awaitable[Found]]
"""(name, client address) → file; raises TftpError."""


class BlockCache:
    """Files cut into packets, kept while they are likely to be asked for again (least recently used go first).

    Reads in threads of its own: those that everybody shares may be busy hashing an image for minutes.
    """

    def __init__(self, limit: int = _CACHE_BYTES) -> None:
        self._limit, self._bytes = limit, 0
        self._threads = ThreadPoolExecutor(2, "netboot-files")
        self._kept: OrderedDict[tuple[str, int, bool], Blocks] = OrderedDict()
        self._loading = asyncio.Lock()

    async def blocks(self, found: Found, block: int, *, text: bool) -> Blocks:
        """`found` in blocks of `block` bytes, as netascii if it is `text`. Raises OSError if it can't be read."""
        name = (found.key, block, text)
        async with self._loading:  # 24 laptops in one second read a file once
            kept = self._kept.get(name)
            if kept is None:
                kept = await self._run(lambda: _cut(found, block, text))
                if found.key:
                    self._keep(name, kept)
            else:
                self._kept.move_to_end(name)
            return kept

    async def text_size(self, found: Found) -> int:
        """Bytes of `found` as netascii."""
        return await self._run(lambda: len(netascii(found.read())))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _keep(self, name: tuple[str, int, bool], blocks: Blocks) -> None:
        self._kept[name] = blocks
        self._bytes += blocks.size
        while self._bytes > self._limit and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._bytes -= old.size


def _cut(found: Found, block: int, text: bool) -> Blocks:
    content = found.read()
    return Blocks(netascii(content) if text else content, block)


class TftpServer:
    """Answers read requests on one interface. Transfers run in `pump`, which may serve several of these."""

    def __init__(
        self, interface: str, address: str, lookup: Lookup, pump: Pump, told: Callable[[Told], None],
        *, cache: BlockCache, port: int = PORT, mtu: int = 1500,
    ) -> None:  # fmt: skip
        self._interface, self._address, self._port = interface, address, port
        self._lookup, self._pump, self._told, self._cache = lookup, pump, told, cache
        self._largest = mtu - 32  # IP, UDP and TFTP headers: blocks never travel in fragments
        self._clients: dict[Address, Transfer | None] = {}  # None: being prepared
        self._counts: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sock: socket.socket | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def transfers(self) -> int:
        """How many are under way."""
        return len(self._clients)

    def start(self) -> None:
        """Listen; MissingError if the port is in use or not allowed."""
        self._sock = _socket(self._interface, self._address, self._port)
        self._loop.add_reader(self._sock, self._readable)

    async def close(self) -> None:
        """Stop listening. Transfers under way are the pump's to end."""
        if self._sock is not None:
            self._loop.remove_reader(self._sock)
            self._sock.close()
            self._sock = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

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
        if client in self._clients:
            self._asked_again(self._clients[client])
            return
        try:
            request = read_request(data)
            if request is None:
                return
            if len(self._clients) >= MAX_TRANSFERS or self._counts[client[0]] >= MAX_PER_CLIENT:
                raise TftpError(Code.UNDEFINED, "too many transfers at once, try again")
        except TftpError as error:
            self._refuse(client, "?", error)
            return
        self._clients[client] = None
        self._counts[client[0]] += 1
        task = self._loop.create_task(self._serve(request, client), name=f"tftp.{client[0]}:{client[1]}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _asked_again(self, transfer: Transfer | None) -> None:
        """An impatient client still has one transfer only."""
        if transfer is not None:
            transfer.asked_again = True

    async def _serve(self, request: Request, client: Address) -> None:
        """Find the file, settle the options, hand the transfer over."""
        try:
            transfer = await self._prepare(request, client)
        except TftpError as error:
            self._forget(client)
            self._refuse(client, request.name, error)
        except (OSError, MissingError) as error:
            self._forget(client)
            log.warning("TFTP to %s: %s", client[0], error)
            self._told(Told(client[0], request.name, "", f"the server could not send it: {error}"))
        except asyncio.CancelledError:
            self._forget(client)
            raise
        else:
            self._clients[client] = transfer
            self._pump.add(transfer, lambda transfer: self._from_pump(client, request.name, transfer))

    async def _prepare(self, request: Request, client: Address) -> Transfer:
        found = await self._lookup(request.name, client[0])
        size = await self._cache.text_size(found) if request.netascii else found.size
        terms = agree(request.options, size, self._largest)
        blocks = await self._cache.blocks(found, terms.block, text=request.netascii)
        return Transfer(_socket(self._interface, self._address, 0, client), blocks, terms)

    def _from_pump(self, client: Address, name: str, transfer: Transfer) -> None:
        """In the pump's thread: pass it on to the loop, unless that is closed already."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended, client, name, transfer)

    def _ended(self, client: Address, name: str, transfer: Transfer) -> None:
        self._forget(client)
        why = transfer.outcome or ""
        got = "" if why else f"{transfer.blocks.size} bytes in {transfer.seconds:.1f} s"
        if why and transfer.only_asked:
            got, why = f"its size, {transfer.blocks.size} bytes", ""
        self._told(Told(client[0], name, got, why, complete=not transfer.outcome))

    def _forget(self, client: Address) -> None:
        self._clients.pop(client, None)
        self._counts[client[0]] -= 1
        if self._counts[client[0]] <= 0:
            del self._counts[client[0]]

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
            "stop the other TFTP server (ss -lunp 'sport = :69' names it)" if port else "see the link of that interface"
        )
        if isinstance(error, PermissionError):
            hint = "run it as root, or through the service"
        raise MissingError(f"TFTP on {interface} ({address} port {port}): {error.strerror}", hint) from error
    return sock
