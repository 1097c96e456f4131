"""Pages: what people look at. Drawn on the server; web/static/page.js puts changes in place as they come."""

from __future__ import annotations

import gettext
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cloned.assets import root
from cloned.errors import RefusedError
from cloned.status import wall as view
from cloned.status.guard import signed_in
from cloned.status.live import Hub, Rendered
from cloned.status.needs import NetbootLog, ResultSource, WorkshopSource
from cloned.status.schema import plain
from cloned.wallclock import shown

log = logging.getLogger(__name__)

HUB = web.AppKey("hub", Hub)
PAGES = web.AppKey["Pages"]("pages")


class Pages:
    """Draws pages and the parts of them that change."""

    def __init__(self, workshop: WorkshopSource, records: ResultSource, netboot: NetbootLog | None = None) -> None:
        self._workshop, self._records, self._netboot = workshop, records, netboot
        self.version = _version()
        self._jinja = _environment(self.version)
        self._tiles: dict[view.Tile, Markup] = {}
        """Tiles as they were drawn last: most stay as they are from one second to the next."""

    async def wall(self) -> Rendered:
        """The parts of the workshop screen, by the id of the element that each fills."""
        return await self._wall(self.seen())

    def seen(self) -> dict[str, Any]:
        """The whole workshop now, as plain data: once for each page."""
        return plain(self._workshop.snapshot())

    async def _wall(self, snapshot: Mapping[str, Any]) -> Rendered:
        totals, sinks = await self._records.totals(), await self._records.sinks()
        seen = view.wall(snapshot, sinks)
        known = {"snapshot": snapshot, "wall": seen, "totals": totals, "images": image_names(snapshot)}
        top = {name: self._draw(f"parts/{name}.html", known) for name in ("figures", "notices", "sessions")}
        top["version"] = self.version
        self._tiles = {each: self._tiles.get(each) or self._tile(each) for each in seen.tiles()}
        tiles = {each.id: html for each, html in self._tiles.items()}
        return Rendered(
            top | {f"tile-{ident}": html for ident, html in tiles.items()},
            f"{seen.shape} {bool(known['images'])}",
            lambda: top | {"floor": self._draw("parts/floor.html", {**known, "tiles": tiles})},
        )

    async def laptop(self, ident: str) -> Rendered:
        """The parts of a laptop's page; empty where it is not known."""
        return await self._laptop(ident, self.seen())

    async def _laptop(self, ident: str, snapshot: Mapping[str, Any]) -> Rendered:
        laptop = next((each for each in snapshot["laptops"] if each["id"] == ident), None)
        rows = await self._records.rows(laptop=ident, limit=20)
        known = {
            "laptop": laptop,
            "rows": rows,
            "netboot": self._boots(laptop),
            "images": image_names(snapshot),
            "id": ident,
            "tile": view.tile(laptop) if laptop else None,
            "label": view.label(laptop) if laptop else ident,
        }
        return Rendered({"laptop": self._draw("parts/laptop.html", known), "version": self.version})

    def find(self, name: str) -> str:
        """The id of the laptop that is called so, or that once had this number; empty if there is none."""
        try:
            return self._workshop.find(name)
        except RefusedError:
            return ""

    async def wall_page(self, request: web.Request) -> web.Response:
        """The whole workshop screen."""
        snapshot = self.seen()
        return self._page(request, "wall.html", await self._wall(snapshot), snapshot=snapshot, events="/events")

    async def laptop_page(self, request: web.Request, ident: str) -> web.Response:
        """A laptop's whole page; 404 where it is not known, with what the ledger still has of it."""
        snapshot = self.seen()
        parts, events = await self._laptop(ident, snapshot), f"/events?laptop={ident}"
        response = self._page(request, "laptop.html", parts, snapshot=snapshot, events=events, id=ident)
        response.set_status(200 if any(each["id"] == ident for each in snapshot["laptops"]) else 404)
        return response

    async def beside_wall(self, request: web.Request, name: str, **known: Any) -> web.Response:
        """A page that stands by itself, with the wall's parts at hand."""
        snapshot = self.seen()
        return self._page(request, name, await self._wall(snapshot), snapshot=snapshot, events="", **known)

    def _page(self, request: web.Request, name: str, rendered: Rendered, **known: Any) -> web.Response:
        """A page around its parts."""
        text = self._draw(name, {"parts": rendered.everything(), "signed_in": signed_in(request), **known})
        return web.Response(text=text, content_type="text/html")

    def _tile(self, tile: view.Tile) -> Markup:
        """Drawn as far as it can be: one that cannot must not take the others from the screen."""
        try:
            return Markup(self._draw("parts/tile.html", {"tile": tile}))  # noqa: S704 - a template of ours, which escapes
        except Exception:  # the boundary: whatever is wrong with one laptop, the other tiles are drawn
            log.exception("the tile of laptop %s cannot be drawn", tile.label)
            return Markup("<p>{}</p>").format(tile.label)

    def _draw(self, name: str, known: Mapping[str, Any]) -> str:
        return self._jinja.get_template(name).render(known)

    def _boots(self, laptop: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
        if laptop is None or self._netboot is None:
            return ()
        macs = dict.fromkeys([laptop.get("boot_mac"), *(laptop.get("macs") or [])])
        found = [entry for mac in macs if mac for entry in self._netboot(mac)]
        return sorted(found, key=lambda entry: float(entry["at"]))


def image_names(snapshot: Mapping[str, Any]) -> list[str]:
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


@cache
def _environment(version: str) -> Environment:
    jinja = Environment(
        loader=FileSystemLoader(root("web") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    jinja.install_gettext_translations(gettext.NullTranslations(), newstyle=True)  # type: ignore[attr-defined]
    jinja.globals["version"] = version
    jinja.filters |= {
        "duration": duration,
        "size": size,
        "clock": clock,
        "command": command,
        "title_state": STATE_WORDS.__getitem__,
    }
    return jinja


STATE_WORDS = {
    "asking": "Asks",
    "waiting": "Waits",
    "ready": "Prepares",
    "receiving": "Receives",
    "verifying": "Checks",
    "finishing": "Finishes",
    "done": "Done",
    "aside": "Set aside",
    "gone": "Gone",
    "erasing": "Erasing",
    "erased": "Erased",
}
"""What a state is called on the screen; never told by colour alone."""


def duration(seconds: float | None) -> str:
    """`40 s`, `3 min`, `1 h 20`; nothing for None."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(0, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d}"


def size(count: float | None) -> str:
    """`7.3 GB`: decimal units, as disks are sold."""
    value, unit = float(count or 0), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 100 or unit in ("B", "kB") else f"{value:.1f} {unit}"


def clock(at: str | float | None, seconds: bool = True) -> str:
    """As `wallclock.shown`, to the second."""
    return shown(at, seconds)


def command(fields: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """The commands of a button, as JSON for its `data-commands`."""
    return json.dumps([fields] if isinstance(fields, Mapping) else list(fields))
