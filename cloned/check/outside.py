"""What is not ours and must answer: switches, inventories, certificates, printers."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from cloned.check.findings import Said, ok, skipped, warning
from cloned.config import Config
from cloned.errors import ClonedError, MissingError
from cloned.switch.once import read_all
from cloned.switch.server import server_macs

SOON = 21 * 86400
"""Seconds before a certificate ends at which somebody should renew it."""
WAIT = 5.0


def switches(config: Config) -> Iterator[Said | ClonedError]:
    """Each configured switch by its address: what it says, or why it does not."""
    if not config.switch:
        yield skipped("no switch is configured", "[sessions] ports says how many laptops fit")
        return
    for switch, found in zip(config.switch, asyncio.run(read_all(config.switch, server_macs())), strict=True):
        if isinstance(found, ClonedError):
            yield found
            continue
        yield ok(f"{found.sys_name or switch.address}: {found.capacity} laptops fit")
        for told in found.warnings:
            if told.code != "switch-uplink":
                yield warning(told.text, told.hint)


def sinks(config: Config) -> Iterator[Said | ClonedError]:
    """Each inventory can be reached, and its certificate is believed and does not end soon."""
    if not config.sink:
        yield skipped("no inventory is configured", "results stay in the ledger; see [[sink]] in the example")
    for sink in config.sink:
        url = urlsplit(str(getattr(sink, "url", "") or ""))
        if not url.hostname:
            continue
        name = f"sink {sink.name}"
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            yield from _reached(
                name, url.hostname, port, tls=url.scheme == "https", ca=str(getattr(sink, "ca", "") or "")
            )
        except ssl.SSLCertVerificationError as error:
            yield ClonedError(
                f"{name}: the certificate of {url.hostname} is not believed: {error.verify_message}",
                "give its authority with `ca`, or have the certificate renewed",
            )
        except OSError as error:
            yield MissingError(
                f"{name}: {url.hostname}:{port} does not answer: {error.strerror or error}",
                "results wait in the ledger; see that it is on, and the url right",
            )


def _reached(name: str, host: str, port: int, *, tls: bool, ca: str) -> Iterator[Said]:
    with socket.create_connection((host, port), WAIT) as sock:
        if not tls:
            yield ok(f"{name}: {host}:{port} answers")
            return
        context = ssl.create_default_context(cafile=ca or None)
        with context.wrap_socket(sock, server_hostname=host) as secure:
            yield from certificate_end(f"{name}: {host}", dict(secure.getpeercert() or {}).get("notAfter"))


def certificate_end(what: str, not_after: object) -> Iterator[Said]:
    """How long a certificate still holds; `not_after` as OpenSSL writes it."""
    if not isinstance(not_after, str):
        yield ok(f"{what} answers")
        return
    left = ssl.cert_time_to_seconds(not_after) - time.time()
    if left < SOON:
        yield warning(f"{what}: its certificate ends in {left / 86400:.0f} days", "have it renewed")
    else:
        yield ok(f"{what} answers, its certificate holds for {left / 86400:.0f} days")
