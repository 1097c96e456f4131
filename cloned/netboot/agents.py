"""What laptops' agents call over HTTP. Every call needs the boot's token and may do only what the state allows."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Protocol

from aiohttp import web

from cloned import wire
from cloned.connections import Counted
from cloned.core import trials
from cloned.core.arrivals import misfit, recognised, sight_of
from cloned.core.events import Command, Failed, Finished, Hello, Judged, Ready, TrialTold
from cloned.core.finishing import read_steps
from cloned.core.hello import facts, read_back
from cloned.core.ids import SessionId, token_digest
from cloned.core.laptop import Laptop, State
from cloned.core.orders import order
from cloned.core.schedule import plan
from cloned.core.verdict import judge
from cloned.disk.manifest import PIECE, Manifest
from cloned.effect_parts import Casting
from cloned.engine import Engine
from cloned.errors import ClonedError, ImageError
from cloned.json_data import JsonObject
from cloned.monitor import Monitor
from cloned.netboot.erasures import ErasureCalls
from cloned.netboot.guests import tar
from cloned.order_types import FinishStep, OfferedErasure, Order
from cloned.saying import Phrase, sentence
from cloned.wallclock import shown
from cloned.wire import bearer, refuse

log = logging.getLogger(__name__)

DIGEST_TEXT_BYTES = 44
"""Bytes of a piece's digest in base64, with some to spare."""

CALLS_AT_ONCE, MOST_CALLS = 3, 512
"""Of one laptop and of all: an agent makes one, and its reports meanwhile."""

HELLO_EVERY_SECONDS = 1.0
"""Seconds between two hellos of one boot. An agent says it once, and again where no answer came."""

Handler = Callable[[web.Request, Laptop, JsonObject], Awaitable[web.StreamResponse]]


Route = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ManifestStore(Protocol):
    """Where manifests are."""

    def manifest(self, name: str) -> Manifest:
        """The manifest of an image; ImageError if it is damaged or not there."""

    def pseudo_image(self, name: str, disk: str) -> bytes:
        """A tar with what ocs-sr needs to restore by multicast onto `disk`; ImageError, ValueError. Blocking."""


class AgentApi:
    """Routes under /agent/v1."""

    def __init__(
        self,
        engine: Engine,
        monitor: Monitor,
        store: ManifestStore,
        casting: Casting,
        finishing: Callable[[Laptop], list[FinishStep]],
        say: Callable[[str], str] = str,
    ) -> None:
        self._engine, self._monitor, self._store, self._casting = engine, monitor, store, casting
        self._finishing, self._say = finishing, say
        self._erasing = ErasureCalls(engine)
        self._hellos: dict[str, float] = {}
        self._calls = Counted(CALLS_AT_ONCE, MOST_CALLS)

    def routes(self) -> list[web.RouteDef]:
        """The routes, to be added to the boot server's application."""
        calls: dict[str, Handler] = {
            "report": self._report,
            "ready": self._ready,
            "finished": self._finished,
            "failed": self._failed,
            "confirm": self._confirm,
            "test": self._test,
            "media": self._erasing.media,
            "erasing": self._erasing.took_in,
            "erase": self._erasing.confirm,
        }
        posts = [web.post(f"/agent/v1/{name}", self._guarded(handler)) for name, handler in calls.items()]
        posts.append(web.post("/agent/v1/readback", self._guarded(self._read_back, self._largest_read_back)))
        gets = [
            web.get("/agent/v1/plan", self._guarded(self._plan)),
            web.get("/agent/v1/clonezilla.tar", self._guarded(self._clonezilla)),
        ]
        return [web.post("/agent/v1/hello", self._hello), *gets, *posts]

    def may_fetch(self, request: web.Request, session: str) -> bool:
        """Whether the laptop that asks may fetch pieces of a session by unicast now."""
        laptop = self._engine.authorise(bearer(request), request.remote or "")
        return laptop is not None and laptop.active and laptop.session == session

    def _guarded(self, handler: Handler, most: Callable[[Laptop], int] = lambda laptop: wire.LARGEST_BYTES) -> Route:
        async def guarded(request: web.Request) -> web.StreamResponse:
            laptop = self._engine.authorise(bearer(request), request.remote or "")
            if laptop is None:
                return refuse(401, "this boot's token is not valid any more", "start the laptop from the network again")
            if not self._calls.take(laptop.id):
                return refuse(503, "this laptop makes several calls at once", "wait for the answers")
            try:
                body = await _body(request, most(laptop)) if request.method == "POST" else {}
                return await handler(request, laptop, body)
            except ValueError as error:
                return malformed(error)
            except ImageError as error:
                return refuse(409, error.message, error.hint)
            except ClonedError as error:
                return refuse(403, error.message, error.hint)
            finally:
                self._calls.give_back(laptop.id)

        return guarded

    async def _hello(self, request: web.Request) -> web.StreamResponse:
        digest = token_digest(bearer(request))
        boot, address = self._engine.workshop.boots.get(digest), request.remote or ""
        if boot is None or boot.address != address:
            return refuse(401, "this boot's token is not valid", "start the laptop from the network again")
        if not self._may_say_hello(digest):
            return refuse(503, "this laptop said hello just now", "wait a moment")
        try:
            told = facts(await _body(request))
            other = misfit(boot, told)
            if other:
                said = Phrase("this is not the laptop that was started: {other}", other=other)
                return refuse(409, said, "start it from the network again")
            here = self._engine.admit(recognised(self._engine.workshop, boot, told), address)
            known = await self._engine.remembering.of(sight_of(told), here)
            state = await self._engine.submit(Hello(digest, told, address, known))
        except ValueError as error:
            return malformed(error)
        except ClonedError as error:
            return refuse(503, error.message, error.hint)
        given = state.boots.get(digest)
        if given is None or given.laptop is None:
            return refuse(401, "a newer boot took this laptop's place", "start it from the network again")
        laptop = state.laptops[given.laptop]
        await self._monitor.heard(laptop, {"state": "idle"})
        return _answer({"laptop": laptop.id, "number": laptop.number, "tag": laptop.tag})

    def _may_say_hello(self, digest: str) -> bool:
        """Whether this boot has not just done so: each hello is journalled, and begins the laptop's turn anew."""
        now = time.monotonic()
        self._hellos = {key: at for key, at in self._hellos.items() if now - at < HELLO_EVERY_SECONDS}
        return self._hellos.setdefault(digest, now) == now

    async def _report(self, request: web.Request, laptop: Laptop, body: JsonObject) -> web.StreamResponse:
        await self._monitor.heard(laptop, body)
        return _answer(self._order(self._engine.laptop(laptop.id)))

    def _order(self, laptop: Laptop) -> Order:
        """The order with what only the rooms around the core know: addresses and finishing steps."""
        return worded(self._given(laptop), self._say)

    def _given(self, laptop: Laptop) -> Order:
        workshop = self._engine.workshop
        wait = plan(workshop, self._engine.clock()).waits.get(laptop.id) if laptop.state is State.WAITING else None
        said = order(workshop, laptop, wait, shown)
        if said["do"] == "restore":
            stream = self._casting.address(SessionId(str(said["session"])))
            if stream is None and "classic" not in said:
                return {"do": "wait", "screen": [Phrase("The stream is being prepared.")], "state": str(laptop.state)}
            said |= {"stream": None if said["alone"] else stream, "unicast": f"/agent/v1/pieces/{said['session']}"}
        if said["do"] == "finish":
            said |= {"steps": self._finishing(laptop), "then": workshop.settings.then}
        return {**said, "number": laptop.number, "tag": laptop.tag, "port": laptop.link.port or ""}

    async def _plan(self, request: web.Request, laptop: Laptop, body: JsonObject) -> web.StreamResponse:
        if not laptop.active:
            return refuse(409, "there is nothing to restore now", "wait for the next order")
        manifest = await asyncio.to_thread(self._store.manifest, laptop.goal.image)
        response = _answer(manifest.plan.to_json())
        response.enable_compression()
        return response

    async def _clonezilla(self, request: web.Request, laptop: Laptop, body: JsonObject) -> web.StreamResponse:
        """For a classic session: the image's small files, as if it had been saved from the disk `?disk=`."""
        if not laptop.active:
            return refuse(409, "there is nothing to restore now", "wait for the next order")
        return await tar(self._store, laptop.goal.image, request.query.get("disk", ""))

    async def _ready(self, request: web.Request, laptop: Laptop, body: JsonObject) -> web.StreamResponse:
        cleared = body.get("cleared")
        names = tuple(wire.line(each, 80) for each in cleared[:32]) if isinstance(cleared, list) else ()
        session = body.get("session")
        if not isinstance(session, str) or session != laptop.session or not laptop.active:
            return _answer({"ok": False})  # not journalled: the next order says how it goes on
        if laptop.state is State.READY:
            told = Ready(laptop.id, SessionId(session), laptop.goal.disk, names, body.get("discarded") is True)
            await self._engine.submit(told)
        return _answer({"ok": True})

    def _largest_read_back(self, laptop: Laptop) -> int:
        """Bytes of a read-back: as many digests as this laptop's image has pieces, and its layout."""
        image = self._engine.workshop.images.get(laptop.goal.image)
        if image is None or not laptop.active:
            return wire.LARGEST_BYTES
        return wire.LARGEST_BYTES + (image.used // PIECE + image.streams + 1) * DIGEST_TEXT_BYTES

    async def _read_back(self, request: web.Request, laptop: Laptop, body: JsonObject) -> web.StreamResponse:
        """Round 0 is a look at what the disk held before; from round 1 on it is a verdict."""
        number = body.get("round")
        if not isinstance(number, int) or not 0 <= number <= 1000:
            raise ValueError("a read-back names its round")
        if not laptop.active or laptop.session != body.get("session"):
            return refuse(409, "this session is over for this laptop", "wait for the next order")
        manifest = await asyncio.to_thread(self._store.manifest, laptop.goal.image)
        found = await asyncio.to_thread(judge, manifest, read_back(body))
        if number > 0:
            await self._engine.submit(
                Judged(
                    laptop=laptop.id,
                    session=SessionId(str(laptop.session)),
                    round=number,
                    verdict=found.verdict,
                    wrong=len(found.wrong),
                    differs=found.differs,
                    image_hash=found.image_hash,
                    bytes=manifest.plan.map.used,
                    verifying=_seconds(body, "verifying"),
                    reallocated=_reallocated(body),
                )
            )
        return _answer(
            {
                "verdict": str(found.verdict),
                "wrong": list(found.wrong),
                "image_hash": found.image_hash or None,
                "where": [asdict(each) for each in found.differs],
                "layout_ok": found.layout_ok,
                "boot_code_ok": found.boot_code_ok,
                "gap_ok": found.gap_ok,
            }
        )

    async def _finished(self, request: web.Request, laptop: Laptop, body: JsonObject) -> web.StreamResponse:
        steps = read_steps(body.get("steps"))
        if laptop.state is State.FINISHING:
            await self._engine.submit(Finished(laptop.id, steps))
        return _answer(self._order(self._engine.laptop(laptop.id)))

    async def _failed(self, request: web.Request, laptop: Laptop, body: JsonObject) -> web.StreamResponse:
        if laptop.state not in (State.DONE, State.ASIDE):
            await self._engine.submit(Failed(laptop.id, _word(body, "code")[:40], _sentence(body.get("detail"))))
        return _answer({"ok": True})

    async def _test(self, request: web.Request, laptop: Laptop, body: JsonObject) -> web.StreamResponse:
        """A test of a part came to its end; one that nobody asked for is not written down."""
        trial = trials.read(body, self._engine.clock())
        if trial.name in laptop.trials_wanted:
            await self._engine.submit(TrialTold(laptop.id, trial))
        return _answer({"ok": True})

    async def _confirm(self, request: web.Request, laptop: Laptop, body: JsonObject) -> web.StreamResponse:
        """A key was pressed on the laptop itself: it may confirm only itself, and only what it was offered."""
        offer = order(self._engine.workshop, laptop).get("offer")
        disk = body.get("disk")
        if offer is None or body.get("image") != offer["image"] or not isinstance(disk, Mapping):
            return refuse(409, "this is not what was offered", "look at the screen again")
        wanted = {"serial": offer["disk"]["serial"], "wwn": offer["disk"]["wwn"]}
        if any(disk.get(key) != value for key, value in wanted.items() if value):
            return refuse(409, "the disk is another one than was offered", "look at the screen again")
        key = laptop.eligible()[0].key
        word = Command("confirm", "the laptop's own keyboard", laptop.id, offer["image"], disk=key)
        await self._engine.command(word)
        return _answer({"ok": True})


def _answer(data: object, status: int = 200) -> web.Response:
    return web.json_response(data, status=status, dumps=wire.dumps)


def malformed(error: ValueError) -> web.Response:
    """The answer to what no agent of ours sends."""
    status = 413 if isinstance(error, wire.TooLarge) else 400
    return refuse(status, str(error)[:300], "the agent and the daemon do not fit together; start the laptop again")


async def _body(request: web.Request, most: int = wire.LARGEST_BYTES) -> JsonObject:
    """The JSON object of a request; ValueError if it is none or too large."""
    data = await wire.json_body(request, most)
    if not isinstance(data, Mapping):
        raise ValueError("a request carries a JSON object")
    return data


def _seconds(data: JsonObject, name: str) -> float:
    """How long the agent says it was in a state; 0 where it does not say."""
    told = data.get("seconds")
    value = told.get(name) if isinstance(told, Mapping) else None
    return float(value) if isinstance(value, int | float) and 0 <= value < 10**7 else 0.0


def _reallocated(data: JsonObject) -> int:
    """Sectors that the agent saw the disk replace while it was cloned; 0 where it cannot tell."""
    told = data.get("smart")
    value = told.get("during") if isinstance(told, Mapping) else None
    return value if isinstance(value, int) and 0 <= value < 10**9 else 0


def worded(told: Order, say: Callable[[str], str]) -> Order:
    """An order with what its screen shows in the workshop's language."""
    if "screen" in told:
        told["screen"] = [say(line) for line in told["screen"]]
    if "erase_offer" in told:
        asked = told["erase_offer"]
        disks: list[OfferedErasure] = [{**disk, "words": say(disk["words"])} for disk in asked["disks"]]
        told["erase_offer"] = {**asked, "disks": disks}
    return told


def _sentence(told: object) -> str:
    """What went wrong, as an agent says it: message and values, or the plain words of an older one."""
    return wire.line(told, 500) if isinstance(told, str) or told is None else sentence(told)


def _word(data: JsonObject, key: str) -> str:
    value = data.get(key)
    return wire.line(value, 500)
