"""What is said of multicast, from what laptops count before a session and how their pieces come in it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Attachment, Contact, Facts, Laptop, State
from cloned.engine import Engine
from cloned.journal import Journal
from cloned.monitor import Monitor
from cloned.multicast.health import MulticastHealth

DEAF, WELL = {"probe": {"heard": 0, "expected": 20}}, {"probe": {"heard": 20, "expected": 20}}


async def told(path: Path, *laptops: tuple[State, int, dict[str, Any]]) -> list[str]:
    """Texts and hints for laptops 1…n: state, Mb/s of the link, last report."""
    engine = Engine(Journal(path / "journal"), None, None)  # type: ignore[arg-type]
    monitor = Monitor(engine, 60)
    reach = MulticastHealth(
        engine, monitor, "lo", IPv4Address("127.0.0.1"), "auto", lambda laptop: f"s{laptop.number % 2}"
    )
    for number, (state, mbps, report) in enumerate(laptops, 1):
        laptop = Laptop(
            LaptopId(f"l{number}"),
            number,
            Facts(Identity()),
            state,
            0,
            0,
            contact=Contact(hellos=1),
            link=Attachment(speed_mbps=mbps),
        )
        engine.workshop = engine.workshop.with_laptop(replace(laptop, link=replace(laptop.link, port=f"gi{number}")))
        await monitor.heard(replace(laptop, state=State.ASKING), report)
    return [f"{each['text']}: {each['hint']}" for each in reach.warnings()]


@pytest.mark.parametrize("state", [State.ASKING, State.WAITING])
async def test_a_laptop_that_waits_is_judged_by_the_probe(state: State, tmp_path: Path) -> None:
    (warning,) = await told(tmp_path, (state, 1000, DEAF), (state, 1000, WELL))
    assert warning.startswith("multicast does not reach laptop 1 (port gi1): suspects: ")


async def test_a_count_of_a_second_says_nothing(tmp_path: Path) -> None:
    assert await told(tmp_path, (State.WAITING, 1000, {"probe": {"heard": 0, "expected": 4}})) == []


async def test_a_laptop_that_started_at_once_is_judged_by_how_its_pieces_come(tmp_path: Path) -> None:
    one_by_one, stream = {**DEAF, "via": "unicast"}, {**DEAF, "via": "multicast"}
    busy = State.RECEIVING
    (warning,) = await told(tmp_path, (busy, 1000, stream), (busy, 1000, one_by_one), (busy, 100, one_by_one))
    assert warning.startswith("multicast does not reach laptop 2 (port gi2)"), "the slow one is served by itself"


async def test_all_behind_one_switch(tmp_path: Path) -> None:
    waits = State.WAITING
    (warning,) = await told(tmp_path, *((waits, 1000, report) for report in (WELL, DEAF, WELL, DEAF)))
    assert warning.startswith("multicast does not get through switch s0 (laptop 2 (port gi2), laptop 4 (port gi4))")
