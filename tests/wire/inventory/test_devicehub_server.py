"""The DeviceHub of the tests' own is proven by what was recorded from the real one, in the order in which it happened."""

from __future__ import annotations

import aiohttp
import pytest

from tests.servers.devicehub import TOKEN, DeviceHub
from tests.servers.replay import ask, differences, plain, recorded

pytestmark = pytest.mark.wire
FREE = frozenset({"last_updated", "created", "long", "type"})
NOT_MODELLED = {39}
"""The description of the whole interface."""


async def test_it_answers_as_the_real_one_did() -> None:
    told: list[str] = []
    async with DeviceHub().serving() as server, aiohttp.ClientSession() as session:
        for exchange in recorded("devicehub-django"):
            request, theirs = exchange["request"], exchange["response"]
            if exchange["number"] in NOT_MODELLED:
                continue
            sent = {
                name: value.replace("Bearer TOKEN", f"Bearer {TOKEN}") for name, value in request["headers"].items()
            }
            body = {"value": "v" * 2000} if request["body"] == {"value": "v x 2000"} else request["body"]
            status, _, ours = await ask(session, server.url, {**request, "headers": sent, "body": body})
            name = f"{exchange['number']} {exchange['name']}"
            if status != theirs["status"]:
                told.append(f"{name}: {status} instead of {theirs['status']}: {ours!r:.200}")
            elif isinstance(theirs["body"], str):
                told += [] if isinstance(ours, str) else [f"{name}: JSON instead of a page"]
            else:
                told += [f"{name}: {line}" for line in differences(plain(ours), plain(theirs["body"]), "", FREE)]
    assert not told, "\n".join(told)
