"""Who asks before pages can be made waits; who needs none does not."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cloned.status import warmth
from cloned.status.warmth import Warmth
from tests.waiting import until


async def test_each_waits_for_what_it_needs_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes, pages = threading.Event(), threading.Event()
    monkeypatch.setattr(warmth, "adapter", lambda: shapes.wait(20))
    monkeypatch.setattr(warmth.pages, "warm", lambda kept: pages.wait(20))
    made = Warmth()
    warming = asyncio.create_task(made.warm())
    for path in ("/healthz", "/metrics", "/readyz", "/static/page.js"):
        await made.enough_for(path)
    state, wall = (asyncio.create_task(made.enough_for(path)) for path in ("/api/v1/state", "/"))
    await asyncio.sleep(0)
    assert not any(task.done() for task in (state, wall))
    shapes.set()
    await state
    assert not wall.done()
    pages.set()
    await wall
    await until(warming.done)
