"""The page over TLS: one port that speaks it, and leads whoever comes without it to itself.

The first byte of a connection tells: a ClientHello begins with 22 (RFC 8446 §5.1), HTTP with a letter. So an address
that was printed on a sticker before there was a certificate still leads to the page.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Collection
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from cloned.connections import AT_ONCE, AdmittingSocket, Crowd, handlers, place
from cloned.connections import runner as make_runner
from cloned.errors import ClonedError, MissingError
from cloned.saying import Phrase
from cloned.status import guard, hosts
from cloned.tasks import TaskOwner

log = logging.getLogger(__name__)

HANDSHAKE = 22
SECONDS = 30.0
"""In which the first byte, and then the handshake, must have come."""
SOON_SECONDS = 14 * 86400
"""Seconds before its end from which on a certificate is spoken of."""


class Certificate:
    """Certificate and key of the page, read again when their files change."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """MissingError or ClonedError where they cannot be used."""
        self._files = (certificate, key)
        self._stamps = self._now()
        self._context = self._loaded()
        self.ends = _end(certificate)
        """UTC."""
        self.problem = ""
        """Why newer files are not used, while they cannot be."""

    def context(self) -> ssl.SSLContext:
        """What a connection is to be opened with; files that cannot be used leave the old ones in force."""
        try:
            stamps = self._now()
            if stamps != self._stamps:
                self._stamps = stamps
                self._context, self.ends = self._loaded(), _end(self._files[0])
                self.problem = ""
                log.info("the page's certificate was read again; it holds until %s", self.ends)
        except ClonedError as error:
            if str(error) != self.problem:
                log.error("the page keeps its old certificate: %s", error)
            self.problem = str(error)
        return self._context

    def warnings(self) -> list[dict[str, str]]:
        """What somebody should know of it: it cannot be read, has ended or will soon."""
        found: list[tuple[str, str, str]] = []
        left = (self.ends - datetime.now(UTC)).total_seconds()
        if self.problem:
            said = Phrase("the page keeps its old certificate: {why}", why=self.problem)
            found.append(("page-certificate", said, Phrase("mend the files that [page] certificate and key name")))
        if left < SOON_SECONDS:
            said = Phrase("the page's certificate ends on {day}", day=f"{self.ends:%Y-%m-%d}")
            said = Phrase("the page's certificate has ended") if left < 0 else said
            hint = "renew the files under [page] certificate and key: they are taken without a restart"
            found.append(("page-certificate-end", said, hint))
        return [{"code": code, "text": text, "hint": hint} for code, text, hint in found]

    def _now(self) -> tuple[tuple[int, int], ...]:
        try:
            return tuple((each.stat().st_mtime_ns, each.stat().st_ino) for each in self._files)
        except OSError as error:
            raise MissingError(
                Phrase("{path} cannot be read: {error}", path=error.filename, error=error), _HINT
            ) from error

    def _loaded(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(*self._files, password=_no_password)
        except OSError as error:  # ssl.SSLError is one
            one, other = self._files
            said = Phrase("{one} and {other} cannot be used: {error}", one=one, other=other, error=error)
            raise ClonedError(said, _HINT) from error
        return context


_HINT = "[page] certificate is the chain and key the key without a password, both PEM, which the daemon's user may read"


def _no_password() -> str:
    """Asked for where the key has one: nobody is there to type it."""
    raise ClonedError("the key has a password", _HINT)


def _end(path: Path) -> datetime:
    from cryptography import x509  # only where there is a certificate

    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0].not_valid_after_utc
    except (OSError, ValueError, IndexError) as error:
        raise ClonedError(Phrase("{path} holds no certificate: {error}", path=path, error=error), _HINT) from error


def leading_there(names: Collection[str]) -> web.Application:
    """What HTTP gets: the same address with https."""

    async def lead(request: web.Request) -> web.Response:
        raise web.HTTPPermanentRedirect(f"https://{request.host}{request.raw_path}")

    app = web.Application(middlewares=[hosts.by_our_names])
    app[guard.TRUSTED], app[hosts.HOSTS] = False, names
    app.on_response_prepare.append(guard.add_headers)
    app.router.add_route("*", "/{path:.*}", lead)
    return app


RECORDS_BYTES = 32 * 1024
"""Bytes that asyncio keeps ready for what comes in on each connection: two records of TLS. It takes 256 KiB, which a
thousand connections that say nothing make a quarter of a gigabyte."""
SSLProtocol.max_size = RECORDS_BYTES


class _Coming:
    """A connection of which nobody knows yet what it speaks."""

    silent = True

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.task: asyncio.Task[None] | None = None

    def cut_off(self) -> None:
        """Make room for somebody else."""
        if self.task is not None:
            self.task.add_done_callback(lambda _: self.sock.close())  # also where it never began
            self.task.cancel()


class TlsDoor:
    """The page's port where it has a certificate. `tasks` run what connections need until they are under way."""

    def __init__(
        self, page: web.AppRunner, plain: web.AppRunner, certificate: Certificate, crowd: Crowd, tasks: TaskOwner
    ) -> None:
        self._page, self._plain = handlers(page, crowd), handlers(plain, crowd)
        self._certificate, self._tasks = certificate, tasks
        self._waiting = Crowd(max(4, crowd.per_place // 2), max(8, crowd.most // 2))
        self.port = 0

    def listen(self, address: str, port: int) -> None:
        """Take the port; OSError where it is taken."""
        self._socket = AdmittingSocket((address, port), self._waiting.has_room, b"")
        self.port = self._socket.getsockname()[1]
        self._accepting = self._tasks.supervise(self._accept, "page door")

    def close(self) -> None:
        """Take nobody in any more."""
        self._accepting.cancel()
        self._socket.close()

    async def _accept(self) -> None:
        while True:
            await self._take_in()
            await asyncio.sleep(0)  # while others wait there, nothing else would let anybody have a turn

    async def _take_in(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(AT_ONCE):
            sock, peer = await loop.sock_accept(self._socket)
            coming = _Coming(sock)
            if self._waiting.enter(coming, place(peer[0])):
                coming.task = self._tasks.start(self._enter(coming), "page connection")
            else:
                sock.close()

    async def _enter(self, coming: _Coming) -> None:
        """One connection, until it is known what it speaks and somebody else has it."""
        try:
            async with asyncio.timeout(SECONDS):
                first = await _peek(coming.sock)
                await self._hand_over(coming.sock, first)
        except (OSError, TimeoutError):  # gone, silent or no TLS: nothing that anybody could mend here
            coming.sock.close()
        finally:
            self._waiting.leave(coming)

    async def _hand_over(self, sock: socket.socket, first: bytes) -> None:
        loop = asyncio.get_running_loop()
        if not first:
            sock.close()
        elif first[0] == HANDSHAKE:
            await loop.connect_accepted_socket(self._page, sock, ssl=self._certificate.context())
        else:
            await loop.connect_accepted_socket(self._plain, sock)


async def _peek(sock: socket.socket) -> bytes:
    """The first byte that comes, left where it is; nothing where the other end is gone."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sock, _once, ready)
    try:
        await ready
    finally:
        loop.remove_reader(sock)
    with contextlib.suppress(BlockingIOError):
        return sock.recv(1, socket.MSG_PEEK)
    return b""


def _once(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def open_door(
    page: web.AppRunner,
    where: tuple[str, int],
    certificate: Certificate,
    crowd: Crowd,
    names: Collection[str],
    tasks: TaskOwner,
    stack: AsyncExitStack,
) -> TlsDoor:
    """Serve the page at `where` over TLS until `stack` ends. OSError where the port is taken."""
    plain = make_runner(leading_there(names))
    await plain.setup()
    stack.push_async_callback(plain.cleanup)
    door = TlsDoor(page, plain, certificate, crowd, tasks)
    door.listen(*where)
    stack.callback(door.close)
    return door
