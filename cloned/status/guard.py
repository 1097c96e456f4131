"""What stands before every handler: who asks, from where, and what the answer may do in a browser."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from cloned.core.refusals import Refusal
from cloned.core.verbs import Role, Verb
from cloned.errors import ClonedError, MissingError, RefusedError, UsageError
from cloned.saying import Phrase
from cloned.status.auth import Auth, TooManyTries, Visitor
from cloned.status.speech import spoken
from cloned.wallclock import shown
from cloned.wire import PROBLEM, bearer, problem_body

log = logging.getLogger(__name__)
COOKIE = "cloned_signed_in"
AUTH = web.AppKey("auth", Auth)
TRUSTED = web.AppKey("trusted", bool)
"""Whether requests come by the Unix socket, which only its group may open."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class AccessRules:
    """What the configuration says of who may do what; asked each time, since it may change while we run."""

    read: Callable[[], Literal["open", "signed-in"]] = lambda: "open"
    """Who may look: everybody, or whoever signed in."""
    erase_by: Callable[[], Literal["administrator", "volunteer"]] = lambda: "administrator"

    def needed(self, verb: Verb) -> Role:
        """What somebody must be for a verb of the table."""
        by_volunteers = verb.name == "erase" and self.erase_by() == "volunteer"
        return Role.VOLUNTEER if by_volunteers else verb.role


RULES = web.AppKey("rules", AccessRules)
_ALWAYS = frozenset({"/healthz", "/api/v1/sign-in", "/api/v1/sign-out", "/sign-in"})
"""What is answered to everybody, also where reading is closed; beside files of the pages."""


def visitor(request: web.Request) -> Visitor | None:
    """Who asks: a browser with a good cookie, a machine with a good token, our own socket; else None."""
    if request.app[TRUSTED]:
        return Visitor("command line", Role.ADMINISTRATOR)
    if _has_token(request):
        return request.app[AUTH].machine(bearer(request))
    cookie = request.cookies.get(COOKIE)
    return None if cookie is None else request.app[AUTH].who(cookie)


def actor(request: web.Request) -> Visitor:
    """Who is acting, for the history and for what they may. Raises 401 or 403 as JSON."""
    found = visitor(request)
    if found is None and _has_token(request):
        raise problem(web.HTTPUnauthorized, "this token is not known", "see `cloned token list`")
    if found is None:
        raise problem(web.HTTPUnauthorized, "acting needs the workshop's PIN", "sign in; `cloned pin` says how")
    if not request.app[TRUSTED] and not _has_token(request):
        same_origin(request)
    return found


def must_be(found: Visitor, needed: Role) -> None:
    """Refuse somebody who may not do this, and say who may."""
    if not found.role.may(needed):
        hint = "an administrator may: sign in with a name and password, or use `cloned` on the server"
        raise problem(web.HTTPForbidden, Phrase("{who} may not do this", who=Phrase(found.role.article)), hint)


def _has_token(request: web.Request) -> bool:
    return request.headers.get("Authorization", "").lower().startswith("bearer")


@web.middleware
async def readers_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Where reading is closed (`[page] read`), show nothing to whoever has not signed in."""
    closed = not request.app[TRUSTED] and request.app[RULES].read() == "signed-in"
    if not closed or request.path in _ALWAYS or request.path.startswith("/static/") or visitor(request) is not None:
        return await handler(request)
    if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
        raise web.HTTPSeeOther(request.rel_url.with_path("/sign-in").with_query(to=str(request.rel_url)))
    raise problem(web.HTTPUnauthorized, "this workshop shows itself to whoever signed in", "sign in, or send a token")


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
    """An error answer: application/problem+json with `error` and `hint`."""
    return _answer(kind, error, hint)


def refused(refusal: Refusal, kind: type[web.HTTPException] = web.HTTPBadRequest) -> web.HTTPException:
    """Why a command cannot be obeyed: beside the words its code and values, for programs and other languages."""
    code = {"code": str(refusal.code), "values": dict(refusal.values)}
    return _answer(kind, refusal.sentence(shown), refusal.next_step(shown), **code)


def _answer(kind: type[web.HTTPException], error: str, hint: str, **more: object) -> web.HTTPException:
    return _worded(kind(), error, hint, **more)


def _worded(made: web.HTTPException, error: str, hint: str, **more: object) -> web.HTTPException:
    """`made` with what it says, as a problem."""
    made.text = problem_body(made.status, error, hint, **more)
    made.content_type = PROBLEM
    if made.status == 401:
        made.headers["WWW-Authenticate"] = ASKED_FOR
    made.told = (error, hint)  # type: ignore[attr-defined]
    return made


ASKED_FOR = 'Bearer realm="cloned"'
"""What programs may prove themselves by (RFC 9110 §15.5.2 wants it told); browsers ask nobody for it."""
_STRAYS = {
    404: (Phrase("there is nothing at this address"), Phrase("see /api/v1/openapi.json for what there is")),
    405: (Phrase("this cannot be done at this address"), Phrase("the header Allow says what can")),
}
"""What is said of requests that no handler was found for."""
_MENU = Phrase("the menu leads to every page that there is")


PAGE_OF = web.AppKey[Callable[[web.Request, str, str], str]]("page_of")
"""(request, error, hint) → the page that says so to somebody with a browser."""


@web.middleware
async def in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors in the reader's language, for who asks for text or a page. JSON is never translated."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        told = getattr(answer, "told", None)
        if told is not None:
            _say(request, answer, *told)
        raise


def _say(request: web.Request, answer: web.HTTPException, error: str, hint: str) -> None:
    """Text for our own page, a page for who opened the address in a browser; programs keep the JSON."""
    wants, words = request.headers.get("Accept", ""), spoken(request)
    if "text/plain" in wants:
        answer.text, answer.content_type = "\n".join(map(words.say, (error, hint))), "text/plain"
    elif "text/html" in wants and not request.path.startswith("/api/"):
        step = _MENU if (error, hint) in _STRAYS.values() else hint
        answer.text, answer.content_type = request.app[PAGE_OF](request, error, step), "text/html"
    else:
        return
    answer.headers["Content-Language"] = words.code


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what rooms raise into answers that say what to do next."""
    try:
        return await handler(request)
    except web.HTTPException as stray:
        if stray.status in _STRAYS and not hasattr(stray, "told"):
            _worded(stray, *_STRAYS[stray.status])
        raise
    except TooManyTries as wait:
        answer = problem(web.HTTPTooManyRequests, wait.message, wait.hint)
        answer.headers["Retry-After"] = str(int(wait.seconds) + 1)
        raise answer from wait
    except MissingError as error:
        raise problem(web.HTTPServiceUnavailable, error.message, error.hint) from error
    except RefusedError as error:
        missing = str(error.refusal.code).startswith("no-such-") or request.method in ("GET", "HEAD")
        raise refused(error.refusal, web.HTTPNotFound if missing else web.HTTPConflict) from error
    except UsageError as error:
        kind = web.HTTPNotFound if request.method in ("GET", "HEAD") else web.HTTPBadRequest
        raise problem(kind, error.message, error.hint) from error
    except ClonedError as error:
        raise problem(web.HTTPConflict, error.message, error.hint) from error
    except ConnectionError:
        raise  # whoever asked is gone
    except Exception as error:
        log.exception("%s %s failed", request.method, request.path)
        raise problem(
            web.HTTPInternalServerError,
            "the daemon could not answer this",
            "try again; the daemon's log says more: journalctl -u cloned",
        ) from error


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """On every answer, streams included (on_response_prepare)."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
