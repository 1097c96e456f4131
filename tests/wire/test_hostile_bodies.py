"""Bodies that follow a schema, and bodies that break it on purpose, at both ports: an answer, and never a 500."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from cloned import wire
from cloned.core.boot import BootRequest
from cloned.core.events import Configured, ImageInfo, ImageKnown, Settings, SwitchChanged
from cloned.engine import Engine
from cloned.journal import Journal
from cloned.lab.hostile.stranger import CALLS as STRANGERS
from cloned.monitor import Monitor
from cloned.netboot.agents import AgentApi
from cloned.status.app import create_app
from cloned.status.auth import Auth
from cloned.status.live import Hub
from cloned.status.openapi import document
from cloned.tasks import TaskOwner
from tests.unit.status.fakes import FakeRecords, FakeWorkshop
from tests.wire.netboot.agent_site import FACTS, MANIFEST, House
from tests.wire.threaded import served

pytestmark = [pytest.mark.wire, pytest.mark.filterwarnings("ignore")]
TOKEN = "a long and random token"
CALLS = ("hello", "report", "ready", "readback", "finished", "failed", "confirm", "test", "media", "erasing", "erase")
BODY = {
    "type": "object",
    "properties": {
        "state": {"type": "string"},
        "session": {"type": "string"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "rate": {"type": "number"},
        "total": {"type": "number"},
        "bytes": {"type": "integer"},
        "round": {"type": "integer"},
        "serial": {"type": "string"},
        "macs": {"type": "array", "items": {"type": "string"}},
        "disks": {"type": "array", "items": {"type": "object"}},
        "steps": {"type": "array", "items": {"type": "object"}},
        "pieces": {"type": "string"},
        "layout": {"type": "string"},
        "boot_code": {"type": ["string", "null"]},
        "image": {"type": "string"},
        "disk": {"type": "object"},
        "name": {"type": "string"},
        "result": {"type": "string"},
        "seconds": {"type": ["number", "object"]},
        "why": {"type": ["string", "array", "object"]},
        "media": {"type": "array", "items": {"type": "object"}},
        "erasure": {"type": "string"},
        "level": {"type": "string"},
    },
    "required": ["state", "round", "steps"],
}
"""What agents send, roughly: the calls have no document of their own."""


def agents_document() -> dict[str, Any]:
    content = {"application/json": {"schema": BODY}}
    operation = {"requestBody": {"required": True, "content": content}, "responses": {"200": {"description": "ok"}}}
    paths = {f"/agent/v1/{name}": {"post": operation} for name in CALLS}
    return {"openapi": "3.1.0", "info": {"title": "agents", "version": "1"}, "paths": paths}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    async def make(stack: AsyncExitStack) -> web.Application:
        state = tmp_path_factory.mktemp("page")
        auth = Auth(state, {"fuzz": hashlib.sha256(TOKEN.encode()).hexdigest()})
        return create_app(FakeWorkshop(), FakeRecords(), auth, Hub())

    with served(make) as url:
        yield url


@pytest.fixture(scope="module")
def boot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """URL of the boot port and a token that is good there."""
    tokens: list[str] = []

    async def make(stack: AsyncExitStack) -> web.Application:
        house, tasks = House(), TaskOwner("test")
        journal = Journal(tmp_path_factory.mktemp("boot") / "journal")
        stack.callback(journal.close)
        stack.push_async_callback(tasks.close)
        engine = Engine(journal, house, house)  # type: ignore[arg-type]
        api = AgentApi(engine, Monitor(engine, 60), house, house, lambda laptop: [])  # type: ignore[arg-type]
        tasks.start(engine.run(), "engine", service=True)
        tasks.start(engine.run_effects(), "effects", service=True)
        await engine.submit(Configured(Settings(confirm="auto", default_image="school")))
        await engine.submit(ImageKnown(ImageInfo("school", MANIFEST.image_hash, MANIFEST.plan.map.used, 50 << 20)))
        await engine.submit(SwitchChanged(8, "test", 1000))
        tokens.append((await engine.boot(BootRequest("02:00:00:00:00:01", "127.0.0.1", serial="PF1"))).token)
        app = web.Application(middlewares=[wire.plain_requests])
        app.add_routes(api.routes())
        return app

    with served(make) as url:
        yield url, tokens[0]


def operations(schema: Any, paths: tuple[str, ...]) -> Any:
    """Cases of these paths' POSTs, half of them against the schema."""
    modes = (GenerationMode.NEGATIVE, GenerationMode.POSITIVE)
    return st.one_of(*(schema[path]["POST"].as_strategy(generation_mode=mode) for path in paths for mode in modes))


PAGE = schemathesis.openapi.from_dict(document())
AGENTS = schemathesis.openapi.from_dict(agents_document())
quickly = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_every_call_of_an_agent_is_among_them(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    engine, house = Engine(journal, House(), House()), House()  # type: ignore[arg-type]
    api = AgentApi(engine, Monitor(engine, 60), house, house, lambda laptop: [])  # type: ignore[arg-type]
    posts = {route.path for route in api.routes() if route.method == "POST"}
    journal.close()
    assert posts == {f"/agent/v1/{name}" for name in CALLS}
    assert set(CALLS) <= set(STRANGERS)


@quickly
@given(case=operations(PAGE, ("/api/v1/commands", "/api/v1/sign-in")))
def test_the_page_answers_whatever_is_posted(page: str, case: Any) -> None:
    answer = case.call(base_url=page, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code < 500, answer.text


@quickly
@given(case=operations(AGENTS, tuple(f"/agent/v1/{name}" for name in CALLS)))
def test_the_boot_port_answers_whatever_is_posted(boot: tuple[str, str], case: Any) -> None:
    url, token = boot
    answer = case.call(base_url=url, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code < 500 or "just now" in answer.text, answer.text


@settings(parent=quickly)
@given(data=st.binary(max_size=2000), call=st.sampled_from(CALLS))
def test_the_boot_port_answers_any_bytes(boot: tuple[str, str], data: bytes, call: str) -> None:
    url, token = boot
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post(f"{url}/agent/v1/{call}", data=data, headers=headers, timeout=10)
    assert answer.status_code in (200, 400, 409, 413, 503), answer.text


def test_and_after_all_that_a_laptop_is_served(boot: tuple[str, str]) -> None:
    url, token = boot
    headers = {"Authorization": f"Bearer {token}"}
    until = time.monotonic() + 20
    while time.monotonic() < until:  # it may have said hello just now
        answer = requests.post(f"{url}/agent/v1/hello", json=FACTS, headers=headers, timeout=10)
        if answer.status_code != 503:
            break
    assert answer.status_code == 200, answer.text
