"""The agents' calls, over real sockets: no token, no deed; and no deed the laptop's state does not allow."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector, web

from cloned import wire
from cloned.core.boot import BootRequest
from cloned.core.effect_types import OpenStream
from cloned.core.events import (
    Command,
    Configured,
    ImageInfo,
    ImageKnown,
    Judged,
    Located,
    PartsTold,
    Ready,
    Settings,
    SwitchChanged,
)
from cloned.core.hardware import Hardware, Screen
from cloned.core.ids import SessionId
from cloned.core.laptop import State
from cloned.core.schedule import plan
from cloned.disk.manifest import PIECE, Layer, Manifest, Plan
from cloned.engine import Engine
from cloned.journal import Journal
from cloned.monitor import Monitor
from cloned.netboot.agents import AgentApi
from cloned.tasks import TaskOwner

pytestmark = pytest.mark.wire
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


async def test_a_laptop_from_hello_to_done(site: Site) -> None:
    await site.boot()
    assert (await site.call("hello", FACTS))[0] == 200
    status, order = await site.call("report", {"state": "idle"})
    assert (status, order["do"], order["disk"]["serial"], order["survey"]) == (200, "restore", "S1", False)
    status, plan = await site.call("plan")
    assert plan["layers"][0]["number"] == 1
    assert sha256(bytes([0])).hexdigest() not in str(plan)
    session = order["session"]
    assert (await site.call("ready", {"session": session, "cleared": ["gpt"], "discarded": True}))[0] == 200
    status, verdict = await site.call("readback", read_back(session, 1, (MANIFEST.pieces[0], b"x" * 32)))
    assert (verdict["verdict"], verdict["wrong"]) == ("differs", [1])
    assert verdict["where"][0]["partition"] == "sda1"
    status, verdict = await site.call("readback", read_back(session, 2))
    assert (verdict["verdict"], verdict["image_hash"]) == ("verified", MANIFEST.image_hash)
    status, order = await site.call("report", {"state": "waiting", "session": session})
    assert (order["do"], order["steps"], order["then"]) == ("finish", [{"name": "grow"}], "poweroff")
    status, order = await site.call(
        "finished", {"session": session, "steps": [{"name": "grow", "result": "done", "detail": ""}]}
    )
    assert (order["do"], site.laptop.state, site.laptop.job.rounds) == ("power", State.DONE, 2)


@pytest.mark.parametrize("name", ["report", "plan", "ready", "readback", "finished", "failed", "confirm", "hello"])
@pytest.mark.parametrize("token", ["", "wrong", "older"])
async def test_without_the_newest_token_nothing_happens(site: Site, name: str, token: str) -> None:
    await site.boot()
    older = site.token
    await site.boot()
    before = site.engine.workshop
    status, answer = await site.call(name, FACTS, token=older if token == "older" else token)
    assert status == 401
    assert answer["hint"]
    assert site.engine.workshop == before


async def test_a_token_is_good_at_its_own_address_only(site: Site) -> None:
    site.token = (await site.engine.boot(BootRequest("02:00:00:00:00:01", "127.0.0.9", serial="PF1"))).token
    assert (await site.call("hello", FACTS))[0] == 401


async def test_a_thousand_hellos_a_second_change_nothing_and_hold_nobody_up(site: Site) -> None:
    """With the laptop's own token, and with invented ones, while the laptop itself goes on reporting."""
    await site.boot()
    assert (await site.call("hello", FACTS))[0] == 200
    session = (await site.call("report", {"state": "idle"}))[1]["session"]
    began, statuses, slowest = time.monotonic(), [], 0.0

    async def flood(token: str | None) -> None:
        for _ in range(250):
            statuses.append((await site.call("hello", FACTS, token=token))[0])

    async with asyncio.TaskGroup() as group:
        for token in (None, "wrong", None, "invented"):
            group.create_task(flood(token))
        while len(statuses) < 900:
            sent = time.monotonic()
            assert (await site.call("report", {"state": "receiving", "session": session}))[0] == 200
            slowest = max(slowest, time.monotonic() - sent)
            await asyncio.sleep(0.05)
    seconds = time.monotonic() - began
    assert set(statuses) <= {200, 401, 503}
    assert statuses.count(200) <= 1 + seconds
    assert slowest < 1.0
    assert site.laptop.contact.hellos <= 2 + seconds


@pytest.mark.parametrize("site", ["ask"], indirect=True)
async def test_an_unconfirmed_laptop_gets_nothing_to_write(site: Site) -> None:
    await site.boot()
    await site.call("hello", FACTS)
    order = (await site.call("report", {"state": "idle"}))[1]
    assert (order["do"], order["offer"]["image"]) == ("wait", "school")
    assert (await site.call("plan"))[0] == 409
    assert (await site.call("readback", read_back("none", 1)))[0] == 409
    assert site.laptop.state is State.ASKING


@pytest.mark.parametrize("site", ["ask"], indirect=True)
async def test_a_key_on_the_laptop_confirms_what_was_offered_and_nothing_else(site: Site) -> None:
    await site.boot()
    await site.call("hello", FACTS)
    other = {"image": "school", "disk": {"serial": "S2", "wwn": ""}}
    assert (await site.call("confirm", other))[0] == 409
    assert (await site.call("confirm", {"image": "another", "disk": {"serial": "S1"}}))[0] == 409
    assert (await site.call("confirm", {"image": "school", "disk": {"serial": "S1", "wwn": ""}}))[0] == 200
    assert site.laptop.goal.confirmation.by == "the laptop's own keyboard"


@pytest.mark.parametrize("body", [[], "x", {"round": "1"}, {"round": 1}, {"round": 1, "pieces": "???"}, {"round": -1}])
async def test_nonsense_is_answered_and_changes_nothing(site: Site, body: Any) -> None:
    await site.boot()
    await site.call("hello", FACTS)
    session = (await site.call("report", {"state": "idle"}))[1]["session"]
    before = site.engine.workshop.laptops
    if isinstance(body, dict):
        body["session"] = session
    status, answer = await site.call("readback", body)
    assert status == 400
    assert answer["error"]
    assert site.engine.workshop.laptops == before


async def test_a_verdict_is_the_daemons_not_the_laptops(site: Site) -> None:
    await site.boot()
    await site.call("hello", FACTS)
    session = (await site.call("report", {"state": "idle"}))[1]["session"]
    await site.call("ready", {"session": session})
    lie = read_back(session, 1, (b"x" * 32, b"y" * 32)) | {"verdict": "verified", "image_hash": MANIFEST.image_hash}
    assert (await site.call("readback", lie))[1]["verdict"] == "differs"
    await site.call("finished", {"session": session, "steps": []})
    assert site.laptop.state is State.RECEIVING


async def at_work(site: Site) -> str:
    """A laptop that is to restore; its session."""
    await site.boot()
    await site.call("hello", FACTS)
    _, order = await site.call("report", {"state": "idle"})
    return str(order["session"])


@pytest.mark.parametrize("name", ["failed", "ready", "finished", "report"])
async def test_half_a_character_is_nobodys_end(site: Site, name: str) -> None:
    session = await at_work(site)
    half = "\ud800\x00\x1b[2J"
    bodies = {
        "failed": {"code": half, "detail": half},
        "ready": {"session": session, "cleared": [half], "discarded": half},
        "finished": {"session": half, "steps": [{"name": half, "result": half, "detail": half}]},
        "report": {"state": half, "session": half, "round": half, "said": half, "rate": 1e-300, "total": 1e17},
    }
    status, _ = await site.call(name, bodies[name])
    assert status in (200, 400, 409)
    for laptop in site.engine.workshop.laptops.values():
        str(laptop).encode()


async def test_what_does_not_apply_is_not_journalled(site: Site) -> None:
    session = await at_work(site)
    before = site.engine.workshop
    for told in ("other", session.upper() + "x", 7, None, {}):
        assert (await site.call("ready", {"session": told}))[1] == {"ok": False}
    assert (await site.call("finished", {"steps": []}))[0] == 200
    assert site.engine.workshop is before


async def test_one_that_failed_is_set_aside_and_says_so_once(site: Site) -> None:
    await at_work(site)
    assert (await site.call("failed", {"code": "no-memory", "detail": "bad luck"}))[0] == 200
    assert (site.laptop.state, str(site.laptop.reason)) == (State.ASIDE, "no-memory")
    history = site.laptop.history
    assert (await site.call("failed", {"code": "no-disk", "detail": "worse"}))[1] == {"ok": True}
    assert (site.laptop.history, str(site.laptop.reason)) == (history, "no-memory")


async def test_a_test_that_nobody_asked_for_is_not_written_down(site: Site) -> None:
    await site.engine.submit(Configured(Settings(confirm="auto", default_image="school", tests=("memory",))))
    await site.boot()
    await site.call("hello", FACTS)
    told = {"name": "memory", "result": "passed", "why": "", "seconds": 1.0}
    assert (await site.call("test", {**told, "name": "battery"}))[0] == 200
    assert site.laptop.trials == ()
    assert (await site.call("test", told))[0] == 200
    assert [(each.name, str(each.result)) for each in site.laptop.trials] == [("memory", "passed")]


async def test_pieces_are_for_who_is_at_work_in_their_session(site: Site) -> None:
    await site.boot()
    assert (await site.call("may/None"))[1] is False
    session = await at_work(site)
    assert (await site.call(f"may/{session}"))[1] is True
    assert (await site.call("may/other"))[1] is False
    assert (await site.call(f"may/{session}", token="wrong"))[1] is False
    await site.call("failed", {"code": "no-memory", "detail": ""})
    assert (await site.call(f"may/{session}"))[1] is False


async def test_bodies_have_a_size(site: Site) -> None:
    session = await at_work(site)
    for name in ("ready", "report", "failed", "readback"):
        status, answer = await site.call(name, {"session": session, "x": "y" * 600_000})
        assert (status, "at most" in answer["error"]) == (413, True)


async def test_rates_that_never_end_are_not_shown(site: Site) -> None:
    await at_work(site)
    for rate in (1e-300, 5e-324, 0.001):
        await site.call("report", {"state": "receiving", "rate": rate, "total": 1e17, "bytes": 0})
        [figures] = site.monitor.progress.values()
        assert figures["left_seconds"] is None
        assert "rate" not in figures


async def test_many_hellos_of_one_boot_do_not_make_many_laptops(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloned.netboot.agents.HELLO_EVERY_SECONDS", 0.0)
    await site.boot()
    told = [await site.call("hello", FACTS | {"serial": f"X{n}", "uuid": ""}) for n in range(30)]
    assert [status for status, _ in told].count(200) <= 13


async def test_one_laptop_makes_so_many_calls_at_once_and_not_more(site: Site) -> None:
    await at_work(site)
    unread = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await unread.wait()
        yield b"}"

    async def slow() -> int:
        headers = {"Authorization": f"Bearer {site.token}"}
        async with site.session.post(f"{site.base}/agent/v1/report", data=endless(), headers=headers) as answer:
            return answer.status

    held = [asyncio.ensure_future(slow()) for _ in range(12)]
    while sum(each.done() for each in held) < 9:
        await asyncio.sleep(0.01)
    unread.set()
    statuses = await asyncio.gather(*held)
    assert statuses.count(503) == 9


async def test_what_was_given_to_one_address_is_worth_nothing_at_another(site: Site) -> None:
    """A token that somebody overheard: neither a hello nor anything later is taken from elsewhere."""
    await site.boot()
    headers = {"Authorization": f"Bearer {site.token}"}
    async with ClientSession(connector=TCPConnector(local_addr=("127.0.0.2", 0))) as elsewhere:
        for name, before in (("hello", 0), ("report", 1)):
            async with elsewhere.post(f"{site.base}/agent/v1/{name}", json=FACTS, headers=headers) as answer:
                assert answer.status == 401
            assert site.laptop.contact.hellos == before
            if name == "hello":
                assert (await site.call("hello", FACTS))[0] == 200
    assert (await site.call("report", {"state": "idle"}))[0] == 200


async def test_parts_that_are_told_later_are_journalled_once(site: Site) -> None:
    """An older agent tells none: its reports stay as they are."""
    await site.boot()
    await site.call("hello", FACTS | {"hardware": {"threads": 4, "late": ["batteries"]}})
    told = {"panel": {"width": 1366, "height": 768, "width_mm": 309, "height_mm": 174}, "late": []}
    for report in ({"state": "idle"}, {"state": "idle", "parts": told}, {"state": "idle", "parts": told}):
        assert (await site.call("report", report))[0] == 200
    hardware = site.laptop.facts.hardware
    assert (hardware.panel, hardware.threads, hardware.late) == (Screen(1366, 768, 309, 174), 4, ())
    written = [entry.event for entry in site.engine._journal.entries() if isinstance(entry.event, PartsTold)]
    assert written == [PartsTold(site.laptop.id, Hardware(panel=Screen(1366, 768, 309, 174)))]


async def test_one_that_waits_shows_what_for(site: Site) -> None:
    await site.engine.submit(SwitchChanged(0, "test", 1000))
    await site.boot()
    await site.call("hello", FACTS)
    _, order = await site.call("report", {"state": "idle"})
    waits = plan(site.engine.workshop, site.engine.clock()).waits[site.laptop.id]
    assert (site.laptop.state, order["do"]) == (State.WAITING, "wait")
    assert str(waits.reason.next_step) in " ".join(order["screen"])
    assert (order["port"], "steps" in order) == ("", False)
    await site.engine.submit(Located(site.laptop.id, "7", 1000))
    assert (await site.call("report", {"state": "idle"}))[1]["port"] == "7"


async def test_only_who_is_at_work_may_send_a_read_back_of_its_images_size(site: Site) -> None:
    session = await at_work(site)
    body = {"session": session, "round": -1, "x": ""}
    body["x"] = "y" * (wire.LARGEST_BYTES + 1 - len(json.dumps(body)))
    assert (await site.call("readback", body))[0] == 400
    await site.call("failed", {"code": "no-memory", "detail": ""})
    assert (await site.call("readback", body))[0] == 413


async def test_a_look_at_what_the_disk_held_is_no_verdict(site: Site) -> None:
    session = await at_work(site)
    await site.call("ready", {"session": session})
    before = site.laptop
    status, found = await site.call("readback", read_back(session, 0))
    assert (status, found["verdict"]) == (200, "verified")
    assert site.laptop == before
    assert judged(site) == []


def judged(site: Site) -> list[Judged]:
    """The verdicts that the journal has."""
    return [entry.event for entry in site.engine._journal.entries() if isinstance(entry.event, Judged)]


async def test_while_nobody_sends_its_stream_it_waits_but_a_classic_one_is_joined_at_its_port(site: Site) -> None:
    site.house.sending = False
    await site.boot()
    await site.call("hello", FACTS)
    _, order = await site.call("report", {"state": "idle"})
    assert (order["do"], order["screen"]) == ("wait", ["The stream is being prepared."])
    await site.call("failed", {"code": "no-memory", "detail": ""})
    hashed, used = MANIFEST.image_hash, MANIFEST.plan.map.used
    await site.engine.submit(ImageKnown(ImageInfo("school", hashed, used, 50 << 20, classic=True, streams=1)))
    await site.engine.command(Command("retry", "An", site.laptop.id))
    _, order = await site.call("report", {"state": "idle"})
    assert (order["do"], order["stream"], order["classic"]["go"]) == ("restore", None, False)


@pytest.mark.parametrize(("told", "kept"), [(True, True), (False, False), ("yes", False), (None, False)])
async def test_a_disk_was_emptied_only_where_the_agent_says_so(site: Site, told: Any, kept: bool) -> None:
    session = await at_work(site)
    await site.call("ready", {"session": session, "discarded": told})
    [ready] = [entry.event for entry in site.engine._journal.entries() if isinstance(entry.event, Ready)]
    assert ready.discarded is kept


@pytest.mark.parametrize(
    ("seconds", "during", "kept"),
    [
        (12.5, 3, (12.5, 3)),
        (0, 0, (0.0, 0)),
        (-1, -1, (0.0, 0)),
        (10**7, 10**9, (0.0, 0)),
        ("12", 1.5, (0.0, 0)),
    ],
)
async def test_what_cannot_be_is_not_taken_of_a_read_back(
    site: Site, seconds: Any, during: Any, kept: tuple[float, int]
) -> None:
    session = await at_work(site)
    await site.call("ready", {"session": session})
    told = {"seconds": {"verifying": seconds}, "smart": {"during": during}}
    assert (await site.call("readback", read_back(session, 1000) | told))[0] == 200
    assert [(each.verifying, each.reallocated) for each in judged(site)] == [kept]
    assert (await site.call("readback", read_back(session, 1001)))[0] == 400


async def test_a_read_back_is_of_the_session_that_the_laptop_is_at_work_in(site: Site) -> None:
    session = await at_work(site)
    await site.call("ready", {"session": session})
    assert (await site.call("readback", read_back("another", 1)))[0] == 409
    await site.call("failed", {"code": "no-memory", "detail": ""})
    for named in (session, None):
        assert (await site.call("readback", read_back(session, 1) | {"session": named}))[0] == 409
    assert judged(site) == []


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({}, ""),
        ({"detail": "bad\nluck"}, "bad luck"),
        ({"detail": {"message": "{disk} is gone", "values": {"disk": "/dev/sda"}}}, "/dev/sda is gone"),
    ],
)
async def test_why_it_failed_is_a_sentence_or_plain_words_or_nothing(site: Site, told: Any, kept: str) -> None:
    await at_work(site)
    assert (await site.call("failed", {"code": "no-memory", **told}))[0] == 200
    assert (site.laptop.state, site.laptop.detail) == (State.ASIDE, kept)


async def test_one_that_boots_again_while_it_says_hello_is_sent_back(site: Site) -> None:
    """The inventory takes a while to say what it remembers; meanwhile somebody switches the laptop off and on."""
    await site.boot()
    remembered, older = site.engine.remembering.of, site.token

    async def slow(*asked: Any) -> Any:
        site.engine.remembering.of = remembered  # type: ignore[method-assign]
        await site.boot()
        return await remembered(*asked)

    site.engine.remembering.of = slow  # type: ignore[method-assign]
    status, answer = await site.call("hello", FACTS, token=older)
    assert (status, answer["error"]) == (401, "a newer boot took this laptop's place")
