"""The page on loopback, with everything on it that can be shown."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import pytest
from aiohttp import web

from cloned.core.verbs import Role
from cloned.status.app import create_app
from cloned.status.auth import Auth
from cloned.status.live import Hub
from cloned.status.people import People
from tests.unit.status.fakes import FakeRecords, FakeWorkshop
from tests.unit.status.houses import FakeHouse, flow

PASSWORD = "correct horse battery"


@dataclass
class ServedPage:
    """Where it is, what it shows, and who may do what there."""

    workshop: FakeWorkshop
    url: str
    pin: str


@contextlib.asynccontextmanager
async def serving(folder, workshop):
    """The page of `workshop` on a free port."""
    hub, auth = Hub(), Auth(folder)
    People(folder).add("Bart", Role.ADMINISTRATOR, PASSWORD)
    app = create_app(workshop, FakeRecords(), auth, hub, house=FakeHouse(), flow=flow())
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    at_work = asyncio.create_task(hub.run())
    try:
        yield ServedPage(workshop, f"http://127.0.0.1:{runner.addresses[0][1]}", auth.new_pin)
    finally:
        at_work.cancel()
        await asyncio.gather(at_work, return_exceptions=True)
        await runner.cleanup()


@pytest.fixture
async def house(tmp_path):
    async with serving(tmp_path, FakeWorkshop()) as served:
        yield served
