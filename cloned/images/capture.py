"""Taking in a master: a write-once upload of a Clonezilla directory, proven before it becomes an image."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler

from cloned import wire
from cloned.core.answer_data import CaptureData
from cloned.disk.manifest import Manifest
from cloned.errors import ClonedError, MissingError, UsageError
from cloned.images.manifest import WorkProgress
from cloned.images.saved import read_image
from cloned.images.store import ImageStore, check_name
from cloned.saying import Phrase, spoken
from cloned.shares import at_cost_of_the_wire

if TYPE_CHECKING:
    from cloned.images.importing import Keep, OnProgress

log = logging.getLogger(__name__)

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
RESERVE_BYTES = 512 * 1024 * 1024
"""Bytes that stay free on the server's disk."""
SILENCE_SECONDS = 300.0
"""Seconds without a byte after which a capture is given up."""
MAX_FILES = 4096
LOOK_BYTES = 16 * 1024 * 1024
"""Bytes between looks at what is free on the server's disk."""
SLACK_BYTES = 64 * 1024 * 1024
"""Bytes that may come beyond what was announced: small files, bitmaps, and what does not compress grows a little."""


class CaptureState(StrEnum):
    """Where a capture is."""

    RECEIVING = "receiving"
    PROVING = "proving"
    DONE = "done"
    FAILED = "failed"


@dataclass
class Capture:
    """One master on its way into the store."""

    name: str
    token: str = field(repr=False)
    directory: Path
    expected: int
    """Bytes that the laptop thinks it will send at most."""
    laptop: str = ""
    address: str = ""
    """Where it comes from; empty: the token alone opens it."""
    state: CaptureState = CaptureState.RECEIVING
    received: int = 0
    why: str = ""
    heard: float = field(default_factory=time.monotonic)
    progress: WorkProgress | None = None
    _busy: set[str] = field(default_factory=set, repr=False)
    _settled: bool = False

    @property
    def most(self) -> int:
        """Bytes that are taken at most."""
        return self.expected + self.expected // 32 + SLACK_BYTES

    @property
    def outcome(self) -> str:
        """`done` or `failed`; empty while it is under way."""
        return self.state.value if self.state in (CaptureState.DONE, CaptureState.FAILED) else ""

    def to_json(self) -> CaptureData:
        """For page and command line."""
        proving = self.progress if self.state is CaptureState.PROVING else None
        return {
            "name": self.name,
            "laptop": self.laptop,
            "state": self.state.value,
            "why": self.why,
            "bytes": proving.done if proving else self.received,
            "total": proving.total if proving else self.expected,
        }


class Captures:
    """All captures of a daemon. A failed one leaves a message here and nothing on the disk."""

    def __init__(self, store: ImageStore, changed: Callable[[], None] = lambda: None) -> None:
        """`changed` is called, from any thread, when a capture begins or comes to its end."""
        self._store, self._changed = store, changed
        self._root = store.root / ".captures"
        self._all: dict[str, Capture] = {}
        """By name; `begin` adds to it from another thread, so it is copied before it is gone through."""

    def begin(self, name: str, expected: int, laptop: str = "", address: str = "") -> Capture:
        """Open a channel for one image; what is returned holds the token that every upload needs.

        UsageError if the name is no good or taken, MissingError if there is no room for `expected` bytes.
        """
        check_name(name)
        running = self._all.get(name)
        if name in self._store.names():
            raise UsageError(
                Phrase("there is an image called {name} already", name=repr(name)),
                "choose another name or remove that image",
            )
        if running and running.state in (CaptureState.RECEIVING, CaptureState.PROVING):
            raise UsageError(
                Phrase("{name} is being captured already", name=repr(name)), "wait for it, or choose another name"
            )
        self._need_space(None, expected)
        directory = self._root / name
        capture = Capture(name, secrets.token_urlsafe(32), directory, expected, laptop, address)
        self._all[name] = capture  # before there is a directory: `sweep` removes those that nobody owns
        try:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True, mode=0o700)
        except OSError as error:
            self.fail(capture, Phrase("{directory} cannot be made: {strerror}", directory=directory, strerror=error))
            raise MissingError(capture.why, "look at the server's disk") from error
        self._changed()
        return capture

    def find(self, token: str, address: str = "") -> Capture:
        """The capture that this token opens at this address; UsageError if there is none."""
        for capture in list(self._all.values()):
            known = hmac.compare_digest(capture.token.encode(), token.encode())
            if known and capture.address in ("", address):
                return capture
        raise UsageError("this capture is not open", "start it again")

    def to_json(self) -> list[CaptureData]:
        """All captures since the daemon started, for page and command line."""
        return [capture.to_json() for capture in list(self._all.values())]

    def unsettled(self) -> list[Capture]:
        """Those whose outcome nobody was told yet."""
        return [capture for capture in list(self._all.values()) if not capture._settled]

    def settle(self, capture: Capture) -> None:
        """Its outcome was told."""
        capture._settled = True

    def size(self, capture: Capture, file: str) -> int:
        """Bytes of `file` that are here, for a laptop whose connection broke."""
        if capture.state is CaptureState.FAILED:
            raise UsageError(capture.why, "capture it again")
        path = capture.directory / file
        return path.stat().st_size if _FILE.fullmatch(file) and path.is_file() else 0

    async def receive(self, capture: Capture, file: str, offset: int, data: AsyncIterator[bytes]) -> int:
        """Append to `file` from `offset` on, which must be where it ends; its size afterwards.

        Nothing that was written can be written again. UsageError for a name, an offset or a time that is not right,
        MissingError when the disk is full: the capture has then failed.
        """
        path = self._open(capture, file, offset)
        capture._busy.add(file)
        try:
            with path.open("ab") as out:
                async for chunk in data:
                    self._may_go_on(capture, len(chunk))
                    await asyncio.to_thread(out.write, chunk)
                    capture.received += len(chunk)
                    capture.heard = time.monotonic()
                return out.tell()
        except OSError as error:
            self.fail(capture, Phrase("{name} could not be stored: {strerror}", name=capture.name, strerror=error))
            raise MissingError(capture.why, "free some space on the server and capture it again") from error
        finally:
            capture._busy.discard(file)

    def _may_go_on(self, capture: Capture, count: int) -> None:
        """Before each stretch that is written: it may have ended meanwhile, be too much, or fill the disk."""
        if capture.state is not CaptureState.RECEIVING:
            raise UsageError(
                Phrase("the capture of {name} is {state}", name=capture.name, state=capture.state.value),
                "start it again",
            )
        if capture.received + count > capture.most:
            self.fail(capture, Phrase("it sent more than the {expected} bytes it announced", expected=capture.expected))
            raise UsageError(capture.why, "capture it again, and let nothing write to its disk meanwhile")
        if capture.received // LOOK_BYTES != (capture.received + count) // LOOK_BYTES:
            try:
                self._need_space(capture, 0)
            except MissingError as error:
                self.fail(capture, error.message)
                raise

    def _open(self, capture: Capture, file: str, offset: int) -> Path:
        if capture.state is not CaptureState.RECEIVING:
            raise UsageError(
                Phrase("the capture of {name} is {state}", name=capture.name, state=capture.state.value),
                "start it again",
            )
        if not _FILE.fullmatch(file):
            raise UsageError(
                Phrase("{file} is no file of a Clonezilla image", file=repr(file)),
                "send the files that Clonezilla wrote",
            )
        path = capture.directory / file
        size = path.stat().st_size if path.exists() else 0
        if file in capture._busy or offset != size:
            raise UsageError(
                Phrase("{file} goes on at byte {size}, not {offset}", file=file, size=size, offset=offset),
                "what was sent cannot be sent again",
            )
        if not size and len(list(capture.directory.iterdir())) >= MAX_FILES:
            raise UsageError(
                Phrase("{name} has more than {max_files} files", name=capture.name, max_files=MAX_FILES),
                "capture it with larger ones",
            )
        self._need_space(capture, 0)
        return path

    async def finish(self, capture: Capture, progress: OnProgress | None = None) -> Manifest:
        """Everything was sent: prove it and make it an image. ImageError says what is wrong; nothing is then kept."""
        self.close(capture)
        return await self.prove(capture, progress)

    def close(self, capture: Capture) -> None:
        """Nothing more is taken; UsageError if something still comes."""
        if capture.state is not CaptureState.RECEIVING or capture._busy:
            raise UsageError(
                Phrase("the capture of {name} is not at its end", name=capture.name), "send everything first"
            )
        capture.state = CaptureState.PROVING

    async def prove(self, capture: Capture, progress: OnProgress | None = None) -> Manifest:
        """Make a closed capture an image, or nothing: ClonedError."""

        def report(step: WorkProgress) -> None:
            capture.progress = step
            if progress:
                progress(step)

        try:
            keep: Keep = "link" if (await asyncio.to_thread(read_image, capture.directory)).classic else "reference"
            manifest = await self._store.import_directory(capture.directory, capture.name, report, keep)
        except (ClonedError, OSError) as error:
            self.fail(capture, spoken(error))
            raise
        except asyncio.CancelledError:
            self.fail(capture, Phrase("the daemon was stopped while proving it"))
            with suppress(ClonedError):
                await asyncio.to_thread(self._store.abandon, capture.name)
            raise
        capture.state = CaptureState.DONE
        shutil.rmtree(capture.directory, ignore_errors=True)
        self._changed()
        return manifest

    def fail(self, capture: Capture, why: str) -> None:
        """Give a capture up: its files go, the reason stays."""
        capture.state, capture.why = CaptureState.FAILED, why
        log.warning("capture of %s failed: %s", capture.name, why)
        shutil.rmtree(capture.directory, ignore_errors=True)
        self._changed()

    def silent_in(self) -> float | None:
        """Seconds until the next one could have been silent for too long; None where none is under way."""
        running = (each for each in list(self._all.values()) if each.state is CaptureState.RECEIVING)
        heard = min((each.heard for each in running), default=None)
        return None if heard is None else max(0.1, heard + SILENCE_SECONDS - time.monotonic() + 0.1)

    def sweep(self) -> None:
        """Give up what fell silent, and remove what an earlier daemon left; call it now and then."""
        for capture in list(self._all.values()):
            if capture.state is CaptureState.RECEIVING and time.monotonic() - capture.heard > SILENCE_SECONDS:
                self.fail(capture, Phrase("the laptop was not heard any more; capture it again"))
        with suppress(OSError, ClonedError):
            for path in self._root.iterdir():
                if path.name not in self._all:
                    self._store.abandon(path.name)  # it may have died while it was proven
                    shutil.rmtree(path, ignore_errors=True)

    def _need_space(self, capture: Capture | None, expected: int) -> None:
        """MissingError without room for `expected` bytes more, beside what other captures still bring."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            said = Phrase("{directory} cannot be made: {strerror}", directory=self._root, strerror=error)
            raise MissingError(said, "see that the image store belongs to the user that cloned runs as") from error
        found = os.statvfs(self._root)
        free = found.f_bavail * found.f_frsize
        running = (CaptureState.RECEIVING, CaptureState.PROVING)
        others = (each for each in list(self._all.values()) if each is not capture and each.state in running)
        # An image's own files and its pieces are there side by side until it is proven.
        pending = sum(max(0, 2 * each.expected - each.received) for each in others) if capture is None else 0
        need = 2 * expected + pending + RESERVE_BYTES
        if free < need:
            raise MissingError(
                Phrase(
                    "the server has {free} GB free, the capture may need {need} GB",
                    free=f"{free / 1e9:.1f}",
                    need=f"{need / 1e9:.1f}",
                ),
                "remove images that are not needed, or give the store a larger disk",
            )


Start = Callable[[Coroutine[object, object, None], str], object]
"""Runs something in the background: what it does, and its name."""


def capture_routes(captures: Captures, start: Start) -> list[web.RouteDef]:
    """HTTP for the laptop: `PUT` and `GET /capture/v1/FILE?offset=N`, `POST /capture/v1/finish` and `…/abort`.

    Bearer token of the capture. PUT and GET answer `{"size"}` of what is here; errors are 4xx or 507
    `{"error","hint"}`. The proof that `finish` begins can take many minutes and is no longer the laptop's business:
    the answer is 200 `{}` at once.
    """

    async def put(request: web.Request) -> web.Response:
        offset = int(request.query.get("offset", "0"))
        capture, file = _bearer(captures, request), request.match_info["file"]
        at_cost_of_the_wire(request)
        size = await captures.receive(capture, file, offset, _steadily(request.content.iter_any()))
        return web.json_response({"size": size})

    async def size(request: web.Request) -> web.Response:
        return web.json_response({"size": captures.size(_bearer(captures, request), request.match_info["file"])})

    async def finish(request: web.Request) -> web.Response:
        capture = _bearer(captures, request)
        if capture.state not in (CaptureState.PROVING, CaptureState.DONE):  # the answer to the first call can get lost
            captures.close(capture)
            start(_proof(captures, capture), f"proving {capture.name}")
        return web.json_response({})

    async def abort(request: web.Request) -> web.Response:
        capture = _bearer(captures, request)
        told = await wire.body(request, 4096)
        why = wire.line(told.decode("utf-8", "replace"), 500) or Phrase("the laptop gave up")
        if capture.state is not CaptureState.RECEIVING:
            raise UsageError(Phrase("the capture of {name} is {state}", name=capture.name, state=capture.state.value))
        captures.fail(capture, why)
        return web.json_response({})

    return [
        web.put("/capture/v1/{file}", _answer(put)),
        web.get("/capture/v1/{file}", _answer(size)),
        web.post("/capture/v1/finish", _answer(finish)),
        web.post("/capture/v1/abort", _answer(abort)),
    ]


async def _steadily(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Chunks as they come; UsageError where none comes for long: the laptop sends the rest on a new connection."""
    while True:
        try:
            async with asyncio.timeout(wire.SECONDS):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise UsageError("nothing came any more", "go on where it ended") from None
        if chunk is None:
            return
        yield chunk


async def _proof(captures: Captures, capture: Capture) -> None:
    """Prove in the background; how it ended is in the capture."""
    with suppress(ClonedError, OSError):
        await captures.prove(capture)


def _answer(handler: Handler) -> Handler:
    """Errors as the laptop can show them."""

    async def safe(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ValueError:
            return wire.refuse(400, "offset is no number", "")
        except ClonedError as error:
            known = {UsageError: 409, MissingError: 507}
            return wire.refuse(known.get(type(error), 422), error.message, error.hint)

    return safe


def _bearer(captures: Captures, request: web.Request) -> Capture:
    return captures.find(wire.bearer(request), request.remote or "")
