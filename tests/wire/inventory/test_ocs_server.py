"""The OCS Inventory of the tests' own is proven by what was recorded from the real one, in the order in which it happened."""

from __future__ import annotations

import zlib
from typing import Any
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from yarl import URL

from tests.servers.ocs import Ocs
from tests.servers.replay import recorded

pytestmark = pytest.mark.wire
TURNED: dict[int, dict[str, Any]] = {
    12: {"merges": True}, 22: {"accepts_tags": True}, 24: {"accepts_tags": False}, 25: {"stop": True}, 26: {"stop": False},
}  # fmt: skip
NOT_MODELLED = {3, 32, 34, 35, 36, 37, 40, 43, 44, 45}
"""The real agent's inventories were shortened, and the REST answers name computers that were made before the recording began."""


def meaning(text: str) -> tuple[str, dict[str, str]]:
    """Response and account values of a reply."""
    reply = ET.fromstring(text)
    values = {each.findtext("KEYNAME", ""): each.findtext("KEYVALUE", "") for each in reply.findall("ACCOUNTINFO")}
    return reply.findtext("RESPONSE", ""), values


async def test_it_answers_as_the_real_one_did() -> None:
    told: list[str] = []
    async with Ocs().serving() as server, aiohttp.ClientSession() as session:
        for exchange in recorded("ocs"):
            number = exchange["number"]
            for name, value in TURNED.get(number, {}).items():
                setattr(server, name, value)
            if number in NOT_MODELLED:
                continue
            if number == 30:
                server.locked.add(device(exchange))
            status, text = await ask(session, server.url, exchange["request"])
            theirs = exchange["response"]
            if status != theirs["status"]:
                told.append(f"{number} {exchange['name']}: {status} instead of {theirs['status']}: {text:.200}")
            elif status == 200 and text.startswith("<") and meaning(text) != meaning(theirs["body"]):
                told.append(f"{number} {exchange['name']}: {meaning(text)} instead of {meaning(theirs['body'])}")
    assert not told, "\n".join(told)


def device(exchange: dict[str, Any]) -> str:
    return ET.fromstring(exchange["request"]["body"]).findtext("DEVICEID", "")


async def ask(session: aiohttp.ClientSession, url: str, request: dict[str, Any]) -> tuple[int, str]:
    headers = {name: value for name, value in (request["headers"] or {}).items() if name.lower() != "content-length"}
    headers.setdefault("User-Agent", "")
    body = request["body"]
    packed = body is not None and "compress" in str(headers.get("Content-Type", headers.get("content-type", "")))
    data = None if body is None else zlib.compress(body.encode()) if packed else body.encode()
    async with session.request(
        request["method"], URL(url + request["path"], encoded=True), data=data, headers=headers
    ) as answer:
        raw = await answer.read()
        try:
            return answer.status, zlib.decompress(raw).decode()
        except zlib.error:
            return answer.status, raw.decode("utf-8", "replace")
