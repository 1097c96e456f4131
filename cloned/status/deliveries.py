"""Donors' deliveries over HTTP: the one that is open, each one's account, the donor's paper and the yearly report."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from cloned.core.account_types import Account, FactorSources
from cloned.errors import UsageError
from cloned.status.guard import problem
from cloned.status.pages import PAGES
from cloned.status.replies import answer
from cloned.status.speech import spoken


class AccountSource(Protocol):
    """What the house knows of deliveries, as the page sees it."""

    def accounts(self, year: int = 0) -> list[Account]:
        """Every delivery's account, the newest first."""

    def sources(self) -> FactorSources:
        """The factors with where each comes from."""

    async def paper(self, name: str, code: str) -> bytes:
        """A delivery's account for its donor, as PDF; UsageError where there is none of that name."""

    def report(self, year: int, code: str) -> bytes:
        """The yearly report as CSV."""


ACCOUNTS = web.AppKey[AccountSource | None]("accounts")


def _desk(request: web.Request) -> AccountSource:
    desk = request.app[ACCOUNTS]
    if desk is None:
        raise problem(web.HTTPNotFound, "there are no deliveries here", "this is a page of the tests")
    return desk


def _year(request: web.Request) -> int:
    """`?year=`; 0 where none was said."""
    text = request.query.get("year", "")
    if text and not (text.isascii() and text.isdigit() and len(text) == 4):
        raise problem(web.HTTPBadRequest, "this is no year", "?year=2026")
    return int(text or 0)


async def page(request: web.Request) -> web.Response:
    """`GET /deliveries`."""
    desk = request.app[ACCOUNTS]
    accounts = desk.accounts(_year(request)) if desk is not None else []
    sources = desk.sources() if desk is not None else None
    return await request.app[PAGES].beside_wall(
        request, "deliveries.html", accounts=accounts, sources=sources, year=_year(request)
    )


async def deliveries(request: web.Request) -> web.Response:
    """`GET /api/v1/deliveries?year=`."""
    return answer(_desk(request).accounts(_year(request)))


async def paper(request: web.Request) -> web.Response:
    """`GET /api/v1/account.pdf?donation=NAME`."""
    name = request.query.get("donation", "")
    if not name:
        raise UsageError("no delivery was named", "?donation=NAME")
    data = await _desk(request).paper(name, spoken(request).code)
    shown = {"Content-Disposition": 'inline; filename="account.pdf"'}
    return web.Response(body=data, content_type="application/pdf", headers=shown)


async def report(request: web.Request) -> web.Response:
    """`GET /api/v1/deliveries.csv?year=`."""
    data = _desk(request).report(_year(request), spoken(request).code)
    shown = {"Content-Disposition": 'attachment; filename="deliveries.csv"'}
    return web.Response(body=data, content_type="text/csv", charset="utf-8", headers=shown)
