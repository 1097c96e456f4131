"""Speaking to Snipe-IT: its envelope, its throttle, its lists; the numbers name recorded exchanges."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from typing import Unpack
from urllib.parse import quote, urlencode

from aiohttp import FormData

from cloned.inventory.sinks.base import SinkRefused, Unavailable
from cloned.inventory.sinks.http import NOT_THE_RECORDS, HttpAnswer, HttpPeer, RequestParts
from cloned.inventory.sinks.snipeit_asset import Asset, private, read_asset
from cloned.json_data import JsonObject, as_object
from cloned.saying import Phrase, chained, headed

MINUTE_SECONDS = 60.0
"""What a throttled caller waits where nobody says for how long: the whole minute [198]."""
SLOW_BELOW = 10
"""Calls left in this minute below which we slow down."""
PAUSE_SECONDS = 0.5
"""Seconds between calls then: 120 a minute."""
FORBIDDEN_WAIT = 120.0


class NotAllowed(Unavailable):
    """The token may not do this [144]: a person has to give it the right."""


class SnipeItError(Exception):
    """Its envelope says error: `messages` by field, or one text under ""."""

    def __init__(self, messages: Mapping[str, str]) -> None:
        super().__init__(chained([headed(key, said) if key else said for key, said in messages.items()]))
        self.messages = messages


class SnipeItApi:
    """Calls; each raises Unavailable (NotAllowed), Refused or SnipeItError."""

    def __init__(self, peer: HttpPeer) -> None:
        self.peer = peer
        self._slow = False

    async def get(self, path: str, **query: object) -> JsonObject:
        """A GET's body; a "not found" is a SnipeItError."""
        return await self._call("GET", path + (f"?{urlencode(query)}" if query else ""))

    async def write(self, method: str, path: str, body: JsonObject) -> object:
        """The payload of a POST or PATCH."""
        return (await self._call(method, path, json=dict(body))).get("payload")

    async def _call(self, method: str, path: str, **given: Unpack[RequestParts]) -> JsonObject:
        if self._slow:
            await asyncio.sleep(PAUSE_SECONDS)
        answer = await self.peer.ask(method, f"/api/v1/{path}", **given)
        left = answer.headers.get("X-RateLimit-Remaining", "")
        self._slow = left.isdecimal() and int(left) < SLOW_BELOW
        self._learn(answer.body)
        self._status(answer)
        return self._envelope(answer.body)

    def _learn(self, body: object) -> None:
        """Whatever is read of an asset beside what we write: never to be told."""
        rows = body.get("rows") if isinstance(body, dict) else None
        for each in rows if isinstance(rows, list) else [body]:
            if isinstance(each, dict) and "custom_fields" in each:
                self.peer.hush.learn(private(each))

    def _status(self, answer: HttpAnswer) -> None:
        status, said = answer.status, self._said(answer.body)
        if status == 401:
            raise Unavailable("Snipe-IT does not accept the token: make a new one and set `token`", FORBIDDEN_WAIT)
        if status == 403:
            raise NotAllowed(
                Phrase("the token has no right to do this{said}: give its user the right", said=said), FORBIDDEN_WAIT
            )
        if status == 429:
            raise Unavailable("Snipe-IT takes no more calls in this minute", answer.after or MINUTE_SECONDS)
        told = answer.body.get("messages") if isinstance(answer.body, dict) else None
        if status in NOT_THE_RECORDS and not (status == 404 and isinstance(told, str)):
            raise Unavailable(
                Phrase(
                    "{base} has no such interface{said}: is `url` the address of Snipe-IT?",
                    base=self.peer.base,
                    said=said,
                )
            )
        if status == 503:
            raise Unavailable("Snipe-IT is in maintenance mode", answer.after)
        if status >= 500 and not self._told_why(answer.body):  # what it says then may be any record's: SQL with values
            raise Unavailable(
                Phrase("Snipe-IT answered {status}: see storage/logs/laravel.log there", status=status), answer.after
            )
        if 400 <= status < 500 and status != 404:
            raise SinkRefused(Phrase("Snipe-IT answered {status}{said}", status=status, said=said))

    @staticmethod
    def _told_why(body: object) -> bool:
        """An upload that is too large is a 500 with an envelope [123]."""
        return isinstance(body, dict) and body.get("status") == "error" and isinstance(body.get("messages"), str)

    def _said(self, body: object) -> str:
        text = (body.get("messages") or body.get("message") or body.get("error")) if isinstance(body, dict) else None
        return f" ({self.peer.hush.clean(text, 200)})" if isinstance(text, str) else ""

    def _envelope(self, body: object) -> JsonObject:
        """The body. Errors come with 200 too. A GET of something has no envelope, only its not found has one."""
        if not isinstance(body, dict):
            raise Unavailable(
                Phrase("{base} answered something else than Snipe-IT does: check `url`", base=self.peer.base)
            )
        if body.get("status") == "error":
            raise SnipeItError(self._messages(body.get("messages") or body.get("message") or body.get("payload")))
        return body

    def _messages(self, given: object) -> dict[str, str]:
        clean = self.peer.hush.clean
        if isinstance(given, dict):
            return {
                str(key): clean(" ".join(map(str, each)) if isinstance(each, list) else each)
                for key, each in given.items()
            }
        return {"": clean(given)}

    # Assets.

    async def by_serial(self, serial: str) -> list[Asset]:
        """Whatever has this serial as its database compares, archived ones too, deleted ones not [051] [165]."""
        body = await self._found(f"hardware/byserial/{quote(serial, safe='')}")
        return [] if body is None else [self._asset(each) for each in self._rows(body)]

    async def by_tag(self, tag: str) -> Asset | None:
        """The asset with this number; one bare asset, not a list [054]."""
        body = await self._found(f"hardware/bytag/{quote(tag, safe='')}")
        return None if body is None else self._asset(self._rows(body)[0] if "rows" in body else body)

    async def by_id(self, number: int) -> Asset:
        """One asset, as it is now."""
        return self._asset(await self.get(f"hardware/{number}"))

    async def _found(self, path: str) -> JsonObject | None:
        """The body, None where there is no such asset [047] [048]."""
        try:
            return await self.get(path)
        except SnipeItError as error:
            if "does not exist" in str(error) or "not found" in str(error):
                return None
            raise

    def _rows(self, body: JsonObject) -> list[object]:
        rows = body.get("rows")
        if not isinstance(rows, list):
            raise Unavailable(Phrase("{base} answered a list of another form than expected", base=self.peer.base))
        return rows

    def _asset(self, body: object) -> Asset:
        try:
            return read_asset(as_object(body))
        except (TypeError, ValueError) as error:
            raise Unavailable(
                Phrase("{base} answered {error}", base=self.peer.base, error=self.peer.hush.clean(error))
            ) from error

    # Files.

    async def files(self, number: int) -> list[str]:
        """Names of the files of an asset [114]."""
        body = await self._found(f"hardware/{number}/files")
        return (
            [] if body is None else [str(each.get("filename")) for each in self._rows(body) if isinstance(each, dict)]
        )

    async def attach(self, number: int, name: str, content: bytes, note: str) -> None:
        """Send a PDF. The part must be called `file[]`: any other is a success that keeps nothing [117]."""
        form = FormData()
        form.add_field("file[]", io.BytesIO(content), filename=name, content_type="application/pdf")
        form.add_field("notes", note)
        await self._call("POST", f"hardware/{number}/files", data=form)


def explained(error: SnipeItError) -> str:
    """What Snipe-IT refused, and what to do."""
    said = str(error)
    if "serial must be unique" in said:
        return Phrase(
            "{said} Two assets share it, or this is the fault of 8.x that PR 18155 mends: update Snipe-IT",
            said=said,
        )
    if "required" in said:
        return Phrase("{said} Fill it by [sink.fields], or make it optional in the fieldset", said=said)
    if "upload" in said:
        return Phrase("{said} (raise upload_max_filesize and post_max_size of PHP there)", said=said)
    return said
