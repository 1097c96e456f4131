"""Talks to the running daemon over its Unix socket: what the command line and the lab use."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloned.authorities import unread
from cloned.errors import ClonedError, MissingError, UsageError
from cloned.json_data import JsonObject, as_object
from cloned.languages import of_environment
from cloned.saying import Phrase

with unread():
    import aiohttp

SOCKET = "control.sock"


async def call(runtime: Path, method: str, path: str, body: JsonObject | None = None, raw: bool = False) -> Any:
    """One request; returns the answer's JSON, or (`raw`) its bytes.

    Raises MissingError if no daemon listens or we may not speak to it, UsageError or ClonedError with
    the daemon's own words if it refuses.
    """
    socket, speaks = runtime / SOCKET, of_environment().code
    headers = {} if speaks == "en" else {"Accept": "application/json, text/plain", "Accept-Language": speaks}
    connector = aiohttp.UnixConnector(str(socket))
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60)) as session,
            session.request(method, f"http://cloned{path}", json=body, headers=headers) as response,
        ):
            if raw and response.status < 400:
                return await response.read()
            if response.status >= 400:
                raise _refusal(response.status, await _told(response))
            return await response.json()
    except PermissionError as error:
        raise MissingError(
            Phrase("you may not open {socket}", socket=socket), "join the group cloned, or use sudo"
        ) from error
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        hint = Phrase("start it: systemctl start cloned, or `cloned serve`")
        raise MissingError(Phrase("no daemon answers on {socket}", socket=socket), hint) from error


async def _told(response: aiohttp.ClientResponse) -> object:
    """What the daemon says against it: JSON, or in another language a line of text each for error and hint."""
    if response.content_type != "text/plain":
        return await response.json()
    error, _, hint = (await response.text()).partition("\n")
    return {"error": error, "hint": hint}


def _refusal(status: int, answer: object) -> ClonedError:
    told = answer if isinstance(answer, Mapping) else {}
    kind = UsageError if status in (400, 404, 409, 422) else ClonedError
    error = str(told.get("error") or Phrase("the daemon refused ({status})", status=status))
    return kind(error, str(told.get("hint", "")))


def get(runtime: Path, path: str) -> Any:
    """GET `path` and wait for the answer: whoever asks says what shape it has (core/shown_data.py)."""
    return asyncio.run(call(runtime, "GET", path))


def fetch(runtime: Path, path: str) -> bytes:
    """GET a file."""
    data: bytes = asyncio.run(call(runtime, "GET", path, raw=True))
    return data


def command(runtime: Path, do: str, **words: object) -> JsonObject:
    """Have the daemon obey a command; see control.Control.command for the words."""
    return as_object(asyncio.run(call(runtime, "POST", "/api/v1/commands", {"do": do, **words})))
