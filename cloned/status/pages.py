"""Pages: what people look at. Drawn on the server; web/static/page.js puts changes in place as they come."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from aiohttp import web
from jinja2 import Environment
from markupsafe import Markup

from cloned.assets import root
from cloned.code_words import (
    COURSE_WORDS,
    FACT_WORDS,
    FIRMWARE_WORDS,
    LOOK_WORDS,
    STEP_RESULTS,
    STEP_WORDS,
    TEST_RESULTS,
    TEST_WORDS,
    VERDICT_WORDS,
)
from cloned.core.answer_data import BootLogEntry
from cloned.core.commands import VERBS
from cloned.core.erasure_row import failures
from cloned.core.ledger import why_of
from cloned.core.lending import likeness
from cloned.core.shown_data import LaptopData, WorkshopData
from cloned.core.verbs import Role
from cloned.errors import RefusedError
from cloned.languages import CODES, Language, language, lighten, to_translate
from cloned.saying import Phrase
from cloned.status import wall as view
from cloned.status.guard import RULES, visitor
from cloned.status.live import Hub, Rendered
from cloned.status.needs import NetbootLog, ResultSource, WorkshopSource
from cloned.status.schema import worded
from cloned.status.speech import COMPILED, environment, keep, spoken

log = logging.getLogger(__name__)

MOST_OFFERED = 30
"""Laptops that are offered to go out in another's place."""

HUB = web.AppKey("hub", Hub)
PAGES = web.AppKey["Pages"]("pages")


class Pages:
    """Draws pages and the parts of them that change, in every language that somebody reads them in."""

    def __init__(self, workshop: WorkshopSource, records: ResultSource, netboot: NetbootLog | None = None) -> None:
        self._workshop, self._records, self._netboot = workshop, records, netboot
        self.version = _version()
        self._painters: dict[Language, Painter] = {}

    def painter(self, words: Language) -> Painter:
        """Who draws in this language."""
        if words not in self._painters:
            self._painters[words] = Painter(words, self.version)
        return self._painters[words]

    async def wall(self, words: Language | None = None) -> Rendered:
        """The parts of the workshop screen, by the id of the element that each fills."""
        return await self._wall(self.on_the_wall(), words or language("en"))

    def seen(self) -> WorkshopData:
        """The whole workshop now, as plain data: once for each page."""
        return worded(self._workshop.snapshot())

    def alone(self, ident: str) -> WorkshopData:
        """The same of one laptop, if it is there: the others cost nothing."""
        snapshot = self._workshop.snapshot()
        return worded(replace(snapshot, laptops=tuple(each for each in snapshot.laptops if each.id == ident)))

    def on_the_wall(self) -> WorkshopData:
        """The same without laptops that left the screen: they cost nothing."""
        snapshot = self._workshop.snapshot()
        return worded(replace(snapshot, laptops=view.present(snapshot.laptops, snapshot.now)))

    async def _wall(self, snapshot: WorkshopData, words: Language) -> Rendered:
        totals, sinks = await self._records.totals(), await self._records.sinks()
        seen, paint = view.wall(snapshot, sinks), self.painter(words)
        known = {"snapshot": snapshot, "wall": seen, "totals": totals, "images": image_names(snapshot)}
        top = {name: paint.draw(f"parts/{name}.html", known) for name in ("figures", "notices", "sessions")}
        top["version"] = self.version
        tiles = paint.tiles(seen)
        return Rendered(
            top | {f"tile-{ident}": html for ident, html in tiles.items()},
            f"{seen.shape} {bool(known['images'])}",
            lambda: top | {"floor": paint.draw("parts/floor.html", {**known, "tiles": tiles})},
        )

    async def laptop(self, ident: str, words: Language | None = None) -> Rendered:
        """The parts of a laptop's page; empty where it is not known."""
        return await self._laptop(ident, self.alone(ident), words or language("en"))

    async def _laptop(self, ident: str, snapshot: WorkshopData, words: Language) -> Rendered:
        laptop = next((each for each in snapshot["laptops"] if each["id"] == ident), None)
        found = await self._records.rows(laptop=ident, limit=20)
        rows = [{**row, "why": failures(row) if row.get("kind") == "erasure" else why_of(row)} for row in found]
        known = {
            "laptop": laptop,
            "rows": rows,
            "netboot": self._boots(laptop),
            "images": image_names(snapshot),
            "organisations": snapshot.get("organisations") or [],
            "id": ident,
            "others": self._others(laptop) if laptop else [],
            "tile": view.tile(laptop) if laptop else None,
            "label": view.label(laptop) if laptop else ident,
        }
        return Rendered({"laptop": self.painter(words).draw("parts/laptop.html", known), "version": self.version})

    def _others(self, laptop: LaptopData) -> list[tuple[str, str]]:
        """Laptops that could go out in this one's place, with their words; those of its model first."""
        model = (laptop["vendor"], laptop["product"])
        there = [
            each
            for each in self._workshop.snapshot().laptops
            if each.state == "done" and not (each.lent or each.came_back) and each.id != laptop["id"]
        ]
        there.sort(key=lambda each: (likeness(model, (each.vendor, each.product)), each.tag, each.number))
        named = [(each.id, f"{each.tag or each.number}: {each.vendor} {each.product}") for each in there]
        return named[:MOST_OFFERED]

    def find(self, name: str) -> str:
        """The id of the laptop that is called so, or that once had this number; empty if there is none."""
        try:
            return self._workshop.find(name)
        except RefusedError:
            return ""

    async def wall_page(self, request: web.Request) -> web.Response:
        """The whole workshop screen."""
        snapshot = self.on_the_wall()
        parts = await self._wall(snapshot, spoken(request))
        return self._page(request, "wall.html", parts, snapshot=snapshot, events="/events")

    async def laptop_page(self, request: web.Request, ident: str) -> web.Response:
        """A laptop's whole page; 404 where it is not known, with what the ledger still has of it."""
        snapshot = self.alone(ident)
        parts, events = await self._laptop(ident, snapshot, spoken(request)), f"/events?laptop={ident}"
        response = self._page(request, "laptop.html", parts, snapshot=snapshot, events=events, id=ident)
        response.set_status(200 if any(each["id"] == ident for each in snapshot["laptops"]) else 404)
        return response

    async def beside_wall(self, request: web.Request, name: str, *, events: str = "", **known: object) -> web.Response:
        """A page that stands by itself, with the wall's parts at hand."""
        snapshot = self.on_the_wall()
        parts = await self._wall(snapshot, spoken(request))
        return self._page(request, name, parts, snapshot=snapshot, events=events, **known)

    def part(self, name: str, known: Mapping[str, object], words: Language) -> Rendered:
        """The one part of a page of work."""
        return Rendered({"work": self.painter(words).draw(f"work/{name}.html", known), "version": self.version})

    def page_of_work(self, request: web.Request, name: str, rendered: Rendered, events: str) -> web.Response:
        """A whole page of work around its part."""
        snapshot = {"workshop": self._workshop.snapshot().workshop}
        return self._page(request, "work.html", rendered, snapshot=snapshot, events=events, page=name)

    def plain_page(self, request: web.Request, name: str) -> web.Response:
        """A page that shows nothing of the workshop but its name."""
        snapshot = {"workshop": self._workshop.snapshot().workshop}
        return self._page(request, name, Rendered({}), snapshot=snapshot)

    def wrong_page(self, request: web.Request, error: str, hint: str) -> str:
        """What went wrong, for somebody who opened an address in a browser."""
        snapshot = {"workshop": self._workshop.snapshot().workshop}
        made = self._page(request, "wrong.html", Rendered({}), snapshot=snapshot, error=error, hint=hint)
        return made.text or ""

    def _page(
        self, request: web.Request, name: str, rendered: Rendered, *, events: str = "", **known: object
    ) -> web.Response:
        """A page around its parts, whose events come in the same language."""
        words = spoken(request)
        if events:
            events += f"{'&' if '?' in events else '?'}lang={words.code}"
        who = {"visitor": visitor(request), "rules": request.app[RULES]}
        there = {resource.canonical for resource in request.app.router.resources()}
        ways = [(path, name) for path, name in WAYS if path in there]
        parts = {"parts": rendered.everything(), "path": request.path, "ways": ways, **who}
        text = self.painter(words).draw(name, {**parts, "events": events, **known})
        return keep(request, web.Response(text=text, content_type="text/html"))

    def _boots(self, laptop: LaptopData | None) -> Sequence[BootLogEntry]:
        if laptop is None or self._netboot is None:
            return ()
        macs = dict.fromkeys([laptop.get("boot_mac"), *(laptop.get("macs") or [])])
        found = [entry for mac in macs if mac for entry in self._netboot(mac)]
        return sorted(found, key=lambda entry: entry["at"])


class Painter:
    """Draws templates in one language."""

    def __init__(self, words: Language, version: str) -> None:
        self._jinja = _environment(words, version)
        self._tiles: dict[view.Tile, Markup] = {}
        """Tiles as they were drawn last: most stay as they are from one second to the next."""

    def draw(self, name: str, known: Mapping[str, object]) -> str:
        """A template with what it is to show."""
        return self._jinja.get_template(name).render(known)

    def tiles(self, seen: view.Wall) -> dict[str, Markup]:
        """Every tile of the wall, by its laptop's id."""
        self._tiles = {each: self._tiles.get(each) or self._tile(each) for each in seen.tiles()}
        return {each.id: html for each, html in self._tiles.items()}

    def _tile(self, tile: view.Tile) -> Markup:
        """Drawn as far as it can be: one that cannot must not take the others from the screen."""
        try:
            return Markup(self.draw("parts/tile.html", {"tile": tile}))  # noqa: S704 - a template of ours, which escapes
        except Exception:  # the boundary: whatever is wrong with one laptop, the other tiles are drawn
            log.exception("the tile of laptop %s cannot be drawn", tile.label)
            return Markup("<p>{}</p>").format(tile.label)


def image_names(snapshot: WorkshopData) -> list[str]:
    """Names of the images that can be sent."""
    return [each["name"] for each in snapshot.get("images") or [] if not each.get("unusable")]


async def wall(request: web.Request) -> web.Response:
    """`GET /`: the workshop screen."""
    return await request.app[PAGES].wall_page(request)


async def laptop(request: web.Request) -> web.Response:
    """`GET /laptops/{id}`: everything known of one laptop. By any other of its names one is led to its id."""
    pages, ident = request.app[PAGES], request.match_info["id"]
    meant = pages.find(ident)
    if meant not in ("", ident):
        raise web.HTTPFound(request.rel_url.with_path(f"/laptops/{meant}").with_query(request.query))
    return await pages.laptop_page(request, ident)


@cache
def _version() -> str:
    """Changes with every file that a browser keeps: pages left open for weeks notice an update by it."""
    digest = hashlib.sha256()
    for path in sorted((root("web")).rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def warm(kept: Path | None = None) -> None:
    """Have ready what the first page in each language would else wait for, and with it the whole loop (blocking).

    `kept`: where compiled templates are kept from one start to the next.
    """
    if kept is not None:
        COMPILED.recall(kept)
    for code in CODES:
        words = language(code)
        words.when(time.time()), words.number(1.5), words.size(1e9), words.seconds(90), words.listed(["a", "b"])
        lighten(code)
        jinja = _environment(words, _version())
        for name in jinja.list_templates():
            jinja.get_template(name)
    COMPILED.keep(kept)


@cache
def _environment(words: Language, version: str) -> Environment:
    jinja = environment(words, version)
    jinja.filters |= {
        "command": command,
        "for_whom": for_whom,
        "plain": plain,
        "title_state": RESULT_WORDS.__getitem__,
        "port_kind": _called(PORT_WORDS),
        "holder": _called(HOLDER_WORDS),
        "verdict": _called(VERDICT_WORDS),
        "firmware": _called(FIRMWARE_WORDS),
        "step": _called(STEP_WORDS),
        "step_result": _called(STEP_RESULTS),
        "unfilled": lambda reason: Phrase.of(reason, {"detail": "…", "until": "…"}),
        "look_name": _called(LOOK_WORDS),
        "fact_names": lambda names: list(dict.fromkeys(FACT_WORDS.get(name, name) for name in names)),
        "title_course": COURSE_WORDS.__getitem__,
        "test_name": _called(TEST_WORDS),
        "first_capital": first_capital,
        "test_result": _called(TEST_RESULTS),
        "title_fate": _called(FATE_WORDS),
    }
    return jinja


FATE_WORDS = {
    "given": to_translate("given out"),
    "parts": to_translate("for spare parts"),
    "scrapped": to_translate("scrapped"),
    "": to_translate("still here"),
}

STATE_WORDS = {
    "asking": to_translate("Asks"),
    "waiting": to_translate("Waits"),
    "ready": to_translate("Prepares"),
    "receiving": to_translate("Receives"),
    "verifying": to_translate("Checks"),
    "finishing": to_translate("Finishes"),
    "done": to_translate("Done"),
    "aside": to_translate("Set aside"),
    "gone": to_translate("Gone"),
    "erasing": to_translate("Erasing"),
    "erased": to_translate("Erased"),
}
"""What a state is called on the screen; never told by colour alone."""
RESULT_WORDS = STATE_WORDS | {"lent": to_translate("Lent out"), "back": to_translate("Back in the workshop")}
"""What a row of the ledger says became of a laptop."""

WAYS = (
    ("/", to_translate("Workshop")),
    ("/laptops", to_translate("Laptops")),
    ("/sessions", to_translate("Sessions")),
    ("/evening", to_translate("Evening")),
    ("/deliveries", to_translate("Deliveries")),
    ("/images", to_translate("Images")),
    ("/switch", to_translate("Switch")),
    ("/erasures", to_translate("Erasures")),
    ("/inventory", to_translate("Inventory")),
    ("/sites", to_translate("Sites")),
    ("/settings", to_translate("Settings")),
    ("/check", to_translate("Check")),
    ("/help", to_translate("Help")),
)
"""Where the menu leads, as far as it is there."""
PORT_WORDS = {"uplink": to_translate("uplink"), "server": to_translate("server"), "reserved": to_translate("reserved")}
HOLDER_WORDS = {
    "network": to_translate("network"),
    "processor": to_translate("processor"),
    "disk": to_translate("disk"),
}


def _called(words: Mapping[str, str]) -> Callable[[str], str]:
    """Codes to what they are called; one that is not known says itself."""
    return lambda code: words.get(code, code)


def first_capital(text: str) -> str:
    """As it stands at the beginning of a line."""
    return text[:1].upper() + text[1:]


def command(fields: Mapping[str, object] | Sequence[Mapping[str, object]]) -> str:
    """The commands of a button, as JSON for its `data-commands`."""
    return json.dumps([fields] if isinstance(fields, Mapping) else list(fields))


def plain(told: object) -> object:
    """What a script shows as text, in lists and the like too: what was escaped for HTML is as it was before."""
    if isinstance(told, Mapping):
        return {name: plain(each) for name, each in told.items()}
    if isinstance(told, list | tuple):
        return [plain(each) for each in told]
    return told.unescape() if isinstance(told, Markup) else told


def for_whom(fields: Mapping[str, str] | Sequence[Mapping[str, str]]) -> str:
    """Classes of a button by who may press it: `for-volunteer do-retry`."""
    verbs = [VERBS[each["do"]] for each in ([fields] if isinstance(fields, Mapping) else fields)]
    needed = max((verb.role for verb in verbs), key=list(Role).index)
    return " ".join([f"for-{needed}", *dict.fromkeys(f"do-{verb.name}" for verb in verbs)])
