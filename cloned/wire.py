"""What comes from the wire is bounded here before it costs anything: for page, agents and captures alike.

A body has a size that its call allows and a time to arrive in, comes as it is (no Content-Encoding), is UTF-8 whatever
charset the client names, and is JSON of bounded depth with finite numbers. Texts lose control characters and lone
surrogates. What is larger than 64 KiB is understood in a thread, so that the loop goes on.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from cloned.saying import Phrase, message, parts

LARGEST_BYTES = 256 * 1024
"""Bytes of a request, where its call does not need more."""
OFF_LOOP_BYTES = 64 * 1024
"""Bytes from which on a body is understood in a thread."""
SECONDS = 30.0
"""In which a body must have come, and a second more for each PACE bytes that its call allows."""
PACE = 1 << 20
DEPTH = 32
"""Lists and objects inside each other."""
MOST_ITEMS = 100_000
"""Values in one body."""
MOST_DIGITS = 400

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_GAP = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


class TooLarge(ValueError):  # noqa: N818 - named for what happened
    """More was sent than the call allows."""


def text(value: str) -> str:
    """`value` without control characters (line feeds and tabs stay) and without halves of characters."""
    return _CONTROL.sub(" ", _SURROGATE.sub("\ufffd", value.replace("\r\n", "\n")))


def line(value: object, most: int = 200) -> str:
    """`value` as one line of at most `most` characters; nothing where it is no text."""
    if not isinstance(value, str):
        return ""
    return _GAP.sub(" ", text(value[: 4 * most])).strip()[:most]


def bearer(request: web.Request) -> str:
    """The token of an Authorization header, or nothing (RFC 6750 §2.1); tokens are ASCII."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token.isascii() and len(token) <= 512 else ""


async def body(request: web.Request, most: int = LARGEST_BYTES) -> bytes:
    """What was sent. TooLarge, or ValueError where it comes encoded or too slowly."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ValueError("a request is sent as it is, without Content-Encoding")
    if (request.content_length or 0) > most:
        raise TooLarge(Phrase("a request of this kind has at most {most} bytes", most=most))
    data = bytearray()
    try:
        async with asyncio.timeout(SECONDS + most / PACE):
            async for chunk in request.content.iter_any():
                data += chunk
                if len(data) > most:
                    raise TooLarge(Phrase("a request of this kind has at most {most} bytes", most=most))
    except TimeoutError:
        raise ValueError("the request came too slowly") from None
    return bytes(data)


async def json_body(request: web.Request, most: int = LARGEST_BYTES) -> object:
    """The JSON that was sent, made safe; ValueError says what is wrong with it."""
    data = await body(request, most)
    return await asyncio.to_thread(parse, data) if len(data) > OFF_LOOP_BYTES else parse(data)


def parse(data: bytes) -> object:
    """JSON from bytes, made safe; ValueError says what is wrong with it."""
    try:
        found = json.loads(data.decode("utf-8"), parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("the request is not UTF-8") from None
    return _safe(found)


def _safe(found: object) -> object:
    """The same values with every text made safe; ValueError where they are too many or nested too deeply."""
    count = 0

    def walk(value: object, depth: int) -> object:
        nonlocal count
        count += 1
        if count > MOST_ITEMS:
            raise ValueError("the JSON has too many values")
        if isinstance(value, str):
            return text(value)
        if isinstance(value, list | dict) and depth >= DEPTH:
            raise ValueError("the JSON is nested too deeply")
        if isinstance(value, list):
            return [walk(each, depth + 1) for each in value]
        if isinstance(value, dict):
            return {text(key): walk(each, depth + 1) for key, each in value.items()}
        return value

    return walk(found, 0)


def _no_number(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _whole(word: str) -> int:
    if len(word) > MOST_DIGITS:
        raise ValueError("a number is too long")
    return int(word)


def dumps(data: object) -> str:
    """JSON that every reader takes: no NaN and no Infinity (ValueError)."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


PROBLEM = "application/problem+json"


def problem_body(status: int, error: str, hint: str, **more: object) -> str:
    """A problem (RFC 9457) with our hint, and the words as they ever were in `error`."""
    about = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": error}
    return dumps({**about, "error": error, "hint": hint, **more})


def refuse(status: int, error: str, hint: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error as agents read it: what happened and the next step, with `told`: both as messages with their values."""
    told = [parts(message(each)) for each in (error, hint)]
    text = problem_body(status, error, hint, told=told)
    return web.Response(text=text, status=status, headers=headers, content_type=PROBLEM)


@web.middleware
async def plain_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what is packed: a few bytes could become many before anybody asked who sends them."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        close = {"Connection": "close"}
        text = problem_body(415, Phrase("a request is sent as it is"), Phrase("leave Content-Encoding out"))
        return web.Response(text=text, status=415, headers=close, content_type=PROBLEM)
    return await handler(request)
