"""One way to ask another system over HTTP, for all sinks: never redirected, never without end, never telling a secret.

What comes back is an `HttpAnswer` with JSON or text; anything else (a redirect, a page, half an answer, 10 MB, a wrong
certificate, no answer at all) is `Unavailable` with one sentence that says what it was.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack
from urllib.parse import urlsplit

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorSSLError,
    ClientError,
    ClientPayloadError,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    FormData,
    InvalidURL,
    ServerDisconnectedError,
    StreamReader,
    TCPConnector,
)
from yarl import URL

from cloned import __version__
from cloned.authorities import trusted
from cloned.errors import UsageError
from cloned.inventory.sinks.base import Unavailable
from cloned.saying import Phrase, headed

LARGEST_BYTES = 8 << 20
"""Bytes of an answer that are read; no list that we ask for is as long."""
SAID = 300
"""Characters of what the other side says that are shown."""
SHORTEST = 4
"""A value of fewer characters is not looked for in texts: it would be found everywhere."""
REMEMBERED = 1000
NOT_THE_RECORDS = frozenset({401, 403, 404, 405, 407, 408, 421, 425, 429})
"""Answers about the address, a right or the moment, never about one laptop's record: somebody puts that right, and what
came meanwhile must go its way then by itself instead of lying there refused, a whole evening of it."""


class Hush:
    """Knows what must not be said, and takes it out of what is."""

    def __init__(self) -> None:
        self._always: set[str] = set()
        self._read: dict[str, None] = {}
        self._ours: dict[str, None] = {}

    def never(self, *secrets: str) -> None:
        """Never say these: tokens and passwords of our own."""
        self._always |= {" ".join(secret.split()) for secret in secrets} - {""}

    def learn(self, values: Iterable[object]) -> None:
        """Nor these: what the other side keeps that is none of our business. The latest thousand are remembered."""
        _remember(self._read, (" ".join(str(each or "").split()) for each in values))

    def allow(self, values: Iterable[str]) -> None:
        """These are our own words, even if the other side has them too."""
        _remember(self._ours, (" ".join(each.split()) for each in values))

    def clean(self, text: object, size: int = SAID) -> str:
        """One line without secrets."""
        if isinstance(text, Phrase):
            return text.changed(lambda value: self.clean(value, size))
        line = " ".join(str(text).split())
        read = (each for each in self._read if each not in self._ours)
        for secret in sorted({*self._always, *read}, key=len, reverse=True):
            line = line.replace(secret, "•••")
        return line if len(line) <= size else f"{line[: size - 1]}…"


def _remember(store: dict[str, None], values: Iterable[str]) -> None:
    store |= {each: None for each in values if len(each) >= SHORTEST}
    for each in list(store)[: max(0, len(store) - REMEMBERED)]:
        del store[each]


class RequestParts(TypedDict, total=False):
    """What a request may hold beside method and path, as aiohttp takes it."""

    headers: Mapping[str, str]
    json: object
    data: bytes | FormData


@dataclass(frozen=True)
class HttpAnswer:
    """What came back: `body` is the parsed JSON, None where it was none (`raw` has it then)."""

    status: int
    headers: Mapping[str, str]
    body: object
    raw: bytes

    @property
    def after(self) -> float | None:
        """Seconds that it asked us to wait."""
        text = self.headers.get("Retry-After", "")
        told = self.body.get("retryAfter") if isinstance(self.body, dict) else None
        return float(text) if text.isdecimal() else float(told) if isinstance(told, int) and told >= 0 else None


class HttpPeer:
    """The other side at `base`; `ca` is a file with the certificate that its own was signed by."""

    def __init__(
        self, base: str, *, headers: Mapping[str, str] | None = None, ca: Path | None = None, seconds: float = 20.0
    ) -> None:
        self.base = base.rstrip("/")
        self.hush = Hush()
        self._headers = {"User-Agent": f"cloned/{__version__}", "Accept": "application/json", **(headers or {})}
        self._tls = trust(ca, self.base)
        self._timeout = ClientTimeout(total=seconds, connect=8)
        self._session: ClientSession | None = None

    async def close(self) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, method: str, path: str, *, json_only: bool = True, **given: Unpack[RequestParts]) -> HttpAnswer:
        """One exchange. `path` is encoded already; `given` goes to aiohttp. Raises Unavailable."""
        parts: RequestParts = {**given, "headers": {**self._headers, **given.get("headers", {})}}
        try:
            async with self._client().request(
                method, URL(self.base + path, encoded=True), allow_redirects=False, **parts
            ) as answer:
                raw = await read(answer.content)
                status, kind, told = answer.status, answer.content_type, dict(answer.headers)
        except (ClientError, OSError, TimeoutError) as error:
            raise Unavailable(headed(self.base, self.hush.clean(words(error)))) from error
        self._sane(status, told)
        return HttpAnswer(status, told, self._parsed(status, kind, raw, json_only), raw)

    def _client(self) -> ClientSession:
        if self._session is None:
            connector = TCPConnector(ssl=self._tls)
            self._session = ClientSession(connector=connector, timeout=self._timeout, cookie_jar=DummyCookieJar())
        return self._session

    def _sane(self, status: int, headers: Mapping[str, str]) -> None:
        if 300 <= status < 400:
            place = urlsplit(headers.get("Location", ""))
            where = f"{place.scheme}://{place.netloc}{place.path}" if place.netloc else place.path or "nowhere"
            raise Unavailable(
                Phrase(
                    "{base} answered {status}, a redirect to {where}, which is not followed: it is not set up, "
                    "its database is down, or `url` is not the address of its interface",
                    base=self.base,
                    status=status,
                    where=self.hush.clean(where),
                )
            )

    def _parsed(self, status: int, kind: str, raw: bytes, json_only: bool) -> object:
        if not json_only and "json" not in kind:
            return None
        if "json" not in kind:
            raise Unavailable(
                Phrase(
                    "{base} answered {status} with a page instead of JSON: try it in a browser, and check `url`",
                    base=self.base,
                    status=status,
                )
            )
        try:
            return json.loads(raw or b"null")
        except (ValueError, RecursionError) as error:
            raise Unavailable(
                Phrase("{base} answered {status} with JSON that is broken", base=self.base, status=status)
            ) from error


async def read(content: StreamReader) -> bytes:
    """The body, up to LARGEST. Raises Unavailable where it is longer."""
    parts, size = [], 0
    async for part in content.iter_any():
        parts.append(part)
        size += len(part)
        if size > LARGEST_BYTES:
            raise Unavailable(
                Phrase(
                    "its answer is longer than {largest} MB and was not read to its end", largest=LARGEST_BYTES >> 20
                )
            )
    return b"".join(parts)


def trust(ca: Path | None, url: str) -> ssl.SSLContext | bool:
    """What certificates to believe at `url`; True where it encrypts nothing. Raises UsageError where `ca` is none."""
    if ca is None:
        return trusted() if url.lower().startswith("https:") else True
    try:
        return ssl.create_default_context(cafile=str(ca))
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            Phrase("{ca} is no certificate: {error}", ca=ca, error=error), "set `ca` to the PEM file of the authority"
        ) from error


def words(error: Exception) -> str:
    """What went wrong on the line, as a person says it."""
    if isinstance(error, TimeoutError):
        return Phrase("it did not answer in time")
    if isinstance(error, ClientConnectorCertificateError):
        return certificate_words(str(error.certificate_error))
    if isinstance(error, ClientConnectorSSLError):
        return Phrase(
            "no encrypted connection came about ({strerror}): is `url` right with https?",
            strerror=error,
        )
    if isinstance(error, ServerDisconnectedError | ClientPayloadError):
        return Phrase("it cut the connection before its answer was whole")
    if isinstance(error, InvalidURL | ClientResponseError):  # whose words repeat the whole URL, which may carry a key
        return Phrase("it cannot be reached: {error}", error=type(error).__name__)
    return Phrase("it cannot be reached: {error}", error=error)


def certificate_words(text: str) -> str:
    """What is wrong with a certificate, and what to do."""
    if "expired" in text:
        return Phrase("its certificate has expired: renew it there (and look at this server's clock)")
    if re.search(r"[Hh]ostname mismatch|IP address mismatch|doesn't match", text):
        return Phrase("its certificate is for another name: set `url` to the name in the certificate")
    if "self-signed" in text or "self signed" in text or "unable to get local issuer" in text:
        return Phrase("its certificate is signed by nobody we know: give the authority's certificate as `ca`")
    return Phrase("its certificate is not accepted: {text}", text=text)
