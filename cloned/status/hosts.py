"""Which names the page may be asked by: a site elsewhere can point a name of its own at us (DNS rebinding), and a
browser would take what it fetches by that name for ours. So only our addresses, loopback and names that are
configured are answered.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from cloned.connections import place
from cloned.status.guard import TRUSTED, problem

_HOST = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[\w.-]{1,255}))(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
HOSTS = web.AppKey[Collection[str]]("hosts")
OPEN_TO_ALL = frozenset({"/healthz"})


def names(url: str, hosts: Iterable[str]) -> frozenset[str]:
    """Names that are ours: of the configuration, and what this machine calls itself."""
    own = socket.gethostname().lower()
    configured = {urlsplit(url).hostname or "", *(host.strip("[]").lower() for host in hosts)}
    return frozenset({"localhost", own, f"{own}.local", *configured} - {""})


def host_of(value: str) -> str:
    """Name or address in a Host header (RFC 9110 §7.2), without port and brackets; nothing where it is malformed."""
    found = _HOST.fullmatch(value)
    return (found["address"] or found["name"]).lower() if found else ""


@web.middleware
async def by_our_names(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer only where the request names us; the refusal says which key makes a name ours."""
    if request.app[TRUSTED] or request.path in OPEN_TO_ALL or _ours(request):
        return await handler(request)
    raise problem(
        web.HTTPMisdirectedRequest,
        "this page is not called so",
        "ask it by its address, or add the name to [page] hosts (or [page] url) in the configuration",
    )


def _ours(request: web.Request) -> bool:
    given = [host_of(value) for value in request.headers.getall("Host", [])]
    if len(given) != 1 or not given[0]:
        return False
    [host] = given
    transport = request.transport
    sockname = transport.get_extra_info("sockname") if transport is not None else None
    here = sockname[0] if isinstance(sockname, tuple) else ""
    return host in request.app[HOSTS] or place(host) == "loopback" or (bool(here) and place(host) == place(here))
