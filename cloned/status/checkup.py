"""What the daemon's own check found last, as JSON; the page /check is work.py's."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from cloned.core.answer_data import CheckedData
from cloned.status.replies import answer

CHECKED = web.AppKey[Callable[[], CheckedData]]("checked")
"""Gives what it found last."""


async def findings(request: web.Request) -> web.Response:
    """`GET /api/v1/check`."""
    return answer(request.app[CHECKED](), request)
