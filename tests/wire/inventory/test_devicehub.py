"""The DeviceHub sink against a DeviceHub that behaves as the real one was recorded to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from cloned.destinations import DeviceHubSettings
from cloned.inventory.sinks.base import SinkRefused, Surroundings, Unavailable
from cloned.inventory.sinks.devicehub import DeviceHub as DeviceHubSink
from cloned.inventory.sinks.memory import FolderMemory
from cloned.inventory.sinks.told import KnownThere
from tests.servers.devicehub import TOKEN, DeviceHub
from tests.wire.inventory.conftest import ERASED

pytestmark = pytest.mark.wire


@pytest.fixture
async def hub() -> AsyncIterator[DeviceHub]:
    async with DeviceHub().serving() as server:
        yield server


@pytest.fixture
async def hub_sink(hub, tmp_path) -> AsyncIterator[Callable[..., DeviceHubSink]]:
    made: list[DeviceHubSink] = []

    def make(**more: Any) -> DeviceHubSink:
        settings = {"name": "hub", "type": "devicehub", "url": hub.url, "token": TOKEN, "lot": "november batch"}
        around = Surroundings("W", "http://server:8080", memory=FolderMemory(tmp_path))
        made.append(DeviceHubSink(DeviceHubSettings.model_validate(settings | more), around))
        return made[-1]

    yield make
    for sink in made:
        await sink.close()


def writes(server: DeviceHub) -> list[str]:
    return [path for method, path, _ in server.requests if method == "POST"]


async def test_a_result_is_a_snapshot_and_properties(hub, hub_sink, deliver):
    sink = hub_sink()
    receipt = await sink.send(deliver())
    [device] = hub.devices.values()
    assert device["user_properties"] == {
        "cloned_image": "school-2026", "cloned_image_hash": "ab" * 32, "cloned_verdict": "verified", "cloned_on": "2026-11-28",
        "cloned_report": "http://server:8080/laptops/a1b2c3d4",
    }  # fmt: skip
    assert hub.lots[1]["devices"] == [device["ID"]]
    assert receipt.link == f"{hub.url}/device/{device['ID']}/"
    assert await sink.known("PF0AAAA1") == KnownThere(1, "", "20L6S0ABCD", "", False)


async def test_an_erasure_is_a_property_of_the_same_device(hub, hub_sink, deliver):
    sink = hub_sink()
    assert sink.takes(deliver(**ERASED).row)
    for delivery in (deliver(), deliver(**ERASED), deliver(**ERASED)):
        await sink.send(delivery)
    [device] = hub.devices.values()
    told = device["user_properties"]
    assert told["cloned_erasure"] == "erased (purge), nvme-sanitize-block, overwrite, 2026-11-28"
    assert told["cloned_verdict"] == "verified"


async def test_sending_it_again_is_had(hub, hub_sink, deliver):
    sink = hub_sink()
    await sink.send(deliver())
    hub.requests.clear()
    await sink.send(deliver())
    assert writes(hub) == ["/api/v1/snapshot/"]
    assert len(hub.snapshots) == 1


async def test_a_dock_makes_no_second_device(hub, hub_sink, deliver):
    await hub_sink().send(deliver())
    await hub_sink().send(deliver(attempt=2, verdict="differs", macs=["00:50:b6:00:00:01", "8c:16:45:00:00:01"]))
    assert [each["user_properties"]["cloned_verdict"] for each in hub.devices.values()] == ["differs"]


async def test_it_is_the_device_that_workbench_makes(hub, hub_sink, deliver):
    """Recording 005: the same maker, model, serial and MAC."""
    await hub_sink().send(deliver(macs=["02:00:00:00:00:01"]))
    assert [each["shortId"] for each in hub.devices.values()] == ["D9B7CB"]


@pytest.mark.parametrize("serial", ["", "To be filled by O.E.M."])
async def test_without_a_serial_nothing_is_sent(hub, hub_sink, deliver, serial):
    with pytest.raises(SinkRefused, match="one device of all such laptops"):
        await hub_sink().send(deliver(serial=serial))
    assert hub.requests == []


async def test_the_device_of_nobody_is_refused(hub, hub_sink, deliver):
    async def nobody(request: web.Request) -> web.StreamResponse | None:
        return web.json_response({"status": "success", "dhid": "A7FFC6"}) if "snapshot" in request.path else None

    hub.trouble = nobody
    with pytest.raises(SinkRefused, match="made it the device A7FFC6"):
        await hub_sink().send(deliver())


async def test_long_values_are_cut_before_it_fails(hub, hub_sink, deliver):
    await hub_sink(fields={"why": "x" * 500}).send(deliver())
    assert [each["user_properties"]["why"] for each in hub.devices.values()] == ["x" * 200]


async def test_a_lot_that_is_not_there(hub, hub_sink, deliver):
    for lot in ("no such", "99"):
        with pytest.raises(SinkRefused, match="lot"):
            await hub_sink(lot=lot).send(deliver())
    assert [line.line() for line in await hub_sink(lot="no such").rehearse(None)][
        -1
    ] == "missing: lot: no such (make it)"


async def test_a_token_that_is_not_accepted(hub, hub_sink, deliver):
    hub.token = "11111111-0000-4000-8000-000000000000"
    with pytest.raises(Unavailable, match="does not accept the token") as caught:
        await hub_sink().send(deliver())
    assert TOKEN not in str(caught.value)


def test_a_token_that_is_no_uuid_is_a_mistake_of_the_configuration():
    with pytest.raises(ValueError, match="a DeviceHub token is a UUID"):
        DeviceHubSettings.model_validate({"name": "h", "type": "devicehub", "url": "http://x", "token": "wrong"})


async def test_a_rehearsal_writes_nothing(hub, hub_sink, deliver):
    lines = [line.line() for line in await hub_sink(fields={"v": "{verdict}"}).rehearse(deliver())]
    assert lines == [
        "ok: server: DeviceHub, and it accepts the token",
        "ok: lot: november batch",
        "would create: device: for the serial PF0AAAA1",
        "would change: property v: → verified",
    ]
    assert writes(hub) == []


async def test_a_server_that_crashes_is_named_and_passes(hub, hub_sink, deliver):
    async def crash(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<h1>Server Error (500)</h1> hunter22", status=500, content_type="text/html")

    hub.trouble = crash
    with pytest.raises(Unavailable, match="500 with a page instead of JSON"):
        await hub_sink().send(deliver())
    hub.trouble = None
    await hub_sink().send(deliver())
