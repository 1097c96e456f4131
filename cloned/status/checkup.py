"""What the daemon's own check found last, as JSON; the page /check is work.py's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from cloned.status.replies import answer

CHECKED = web.AppKey[Callable[[], Mapping[str, Any]]]("checked")
"""Gives `{"at", "findings": [{name, state, said, next, seconds}]}`."""


async def findings(request: web.Request) -> web.Response:
    """`GET /api/v1/check`."""
    return answer(request.app[CHECKED](), request)
