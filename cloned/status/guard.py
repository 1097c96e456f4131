"""What stands before every handler: who asks, from where, and what the answer may do in a browser."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from cloned.core.refusals import Refusal
from cloned.errors import ClonedError, MissingError, RefusedError, UsageError
from cloned.status.auth import Auth, TooManyTries
from cloned.status.speech import spoken
from cloned.wallclock import shown
from cloned.wire import bearer

COOKIE = "cloned_signed_in"
AUTH = web.AppKey("auth", Auth)
TRUSTED = web.AppKey("trusted", bool)
"""Whether requests come by the Unix socket, which only its group may open."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def signed_in(request: web.Request) -> bool:
    """Whether a browser holds a good cookie."""
    cookie = request.cookies.get(COOKIE)
    return cookie is not None and request.app[AUTH].cookie_holds(cookie)


def actor(request: web.Request) -> str:
    """Who is acting, for the history: `page`, `command line` or a machine's name. Raises 401 or 403 as JSON."""
    if request.app[TRUSTED]:
        return "command line"
    if request.headers.get("Authorization", "").lower().startswith("bearer"):
        name = request.app[AUTH].machine(bearer(request))
        if name is None:
            raise problem(web.HTTPUnauthorized, "this token is not known", "check [page.tokens] in the configuration")
        return name
    if not signed_in(request):
        raise problem(web.HTTPUnauthorized, "acting needs the workshop's PIN", "`cloned pin` on the server shows it")
    same_origin(request)
    return "page"


def same_origin(request: web.Request) -> None:
    """Refuse what another site makes a browser send; needed wherever a browser's cookie or place counts."""
    fetch = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    ours = (
        fetch == "same-origin" if fetch is not None else origin is not None and urlsplit(origin).netloc == request.host
    )
    if not ours:
        raise problem(web.HTTPForbidden, "this request came from another site", "use the page itself, or a token")


def problem(kind: type[web.HTTPException], error: str, hint: str = "") -> web.HTTPException:
    """An error answer: `{"error", "hint"}`."""
    return _answer(kind, error, hint)


def refused(refusal: Refusal, kind: type[web.HTTPException] = web.HTTPBadRequest) -> web.HTTPException:
    """Why a command cannot be obeyed: beside the words its code and values, for programs and other languages."""
    code = {"code": str(refusal.code), "values": dict(refusal.values)}
    return _answer(kind, refusal.sentence(shown), refusal.next_step(shown), **code)


def _answer(kind: type[web.HTTPException], error: str, hint: str, **more: object) -> web.HTTPException:
    text = json.dumps({"error": error, "hint": hint, **more}, ensure_ascii=False)
    made = kind(text=text, content_type="application/json")
    made.told = (error, hint)  # type: ignore[attr-defined]
    return made


@web.middleware
async def in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors in the reader's language, error and hint a line each, for who asks for text: our own page does.

    JSON is never translated.
    """
    try:
        return await handler(request)
    except web.HTTPException as answer:
        told = getattr(answer, "told", None)
        if told is not None and "text/plain" in request.headers.get("Accept", ""):
            words = spoken(request)
            answer.text = "\n".join(words.say(part) for part in told)
            answer.content_type = "text/plain"
            answer.headers["Content-Language"] = words.code
        raise


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what rooms raise into answers that say what to do next."""
    try:
        return await handler(request)
    except TooManyTries as wait:
        answer = problem(web.HTTPTooManyRequests, wait.message, wait.hint)
        answer.headers["Retry-After"] = str(int(wait.seconds) + 1)
        raise answer from wait
    except MissingError as error:
        raise problem(web.HTTPServiceUnavailable, error.message, error.hint) from error
    except RefusedError as error:
        raise refused(error.refusal) from error
    except UsageError as error:
        raise problem(web.HTTPBadRequest, error.message, error.hint) from error
    except ClonedError as error:
        raise problem(web.HTTPConflict, error.message, error.hint) from error


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """On every answer, streams included (on_response_prepare)."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
