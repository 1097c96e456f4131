"""The OpenAPI document: every route of the daemon's page, made from the same models that tests hold answers against."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter

from cloned import __version__
from cloned.core.shown import ShownLaptop, ShownSession, Snapshot
from cloned.core.triage import TriageExplained
from cloned.status import schema
from cloned.status.examples import TEXTS, example
from cloned.status.replies import LARGEST_LIMIT, USUAL_LIMIT
from cloned.status.requests import CommandRequest
from cloned.status.schema import BootAsked

_ABOUT = (
    "Reading is free, unless `[page] read` closes it. Acting needs the cookie that PIN or password give, or a "
    "machine's bearer token; each command says who may: a volunteer, or only an administrator."
)
PLAIN_PROBLEM = "er is geen laptop 99\nzie `cloned laptops`"
_REF = "#/components/schemas/{model}"


@cache
def document() -> dict[str, object]:
    """The whole document, OpenAPI 3.1. Made once: it takes a third of a second. To read, not to change."""
    shapes: list[tuple[object, Literal["validation", "serialization"], TypeAdapter[object]]]
    shapes = [(model, "serialization", TypeAdapter(model)) for model in schema.ANSWERS]
    shapes.append((CommandRequest, "validation", TypeAdapter(CommandRequest)))
    _, definitions = TypeAdapter.json_schemas(shapes, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cloned",
            "version": __version__,
            "license": {"name": "MIT", "identifier": "MIT"},
            "description": _ABOUT,
        },
        "paths": _PATHS,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "pin": {"type": "apiKey", "in": "cookie", "name": "cloned_signed_in"},
            },
        },
    }


def _get(summary: str, content: dict[str, object], *parameters: dict[str, Any], **others: str) -> dict[str, Any]:
    """A reading operation; `others`: further statuses (`_404`) and what they mean."""
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {"200": {"description": "As asked.", "content": content}},
    }
    others = {"_401": "Reading is for whoever signed in (`[page] read`).", "_404": "There is no such thing."} | others
    operation["responses"] |= {status[1:]: _problem(words) for status, words in others.items()}
    return {"get": operation | ({"parameters": list(parameters)} if parameters else {})}


def _post(summary: str, body: type, *, secured: bool, done: type = schema.Done, **problems: str) -> dict[str, object]:
    told = {"description": "It was done.", "content": _json(done)}
    operation: dict[str, object] = {
        "summary": summary,
        "requestBody": {"required": True, "content": _json(body)},
        "responses": {"200": told} | {status[1:]: _problem(words) for status, words in problems.items()},
    }
    return {"post": operation | ({"security": [{"token": []}, {"pin": []}]} if secured else {})}


def _ref(model: type) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _json(model: type, many: bool = False) -> dict[str, object]:
    shape = {"type": "array", "items": _ref(model)} if many else _ref(model)
    shown = example(model.__name__, many)
    return {"application/json": {"schema": shape} | ({} if shown is None else {"example": shown})}


def _problem(words: str) -> dict[str, object]:
    """Why not: JSON in English; who takes text/plain too reads its own language, the hint on a second line."""
    return {
        "description": words,
        "content": {
            "application/problem+json": {"schema": _ref(schema.Problem), "example": example("Problem")},
            "text/plain": {"schema": {"type": "string"}, "example": PLAIN_PROBLEM},
        },
    }


def _text(kind: str) -> dict[str, object]:
    return {kind: {"schema": {"type": "string"}} | ({"example": TEXTS[kind]} if kind in TEXTS else {})}


def _id(what: str) -> dict[str, object]:
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "description": f"Id of a {what}.",
        "schema": {"type": "string"},
    }


def _query(name: str, kind: str, words: str) -> dict[str, object]:
    return {"name": name, "in": "query", "description": words, "schema": {"type": kind}}


def _page(summary: str, *parameters: dict[str, object]) -> dict[str, object]:
    """A page that is a page also where there is nothing to show."""
    operation = _get(summary, _text("text/html"), *parameters)
    operation["get"]["responses"]["404"]["content"] |= _text("text/html")
    return operation


def _list(summary: str, model: type, *parameters: dict[str, object], **others: str) -> dict[str, object]:
    """A list that comes in pages."""
    return _paged(summary, _json(model, many=True), *parameters, **others)


def _paged(
    summary: str, content: dict[str, object], *parameters: dict[str, object], **others: str
) -> dict[str, object]:
    """What comes in pages."""
    others = {"_400": "limit or cursor are none."} | others
    operation = _get(summary, content, *_PAGING, *parameters, **others)
    operation["get"]["responses"]["200"]["headers"] = {"Link": _LINK}
    return operation


_PAGING = (
    {
        "name": "limit",
        "in": "query",
        "description": f"So many at the most; {USUAL_LIMIT} where it is left out.",
        "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT},
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "Where to go on: only as the Link header of the page before gives it.",
        "schema": {"type": "string"},
    },
)
_LINK = {
    "description": 'The address of the next page, as `<…>; rel="next"` (RFC 8288); missing at the last one.',
    "schema": {"type": "string"},
}


def _choice(name: str, values: tuple[str, ...], words: str) -> dict[str, object]:
    return {"name": name, "in": "query", "description": words, "schema": {"type": "string", "enum": list(values)}}


def _number(name: str, words: str) -> dict[str, object]:
    return {
        "name": name,
        "in": "query",
        "description": words,
        "schema": {"type": "integer", "minimum": 1, "maximum": 24},
    }


def _day(name: str, words: str) -> dict[str, object]:
    return {"name": name, "in": "query", "description": words, "schema": {"type": "string", "format": "date"}}


_EVENTS = (
    "Server-sent events. First `all`: the snapshot as an object, with each laptop under `laptop/ID`, without "
    "history. Then, at most once a second, `some`: what changed of it. If a laptop leaves, `all` comes again. "
    "Silence is broken by comments."
)
_LANGUAGE = _choice("lang", ("nl", "fr", "en"), "Else the workshop's language.")
_YEAR = {
    "name": "year",
    "in": "query",
    "description": "What happened in this year alone; else all of it.",
    "schema": {"type": "string", "pattern": "^([0-9]{4})?$"},
}
_LABEL = (
    _choice("media", ("62", "62x29", "L7160", "L6009"), "Else as `[print] media` says."),
    _number("place", "On sheets of labels: the first free place, row by row from 1."),
    _choice("of", ("laptop", "charger", "battery"), "What it is for: parts beside a laptop carry its number, too."),
)
_DAY = (
    _day("day", "As 2026-11-29; else today, where the server stands."),
    _query("image", "string", "Only laptops that got this image."),
    _query("laptop", "string", "Instead of a day's: this one, by any of its names. May be given several times."),
    _LANGUAGE,
)
_PATHS: dict[str, Any] = {
    "/": _get("The workshop screen.", _text("text/html")),
    "/sign-in": _get("Where one signs in where reading is closed.", _text("text/html")),
    "/laptops/{id}": _page("A laptop's page; one that says so where there is no such laptop.", _id("laptop")),
    "/laptops/{id}/label.pdf": _get(
        "A laptop's label.",
        _text("application/pdf"),
        _id("laptop"),
        *_LABEL,
        _LANGUAGE,
        _404="No such laptop, or no tag.",
    ),
    "/laptops/{id}/sheet.pdf": _get(
        "A laptop's hand-over sheet.", _text("application/pdf"), _id("laptop"), _LANGUAGE, _404="No such laptop."
    ),
    "/today/sheets.pdf": _get("The hand-over sheets of a day.", _text("application/pdf"), *_DAY, _404="There is none."),
    "/today/labels.pdf": _get(
        "The labels of a day.", _text("application/pdf"), *_DAY, *_LABEL, _404="There is none, or one has no tag."
    ),
    "/today/list.pdf": _get("The laptops of a day, a line each.", _text("application/pdf"), *_DAY),
    "/today.xlsx": _get(
        "The laptops of a day.", _text("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), *_DAY
    ),
    "/laptops": _get("All laptops that are known: searched, filtered, sorted, fifty at a time.", _text("text/html")),
    "/evening": _get("Who waits for whom this evening, how long steps took, what held it up.", _text("text/html")),
    "/evening.pdf": _get("The same on paper, one page.", _text("application/pdf"), _LANGUAGE),
    "/sessions": _get("Sessions, with their speed and each laptop's way through.", _text("text/html")),
    "/images": _get("Images, the rules that choose them, and what is captured.", _text("text/html")),
    "/switch": _get("The switches, port by port.", _text("text/html")),
    "/inventory": _get("Results, what waits for which inventory, and what is printed.", _text("text/html")),
    "/settings": _get("The settings in force; secrets hidden.", _text("text/html")),
    "/check": _get("What `cloned check` found; `again` looks anew.", _text("text/html")),
    "/help": _get("Help, and the volunteers' guide.", _text("text/html")),
    "/help.pdf": _get("The volunteers' guide, to be printed.", _text("application/pdf"), _LANGUAGE),
    "/help/{code}": _get(
        "One thing that can go wrong, and what to do.",
        _text("text/html"),
        {**_id("reason: its code"), "name": "code"},
        _404="There is no such reason.",
    ),
    "/events": _get(
        "Events for our own pages: HTML of the parts that changed.",
        _text("text/event-stream"),
        _query("laptop", "string", "A laptop's page instead of the screen."),
        _503="Too many watchers.",
    ),
    "/api/v1/events": _get(_EVENTS, _text("text/event-stream"), _503="Too many watchers."),
    "/api/v1/state": _get("The whole workshop.", _json(Snapshot)),
    "/api/v1/laptops": _list("All laptops, in order of arrival.", ShownLaptop),
    "/api/v1/laptops/{id}": _get(
        "One laptop, with its results (`results`) and what it asked of the network boot (`netboot`).",
        _json(schema.LaptopDetails),
        _id("laptop: number, tag, serial, MAC or port will do too"),
        _404="There is no such laptop.",
    ),
    "/api/v1/laptops/{id}/triage": _get(
        "What the triage rules make of a laptop, and why: every rule with its conditions.",
        _json(TriageExplained),
        _id("laptop"),
        _404="There is no such laptop.",
    ),
    "/api/v1/scan": _get(
        "The laptop that a scanner or a person meant.",
        _json(schema.Scan),
        _query("text", "string", "A tag, also an old one, serial, MAC, id, number or address, as it was typed."),
    ),
    "/api/v1/sessions": _list("All sessions.", ShownSession),
    "/api/v1/sessions/{id}": _get(
        "One session.", _json(ShownSession), _id("session"), _404="There is no such session."
    ),
    "/api/v1/netboot": _list("What laptops asked of the network boot, oldest first.", BootAsked),
    "/api/v1/netboot/{mac}": _list(
        "The same, of one network card.",
        BootAsked,
        {**_id("card: its MAC address"), "name": "mac"},
    ),
    "/api/v1/inventory": _get("The ledger in figures, and its sinks.", _json(schema.Inventory)),
    "/api/v1/ledger": _list(
        "The newest results, oldest first; the next page has older ones.",
        schema.LedgerLine,
        _query("laptop", "string", "Of this laptop only."),
    ),
    "/api/v1/check": _get(
        "What the daemon's own check found last: at start, daily, or when asked.", _json(schema.Checked)
    ),
    "/erasures": _get("What was erased, and the site's key.", _text("text/html")),
    "/api/v1/erasures": _paged(
        "Erasures: the newest results, oldest first, and those under way; the next page has older results.",
        _json(schema.ErasuresShown),
    ),
    "/api/v1/laptops/{id}/erasure": _get(
        "Which method each disk of a laptop would be erased with, at which level, and why.",
        _json(schema.ErasurePlan),
        _id("laptop"),
        _choice("level", ("clear", "purge"), "Else the workshop's."),
        _404="There is no such laptop.",
    ),
    "/api/v1/site-key": _get("The site's public key, which certificates are signed with.", _json(schema.SiteKeyTold)),
    "/api/v1/certificate.pdf": _get(
        "One certificate for all erased laptops of a delivery; it names the others as not erased.",
        _text("application/pdf"),
        {**_query("donation", "string", "The organisation's name or the delivery's number."), "required": True},
        _LANGUAGE,
        _404="No delivery was named, or nothing of it was erased.",
    ),
    "/laptops/{id}/certificate.pdf": _get(
        "The certificate of a laptop's erasure; or a page that says what of it is not erased.",
        _text("application/pdf"),
        _id("laptop"),
        _LANGUAGE,
        _404="There is no such laptop.",
    ),
    "/deliveries": _get("Donors' deliveries and their accounts.", _text("text/html"), _YEAR, _400="This is no year."),
    "/api/v1/deliveries": _get(
        "The accounts of deliveries, the newest first.",
        _json(schema.DeliveryAccount, many=True),
        _YEAR,
        _400="This is no year.",
    ),
    "/api/v1/deliveries.csv": _get(
        "The yearly report: a line for each delivery, then all together.",
        _text("text/csv"),
        _YEAR,
        _LANGUAGE,
        _400="This is no year.",
    ),
    "/api/v1/account.pdf": _get(
        "A delivery's account, for its donor.",
        _text("application/pdf"),
        {**_query("donation", "string", "The organisation's name or the delivery's number."), "required": True},
        _LANGUAGE,
        _404="No delivery was named, or there is none of that name.",
    ),
    "/api/v1/commands": _post(
        "Do something. Needs the cookie of whoever signed in (and to come from the page itself) or a token.",
        CommandRequest,
        secured=True,
        _400="This is no command.",
        _404="There is no such command, laptop, session or image.",
        _401="Neither PIN nor token.",
        _403="A browser was sent here by another site, or it needs an administrator.",
        _409="It cannot be done now.",
        _415="The body is not JSON.",
        _503="A part that is needed for it is missing.",
    ),
    "/api/v1/sign-in": _post(
        "Give the PIN, or a name and its password; sets a cookie for twelve hours.",
        schema.SignIn,
        secured=False,
        done=schema.SignedIn,
        _400="The body is not as it should be.",
        _401="PIN or password are wrong.",
        _403="A browser was sent here by another site.",
        _415="The body is not JSON.",
        _429="Too many wrong PINs or passwords; Retry-After says how long to wait.",
    ),
    "/api/v1/sign-out": {
        "post": {
            "summary": "Take the cookie away; a copy of it holds no more either.",
            "responses": {"200": {"description": "It was done.", "content": _json(schema.Done)}},
        }
    },
    "/api/v1/openapi.json": _get("This document.", {"application/json": {"schema": {"type": "object"}}}),
    "/metrics": _get("Figures for Prometheus.", _text("text/plain")),
    "/healthz": _get("The daemon answers.", _text("text/plain")),
    "/readyz": _get("It can do its work.", _text("text/plain"), _503="It can't; each line says why."),
    "/static/{name}": _get(
        "Files of the pages.",
        _text("text/css"),
        {**_id("file"), "name": "name"},
        _404="There is no such file.",
    ),
}
