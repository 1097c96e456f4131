"""/api/v1: the workshop as JSON, and commands. Each handler is one route of the OpenAPI document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import asdict, replace
from functools import cache

from aiohttp import web

from cloned.connections import place
from cloned.core.answer_data import BootAskedData, BootLogEntry
from cloned.core.commands import VERBS
from cloned.core.ledger import iso
from cloned.core.scanning import scanned
from cloned.core.shown import ShownLaptop
from cloned.core.shown_data import LaptopData, WorkshopData
from cloned.core.words import to_translate
from cloned.errors import RefusedError, UsageError
from cloned.saying import Phrase
from cloned.saying import parts as parts_of
from cloned.status import metrics
from cloned.status.guard import RULES, actor, must_be, problem, refused
from cloned.status.live import Rendered, TooMany
from cloned.status.needs import Measures, NetbootLog, Ready, ResultSource, WorkshopSource
from cloned.status.pages import HUB, PAGES
from cloned.status.replies import FLEETING, answer, limit_of, linked, older_than, page, row_before
from cloned.status.requests import parse
from cloned.status.schema import plain
from cloned.status.speech import spoken
from cloned.wire import TooLarge, json_body, line

WORKSHOP = web.AppKey("workshop", WorkshopSource)
RECORDS = web.AppKey("records", ResultSource)
NETBOOT = web.AppKey[NetbootLog | None]("netboot")
READY = web.AppKey[Ready | None]("ready")
MEASURES = web.AppKey[Measures | None]("measures")

OFFERED = 30
"""Laptops that a number is offered to, the newest: who holds a sticker has just plugged one in."""
LARGEST_BODY_BYTES = 64 * 1024
"""Bytes of what is posted."""


def seen(request: web.Request) -> WorkshopData:
    """The whole workshop now, as plain data."""
    return plain(request.app[WORKSHOP].snapshot())


def seen_of(request: web.Request, wanted: Callable[[ShownLaptop], bool]) -> WorkshopData:
    """The same with these laptops alone: the others cost nothing."""
    snapshot = request.app[WORKSHOP].snapshot()
    return plain(replace(snapshot, laptops=tuple(filter(wanted, snapshot.laptops))))


async def state(request: web.Request) -> web.Response:
    """`GET /api/v1/state`."""
    return answer(seen(request), request)


async def laptops(request: web.Request) -> web.Response:
    """`GET /api/v1/laptops`."""
    return page(request, seen(request)["laptops"])


async def laptop(request: web.Request) -> web.Response:
    """`GET /api/v1/laptops/{id}`."""
    found = _laptop(request, _laptop_id(request))
    boots = [entry for mac in found.get("macs") or [] for entry in _boots(request, mac)]
    rows = await request.app[RECORDS].rows(laptop=found["id"])
    return answer({**found, "results": rows, "netboot": boots}, request)


async def triage(request: web.Request) -> web.Response:
    """`GET /api/v1/laptops/{id}/triage`."""
    return answer(asdict(request.app[WORKSHOP].triage(_laptop_id(request))))


async def scan(request: web.Request) -> web.Response:
    """`GET /api/v1/scan?text=…`: the laptop that a scanner or a person meant, else those that have no number yet."""
    text = request.query.get("text", "")
    meant = scanned(text)
    try:
        found = request.app[WORKSHOP].find(text) if meant else None
    except RefusedError:
        found = None
    laptops = [] if found else seen_of(request, lambda each: not each.tag)["laptops"]
    untagged = [each["id"] for each in laptops]
    called = {each["id"]: _called(each) for each in laptops[-OFFERED:]}
    return answer({"laptop": found, "meant": meant[0] if meant else "", "untagged": untagged, "called": called})


def _called(laptop: LaptopData) -> str:
    """What people recognise a laptop by that has no number."""
    machine = f"{laptop['vendor']} {laptop['product']}".strip()
    where = laptop["port"] or ""
    return ", ".join(each for each in (f"#{laptop['number']}", machine, laptop["serial"], where) if each)


async def sessions(request: web.Request) -> web.Response:
    """`GET /api/v1/sessions`."""
    return page(request, seen_of(request, lambda _: False)["sessions"])


async def session(request: web.Request) -> web.Response:
    """`GET /api/v1/sessions/{id}`."""
    ident = request.match_info["id"]
    sessions = seen_of(request, lambda _: False)["sessions"]
    found = next((each for each in sessions if each["id"] == ident), None)
    if found is None:
        raise _none("sessions", ident)
    return answer(found, request)


def _laptop_id(request: web.Request) -> str:
    """The laptop that is meant by whatever people call it; 404 if there is none."""
    try:
        return request.app[WORKSHOP].find(request.match_info["id"])
    except RefusedError as error:
        raise refused(error.refusal, web.HTTPNotFound) from error


_ONE = {"laptops": to_translate("laptop"), "sessions": to_translate("session")}


def _laptop(request: web.Request, ident: str) -> LaptopData:
    found = next(iter(seen_of(request, lambda each: each.id == ident)["laptops"]), None)
    if found is None:
        raise _none("laptops", ident)
    return found


def _none(kind: str, ident: str) -> web.HTTPException:
    return problem(
        web.HTTPNotFound,
        Phrase("there is no {kind} {ident}", kind=Phrase(_ONE[kind]), ident=ident),
        Phrase("see /api/v1/{kind}", kind=kind),
    )


async def netboot(request: web.Request) -> web.Response:
    """`GET /api/v1/netboot` and `/api/v1/netboot/{mac}`."""
    return page(request, _boots(request, request.match_info.get("mac", "").lower()))


def _boots(request: web.Request, mac: str) -> list[BootAskedData]:
    """What one MAC, or every one, asked of the network boot; times as everywhere in the API."""
    log = request.app[NETBOOT]
    return [{**entry, "at": iso(entry["at"]), "told": _told(entry)} for entry in log(mac)] if log else []


def _told(entry: BootLogEntry) -> dict[str, object]:
    """Those of its words that are sentences, as what they were made of."""
    words = {"asked": entry["asked"], "got": entry["got"], "why": entry["why"]}
    return {name: parts_of(text) for name, text in words.items() if isinstance(text, Phrase)}


async def inventory(request: web.Request) -> web.Response:
    """`GET /api/v1/inventory`."""
    records = request.app[RECORDS]
    return answer({**await records.totals(), "sinks": await records.sinks()}, request)


async def ledger(request: web.Request) -> web.Response:
    """`GET /api/v1/ledger`: the newest results, oldest first; the next page has older ones."""
    limit, before = limit_of(request), row_before(request)
    records, named = request.app[RECORDS], request.query.get("laptop")
    laptop = named if named is None or named.isprintable() else ""  # PostgreSQL takes no NUL; nobody is called so
    rows = await records.rows(laptop=laptop, limit=limit + 1, before=before)
    return linked(answer(rows[-limit:], request), request, older_than(rows, limit))


async def command(request: web.Request) -> web.Response:
    """`POST /api/v1/commands`."""
    who = actor(request)
    asked = parse(await body(request), who.name)
    must_be(who, request.app[RULES].needed(VERBS[asked.do]))
    done = dict(await request.app[WORKSHOP].command(asked))
    state = done.get("state")
    return answer({**done, "told": state.parts()} if isinstance(state, Phrase) else done)


async def body(request: web.Request) -> object:
    """The JSON that was sent; a form, which another site could send, is refused."""
    if request.content_type != "application/json":
        raise problem(web.HTTPUnsupportedMediaType, "the body is not JSON", "send Content-Type: application/json")
    try:
        return await json_body(request, LARGEST_BODY_BYTES)
    except TooLarge as error:
        raise problem(web.HTTPBadRequest, str(error), "send less") from error
    except ValueError as error:
        raise UsageError(
            Phrase("the body is not JSON: {error}", error=line(str(error))), "see /api/v1/openapi.json"
        ) from error


@cache
def described() -> dict[str, object]:
    """The document; it takes half a second to make, so it is made once, outside the loop (blocking)."""
    from cloned.status.openapi import document  # its examples are made by the code that makes the answers

    return document()


async def openapi(request: web.Request) -> web.Response:
    """`GET /api/v1/openapi.json`."""
    return answer(await asyncio.to_thread(described), request)


async def healthz(_request: web.Request) -> web.Response:
    """`GET /healthz`: we answer."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """`GET /readyz`: we can do our work, or each line says why not."""
    ready = request.app[READY]
    wrong = await ready() if ready else ()
    return web.Response(text="".join(f"{line}\n" for line in wrong) or "ok\n", status=503 if wrong else 200)


async def scrape(request: web.Request) -> web.Response:
    """`GET /metrics`."""
    app = request.app
    text = await metrics.render(app[WORKSHOP], app[RECORDS], app[MEASURES], app[HUB].watchers)
    return web.Response(body=text, headers={"Content-Type": metrics.CONTENT_TYPE})


async def events(request: web.Request) -> web.StreamResponse:
    """`GET /api/v1/events`: the snapshot and then what changes of it, as JSON."""
    workshop = request.app[WORKSHOP]

    async def render() -> Rendered:
        return parts(plain(workshop.snapshot()))

    seen_last = request.headers.get("Last-Event-ID", "")
    return await stream(request, request.app[HUB].watch("json", render, place(request.remote or "socket"), seen_last))


async def page_events(request: web.Request) -> web.StreamResponse:
    """`GET /events`: the parts of our own pages that change, as HTML."""
    pages, ident, where = request.app[PAGES], request.query.get("laptop"), place(request.remote or "socket")
    words, hub = spoken(request), request.app[HUB]
    if ident is None:
        return await stream(request, hub.watch(f"{words.code}/wall", lambda: pages.wall(words), where))
    name = f"{words.code}/laptop/{ident[:64]}"
    return await stream(request, hub.watch(name, lambda: pages.laptop(ident, words), where))


def parts(snapshot: WorkshopData) -> Rendered:
    """A snapshot as parts of events: each laptop one, without its history and clocks; `now` only in `all`."""
    brief = {
        f"laptop/{each['id']}": {name: value for name, value in each.items() if name not in ("history", "seconds")}
        for each in snapshot["laptops"]
    }
    rest = {name: value for name, value in snapshot.items() if name not in ("laptops", *FLEETING)}
    return Rendered(rest | brief)


async def stream(request: web.Request, source: AsyncIterator[bytes]) -> web.StreamResponse:
    """Send what comes, until whoever watches is gone."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    if request.method == "HEAD":
        return web.Response(headers=response.headers)
    async with aclosing(source) as chunks:  # type: ignore[type-var]
        try:
            async for chunk in chunks:
                if not response.prepared:
                    await response.prepare(request)
                    await response.write(b"retry: 2000\n\n")
                await response.write(chunk)
        except TooMany:
            raise problem(
                web.HTTPServiceUnavailable, "too many are watching", "close a page that nobody looks at"
            ) from None
        except ConnectionError:
            pass
    return response
