"""Whom we believe over TLS: this server's authorities, read where somebody first asks over TLS.

aiohttp reads all 140 of them where it is imported: 25 ms of every command and every start, and 1 MB.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def unread() -> Iterator[None]:
    """For the import of aiohttp: what it would ask over TLS by itself then believes nobody, so whoever asks says whom
    to believe."""
    read = ssl.SSLContext.load_default_certs
    ssl.SSLContext.load_default_certs = lambda *_: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        ssl.SSLContext.load_default_certs = read  # type: ignore[method-assign]


@cache
def trusted() -> ssl.SSLContext:
    """Those of this server."""
    return ssl.create_default_context()
