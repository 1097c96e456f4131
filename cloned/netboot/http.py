"""What laptops fetch by HTTP: boot files, the live system, their scripts; and the agent's calls beside them.

Files go out by sendfile, with ranges, HEAD and lengths (UEFI HTTP boot asks HEAD first). A name may come with
doubled slashes: shim asks for `//grubx64.efi`. Firmware and GRUB cut connections without a word; that is normal.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar
from ipaddress import IPv4Address
from pathlib import Path
from typing import Literal, Protocol

from aiohttp import web

from cloned.core.boot import BootAnswer, BootRequest
from cloned.core.ids import normal_mac
from cloned.errors import ClonedError
from cloned.netboot.choices import Choices
from cloned.netboot.counters import RequestCounter
from cloned.netboot.files import Digests, Shelf, normal
from cloned.netboot.firmware import BIOS, GRUB, UEFI
from cloned.netboot.gate import BootGate
from cloned.netboot.history import History
from cloned.netboot.loaders import ShimFollowers
from cloned.netboot.menus import CHAIN, Menus
from cloned.netboot.tftp_content import Found
from cloned.netboot.tftp_wire import Code, TftpError
from cloned.quoting import quoted
from cloned.saying import Phrase
from cloned.shares import SHARES, Shares, fairly
from cloned.tasks import TaskOwner
from cloned.wire import line, plain_requests

log = logging.getLogger(__name__)

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_ANY_MAC = re.compile(r"[0-9a-f]{2}([:. -]?[0-9a-f]{2}){5}")
Via = Literal["ipxe", "grub"]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_TEXT = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
_REFUSED: ContextVar[bool] = ContextVar("refused")
"""Whether this request got a script that only says why there is none."""
_AHEAD_SECONDS = 10
_SMALL_BYTES = 32 * 1024
"""Bytes of a file that is read at once: opened in a thread and sent by sendfile(2) it costs three times as much."""
_PARTLY = ("Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
_LARGEST_TFTP_BYTES = 128 * 1024 * 1024
"""Bytes: a kernel and its initramfs, not the full Clonezilla. TFTP holds what it sends in memory."""


class BootDecisions(Protocol):
    """The engine, as far as booting goes."""

    async def boot(self, request: BootRequest) -> BootAnswer:
        """Decide what a laptop boots, and give it a token that revokes its older ones."""


class BootSite:
    """Everything a laptop can ask for by name, over HTTP or TFTP."""

    def __init__(
        self,
        boot: BootDecisions,
        menus: Menus,
        shelf: Shelf,
        choices: Choices,
        history: History,
        memory: Mapping[str, bytes],
        mac_at: Callable[[str], str],
        tasks: TaskOwner,
        gate: BootGate | None = None,
        counter: RequestCounter | None = None,
    ) -> None:
        self._boot, self._menus, self._shelf, self._choices, self._history = boot, menus, shelf, choices, history
        self._memory, self._mac_at = memory, mac_at
        self._gate = gate or BootGate(lambda request: ("", False), mac_at)
        self._counter, self._followers = counter or RequestCounter(), ShimFollowers()
        self._digests, self._tasks = Digests(), tasks
        self._hashing: set[Path] = set()
        self._ahead: dict[tuple[str, str], tuple[float, str]] = {}
        """Scripts that were asked for with HEAD, until the GET comes."""

    def application(self, routes: Iterable[web.AbstractRouteDef] = ()) -> web.Application:
        """The web application: `routes` first, then every file."""
        app = web.Application(middlewares=[self._counted, fairly, plain_requests])
        app[SHARES] = Shares()
        app.add_routes(list(routes))
        app.router.add_get("/{name:.*}", self._get)
        return app

    async def found(self, name: str, client: str, server: str) -> Found:
        """Content for TFTP; `server` is our ADDRESS:PORT for HTTP. Raises TftpError."""
        name = normal(name)
        if name == "grub/grub.cfg":
            return _in_memory(self._start_grub(client, server, tftp=True).encode())
        if name.startswith(f"{CHAIN}/"):
            return _in_memory(self._chain(name, client).encode())
        if name in self._memory:
            return _in_memory(self._memory[name])
        path = self._find(name, client)
        if path is None and self._shelf.leads_out(name):
            raise TftpError(Code.ACCESS, Phrase("that is outside of what laptops may read"))
        if path is None:
            raise TftpError(Code.NOT_FOUND, Phrase("no such file"))
        status = path.stat()
        if status.st_size > _LARGEST_TFTP_BYTES:
            raise TftpError(Code.ACCESS, Phrase("too large for TFTP, use HTTP"))
        return Found(status.st_size, path.read_bytes, f"{path}:{status.st_size}:{status.st_mtime_ns}")

    def fetched(self, address: str, mac: str, name: str) -> None:
        """A laptop fetched `name` to its end; `mac` may be unknown."""
        name = normal(name)
        if self._followers.wants_grub(address, name) and self._shelf.find(name) is None:
            name = GRUB
        self._followers.fetched(address, name)
        if mac:
            self._choices.fetched(mac, name)

    def _find(self, name: str, address: str) -> Path | None:
        """The file of that name; GRUB for whoever has just fetched shim and asks for something odd."""
        found = self._shelf.find(name)
        if found is None and self._followers.wants_grub(address, name):
            log.info("%s fetched shim and asks for %s: it gets %s", address, quoted(name, 80), GRUB)
            found = self._shelf.find(GRUB)
        return found

    @web.middleware
    async def _counted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count every request by what came of it; where a file or socket can't be had just now, say so in one line."""
        kind, outcome = _kind(normal(request.path)), "failed"
        _REFUSED.set(False)
        try:
            response = await handler(request)
            outcome = "refused" if _REFUSED.get() else _outcome(response.status)
            return response
        except web.HTTPException as error:
            outcome = _outcome(error.status)
            raise
        except (ConnectionError, asyncio.CancelledError):
            outcome = "stopped"
            raise
        except OSError as error:
            log.warning("HTTP to %s: %s", request.remote, error)
            raise web.HTTPServiceUnavailable(text="try again\n", headers={"Retry-After": "1"}) from error
        finally:
            self._counter.add(kind, outcome)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        name = normal(request.path)
        if name in ("boot.ipxe", "grub/grub.cfg", "grub/menu.cfg"):
            return web.Response(text=await self._script(name, request), headers=_TEXT)
        if name in self._memory:
            return web.Response(body=self._memory[name], content_type="application/octet-stream")
        address = request.remote or ""
        path, mac = self._find(name, address), self._mac_at(address)
        if path is None:
            self._tell(mac, request, "", Phrase("no such file"))
            raise web.HTTPNotFound(text="no such file\n")
        if request.method == "GET" and "Range" not in request.headers:
            self._tell(mac, request, Phrase("{count} bytes", count=path.stat().st_size))
            self.fetched(address, mac, name)
        headers = {"Content-Type": "application/octet-stream"}
        digest = self._digests.known(path)
        if digest is not None:
            headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(digest).decode()}:"  # RFC 9530
        elif path not in self._hashing:
            self._hashing.add(path)
            self._tasks.start(self._hash(path), f"digest.{path.name}")
        return _in_one_piece(path, headers) if _is_small(request, path) else web.FileResponse(path, headers=headers)

    async def _hash(self, path: Path) -> None:
        """Take a file's digest beside the transfer; who asks next gets it along."""
        try:
            await asyncio.to_thread(self._digests.take, path)
        except OSError as error:  # it went away, or is being replaced
            log.info("no digest of %s: %s", path, error)
        finally:
            self._hashing.discard(path)

    async def _script(self, name: str, request: web.Request) -> str:
        server = _server(request)
        if name == "grub/grub.cfg":
            self._tell(self._mac_at(request.remote or ""), request, Phrase("the configuration that asks for a menu"))
            return self._start_grub(request.remote or "", server, tftp=False)
        if name == "boot.ipxe" and "mac" not in request.query:
            self._tell(self._mac_at(request.remote or ""), request, Phrase("the script that asks for a script"))
            return self._menus.start_ipxe(server)
        via: Via = "grub" if name == "grub/menu.cfg" else "ipxe"
        query = self._with_mac(request)
        if query.get("mac") == "":
            self._tell("", request, "", Phrase("it told no MAC"))
            return self._menus.refused(Phrase("The network card told no MAC address"), via)
        wanted = read_query(query, request.remote or "", via)
        if wanted is None:
            raise web.HTTPBadRequest(text="mac must be six hexadecimal bytes with colons\n")
        key = (wanted.address, request.path_qs)
        ready = self._ahead.pop(key, None)
        if ready is not None and ready[0] + _AHEAD_SECONDS > time.monotonic():
            return ready[1]
        script = await self._menu(wanted, request, server)
        if request.method == "HEAD":  # firmware asks for the size first: one boot, one token
            self._ahead[key] = (time.monotonic(), script)
            if len(self._ahead) > 256:
                self._ahead.pop(next(iter(self._ahead)))
        return script

    def _with_mac(self, request: web.Request) -> Mapping[str, str]:
        """The query; where a boot loader found no MAC to tell (`mac=`), with the one that is at its address."""
        query = dict(request.query.items())
        if "mac" in query and not query["mac"].strip("0:-. \0"):
            query["mac"] = self._mac_at(request.remote or "")
        return query

    async def _menu(self, wanted: BootRequest, request: web.Request, server: str) -> str:
        try:
            wanted = self._gate.admit(wanted)
            self._history.place(wanted.mac, wanted.address)
            self._choices.remember(wanted.mac, wanted.vendor, wanted.product, by_grub=wanted.via == "grub")
            answer = await self._boot.boot(wanted)
        except ClonedError as error:
            _REFUSED.set(True)
            # about who asks, not about whom: a stranger must not fill another's record with what he was refused
            self._tell(self._mac_at(wanted.address) or wanted.mac, request, "", str(error))
            return self._menus.refused(error.message, wanted.via, error.hint)
        said = Phrase("{kind}: {why}", kind=answer.kind, why=answer.why)
        self._tell(
            wanted.mac, request, "" if answer.kind == "refuse" else said, said if answer.kind == "refuse" else ""
        )
        return self._menus.menu(server, wanted, answer, self._choices.model(wanted.mac))

    def _chain(self, name: str, client: str) -> str:
        """`grub/chain/MAC/m=MANUFACTURER/p=PRODUCT`; either word may be empty."""
        mac, vendor, product = ([*name.split("/")[2:], "", "", ""])[:3]
        words = [word[2:].replace("+", " ").strip()[:64] for word in (vendor, product)]
        known = mac.lower() if _MAC.fullmatch(mac.lower()) else self._mac_at(client)
        return self._menus.chain_grub(self._choices.chain(known, *words))

    def _start_grub(self, client: str, server: str, *, tftp: bool) -> str:
        self.fetched(client, self._mac_at(client), "grub/grub.cfg")
        return self._menus.start_grub(server, tftp=tftp)

    def _tell(self, mac: str, request: web.Request, got: str, why: str = "") -> None:
        if mac:
            self._history.add(mac, f"HTTP {line(request.path, 80)}", got, why, address=request.remote or "")


def _is_small(request: web.Request, path: Path) -> bool:
    """Whether a file can be read at once: parts, and "only if", are left to aiohttp."""
    plain = request.method == "GET" and not any(each in request.headers for each in _PARTLY)
    return plain and path.stat().st_size <= _SMALL_BYTES


def _in_one_piece(path: Path, headers: Mapping[str, str]) -> web.Response:
    """With the headers that aiohttp gives a file."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        response = web.Response(body=file.read(), headers=headers)
    response.last_modified = status.st_mtime
    response.etag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
    response.headers["Accept-Ranges"] = "bytes"
    return response


def _kind(name: str) -> str:
    """What is asked for, as one word of few."""
    if name.startswith("agent/"):
        return "call"
    return "script" if name in ("boot.ipxe", "grub/grub.cfg", "grub/menu.cfg") else "file"


def _outcome(status: int) -> str:
    return "ok" if status < 400 else "missing" if status == 404 else "refused" if status < 500 else "failed"


def _in_memory(content: bytes) -> Found:
    return Found(len(content), lambda: content)


def read_query(query: Mapping[str, str], address: str, via: Via) -> BootRequest | None:
    """What a script's query tells; None if it names no MAC. `via=thin` comes from the lab's thin laptops."""
    told = query.get("mac", "").strip().lower()
    mac = normal_mac(told) if _ANY_MAC.fullmatch(told) else ""
    if not mac:
        return None
    firmware = {"pcbios": BIOS, "efi": UEFI}.get(query.get("platform", ""), query.get("platform", "")[:16])
    if via == "grub":
        firmware = "secureboot" if query.get("lockdown") == "y" else UEFI
    return BootRequest(
        mac=mac,
        address=address,
        uuid=_field(query, "uuid"),
        serial=_field(query, "serial"),
        vendor=_field(query, "manufacturer"),
        product=_field(query, "product"),
        firmware=firmware,
        via="thin" if query.get("via") == "thin" else via,
    )


def _field(query: Mapping[str, str], name: str) -> str:
    """One word of SMBIOS: printable, at most 64 characters (longer ones are no strings of a maker)."""
    return "".join(char for char in query.get(name, "") if char.isprintable())[:64].strip()


def _server(request: web.Request) -> str:
    """ADDRESS:PORT that this client reached us at."""
    transport = request.transport
    if transport is None:
        raise web.HTTPBadRequest(text="the connection is gone\n")
    address, port = transport.get_extra_info("sockname")[:2]
    return f"{IPv4Address(address)}:{port}"
