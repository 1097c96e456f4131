"""Speaking to GLPI's apirest.php: sessions are renewed, errors are lists. The numbers name recordings (glpi.jsonl)."""

from __future__ import annotations

import html
import io
import json
from typing import Unpack
from urllib.parse import urlencode

from aiohttp import FormData

from cloned.inventory.sinks.base import SinkRefused, Unavailable
from cloned.inventory.sinks.http import HttpAnswer, HttpPeer, RequestParts
from cloned.json_data import JsonObject, as_int, as_object, as_objects
from cloned.saying import Phrase

CONFIGURED_SECONDS = 120.0
"""Seconds until we try again what a person has to put right."""
OURS_TO_MEND = {
    "ERROR_GLPI_LOGIN_USER_TOKEN": Phrase("GLPI does not accept the user's token: make a new one and set `token`"),
    "ERROR_WRONG_APP_TOKEN_PARAMETER": Phrase("GLPI does not accept the token of the API client: set `app_token`"),
    "ERROR_APP_TOKEN_PARAMETERS_MISSING": Phrase("GLPI asks for the token of its API client: set `app_token`"),
    "ERROR_NOT_ALLOWED_IP": Phrase("GLPI's API client does not allow our address: add it under Setup > General > API"),
    "ERROR": Phrase("GLPI's API is switched off: enable it under Setup > General > API"),
}
NO_SESSION = ("ERROR_SESSION_TOKEN_INVALID", "ERROR_SESSION_TOKEN_MISSING")


class GlpiRefusal(Exception):  # noqa: N818 - GLPI's own answer, not our fault
    """`["CODE", "text"]`."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(f"{said} ({code})" if said else code)
        self.code = code


class GlpiApi:
    """Calls; each raises Unavailable or GlpiRefusal."""

    def __init__(self, peer: HttpPeer, token: str, app_token: str) -> None:
        self.peer = peer
        self._token, self._app = token, {"App-Token": app_token} if app_token else {}
        self._session = ""
        self._escapes: bool | None = None

    async def close(self) -> None:
        """End the session there, if it can be told."""
        if self._session:
            session, self._session = self._session, ""
            try:
                await self.peer.ask("GET", "/apirest.php/killSession", headers={**self._app, "Session-Token": session})
            except Unavailable:
                return  # it ends by itself there

    async def call(self, method: str, path: str, **given: Unpack[RequestParts]) -> object:
        """One exchange within the session, which is renewed where it has ended [010] [089]."""
        for fresh in (False, True):
            if not self._session:
                await self._begin()
            headers = {**self._app, "Session-Token": self._session, **given.get("headers", {})}
            parts: RequestParts = {**given, "headers": headers}
            answer = await self.peer.ask(method, f"/apirest.php/{path}", **parts)
            try:
                return self._judged(answer)
            except GlpiRefusal as refusal:
                if refusal.code not in NO_SESSION or fresh:
                    raise
                self._session = ""
        raise Unavailable("GLPI ends our sessions as soon as they begin", CONFIGURED_SECONDS)

    async def _begin(self) -> None:
        headers = {**self._app, "Authorization": f"user_token {self._token}"}
        try:
            body = self._judged(await self.peer.ask("GET", "/apirest.php/initSession", headers=headers))
            self._session = str(as_object(body)["session_token"])
        except GlpiRefusal as refusal:
            raise Unavailable(
                Phrase("GLPI lets nobody in: {refusal}", refusal=refusal), CONFIGURED_SECONDS
            ) from refusal
        except (TypeError, KeyError) as error:
            raise Unavailable(
                Phrase("{base} answered something else than GLPI does: check `url`", base=self.peer.base)
            ) from error
        self.peer.hush.never(self._session)

    def _judged(self, answer: HttpAnswer) -> object:
        body, status = answer.body, answer.status
        if isinstance(body, list) and body and isinstance(body[0], str) and body[0].startswith("ERROR"):
            self._error(body[0], body[1] if len(body) > 1 else "")
        if status == 429 or status >= 500:
            raise Unavailable(
                Phrase("GLPI answered {status}: see files/_log/php-errors.log there", status=status), answer.after
            )
        if status >= 400:
            raise Unavailable(
                Phrase("{base} answered {status}: is `url` the address of GLPI?", base=self.peer.base, status=status)
            )
        return body

    def _error(self, code: str, text: object) -> None:
        if code in OURS_TO_MEND and (code != "ERROR" or "disabled" in str(text)):
            raise Unavailable(OURS_TO_MEND[code], CONFIGURED_SECONDS)
        said = str(text or "").split("; view documentation")[0]
        raise GlpiRefusal(code, self.peer.hush.clean(said, 200))

    # Items.

    async def version(self) -> str:
        """`10.0.12`."""
        body = await self.call("GET", "getGlpiConfig")
        config = body.get("cfg_glpi") if isinstance(body, dict) else None
        return str((config or {}).get("version") or "")

    async def text(self, value: object) -> str:
        """A text as a person typed it: 10 keeps `< > &` escaped [050], 11 does not."""
        if self._escapes is None:
            self._escapes = (await self.version()).startswith(("9.", "10."))
        plain = "" if value is None else str(value)
        return html.unescape(plain) if self._escapes else plain

    async def find(self, kind: str, key: str, value: str) -> list[dict[str, object]]:
        """Items that are not in the trash and whose text is `value`, in whatever case [038]."""
        query = urlencode({f"searchText[{key}]": f"^{value}$", "range": "0-49"})
        body = await self.call("GET", f"{kind}?{query}")
        if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
            raise Unavailable(Phrase("{base} answered a list of another form than expected", base=self.peer.base))
        return [each for each in map(_with_numbers, body) if each.get("is_deleted") != 1]

    async def item(self, kind: str, number: int, **query: str) -> dict[str, object]:
        """One item as it is now."""
        body = await self.call("GET", f"{kind}/{number}" + (f"?{urlencode(query)}" if query else ""))
        if not isinstance(body, dict):
            raise Unavailable(Phrase("{base} answered an item of another form than expected", base=self.peer.base))
        return _with_numbers(body)

    async def columns(self, kind: str) -> frozenset[str]:
        """What an item of a kind has, as the first one tells; nothing where there is none."""
        try:
            body = await self.call("GET", f"{kind}?range=0-0")
        except GlpiRefusal:
            return frozenset()  # there is no first one [026]
        first = body[0] if isinstance(body, list) and body else None
        return frozenset(first) if isinstance(first, dict) else frozenset()

    async def add(self, kind: str, values: JsonObject) -> int:
        """Make an item; returns its number."""
        body = await self.call("POST", kind, json={"input": dict(values)})
        try:
            return as_int(as_object(body)["id"])
        except (TypeError, KeyError, ValueError) as error:
            raise Unavailable(
                Phrase("{base} made a {kind} and did not say which", base=self.peer.base, kind=kind)
            ) from error

    async def change(self, kind: str, number: int, values: JsonObject) -> None:
        """Change an item. A true proves nothing: read it back [058] [059]."""
        await self.call("PUT", f"{kind}/{number}", json={"input": dict(values)})

    async def upload(self, title: str, name: str, content: bytes) -> tuple[int, str]:
        """Make a document; returns its number and what GLPI had against the file, for that is a 201 too [071] [073]."""
        form = FormData()
        manifest = json.dumps({"input": {"name": title, "_filename": [name]}})
        form.add_field("uploadManifest", manifest, content_type="application/json")
        form.add_field("filename[0]", io.BytesIO(content), filename=name, content_type="application/pdf")
        body = await self.call("POST", "Document", data=form)
        try:
            made = as_object(body)
            told = as_objects(as_object(made["upload_result"])["filename"])[0]
            return as_int(made["id"]), self.peer.hush.clean(told.get("error") or "", 200)
        except (TypeError, KeyError, IndexError, ValueError) as error:
            raise SinkRefused("GLPI took a document and did not say what became of its file") from error


def _with_numbers(row: JsonObject) -> dict[str, object]:
    """A row whose numbers are numbers: some database drivers of PHP give them as texts, and "0" would be true."""
    return {key: _number(value) if key == "id" or key.endswith("_id") or key.startswith("is_") else value
            for key, value in row.items()}  # fmt: skip


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() and str(int(value)) == value else value
