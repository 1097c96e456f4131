"""A signed webhook: each result is POSTed as JSON to a URL.

It follows the Standard Webhooks specification (https://www.standardwebhooks.com), so receivers in
most languages find a library that checks it. Each request carries

    webhook-id         the idempotency key: the same every time this result is sent (also as Idempotency-Key)
    webhook-timestamp  seconds since 1970 at which it was sent
    webhook-signature  `v1,` + base64(HMAC-SHA256(secret, id + "." + timestamp + "." + body))

and the body `{"type":"result","key":…,"revision":n,"data":{the ledger row}}`. To check it:

1. Compute the signature over the bytes received, before parsing them, and compare in constant time:

       signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
       expected = "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
       hmac.compare_digest(expected, headers["webhook-signature"])

2. Refuse it if the timestamp is more than 5 minutes off: somebody may replay what they overheard.
3. If this `webhook-id` is known, answer 200 and do nothing; else take it, remember the id, answer 2xx.

A secret that begins with `whsec_` is base64, as the specification writes it; any other is taken as
its UTF-8 bytes. Answers: 2xx, it has it; 408, 425, 429 and 5xx, try again later (Retry-After is
honoured); any other 4xx, and redirects, which are not followed: refused for good.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from cloned import __version__
from cloned.core.row_types import Row
from cloned.destinations import WebhookSettings
from cloned.errors import UsageError
from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Surroundings, Unavailable
from cloned.inventory.sinks.http import NOT_THE_RECORDS, Hush, trust, words
from cloned.inventory.sinks.told import Expectation, Receipt
from cloned.saying import Phrase, headed

SAID = 200
"""Characters of an answer that are told; nothing of a page, which is no receiver's but what stands before it."""


def secret_bytes(secret: str) -> bytes:
    """The key of the HMAC. Raises UsageError where the base64 after `whsec_` is none."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise UsageError("the webhook's secret begins with whsec_ but is not base64", "copy it again") from error


def signature(secret: bytes, key: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    digest = hmac.new(secret, f"{key}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


class Webhook(Sink):
    """Posts to `url`, signed with `secret`. Raises UsageError where there is no secret."""

    def __init__(
        self, name: str, url: str, secret: str, clock: Callable[[], float] = time.time, ca: Path | None = None
    ) -> None:
        super().__init__(name)
        if not secret:
            raise UsageError(
                Phrase("sink {name}: a webhook needs a secret", name=name),
                "set `secret` to at least 32 random characters",
            )
        self._url = url
        self._secret = secret_bytes(secret)
        self._clock = clock
        self._tls = trust(ca, url)
        self._hush = Hush()
        self._hush.never(secret, secret.removeprefix("whsec_"))
        self._session: ClientSession | None = None

    def takes(self, row: Row) -> bool:
        """Everything: the receiver looks at `kind`."""
        return True

    async def send(self, delivery: Delivery) -> Receipt:
        """Post one result and judge the answer."""
        body = payload(delivery)
        try:
            async with self._client().post(
                self._url, data=body, headers=self._headers(delivery.key, body), allow_redirects=False
            ) as answer:
                text = (await answer.content.read(300)).decode("utf-8", "replace")
                said = "" if answer.content_type == "text/html" else self._hush.clean(text, SAID)
                judge(answer.status, said, answer.headers.get("Retry-After"))
        except (ClientError, OSError, TimeoutError) as error:
            raise Unavailable(words(error)) from error
        return Receipt()

    async def rehearse(self, delivery: Delivery | None) -> list[Expectation]:
        """Whether anybody answers at the address; nothing is posted."""
        try:
            async with self._client().options(self._url, allow_redirects=False) as answer:
                return [
                    Expectation(
                        Phrase("address"),
                        "ok",
                        Phrase("somebody answers there ({status} to OPTIONS)", status=answer.status),
                    )
                ]
        except (ClientError, OSError, TimeoutError) as error:
            return [Expectation(Phrase("address"), "missing", words(error), Phrase("check `url`"))]

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()

    def _client(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(ssl=self._tls), timeout=ClientTimeout(total=self.seconds - 2, connect=8)
            )
        return self._session

    def _headers(self, key: str, body: bytes) -> dict[str, str]:
        now = int(self._clock())
        return {
            "Content-Type": "application/json",
            "User-Agent": f"cloned/{__version__}",
            "Idempotency-Key": key,
            "webhook-id": key,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(self._secret, key, now, body),
        }


def payload(delivery: Delivery) -> bytes:
    """The body: the same bytes each time the same revision is sent."""
    content = {"type": "result", "key": delivery.key, "revision": delivery.revision, "data": delivery.row}
    return json.dumps(content, sort_keys=True, ensure_ascii=False).encode()


def judge(status: int, text: str, retry_after: str | None) -> None:
    """Return where `status` means that the receiver has it; else raise Unavailable or Refused."""
    if 200 <= status < 300:
        return
    said: str = Phrase("it answered {status}", status=status)
    if text.strip():
        said = headed(said, " ".join(text.split())[:SAID])
    wait = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
    if 300 <= status < 400:
        said = Phrase("{said} (a redirect; set `url` to the address it should go to)", said=said)
        raise Unavailable(said, wait)
    if status in NOT_THE_RECORDS or status >= 500:
        raise Unavailable(said, wait)
    raise SinkRefused(said)


def made(settings: WebhookSettings, around: Surroundings | None) -> Sink:
    """What `make` asks for."""
    return Webhook(settings.name, settings.url, settings.secret.get_secret_value(), ca=settings.ca)
