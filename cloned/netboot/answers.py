"""Answers to agents."""

from __future__ import annotations

from aiohttp import web

from cloned import wire


def refuse(status: int, error: str, hint: str) -> web.Response:
    """An error as agents and people read it: what happened, and the next step."""
    return web.json_response({"error": error, "hint": hint}, status=status, dumps=wire.dumps)
