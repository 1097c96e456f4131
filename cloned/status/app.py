"""The page as an aiohttp application: pages, API, events, metrics.

The house makes two of them: one for the network, and a `trusted` one for the Unix socket, whose group
may act without a PIN. They share an `Auth` and a `Hub`; the house runs `hub.run()` as a service.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from aiohttp import web

from cloned.assets import root
from cloned.connections import Counted
from cloned.core.answer_data import CheckedData
from cloned.saying import Phrase
from cloned.shares import SHARES, Shares, fairly
from cloned.status import api, checkup, deliveries, entrance, erasures, fair, guard, hosts, pages, papers, speech, work
from cloned.status.auth import Auth
from cloned.status.deliveries import AccountSource
from cloned.status.erasures import ErasureSource
from cloned.status.live import Hub
from cloned.status.needs import HouseSource, Measures, NetbootLog, PaperSource, Ready, ResultSource, WorkshopSource
from cloned.status.replies import packed
from cloned.status.throughput import Throughput
from cloned.status.warmth import WARMTH, Warmth, warm_first
from cloned.wire import plain_requests

ROUTES = (
    ("GET", "/", pages.wall),
    ("GET", "/sign-in", entrance.page),
    ("GET", "/laptops/{id}", pages.laptop),
    ("GET", "/laptops/{id}/label.pdf", fair.in_turn(papers.label)),
    ("GET", "/laptops/{id}/sheet.pdf", fair.in_turn(papers.sheet)),
    ("GET", "/today/sheets.pdf", fair.in_turn(papers.sheets)),
    ("GET", "/today/labels.pdf", fair.in_turn(papers.labels)),
    ("GET", "/today/list.pdf", fair.in_turn(papers.overview)),
    ("GET", "/today.xlsx", fair.in_turn(papers.workbook)),
    ("GET", "/laptops", work.page),
    ("GET", "/sessions", work.page),
    ("GET", "/evening", work.page),
    ("GET", "/evening.pdf", fair.in_turn(papers.evening)),
    ("GET", "/images", work.page),
    ("GET", "/switch", work.page),
    ("GET", "/inventory", work.page),
    ("GET", "/settings", work.page),
    ("GET", "/check", work.page),
    ("GET", "/help", work.page),
    ("GET", "/help.pdf", fair.in_turn(papers.guide)),
    ("GET", "/help/{code}", work.failure),
    ("GET", "/events", work.page_events),
    ("GET", "/api/v1/events", api.events),
    ("GET", "/api/v1/state", api.state),
    ("GET", "/api/v1/laptops", api.laptops),
    ("GET", "/api/v1/laptops/{id}", api.laptop),
    ("GET", "/api/v1/laptops/{id}/triage", api.triage),
    ("GET", "/api/v1/scan", api.scan),
    ("GET", "/api/v1/sessions", api.sessions),
    ("GET", "/api/v1/sessions/{id}", api.session),
    ("GET", "/api/v1/netboot", api.netboot),
    ("GET", "/api/v1/netboot/{mac}", api.netboot),
    ("GET", "/api/v1/inventory", api.inventory),
    ("GET", "/api/v1/ledger", api.ledger),
    ("GET", "/erasures", erasures.page),
    ("GET", "/api/v1/erasures", erasures.erasures),
    ("GET", "/api/v1/laptops/{id}/erasure", erasures.explain),
    ("GET", "/api/v1/site-key", erasures.key),
    ("GET", "/api/v1/certificate.pdf", fair.in_turn(erasures.batch)),
    ("GET", "/laptops/{id}/certificate.pdf", fair.in_turn(erasures.certificate)),
    ("GET", "/deliveries", deliveries.page),
    ("GET", "/api/v1/deliveries", deliveries.deliveries),
    ("GET", "/api/v1/deliveries.csv", deliveries.report),
    ("GET", "/api/v1/account.pdf", fair.in_turn(deliveries.paper)),
    ("POST", "/api/v1/commands", api.command),
    ("POST", "/api/v1/sign-in", entrance.sign_in),
    ("POST", "/api/v1/sign-out", entrance.sign_out),
    ("GET", "/api/v1/check", checkup.findings),
    ("GET", "/api/v1/openapi.json", api.openapi),
    ("GET", "/metrics", api.scrape),
    ("GET", "/healthz", api.healthz),
    ("GET", "/readyz", api.readyz),
)


def create_app(
    workshop: WorkshopSource,
    records: ResultSource,
    auth: Auth,
    hub: Hub,
    *,
    trusted: bool = False,
    netboot: NetbootLog | None = None,
    ready: Ready | None = None,
    measures: Measures | None = None,
    office: PaperSource | None = None,
    names: Collection[str] = ("localhost",),
    desk: ErasureSource | None = None,
    accounts: AccountSource | None = None,
    checked: Callable[[], CheckedData] = lambda: {"at": None, "findings": []},
    language: Callable[[], str] = lambda: "en",
    rules: guard.AccessRules | None = None,
    house: HouseSource | None = None,
    flow: Throughput | None = None,
    warmth: Warmth | None = None,
) -> web.Application:
    """The application; see `needs.py` for what it is given.

    `names`: what the page may be called beside its addresses (hosts.py).
    `language`: the workshop's.
    `trusted`: requests act without PIN or token; only for a socket that nobody else can open.
    """
    app = web.Application(
        middlewares=[
            plain_requests,
            fairly,
            packed,
            hosts.by_our_names,
            warm_first,
            guard.in_words,
            guard.errors,
            guard.readers_only,
        ],
        client_max_size=api.LARGEST_BODY_BYTES,
    )
    app[guard.AUTH], app[guard.TRUSTED], app[hosts.HOSTS] = auth, trusted, names
    app[api.WORKSHOP], app[api.RECORDS], app[pages.HUB] = workshop, records, hub
    app[api.NETBOOT], app[api.READY], app[api.MEASURES] = netboot, ready, measures
    app[papers.OFFICE] = office
    app[SHARES], app[fair.PRESS] = Shares(), Counted(fair.DRAWINGS, fair.MOST_DRAWINGS)
    app[guard.RULES] = rules or guard.AccessRules()
    app[erasures.DESK], app[checkup.CHECKED] = desk, checked
    app[deliveries.ACCOUNTS] = accounts
    app[work.HOUSE], app[work.FLOW], app[WARMTH] = house, flow, warmth
    app[speech.WORKSHOPS] = language
    app[pages.PAGES] = pages.Pages(workshop, records, netboot)
    app[guard.PAGE_OF] = app[pages.PAGES].wrong_page
    app.on_response_prepare.append(guard.add_headers)
    for method, path, handler in ROUTES:
        app.router.add_route(method, path, handler)
        if method == "GET":
            app.router.add_route("HEAD", path, handler)
    app.router.add_get("/static/{name}", static)
    return app


async def static(request: web.Request) -> web.StreamResponse:
    """`GET /static/{name}`: files of web/static; pages name them with `?v=`, so they may be kept for long."""
    folder = root("web") / "static"
    name = request.match_info["name"]
    if name not in {path.name for path in folder.iterdir() if path.is_file()}:
        raise guard.problem(web.HTTPNotFound, Phrase("there is no file {name}", name=name))
    kept = "public, max-age=31536000, immutable" if "v" in request.query else "no-cache"
    return web.FileResponse(folder / name, headers={"Cache-Control": kept})
