"""Papers at their addresses: labels, hand-over sheets and lists, drawn when they are asked for."""

from __future__ import annotations

import re
from datetime import date

from aiohttp import web

from cloned.errors import UsageError
from cloned.saying import Phrase
from cloned.status import guard
from cloned.status.needs import PaperSource
from cloned.status.speech import spoken

OFFICE = web.AppKey[PaperSource | None]("office")
PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_POLICY = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'"
"""What a browser's own viewer needs to show a PDF; nothing in it can run."""
FIRST_YEAR, LAST_YEAR = 1900, 9000
"""Of days that papers are asked for."""
MOST = 500
"""Laptops on papers of one request."""


async def label(request: web.Request) -> web.Response:
    """`GET /laptops/{id}/label.pdf`: `media`, for sheets the first free `place`, and what it is `of`."""
    name, of = request.match_info["id"], request.query.get("of", "")
    media = request.query.get("media", "")
    made = await _office(request).label([name], _language(request), media, _place(request), of)
    return _answer(made, f"label-{name}{f'-{of}' if of else ''}.pdf")


async def sheet(request: web.Request) -> web.Response:
    """`GET /laptops/{id}/sheet.pdf`."""
    name = request.match_info["id"]
    return _answer(await _office(request).sheet([name], _language(request)), f"sheet-{name}.pdf")


async def sheets(request: web.Request) -> web.Response:
    """`GET /today/sheets.pdf`: of a day, of its laptops with an `image`, or of each `laptop` that is named."""
    made = await _office(request).sheet(await _names(request), _language(request))
    return _answer(made, f"sheets-{_day(request) or 'today'}.pdf")


async def labels(request: web.Request) -> web.Response:
    """`GET /today/labels.pdf`: as the sheets, with `media` and `place`."""
    media, of = request.query.get("media", ""), request.query.get("of", "")
    made = await _office(request).label(await _names(request), _language(request), media, _place(request), of)
    return _answer(made, f"labels-{_day(request) or 'today'}.pdf")


async def overview(request: web.Request) -> web.Response:
    """`GET /today/list.pdf`: one line for each."""
    made = await _office(request).overview(await _names(request), _day(request), _language(request))
    return _answer(made, f"laptops-{_day(request) or 'today'}.pdf")


async def workbook(request: web.Request) -> web.Response:
    """`GET /today.xlsx`."""
    made = await _office(request).workbook(await _names(request), _day(request), _language(request))
    return _answer(made, f"laptops-{_day(request) or 'today'}.xlsx", XLSX)


async def evening(request: web.Request) -> web.Response:
    """`GET /evening.pdf`: the evening so far, in the reader's language."""
    return _answer(await _office(request).evening(spoken(request).code), "evening.pdf")


async def guide(request: web.Request) -> web.Response:
    """`GET /help.pdf`: the volunteers' guide, in the reader's language."""
    words = spoken(request)
    return _answer(await _office(request).guide(words.code), f"guide-{words.code}.pdf")


def _office(request: web.Request) -> PaperSource:
    office = request.app[OFFICE]
    if office is None:
        raise guard.problem(web.HTTPNotFound, "no papers are drawn here")
    return office


async def _names(request: web.Request) -> list[str]:
    """The laptops that are named, else those of the day."""
    named = request.query.getall("laptop", [])
    found = named or await _office(request).of_day(_day(request), request.query.get("image", ""))
    if len(found) > MOST:
        raise UsageError(
            Phrase("{count} laptops are too many for one file", count=len(found)),
            Phrase("ask for at most {most}: name an image", most=MOST),
        )
    return found


def _language(request: web.Request) -> str:
    return request.query.get("lang", "")


def _place(request: web.Request) -> int:
    text = request.query.get("place", "1")
    if re.fullmatch(r"\d{1,3}", text) is None:
        raise UsageError(
            Phrase("{text} is no place on a sheet", text=repr(text)), "give a number, counted row by row from 1"
        )
    return int(text)


def _day(request: web.Request) -> date | None:
    """The day that is asked for; None: today."""
    text = request.query.get("day")
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValueError("no clock of ours shows it")
    except ValueError as error:
        raise UsageError(Phrase("{text} is no day", text=repr(text)[:40]), "give it as 2026-11-29") from error
    return day


def _answer(data: bytes, name: str, kind: str = PDF) -> web.Response:
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Content-Security-Policy": _POLICY}
    return web.Response(body=data, content_type=kind, headers=headers)
