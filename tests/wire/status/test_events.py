"""The running page's events: what comes when something happens, and how many may watch."""

import asyncio

import pytest
from pydantic import TypeAdapter

from cloned.languages import language
from cloned.status import live, schema
from tests.waiting import until
from tests.wire.status.acting import next_event

pytestmark = pytest.mark.wire


async def test_who_comes_back_misses_no_event(machine, house, monkeypatch):
    monkeypatch.setattr(live, "INTERVAL_SECONDS", 0.02)
    async with machine.get("/api/v1/events") as answer:
        block = b""
        while not block.startswith(b"id: "):
            block = await answer.content.readuntil(b"\n\n")
        ident = block.split(b"\n")[0].removeprefix(b"id: ").decode()
    house.workshop.state["capacity"]["taken"] = 77
    async with asyncio.timeout(20), machine.get("/api/v1/events", headers={"Last-Event-ID": ident}) as answer:
        name, told = await next_event(answer)
    assert (name, told["capacity"]["taken"]) == ("some", 77)


async def test_events_bring_the_snapshot_and_then_changes(machine, house, monkeypatch):
    monkeypatch.setattr(live, "INTERVAL_SECONDS", 0.02)
    async with machine.get("/api/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        name, everything = await next_event(answer)
        assert (name, everything["workshop"]) == ("all", house.workshop.state["workshop"])
        assert "history" not in everything["laptop/00000003"]
        TypeAdapter(schema.LaptopBrief).validate_python(everything["laptop/00000003"])
        house.workshop.state["laptops"][2]["progress"]["bytes"] += 1
        name, some = await next_event(answer)
        assert (name, list(some)) == ("some", ["laptop/00000003"])
        house.workshop.state["laptops"].pop()
        name, everything = await next_event(answer)
        assert (name, "laptop/0000001e" in everything) == ("all", False)


async def test_pages_get_the_tiles_that_changed(machine, house, monkeypatch):
    monkeypatch.setattr(live, "INTERVAL_SECONDS", 0.02)
    async with machine.get("/events") as wall, machine.get("/events?laptop=00000003") as one:
        assert "floor" in (await next_event(wall))[1]
        assert "laptop" in (await next_event(one))[1]
        house.workshop.state["laptops"][2] |= {"state": "verifying"}
        name, some = await next_event(wall)
        assert (name, set(some)) == ("some", {"tile-00000003"})
        assert "Checks" in some["tile-00000003"]
        assert "Checks" in (await next_event(one))[1]["laptop"]


async def test_too_many_watchers_are_turned_away(machine, house):
    house.hub.counted.most = 1
    async with machine.get("/api/v1/events") as answer:
        await next_event(answer)
        async with machine.get("/events") as second:
            assert second.status == 503


async def test_a_watcher_that_leaves_is_forgotten(machine, house, monkeypatch):
    monkeypatch.setattr(live, "INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(live, "KEEPALIVE_SECONDS", 0.02)
    async with machine.get("/events") as answer:
        await next_event(answer)
        assert house.hub.watchers == 1
        answer.close()
    await until(lambda: not house.hub.watchers)


async def test_ten_screens_of_fifty_laptops_are_served(machine, house, monkeypatch):
    monkeypatch.setattr(live, "INTERVAL_SECONDS", 0.02)
    answers = [await machine.get("/events") for _ in range(10)]
    for answer in answers:
        await next_event(answer)
    house.workshop.state["laptops"][2] |= {"state": "done"}
    for answer in answers:
        while "tile-00000003" not in (await next_event(answer))[1]:
            pass
        answer.close()


async def test_one_address_watches_so_much_and_not_more(machine, house):
    answers = [await machine.get("/events") for _ in range(live.PER_PLACE)]
    async with machine.get("/api/v1/events") as one_more:
        assert one_more.status == 503
    for answer in answers:
        answer.close()


async def test_what_changes_comes_in_the_language_of_the_page(house, browser):
    async with browser.get("/events?lang=nl") as stream:
        await stream.content.readline()
        text = (await stream.content.readuntil(b"\n\n")) + (await stream.content.readuntil(b"\n\n"))
    assert language("nl").gettext("Set aside") in text.decode()
