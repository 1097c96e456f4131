"""The agents' calls, over real sockets: no token, no deed; and no deed the laptop's state does not allow."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector

from cloned import wire
from cloned.core.boot import BootRequest
from cloned.core.events import Command, ImageInfo, ImageKnown, Located, SwitchChanged
from cloned.core.laptop import State
from cloned.core.schedule import plan
from tests.waiting import until
from tests.wire.netboot.agent_site import FACTS, MANIFEST, Site, at_work, read_back

pytestmark = pytest.mark.wire


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
    await until(lambda: sum(each.done() for each in held) >= 9)
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
