"""Erasures over HTTP: what could be done to a laptop's disks, what was done, and the papers that prove it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aiohttp import web

from cloned.core.answer_data import ErasurePlanData
from cloned.core.erasure_row import failures
from cloned.errors import UsageError
from cloned.status.api import RECORDS, _laptop_id, seen_of
from cloned.status.guard import problem
from cloned.status.pages import PAGES
from cloned.status.replies import answer, limit_of, linked, older_than, row_before


class ErasureSource(Protocol):
    """What the house knows of erasures, as the page sees it."""

    def explain(self, laptop: str, level: str) -> ErasurePlanData:
        """Which method each disk of a laptop would get, at which level, and why."""

    async def certificate(self, laptop: str, donation: str, language: str) -> bytes:
        """The PDF for a laptop, or for a delivery; ClonedError where something of it is not erased."""

    def public_key(self) -> Mapping[str, str]:
        """`{"site", "pem", "fingerprint"}` of the site's key."""


SHOWN = 200
"""Erasures on the page, the newest."""
DESK = web.AppKey[ErasureSource | None]("erasures")


def _desk(request: web.Request) -> ErasureSource:
    desk = request.app[DESK]
    if desk is None:
        raise problem(web.HTTPNotFound, "nothing is erased here", "this is a page of the tests")
    return desk


async def erasures(request: web.Request) -> web.Response:
    """`GET /api/v1/erasures`: results, oldest first, and those under way; the next page has older ones."""
    limit, before = limit_of(request), row_before(request)
    rows = await request.app[RECORDS].rows(limit=limit + 1, before=before, erasures=True)
    shown, older = rows[-limit:], older_than(rows, limit)
    known = ("id", "number", "tag", "serial", "vendor", "product", "state", "donation", "erasure", "progress", "why")
    laptops = seen_of(request, lambda each: each.state == "erasing")["laptops"]
    busy = [{name: each.get(name) for name in known} for each in laptops]
    return linked(answer({"results": shown, "under_way": busy}), request, older)


async def page(request: web.Request) -> web.Response:
    """`GET /erasures`: what was erased, and the key that papers are signed with."""
    found = await request.app[RECORDS].rows(limit=SHOWN, erasures=True)
    rows = [{**row, "why": failures(row)} for row in found]
    desk = request.app[DESK]
    key = desk.public_key() if desk is not None else {"site": "", "pem": "", "fingerprint": ""}
    return await request.app[PAGES].beside_wall(request, "erasures.html", rows=rows, key=key)


async def explain(request: web.Request) -> web.Response:
    """`GET /api/v1/laptops/{id}/erasure?level=`."""
    return answer(_desk(request).explain(_laptop_id(request), request.query.get("level", "")))


async def key(request: web.Request) -> web.Response:
    """`GET /api/v1/site-key`."""
    return answer(dict(_desk(request).public_key()))


async def certificate(request: web.Request) -> web.Response:
    """`GET /laptops/{id}/certificate.pdf`."""
    data = await _desk(request).certificate(_laptop_id(request), "", request.query.get("lang", ""))
    return _pdf(data, "certificate.pdf")


async def batch(request: web.Request) -> web.Response:
    """`GET /api/v1/certificate.pdf?donation=NAME`."""
    name = request.query.get("donation", "")
    if not name:
        raise UsageError("no delivery was named", "?donation=NAME")
    return _pdf(await _desk(request).certificate("", name, request.query.get("lang", "")), "certificates.pdf")


def _pdf(data: bytes, name: str) -> web.Response:
    shown = {"Content-Disposition": f'inline; filename="{name}"'}
    return web.Response(body=data, content_type="application/pdf", headers=shown)
