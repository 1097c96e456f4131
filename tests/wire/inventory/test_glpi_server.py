"""The GLPI of the tests' own is proven by what was recorded from the real one, in the order in which it happened."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.servers.glpi import Glpi
from tests.servers.replay import ask, differences, plain, recorded

pytestmark = pytest.mark.wire

FREE = frozenset(
    {
        "date_mod",
        "date_creation",
        "last_inventory_update",
        "sha1sum",
        "id.upload",
        "size",
        "prefix",
        "name.upload",
        "links",
    }
)
NOT_MODELLED = {112, 115, 116}
"""zlib and XML of the native inventory: we send JSON."""
TURNED = {1: {"enabled": False}, 2: {"enabled": True}, 9: {"allowed_ip": False}, 10: {"allowed_ip": True}, 91: {"inventory_on": True}}  # fmt: skip
LIMITED = range(85, 88)


async def test_it_answers_as_the_real_one_did() -> None:
    told: list[str] = []
    async with Glpi().serving() as server, aiohttp.ClientSession() as session:
        server.session_name = lambda: "SESSION-TOKEN"
        server.tokens["USER-TOKEN"] = True
        for exchange in recorded("glpi"):
            number = exchange["number"]
            if number in NOT_MODELLED:
                continue
            for name, value in TURNED.get(number, {}).items():
                setattr(server, name, value)
            if number == 1:
                server.sessions.clear()
            if number == 5:
                server.app_token = "APP-TOKEN"
            if number in (2, 3, 4):
                server.app_token = ""
            told += [f"{number} {exchange['name']}: {line}" for line in await compare(server, session, exchange)]
    assert not told, "\n".join(told)


async def compare(server: Glpi, session: aiohttp.ClientSession, exchange: dict[str, Any]) -> list[str]:
    status, headers, body = await ask(session, server.url, exchange["request"])
    theirs = exchange["response"]
    if status != theirs["status"]:
        return [f"{status} instead of {theirs['status']}: {body!r:.200}"]
    told = [
        f"header {name} is missing"
        for name in ("location", "content-range", "glpi-agent-id")
        if name in theirs["headers"] and name not in headers
    ]
    if isinstance(theirs["body"], str):
        return told + ([] if isinstance(body, str) else ["JSON instead of text"])
    free = FREE | ({"name", "id"} if exchange["name"].startswith("document-upload") else set())
    return told + differences(plain(body), plain(theirs["body"]), "", frozenset(free))
