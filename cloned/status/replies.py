"""How answers look, whatever they say: JSON with an ETag, lists in pages, packed where that saves something."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from cloned.core.row_types import Row
from cloned.saying import Phrase
from cloned.status.guard import problem
from cloned.wire import dumps

USUAL_LIMIT = 1000
LARGEST_LIMIT = 10_000
WORTH_PACKING_BYTES = 1024
"""Bytes from which on an answer is compressed."""
PACKABLE = re.compile(
    r"application/([a-z.]+\+)?json|text/(html|plain|css|javascript)|application/javascript|image/svg\+xml"
)
FLEETING = ("now", "loop_lag", "loop_held", "loop_busy")
"""What is another each time that it is asked for, though nothing happened."""


def answer(data: object, request: web.Request | None = None) -> web.Response:
    """Data as JSON. With `request` its ETag, and 304 where whoever asks has it already (RFC 9110 §13.1.2)."""
    text = dumps(data)
    if request is None:
        return web.Response(text=text, content_type="application/json")
    tag = etag(data, text)
    headers = {"ETag": f'W/"{tag}"', "Cache-Control": "no-cache"}
    known = request.if_none_match or ()
    if any(each.value in (tag, "*") for each in known):
        return web.Response(status=304, headers=headers)
    return web.Response(text=text, content_type="application/json", headers=headers)


def etag(data: object, text: str) -> str:
    """A name of what the data says, the same as long as it says the same."""
    if isinstance(data, Mapping) and any(name in data for name in FLEETING):
        text = dumps({name: value for name, value in data.items() if name not in FLEETING})
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def limit_of(request: web.Request) -> int:
    """`limit` of the query; 400 where it is none."""
    text = request.query.get("limit", str(USUAL_LIMIT))
    if re.fullmatch("[1-9][0-9]{0,5}", text) is None or int(text) > LARGEST_LIMIT:
        raise problem(
            web.HTTPBadRequest,
            Phrase("limit is not a number from 1 to {most}", most=LARGEST_LIMIT),
            Phrase("leave it out for {usual}", usual=USUAL_LIMIT),
        )
    return int(text)


def cursor_of(request: web.Request) -> list[str | int] | None:
    """What `cursor` of the query holds: the place that a page before this one named; None at the first."""
    given = request.query.get("cursor")
    if not given:
        return None
    try:
        found = json.loads(base64.b64decode(given.encode("ascii"), b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, list) or not all(map(_placed, found)):
        raise no_such_page()
    return found


def _placed(part: object) -> bool:
    """Whether it may stand in a place of ours: a database takes no half of a character and no number without end."""
    return part.isprintable() if isinstance(part, str) else isinstance(part, int) and 0 <= part < 1 << 53


def no_such_page() -> web.HTTPException:
    """What a cursor that we never gave leads to."""
    return problem(web.HTTPNotFound, "there is no such page", "begin without cursor, and follow the Link headers")


def row_before(request: web.Request) -> tuple[str, str, int] | None:
    """The result that the page asked for comes before: its at, laptop and attempt; None at the first."""
    cursor = cursor_of(request)
    if cursor is None:
        return None
    if [type(each) for each in cursor] != [str, str, int]:
        raise no_such_page()
    return str(cursor[0]), str(cursor[1]), int(cursor[2])


def older_than(rows: Sequence[Row], limit: int) -> tuple[str, str, int] | None:
    """Where the next page of results begins, of which one more than `limit` was asked for; None at the last."""
    if len(rows) <= limit:
        return None
    first = rows[-limit]
    return first["at"], first["laptop"], first["attempt"]


def linked(response: web.Response, request: web.Request, place: Sequence[str | int] | None) -> web.Response:
    """`response` with the address of the next page, if there is one (RFC 8288)."""
    if place is not None:
        cursor = base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode()
        url = request.rel_url.update_query(cursor=cursor)
        response.headers["Link"] = f'<{url}>; rel="next"'
    return response


def page(request: web.Request, items: Sequence[object]) -> web.Response:
    """A list, or the part of it that `limit` and `cursor` ask for. The cursor counts what went before."""
    limit, cursor = limit_of(request), cursor_of(request)
    if cursor is not None and (len(cursor) != 1 or not isinstance(cursor[0], int) or cursor[0] < 0):
        raise no_such_page()
    first = int(cursor[0]) if cursor else 0
    more = first + limit < len(items)
    shown = answer(list(items[first : first + limit]), request)
    return linked(shown, request, [first + limit] if more else None)


@web.middleware
async def packed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Compress what is worth it, for who takes it; what streams or lies in files stays as it is."""
    response = await handler(request)
    large = (
        isinstance(response, web.Response)
        and isinstance(response.body, bytes)
        and len(response.body) > WORTH_PACKING_BYTES
    )
    if large and request.method != "HEAD" and PACKABLE.fullmatch(response.content_type):
        response.headers.add("Vary", "Accept-Encoding")
        how = packing(request.headers.get("Accept-Encoding", ""))
        if how is not None:
            response.enable_compression(how)
    return response


def packing(accepted: str) -> web.ContentCoding | None:
    """How an answer may be packed for whoever takes these codings; one of weight 0 is refused (RFC 9110 §12.5.3)."""
    refused = re.compile(r"q\s*=\s*0(\.0*)?", re.IGNORECASE)
    told = [each.strip().lower().split(";") for each in accepted.split(",")]
    taken = {name.strip() for name, *weight in told if not any(refused.fullmatch(each.strip()) for each in weight)}
    named = {name.strip() for name, *_ in told}
    for each in (web.ContentCoding.gzip, web.ContentCoding.deflate):
        if each.value in taken or ("*" in taken and each.value not in named):
            return each
    return None
