"""Masters on their way into the store: the agent's call that opens the upload, and the outcome as an event.

What is being uploaded is known to the image store alone and lives no longer than the daemon; the engine knows only
that a laptop is to be captured, and how that ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from aiohttp import web

from cloned.core.events import Captured
from cloned.core.ids import LaptopId
from cloned.core.laptop import Laptop, State
from cloned.engine import Engine
from cloned.errors import ClonedError, UsageError
from cloned.json_data import JsonObject
from cloned.netboot.agents import malformed
from cloned.saying import Phrase
from cloned.wire import bearer, json_body, refuse

UPLOAD = "/capture/v1"


class IncomingImage(Protocol):
    """One image on its way in."""

    name: str
    laptop: str
    token: str
    received: int
    why: str

    @property
    def outcome(self) -> str:
        """`done` or `failed`; empty while it is under way."""


Upload = TypeVar("Upload", bound=IncomingImage)


class Uploads(Protocol[Upload]):
    """All of them."""

    def begin(self, name: str, expected: int, laptop: str = "", address: str = "") -> Upload:
        """Open one; ClonedError if the name is taken or there is no room for `expected` bytes."""

    def unsettled(self) -> Sequence[Upload]:
        """Those whose outcome nobody was told yet."""

    def settle(self, upload: Upload) -> None:
        """The outcome was told."""

    def fail(self, upload: Upload, why: str) -> None:
        """Give one up: nothing stays of it."""

    def silent_in(self) -> float | None:
        """Seconds until one may have fallen silent; None: none is under way."""

    def sweep(self) -> None:
        """Give up what fell silent."""


class Masters(Generic[Upload]):
    """Between the engine and the uploads. `noticed` makes the engine know what the store holds."""

    def __init__(self, engine: Engine, uploads: Uploads[Upload], noticed: Callable[[], Awaitable[None]]) -> None:
        self._engine, self._uploads, self._noticed = engine, uploads, noticed
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def routes(self) -> list[web.RouteDef]:
        """`POST /agent/v1/capture {"image", "expected" (bytes)}` → `{"upload": path, "token"}`."""
        return [web.post("/agent/v1/capture", self._open)]

    async def recover(self) -> None:
        """After a start: what was under way is lost with the daemon that took it in. Call before laptops speak."""
        self._uploads.sweep()
        for laptop in self._captured():
            await self._end(laptop, Phrase("the server was started again meanwhile"))

    async def run(self) -> None:
        """Tell the engine how uploads end, and end those that nobody wants any more; until cancelled."""
        self._loop = asyncio.get_running_loop()
        forget = self._engine.subscribe(self._changed.set)
        try:
            while True:
                await self.look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._uploads.silent_in()):  # wait_for of 3.11 can lose a cancellation
                        await self._changed.wait()
                self._changed.clear()
        finally:
            forget()

    def wake(self) -> None:
        """An upload began or ended: look at it now. From any thread; before `run` there is nobody to wake."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._changed.set)

    async def look(self) -> None:
        """Compare once what the engine wants with what there is."""
        self._uploads.sweep()
        wanted = {laptop.id: laptop for laptop in self._captured()}
        for upload in self._uploads.unsettled():
            laptop = wanted.pop(LaptopId(upload.laptop), None)
            if laptop is None or laptop.capture.image != upload.name:
                self._call_off(upload)
            elif upload.outcome:
                await self._tell(laptop, upload)
        for laptop in wanted.values():
            if laptop.state is State.GONE:
                await self._end(laptop, Phrase("nothing was heard from it any more"))

    def _call_off(self, upload: Upload) -> None:
        if not upload.outcome:
            self._uploads.fail(upload, Phrase("it was called off"))
        self._uploads.settle(upload)

    async def _tell(self, laptop: Laptop, upload: Upload) -> None:
        if upload.outcome == "done":
            await self._noticed()
        self._uploads.settle(upload)
        await self._end(laptop, upload.why)

    async def _end(self, laptop: Laptop, error: str) -> None:
        await self._engine.submit(Captured(laptop.id, laptop.capture.image, error[:300]))

    def _captured(self) -> list[Laptop]:
        return [laptop for laptop in self._engine.workshop.laptops.values() if laptop.capture.image]

    async def _open(self, request: web.Request) -> web.StreamResponse:
        laptop = self._engine.authorise(bearer(request), request.remote or "")
        if laptop is None:
            return refuse(401, "this boot's token is not valid any more", "start the laptop from the network again")
        try:
            upload = await self._begin(laptop, await json_body(request))
        except ValueError as error:
            return malformed(error)
        except ClonedError as error:
            return refuse(409, error.message, error.hint)
        return web.json_response({"upload": UPLOAD, "token": upload.token})

    async def _begin(self, laptop: Laptop, body: object) -> Upload:
        """The upload for a laptop's order; the same one again while nothing has come, as an answer can get lost."""
        told: JsonObject = body if isinstance(body, Mapping) else {}
        expected = told.get("expected")
        if not isinstance(expected, int) or isinstance(expected, bool) or not 0 <= expected < 2**63:
            raise ValueError("a capture says how many bytes are to be expected")
        if not laptop.capture.image or told.get("image") != laptop.capture.image:
            raise UsageError("this laptop is not to be captured now", "wait for the next order")
        for upload in self._uploads.unsettled():
            if upload.laptop == laptop.id and upload.name == laptop.capture.image:
                if upload.received or upload.outcome:
                    raise UsageError(
                        Phrase("the capture of {capture} was cut short", capture=laptop.capture.image),
                        "capture it again",
                    )
                return upload
        return await asyncio.to_thread(
            self._uploads.begin, laptop.capture.image, expected, laptop.id, laptop.contact.address
        )
