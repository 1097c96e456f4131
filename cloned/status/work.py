"""Pages for work: what they show of the workshop, gathered here and drawn by a template of the same name.

Each has one part that changes, `work`, which comes by the same events as the wall's parts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from aiohttp import web

from cloned import guide
from cloned.connections import place
from cloned.core.evening import board
from cloned.core.evening_steps import STEPS
from cloned.core.reasons import Reason
from cloned.core.shown import ShownLaptop, Snapshot
from cloned.languages import Language
from cloned.saying import Phrase
from cloned.status import api, listing
from cloned.status.guard import problem, visitor
from cloned.status.live import Rendered
from cloned.status.needs import HouseSource
from cloned.status.pages import HUB, PAGES
from cloned.status.speech import spoken
from cloned.status.throughput import Throughput

HOUSE = web.AppKey[HouseSource | None]("house")
FLOW = web.AppKey[Throughput | None]("flow")
Query = Mapping[str, str]
Known = dict[str, object]
ASKS = ("search", "show", "sort", "page", "again")
"""What addresses of these pages may ask."""
LONGEST_QUERY = 200
TODAY = 12
"""Hours that what happened in a port is told."""
SESSIONS = 30
"""Sessions on their page, the newest first."""


@dataclass(frozen=True)
class WorkPage:
    """One of them: where it stands and what it needs to know."""

    name: str
    gather: Callable[[web.Application, Query], Awaitable[Known]]
    follows: bool = True
    """Whether it is kept up to date by events."""


async def _laptops(app: web.Application, query: Query) -> Known:
    snapshot = app[api.WORKSHOP].snapshot()
    return {"list": listing.listed(snapshot.laptops, query), "organisations": snapshot.organisations}


async def _sessions(app: web.Application, _query: Query) -> Known:
    snapshot, flow = app[api.WORKSHOP].snapshot(), app[FLOW]
    by_id = {each.id: each for each in snapshot.laptops}
    newest = sorted(snapshot.sessions, key=lambda each: each.number, reverse=True)[:SESSIONS]
    shown: list[dict[str, object]] = [
        {
            "session": each,
            "laptops": [by_id[ident] for ident in each.laptops if ident in by_id],
            "plot": flow.plot(each.id) if flow is not None else None,
        }
        for each in newest
    ]
    there = [by_id[ident] for each in newest for ident in each.laptops if ident in by_id]
    longest = max((sum(laptop.seconds.values()) for laptop in there), default=0.0)
    return {"sessions": shown, "longest": longest or 1.0}


async def _evening(app: web.Application, _query: Query) -> Known:
    return {"board": board(app[api.WORKSHOP].snapshot()), "names": STEPS}


async def _images(app: web.Application, _query: Query) -> Known:
    snapshot, house = app[api.WORKSHOP].snapshot(), app[HOUSE]
    rules = house.rules() if house is not None else []
    capturing = [each for each in snapshot.laptops if each.capture]
    captured = {each.capture for each in capturing}
    imports = [each for each in await house.imports() if each.name not in captured] if house is not None else []
    proven = house.proven() if house is not None else {}
    known = {"images_known": snapshot.images, "rules": rules, "capturing": capturing, "laptops": snapshot.laptops}
    return {**known, "imports": imports, "proven": proven}


async def _switch(app: web.Application, _query: Query) -> Known:
    snapshot = app[api.WORKSHOP].snapshot()
    by_mac = {mac: each for each in snapshot.laptops for mac in (each.boot_mac, *each.macs)}
    about = ("switch", "port", "link")
    warnings = [each for each in snapshot.warnings if any(word in each.code for word in about)]
    today = _in_ports(snapshot)
    known = {"switches": snapshot.switches, "by_mac": by_mac, "capacity": snapshot.capacity, "warnings": warnings}
    return {**known, "today": today}


def _in_ports(snapshot: Snapshot) -> dict[str, list[ShownLaptop]]:
    """Port → the laptops that were in it last, the newest first, of the twelve hours before now."""
    found: dict[str, list[ShownLaptop]] = {}
    begin = datetime.fromisoformat(snapshot.now) - timedelta(hours=TODAY)
    for laptop in sorted(snapshot.laptops, key=lambda each: each.since, reverse=True):
        if laptop.port and datetime.fromisoformat(laptop.since) >= begin:
            found.setdefault(laptop.port, []).append(laptop)
    return found


async def _inventory(app: web.Application, _query: Query) -> Known:
    records, house = app[api.RECORDS], app[HOUSE]
    rows = await records.rows(limit=25)
    prints = await house.prints() if house is not None else []
    return {"totals": await records.totals(), "sinks": await records.sinks(), "rows": rows[::-1], "prints": prints}


async def _settings(app: web.Application, _query: Query) -> Known:
    house = app[HOUSE]
    return {"sections": house.settings() if house is not None else {}}


async def _check(app: web.Application, query: Query) -> Known:
    house = app[HOUSE]
    found = await house.look(again="again" in query) if house is not None else None
    return {"found": found}


async def _help(_app: web.Application, _query: Query) -> Known:
    return {"reasons": list(Reason), "guide": guide.CHAPTERS, "kinds": guide.picture}


WORK = {
    page.name: page
    for page in (
        WorkPage("laptops", _laptops),
        WorkPage("sessions", _sessions),
        WorkPage("evening", _evening),
        WorkPage("images", _images),
        WorkPage("switch", _switch),
        WorkPage("inventory", _inventory),
        WorkPage("settings", _settings, follows=False),
        WorkPage("check", _check, follows=False),
        WorkPage("help", _help, follows=False),
    )
}


async def page(request: web.Request) -> web.Response:
    """`GET /laptops`, `/sessions`, …: a page of work."""
    shown, query = WORK[request.path.strip("/")], _asked(request)
    if shown.name == "check" and "again" in query and visitor(request) is None:
        raise problem(web.HTTPUnauthorized, "looking again needs somebody who signed in", "sign in")
    parts = await _drawn(request.app, shown, query, spoken(request))
    events = f"/events?{urlencode({**query, 'of': shown.name})}" if shown.follows else ""
    return request.app[PAGES].page_of_work(request, shown.name, parts, events)


async def failure(request: web.Request) -> web.Response:
    """`GET /help/{code}`: one thing that can go wrong, and what to do."""
    code = request.match_info["code"]
    reason = next((each for each in Reason if str(each) == code), None)
    if reason is None:
        raise problem(web.HTTPNotFound, Phrase("there is no page of help on {code}", code=code[:40]), "see /help")
    known = {"reason": reason, "picture": guide.picture(reason), "steps": guide.steps(reason)}
    parts = request.app[PAGES].part("failure", known, spoken(request))
    return request.app[PAGES].page_of_work(request, "failure", parts, "")


async def page_events(request: web.Request) -> web.StreamResponse:
    """`GET /events`: the parts of our own pages that change, as HTML."""
    name = request.query.get("of")
    if name is None or name not in WORK or not WORK[name].follows:
        return await api.page_events(request)
    words, query, app = spoken(request), _asked(request), request.app
    topic = f"{words.code}/{name}?{urlencode(query)}"
    where = place(request.remote or "socket")
    source = app[HUB].watch(topic, lambda: _drawn(app, WORK[name], query, words), where)
    return await api.stream(request, source)


async def _drawn(app: web.Application, shown: WorkPage, query: Query, words: Language) -> Rendered:
    known = await shown.gather(app, query)
    return app[PAGES].part(shown.name, known, words)


def _asked(request: web.Request) -> dict[str, str]:
    """What the address asks for, but for language and page; each at most so long."""
    return {key: request.query[key][:LONGEST_QUERY] for key in ASKS if key in request.query}
