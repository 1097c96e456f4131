"""An engine behind the agents' calls, with everything beside it as small as it can be, and somebody who calls."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from cloned.core.boot import BootRequest
from cloned.core.effect_types import OpenStream
from cloned.core.events import Configured, ImageInfo, ImageKnown, Judged, Settings, SwitchChanged
from cloned.core.ids import SessionId
from cloned.disk.manifest import PIECE, Layer, Manifest, Plan
from cloned.engine import Engine
from cloned.journal import Journal
from cloned.monitor import Monitor
from cloned.netboot.agents import AgentApi
from cloned.tasks import TaskOwner

LAYER = Layer(1, "sda1", "ext4", 1 << 20, 40 << 20, ((0, PIECE + 5),))
MANIFEST = Manifest(
    "school",
    Plan("label gpt\n", 512, 50 << 20, None, None, (LAYER,)),
    tuple(sha256(bytes([n])).digest() for n in range(2)),
    50 << 20,
)
FACTS = {
    "uuid": "4c4c4544-0039-4210-8052-b7c04f4e3732",
    "serial": "PF1",
    "macs": ["02:00:00:00:00:01"],
    "boot_mac": "02:00:00:00:00:01",
    "firmware": "uefi",
    "disks": [{"path": "/dev/sda", "size": 100 << 20, "serial": "S1", "wwn": "", "eligible": True}],
}


class House:
    """Store, streams and ledger, as small as they can be."""

    sending = True

    def manifest(self, name: str) -> Manifest:
        return MANIFEST

    async def open(self, opened: OpenStream) -> None:
        self.opened = opened

    async def limit(self, rates: Any) -> None:
        pass

    async def shut(self, session: SessionId) -> None:
        pass

    def address(self, session: SessionId) -> dict[str, Any] | None:
        return {"session": str(session)} if self.sending else None

    async def record(self, row: Any) -> None:
        pass


class Site:
    """An engine behind its HTTP face, and somebody who calls."""

    def __init__(self, engine: Engine, session: ClientSession, base: str, monitor: Monitor, house: House) -> None:
        self.engine, self.session, self.base, self.token, self.monitor = engine, session, base, "", monitor
        self.house = house

    async def boot(self) -> None:
        self.token = (await self.engine.boot(BootRequest("02:00:00:00:00:01", "127.0.0.1", serial="PF1"))).token

    async def call(self, name: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        method = "GET" if name == "plan" else "POST"
        async with self.session.request(method, f"{self.base}/agent/v1/{name}", json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    @property
    def laptop(self) -> Any:
        [laptop] = self.engine.workshop.laptops.values()
        return laptop


@pytest.fixture(params=["auto"])
async def site(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    house, tasks, journal = House(), TaskOwner("test"), Journal(tmp_path / "journal")
    engine = Engine(journal, house, house)  # type: ignore[arg-type]
    monitor = Monitor(engine, 60)
    api = AgentApi(engine, monitor, house, house, lambda laptop: [{"name": "grow"}])  # type: ignore[arg-type]
    tasks.start(engine.run(), "engine", service=True)
    tasks.start(engine.run_effects(), "effects", service=True)
    await engine.submit(Configured(Settings(confirm=request.param, default_image="school")))
    await engine.submit(ImageKnown(ImageInfo("school", MANIFEST.image_hash, MANIFEST.plan.map.used, 50 << 20)))
    await engine.submit(SwitchChanged(8, "test", 1000))
    app = web.Application()
    app.add_routes(api.routes())

    async def may(request: web.Request) -> web.Response:
        return web.json_response(api.may_fetch(request, request.match_info["session"]))

    app.router.add_post("/agent/v1/may/{session}", may)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with ClientSession() as session:
        yield Site(engine, session, f"http://127.0.0.1:{port}", monitor, house)
    await runner.cleanup()
    await tasks.close()
    journal.close()


def read_back(session: str, number: int, pieces: tuple[bytes, ...] = MANIFEST.pieces) -> dict[str, Any]:
    digests = base64.b64encode(b"".join(pieces)).decode()
    return {
        "session": session,
        "round": number,
        "layout": "label gpt\n",
        "boot_code": None,
        "gap": None,
        "pieces": digests,
    }


async def at_work(site: Site) -> str:
    """A laptop that is to restore; its session."""
    await site.boot()
    await site.call("hello", FACTS)
    _, order = await site.call("report", {"state": "idle"})
    return str(order["session"])


def judged(site: Site) -> list[Judged]:
    """The verdicts that the journal has."""
    return [entry.event for entry in site.engine._journal.entries() if isinstance(entry.event, Judged)]
