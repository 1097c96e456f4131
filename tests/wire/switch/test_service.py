"""The workshop keeps its places whatever a switch says of its ports."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cloned.config import Switch
from cloned.engine import Engine
from cloned.journal import Journal
from cloned.switch.service import SwitchService
from cloned.switch.snmp import oids as c
from cloned.switch.snmp.walk import Oid
from tests.unit.test_engine import Book, Streams
from tests.waiting import until
from tests.wire.switch.test_bad_agents import WORD, Agent, Answer, answering, plain

pytestmark = pytest.mark.wire


def without_ports(kind: str, oid: Oid, agent: Agent) -> tuple[Oid, Any] | None:
    """A switch that says who it is, and shows no table at all."""
    return plain("get", oid) if kind == "get" and oid == c.SYS_DESCR else None


async def places_of(answer: Answer, tmp_path: Path, **more: Any) -> tuple[int, str, list[str]]:
    """What the workshop has once the switch was read: places, why, codes of warnings."""
    engine = Engine(Journal(tmp_path / "journal.sqlite"), Streams(), Book())
    async with answering(answer) as (address, _), asyncio.timeout(60):
        switch = Switch.model_validate({"address": address, "community": WORD, **more})
        service = SwitchService(engine, [switch], 17, 1000, booting=lambda: False, moved=lambda: None)
        running = [asyncio.create_task(engine.run()), asyncio.create_task(service.run())]
        await until(lambda: any(reading["state"] == "ok" for reading in service.readings()), 60)
        await service.tell()
        found = engine.workshop.places, engine.workshop.places_why, [each["code"] for each in service.warnings()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return found


async def test_a_switch_without_ports_leaves_the_configured_places(tmp_path: Path) -> None:
    places, why, warnings = await places_of(without_ports, tmp_path)
    assert (places, "no switch shows a port" in why) == (17, True)
    assert {"switch-no-ports", "switch-no-places"} <= set(warnings)


async def test_a_switch_that_is_read_says_how_many_fit(tmp_path: Path) -> None:
    places, why, warnings = await places_of(lambda kind, oid, _: plain(kind, oid), tmp_path)
    assert (places, why.startswith("ports free"), warnings) == (4, True, [])


async def test_ports_that_are_all_reserved_are_meant_so(tmp_path: Path) -> None:
    names = [f"gi{number}" for number in range(1, 5)]
    places, _, warnings = await places_of(lambda kind, oid, _: plain(kind, oid), tmp_path, reserved=names)
    assert (places, "switch-no-places" in warnings) == (0, False)
