"""Signing in and out: who gives PIN or password gets a cookie for the evening."""

from __future__ import annotations

import asyncio
import re

from aiohttp import web

from cloned.errors import UsageError
from cloned.status.api import body
from cloned.status.auth import SIGNED_IN_SECONDS
from cloned.status.guard import AUTH, COOKIE, TRUSTED, problem, same_origin, visitor
from cloned.status.pages import PAGES
from cloned.status.replies import answer


async def page(request: web.Request) -> web.Response:
    """`GET /sign-in?to=PATH`: PIN or password, and then on to where one wanted to go."""
    if visitor(request) is not None:
        raise web.HTTPSeeOther(_inside(request.query.get("to", "/")))
    return request.app[PAGES].plain_page(request, "sign-in.html")


def _inside(path: str) -> str:
    """A path of ours; the wall for anything that leads elsewhere."""
    return path if re.fullmatch(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", path) else "/"


async def sign_in(request: web.Request) -> web.Response:
    """`POST /api/v1/sign-in`: with the PIN, or with a name and its password."""
    _not_from_elsewhere(request)
    given = await body(request)
    name, secret = _credentials(given if isinstance(given, dict) else {})
    found = await request.app[AUTH].sign_in(secret, request.remote or "unix", name)
    if found is None and name:
        raise problem(
            web.HTTPUnauthorized, "name and password do not fit", "`cloned user password` on the server sets one"
        )
    if found is None:
        raise problem(web.HTTPUnauthorized, "this is not the PIN", "`cloned pin --new` on the server makes another")
    cookie, who = found
    response = answer({"ok": True, "role": str(who.role), "name": who.person})
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=SIGNED_IN_SECONDS,
        httponly=True,
        samesite="Strict",
        secure=request.secure,
        path="/",
    )
    return response


def _credentials(given: dict[str, object]) -> tuple[str, str]:
    """The name (empty for the PIN) and the secret that were sent."""
    name, secret = given.get("name", ""), given.get("password", given.get("pin"))
    if not isinstance(name, str) or not isinstance(secret, str) or set(given) - {"name", "password", "pin"}:
        raise UsageError("no PIN was given", '{"pin": "…"}, or {"name": "…", "password": "…"}')
    return name.strip(), secret.strip()


async def sign_out(request: web.Request) -> web.Response:
    """`POST /api/v1/sign-out`: the cookie holds no more, and no copy of it."""
    _not_from_elsewhere(request)
    await asyncio.to_thread(request.app[AUTH].sign_out, request.cookies.get(COOKIE, ""))
    response = answer({"ok": True})
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
    return response


def _not_from_elsewhere(request: web.Request) -> None:
    """Programs say no origin; a browser that does must have been on our own page."""
    if not request.app[TRUSTED] and ("Origin" in request.headers or "Sec-Fetch-Site" in request.headers):
        same_origin(request)
