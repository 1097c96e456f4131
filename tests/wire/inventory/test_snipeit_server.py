"""The Snipe-IT of the tests' own is proven by all that was recorded from the real one, in the order in which it happened."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.servers.replay import ask, differences, plain, recorded
from tests.servers.snipeit.server import SnipeIt

pytestmark = pytest.mark.wire

FREE = frozenset({"id.files", "updated_at", "permissions", "next_audit_date"})
SETTINGS = {
    168: {"unique_serial": True}, 174: {"unique_serial": False}, 187: {"auto_tag": False}, 188: {"auto_tag": True},
}  # fmt: skip
"""What was switched in its settings before these exchanges."""


def moment(server: SnipeIt, number: int) -> None:
    """What happened beside the API: settings, a bad night, a user who lost the right."""
    for name, value in SETTINGS.get(number, {}).items():
        setattr(server.state, name, value)
    for user in server.state.users.values():
        user.calls = [server.clock()] * server.per_minute if number in (198, 201) else []
    server.maintenance = number in (199, 200)
    server.broken = number in (230, 231)
    if number == 227:
        del server.state.users["TOKEN-LIMITED"]


async def eight_at_once(server: SnipeIt, session: aiohttp.ClientSession, serials: str = "PF0RACE") -> None:
    """Recording 197: of eight at the same moment two are made, six get the number of one of these."""
    server.create_seconds = 0.05
    request = {
        "method": "POST",
        "path": "/api/v1/hardware",
        "headers": {"authorization": "Bearer TOKEN-ADMIN", "accept": "application/json"},
    }
    bodies = [{"model_id": 1, "status_id": 4, "serial": f"{serials}{n}"} for n in range(8)]
    answers = await asyncio.gather(*(ask(session, server.url, {**request, "body": body}) for body in bodies))
    server.create_seconds = 0.0
    made = [body for _, _, body in answers if body["status"] == "success"]
    assert [each["payload"]["asset_tag"] for each in made] == ["INV-00018", "INV-00019"]
    assert {str(body["messages"]) for _, _, body in answers if body["status"] == "error"} == {
        "{'asset_tag': ['The asset tag must be unique.']}"
    }


async def test_it_answers_as_the_real_one_did() -> None:
    told = []
    async with SnipeIt().serving() as server, aiohttp.ClientSession() as session:
        for exchange in recorded("snipe-it"):
            number = exchange["number"]
            moment(server, number)
            if number == 197:
                await eight_at_once(server, session)
                continue
            status, headers, body = await ask(session, server.url, exchange["request"])
            told += [f"{number} {exchange['name']}: {line}" for line in compare(exchange, status, headers, body)]
    assert not told, "\n".join(told)


def compare(exchange: dict[str, Any], status: int, headers: Any, body: Any) -> list[str]:
    theirs = exchange["response"]
    if status != theirs["status"]:
        return [f"{status} instead of {theirs['status']}: {body!r:.200}"]
    told = [
        f"header {name} is missing"
        for name in ("x-ratelimit-limit", "location")
        if name in theirs["headers"] and name not in headers
    ]
    if status == 429 and "x-ratelimit-limit" in headers:
        told.append("a throttled answer has no header")
    if isinstance(theirs["body"], str):
        return told + ([] if isinstance(body, str) else ["JSON instead of a page"])
    path = exchange["request"]["path"]
    free = FREE | ({"id"} if "/files" in path else {"id", "note", "action_type"} if "/reports" in path else set())
    return told + differences(plain(body), plain(theirs["body"]), "", frozenset(free))
