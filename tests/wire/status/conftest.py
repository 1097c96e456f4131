"""A page served on loopback, for real."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from aiohttp import ClientSession, CookieJar, web

from cloned.status.app import create_app
from cloned.status.auth import Auth
from cloned.status.guard import AccessRules
from cloned.status.live import Hub
from tests.unit.status.fakes import FakeRecords, FakeWorkshop

TOKEN = "a long and random token"


class House:
    """What a test needs to know of the running page."""

    def __init__(self, workshop, records, hub, pin):
        self.workshop, self.records, self.hub, self.pin = workshop, records, hub, pin
        self.url, self.socket, self.wrong, self.token = "", "", [], TOKEN


@pytest.fixture
async def house(tmp_path):
    """The page on a free port, and the trusted one on a Unix socket."""
    hub, auth = Hub(), Auth(tmp_path, {"grafana": hashlib.sha256(TOKEN.encode()).hexdigest()})
    rules = {"read": "open", "erase_by": "administrator"}
    house = House(FakeWorkshop(), FakeRecords(), hub, auth.new_pin)

    async def ready():
        return house.wrong

    def netboot(mac):
        return [
            {
                "mac": mac,
                "at": 1795000000.0,
                "asked": "DHCP discover",
                "got": f"offer to {mac}",
                "why": "",
                "times": 1,
                "address": "10.77.0.2",
                "interface": "eth0",
            }
        ]

    house.people, house.rules = auth.people, rules

    def measured():
        return {"cloned_sent_bytes": {"pieces": 7.0}}

    access = AccessRules(lambda: rules["read"], lambda: rules["erase_by"])
    more = {"rules": access, "netboot": netboot, "ready": ready, "measures": measured}
    runners = [
        web.AppRunner(
            create_app(house.workshop, house.records, auth, hub, trusted=trusted, **more),
            shutdown_timeout=0.1,
        )
        for trusted in (False, True)
    ]
    for runner in runners:
        await runner.setup()
    site = web.TCPSite(runners[0], "127.0.0.1", 0)
    await site.start()
    house.url = f"http://127.0.0.1:{runners[0].addresses[0][1]}"
    house.socket = str(tmp_path / "control.sock")
    await web.UnixSite(runners[1], house.socket).start()
    serving = asyncio.create_task(hub.run())
    yield house
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def browser(house):
    """A client that keeps cookies and says, as browsers do, where its requests come from."""
    async with ClientSession(
        house.url, cookie_jar=CookieJar(unsafe=True), headers={"Sec-Fetch-Site": "same-origin"}
    ) as session:
        yield session


@pytest.fixture
async def machine(house):
    """A client without cookies or headers of its own."""
    async with ClientSession(house.url) as session:
        yield session
