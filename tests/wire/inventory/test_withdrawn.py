"""An organisation that is taken away from a laptop: what we wrote for it is taken back, what people wrote is left.

A real ledger says what each inventory was told; the inventories behave as they were recorded to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cloned.destinations import DeviceHubSettings, OcsSettings
from cloned.inventory.database import LedgerError
from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import Outbox
from cloned.inventory.sinks.base import Delivery, Sink, Surroundings, ToldBefore, Unavailable
from cloned.inventory.sinks.devicehub import DeviceHub as DeviceHubSink
from cloned.inventory.sinks.memory import FolderMemory
from cloned.inventory.sinks.ocs import Ocs as OcsSink
from tests.servers.devicehub import TOKEN, DeviceHub
from tests.servers.ocs import Ocs
from tests.wire.inventory.conftest import BACK, LENT, ROW

pytestmark = pytest.mark.wire
SCHOOL = "School 7"
Told = Callable[..., Awaitable[list[str]]]


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(tmp_path / "ledger.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
def around(ledger: Ledger, tmp_path: Path) -> Surroundings:
    return Surroundings("W", "http://server:8080", memory=FolderMemory(tmp_path / "sinks"), told=ledger.told)


@pytest.fixture
async def tell(ledger: Ledger) -> AsyncIterator[Callable[[Sink], Awaitable[Told]]]:
    """Runs an outbox for a sink: then each result that is recorded is awaited there; what is said of all is returned."""
    running: list[asyncio.Task[None]] = []

    async def begin(sink: Sink) -> Told:
        box = Outbox(ledger, [sink])
        running.append(asyncio.create_task(box.run()))

        async def told(**more: Any) -> list[str]:
            await ledger.record(ROW | more)
            async with asyncio.timeout(30):
                while (await box.status() or [{"waiting": 1}])[0]["waiting"]:
                    await asyncio.sleep(0.01)
            return [each["reason"] for each in await ledger.log(ROW["laptop"])]

        return told

    yield begin
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def school(server: Any) -> int:
    """The number of a company and a location of that name."""
    server.state.add("locations", {"name": SCHOOL}, 1)
    made = server.state.add("companies", {"name": SCHOOL}, 1)
    return int(made.id)


def asset(server: Any) -> dict[str, Any]:
    [found] = server.state.assets.values()
    return dict(found)


WISHES = {
    "company": "{organisation}",
    "location": "{organisation}",
    "fields": {
        "Clone verdict": "{verdict}",
        "Operating system": "for {organisation}",
        "order_number": "{organisation}",
    },
}


def column(server: Any, name: str) -> str:
    return next(each.column for each in server.state.fields.values() if each.name == name)


async def test_snipe_it_forgets_what_we_wrote_for_an_organisation(snipeit, snipeit_sink, around, tell):
    number = school(snipeit)
    told = await tell(snipeit_sink(around, **WISHES))
    await told(organisation=SCHOOL)
    system, verdict = (column(snipeit, name) for name in ("Operating system", "Clone verdict"))
    was = asset(snipeit)
    assert (was["company_id"], was["rtd_location_id"], was["order_number"]) == (number, number, SCHOOL)
    assert was[system] == f"for {SCHOOL}"
    assert await told() == ["", ""]
    now = asset(snipeit)
    assert (now["company_id"], now["rtd_location_id"], now["order_number"], now[system]) == (None, None, None, None)
    assert (now[verdict], now["status_id"], now["asset_tag"]) == (was[verdict], was["status_id"], was["asset_tag"])


async def test_once_taken_back_what_people_write_there_stays(snipeit, snipeit_sink, around, tell):
    number = school(snipeit)
    told = await tell(snipeit_sink(around, **WISHES))
    await told(organisation=SCHOOL)
    await told()
    next(iter(snipeit.state.assets.values()))["company_id"] = number
    assert await told(attempt=2) == ["", "", ""]
    assert asset(snipeit)["company_id"] == number


async def test_snipe_it_keeps_what_people_wrote_instead_and_it_is_told(snipeit, snipeit_sink, around, tell):
    school(snipeit)
    told = await tell(snipeit_sink(around, **WISHES))
    await told(organisation=SCHOOL)
    next(iter(snipeit.state.assets.values())).update(company_id=1)
    *_, said = await told()
    assert said == "company was left: it is not on record that the workshop wrote what stands there"
    assert (asset(snipeit)["company_id"], asset(snipeit)["rtd_location_id"]) == (1, None)


async def test_what_was_never_ours_is_neither_touched_nor_told(snipeit, snipeit_sink, around, tell):
    school(snipeit)
    told = await tell(snipeit_sink(around, **WISHES))
    await told()
    next(iter(snipeit.state.assets.values())).update(company_id=1)
    assert await told(attempt=2) == ["", ""]
    assert asset(snipeit)["company_id"] == 1


async def test_what_is_not_on_record_as_taken_is_told(snipeit, snipeit_sink, around, tell):
    """The first was refused for a field that is missing there, so nobody knows how far it came."""
    number = school(snipeit)
    wrong = snipeit_sink(around, **WISHES | {"company": "{organisation}", "location": "{organisation} annex"})
    told = await tell(wrong)
    [refused] = await told(organisation=SCHOOL)
    assert "up to date, except" in refused
    *_, said = await told()
    assert "company was left" in said
    assert asset(snipeit)["company_id"] == number


async def test_a_swap_takes_it_back_from_the_one_that_came_back(snipeit, snipeit_sink, around, tell):
    school(snipeit)
    told = await tell(
        snipeit_sink(
            around,
            **WISHES,
            lent={"name": "Broken", "type": "undeployable"},
            back={"name": "Erased", "type": "pending"},
        )
    )
    await told(organisation=SCHOOL)
    await told(**LENT | {"organisation": SCHOOL})
    await told(**{key: value for key, value in BACK.items() if key != "organisation"})
    assert (asset(snipeit)["company_id"], asset(snipeit)["rtd_location_id"]) == (None, None)


async def test_a_lent_laptop_keeps_its_company(snipeit, snipeit_sink, around, tell):
    number = school(snipeit)
    told = await tell(snipeit_sink(around, **WISHES))
    await told(organisation=SCHOOL)
    next(iter(snipeit.state.assets.values())).update(assigned_to=3, assigned_type="user")
    await told()
    assert (asset(snipeit)["company_id"], asset(snipeit)[column(snipeit, "Operating system")]) == (number, None)


async def test_a_rehearsal_tells_what_would_be_taken_back(snipeit, snipeit_sink, around, deliver):
    number = school(snipeit)
    await snipeit_sink(around, **WISHES).send(deliver(organisation=SCHOOL))

    async def before(_sink: str, _laptop: str) -> list[ToldBefore]:
        return [ToldBefore(deliver(organisation=SCHOOL), taken=True)]

    lines = await snipeit_sink(Surroundings(told=before), **WISHES).rehearse(deliver(2))
    assert f"would change: company: {number} → empty" in [line.line() for line in lines]
    assert asset(snipeit)["company_id"] == number


async def test_glpi_forgets_a_field_that_we_wrote_and_keeps_peoples(glpi, glpi_sink, around, tell):
    told = await tell(glpi_sink(around, fields={"contact_num": "{organisation}", "name": "for {organisation}"}))
    await told(organisation=SCHOOL)
    [computer] = glpi.items["Computer"].values()
    assert (computer["contact_num"], computer["name"]) == (SCHOOL, f"for {SCHOOL}")
    computer["name"] = "the desk"
    *_, said = await told()
    assert ((computer["contact_num"] or ""), computer["name"]) == ("", "the desk")
    assert said == "name was left: it is not on record that the workshop wrote what stands there"


async def test_devicehub_and_ocs_keep_it_and_that_is_told(around, tell):
    async with DeviceHub().serving() as hub:
        settings = {
            "name": "hub",
            "type": "devicehub",
            "url": hub.url,
            "token": TOKEN,
            "fields": {"for": "{organisation}"},
        }
        sink: Sink = DeviceHubSink(DeviceHubSettings.model_validate(settings), around)
        told = await tell(sink)
        await told(organisation=SCHOOL)
        assert (await told())[-1] == "DeviceHub keeps the property for as it was: take it away there"
        await sink.close()
    async with Ocs().serving() as server:
        settings = {"name": "ocs", "type": "ocs", "url": server.url, "fields": {"fields_3": "{organisation}"}}
        sink = OcsSink(OcsSettings.model_validate(settings), Surroundings(told=_once, memory=around.memory))
        await sink.send(delivery({"organisation": SCHOOL}))
        receipt = await sink.send(delivery({}, 2))
        assert receipt.said[:1] == ("OCS keeps fields_3 as it was: it takes it at the first inventory only",)
        await sink.close()


def delivery(more: dict[str, Any], revision: int = 1) -> Delivery:
    row: Any = ROW | more
    return Delivery("key", row["laptop"], row["attempt"], revision, row)


async def _once(_sink: str, _laptop: str) -> list[ToldBefore]:
    return [ToldBefore(delivery({"organisation": SCHOOL}), taken=True)]


async def test_a_ledger_that_is_away_is_waited_for(snipeit, snipeit_sink, deliver):
    async def away(_sink: str, _laptop: str) -> list[ToldBefore]:
        raise LedgerError("the ledger is away", "")

    with pytest.raises(Unavailable, match="the ledger is away"):
        await snipeit_sink(Surroundings(told=away), **WISHES).send(deliver())
