"""What is not ours and must answer: switches, inventories, certificates, printers."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from cloned.check.findings import Said, ok, skipped, warned
from cloned.config import Config
from cloned.destinations import AnySink
from cloned.errors import ClonedError, MissingError
from cloned.inventory.sinks import make
from cloned.inventory.sinks.asked import rehearsed
from cloned.inventory.sinks.told import Expectation
from cloned.saying import Phrase
from cloned.switch.once import read_all
from cloned.switch.server import server_macs

SOON_SECONDS = 21 * 86400
"""Seconds before a certificate ends at which somebody should renew it."""
WAIT = 4.0
REHEARSED_SECONDS = 6.0


def switches(config: Config) -> Iterator[Said | ClonedError]:
    """Each configured switch by its address: what it says, or why it does not."""
    if not config.switch:
        yield skipped("no switch is configured", "[sessions] ports says how many laptops fit")
        return
    for switch, found in zip(config.switch, asyncio.run(read_all(config.switch, server_macs())), strict=True):
        if isinstance(found, ClonedError):
            yield found
            continue
        yield ok(
            Phrase(
                "{sys_name}: {capacity} {capacity:laptop fits|laptops fit}",
                sys_name=found.sys_name or switch.address,
                capacity=found.capacity,
            )
        )
        for told in found.warnings:
            if told.code != "switch-uplink":
                yield warned(told.text, told.hint)


def sinks(config: Config) -> Iterator[Said | ClonedError]:
    """Each inventory can be reached, and its certificate is believed and does not end soon."""
    if not config.sink:
        yield skipped("no inventory is configured", "results stay in the ledger; see [[sink]] in the example")
    with ThreadPoolExecutor(max(1, len(config.sink))) as at_once:  # of several that are silent each has its time
        for found in at_once.map(_looked_at, config.sink):
            yield from found


def _looked_at(sink: AnySink) -> list[Said | ClonedError]:
    """What is found of one: what it would do only where it answers."""
    name = Phrase("sink {name}", name=sink.name)
    found = list(_answers(name, sink))
    return found if any(isinstance(each, ClonedError) for each in found) else [*found, *_rehearsed(name, sink)]


def _answers(name: str, sink: AnySink) -> Iterator[Said | ClonedError]:
    """Whether somebody is there, and whether the certificate is believed and does not end soon."""
    url = urlsplit(str(getattr(sink, "url", "") or ""))
    if not url.hostname:
        return
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        yield from _reached(name, url.hostname, port, tls=url.scheme == "https", ca=str(getattr(sink, "ca", "") or ""))
    except ssl.SSLCertVerificationError as error:
        yield ClonedError(
            Phrase(
                "{name}: the certificate of {hostname} is not believed: {verify_message}",
                name=name, hostname=url.hostname, verify_message=error.verify_message,
            ),
            "give its authority with `ca`, or have the certificate renewed",
        )  # fmt: skip
    except OSError as error:
        yield MissingError(
            Phrase(
                "{name}: {hostname}:{port} does not answer: {strerror}",
                name=name, hostname=url.hostname, port=port, strerror=error,
            ),
            "results wait in the ledger; see that it is on, and the url right",
        )  # fmt: skip


def _rehearsed(name: str, settings: AnySink) -> Iterator[Said | ClonedError]:
    """What `cloned inventory test` says: whether it takes our token, and has the fields and labels that are named."""

    async def lines() -> list[Expectation]:
        sink = make(settings)
        sink.seconds = min(sink.seconds, REHEARSED_SECONDS)
        try:
            return await rehearsed(sink, None)
        finally:
            await sink.close()

    for each in asyncio.run(lines()):
        words = Phrase("{name}: {what}: {said}", name=name, what=each.what, said=each.said)
        hint = each.next or Phrase("`cloned inventory test {name}` tells more", name=settings.name)
        yield ok(words) if each.possible else ClonedError(words, hint)


def _reached(name: str, host: str, port: int, *, tls: bool, ca: str) -> Iterator[Said]:
    with socket.create_connection((host, port), WAIT) as sock:
        if not tls:
            yield ok(Phrase("{name}: {host}:{port} answers", name=name, host=host, port=port))
            return
        context = ssl.create_default_context(cafile=ca or None)
        with context.wrap_socket(sock, server_hostname=host) as secure:
            yield from certificate_end(f"{name}: {host}", dict(secure.getpeercert() or {}).get("notAfter"))


def certificate_end(what: str, not_after: object) -> Iterator[Said]:
    """How long a certificate still holds; `not_after` as OpenSSL writes it."""
    if not isinstance(not_after, str):
        yield ok(Phrase("{what} answers", what=what))
        return
    left = ssl.cert_time_to_seconds(not_after) - time.time()
    if left < SOON_SECONDS:
        yield warned(
            Phrase("{what}: its certificate ends in {left} {left:day|days}", what=what, left=f"{left / 86400:.0f}"),
            "have it renewed",
        )
    else:
        yield ok(
            Phrase(
                "{what} answers, its certificate holds for {left} {left:day|days}",
                what=what,
                left=f"{left / 86400:.0f}",
            )
        )
