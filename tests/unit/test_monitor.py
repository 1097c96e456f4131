"""Silence, standstill and return, on a clock of our own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cloned.core.boot import BootRequest, identity_of
from cloned.core.events import PartsTold, Returned, SlowCard, Stalled, Vanished
from cloned.core.hardware import Hardware, Screen
from cloned.core.ids import Identity, LaptopId, SessionId
from cloned.core.laptop import Contact, Facts, Laptop, State
from cloned.core.session import Kind, Session
from cloned.engine import Engine
from cloned.journal import Journal
from cloned.monitor import Monitor, _parts, _slow_card


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def monitored(path: Path, state: State) -> tuple[Monitor, Laptop, Clock]:
    clock = Clock()
    engine = Engine(Journal(path), None, None)  # type: ignore[arg-type]
    laptop = Laptop(LaptopId("l1"), 1, Facts(Identity()), state, 0, 0, contact=Contact(hellos=1))
    engine.workshop = engine.workshop.with_laptop(laptop)
    return Monitor(engine, 60, clock), laptop, clock


async def test_a_laptop_that_tells_of_another_screen_each_second_writes_no_journal_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor, laptop, clock = monitored(tmp_path / "j", State.WAITING)
    taken: list[object] = []

    async def submit(event: object) -> None:
        taken.append(event)

    monkeypatch.setattr(monitor._engine, "submit", submit)
    for second in range(20):
        clock.now = float(second)
        screen = {"width": 1000 + second, "height": 800, "width_mm": 300, "height_mm": 200}
        await monitor.heard(laptop, {"state": "idle", "parts": {"panel": screen}})
    assert len(taken) == 2


@pytest.mark.parametrize("state", [State.RECEIVING, State.WAITING, State.ASKING, State.VERIFYING])
async def test_silence_means_gone(tmp_path: Path, state: State) -> None:
    monitor, laptop, clock = monitored(tmp_path / "j", state)
    await monitor.heard(laptop, {"state": "idle"})
    clock.now = 8.0
    assert monitor.look() == []
    clock.now = 9.0  # with a look each second and the page's own, within 10
    assert monitor.look() == [Vanished(laptop.id)]


async def test_standing_still_means_stalled(tmp_path: Path) -> None:
    monitor, laptop, clock = monitored(tmp_path / "j", State.RECEIVING)
    for second in range(70):
        clock.now = float(second)
        await monitor.heard(laptop, {"state": "receiving", "bytes": 5})
        if second <= 60:
            assert monitor.look() == []
    assert monitor.look() == [Stalled(laptop.id, 60)]


def test_who_comes_back_is_taken_in_again(tmp_path: Path) -> None:
    monitor, laptop, _ = monitored(tmp_path / "j", State.GONE)
    assert monitor._meaning(laptop, {"state": "receiving"}) == Returned(laptop.id)


@pytest.mark.parametrize(
    ("told", "mbit"),
    [({"mbit": 180, "off": True}, 180), ({"mbit": 1e300}, None), ({"mbit": True}, None), ([], None), ("x", None)],
)
def test_a_slow_card_is_an_event_once(tmp_path: Path, told: object, mbit: int | None) -> None:
    _, laptop, _ = monitored(tmp_path / "j", State.RECEIVING)
    wanted = None if mbit is None else SlowCard(laptop.id, mbit, True)
    assert _slow_card(laptop, {"slow_card": told}) == wanted
    known = replace(laptop, link=replace(laptop.link, card="off"))
    assert _slow_card(known, {"slow_card": told}) is None


async def test_progress_is_only_numbers(tmp_path: Path) -> None:
    monitor, laptop, clock = monitored(tmp_path / "j", State.RECEIVING)
    await monitor.heard(laptop, {"bytes": 10, "total": 110, "rate": 10.0, "lost": "<b>", "held_by": "the moon"})
    progress = monitor.progress[laptop.id]
    assert (progress["left_seconds"], progress["held_by"]) == (10.0, None)
    assert "lost" not in progress
    clock.now += 1.5
    assert monitor.progress[laptop.id]["left_seconds"] == 8.5
    clock.now += 60
    assert monitor.progress[laptop.id]["left_seconds"] == 8.0


async def test_where_a_laptop_is_that_somebody_asks_to_boot(tmp_path: Path) -> None:
    """By its MAC, and by whatever else the engine would take it for this laptop by; silent ones are nowhere."""
    monitor, laptop, clock = monitored(tmp_path / "j", State.RECEIVING)
    mac, serial = "52:54:00:00:00:0a", "5CG8144K2P"
    identity = Identity(serial=serial, vendor="Dell", macs=(mac,))
    known = replace(
        laptop,
        facts=replace(laptop.facts, identity=identity, boot_mac=mac),
        contact=replace(laptop.contact, address="10.77.1.5"),
    )
    monitor._engine.workshop = monitor._engine.workshop.with_laptop(known)
    ask, other = BootRequest(mac, "10.77.1.9"), BootRequest("52:54:00:00:00:0b", "10.77.1.9")
    named = replace(other, serial=serial, vendor="Dell")
    assert monitor.heard_at(ask) == ("", True)
    await monitor.heard(known, {"state": "receiving"})
    assert (monitor.heard_at(ask), monitor.heard_at(other)[0]) == (("10.77.1.5", True), "")
    taken_for_it = monitor._engine.workshop.find(identity_of(named)) is not None
    assert monitor.heard_at(named) == (("10.77.1.5", False) if taken_for_it else ("", True))
    clock.now = 9.0
    assert monitor.heard_at(ask)[0] == monitor.heard_at(named)[0] == ""


async def test_nobody_is_silent_while_the_daemon_itself_has_no_turn(tmp_path: Path) -> None:
    monitor, laptop, clock = monitored(tmp_path / "j", State.RECEIVING)
    await monitor.heard(laptop, {"state": "receiving", "bytes": 5})
    clock.now = 121.0  # the machine was suspended, or others had its processors
    monitor.deaf(120.0)
    assert monitor.look() == []
    clock.now = 128.0
    assert monitor.look() == []
    clock.now = 129.0
    assert monitor.look() == [Vanished(laptop.id)]


def test_parts_that_are_told_later_are_an_event_while_they_are_news() -> None:
    told = {"panel": {"width": 1920, "height": 1080, "width_mm": 309, "height_mm": 174}, "late": []}
    laptop = Laptop(LaptopId("l1"), 1, Facts(Identity()), State.ASKING, 0, 0, contact=Contact(hellos=1))
    event = _parts(laptop, {"parts": told})
    assert event == PartsTold(laptop.id, Hardware(panel=Screen(1920, 1080, 309, 174)))
    known = replace(laptop, facts=replace(laptop.facts, hardware=laptop.facts.hardware.with_later(event.hardware)))
    for said in (
        {"parts": told},
        {"parts": {}},
        {"parts": {"late": []}},
        {},
        {"parts": [told]},
        {"parts": {"panel": {"width": 0}}},
    ):
        assert _parts(known, said) is None, said
    assert _parts(replace(laptop, contact=Contact()), {"parts": told}) is None, "one that never said hello"


SMALL, ALL = 14_000_000, 1_128_271_872


def told(state: str, round_: int = 1, got: int = 0, total: int = ALL, **more: object) -> dict[str, object]:
    return {"state": state, "session": "s1", "round": round_, "bytes": got, "total": total, **more}


async def gained(path: Path, kind: Kind, reports: list[dict[str, object]]) -> int:
    """What is counted of these reports."""
    monitor, laptop, _ = monitored(path / "j", State.VERIFYING)
    laptop = replace(laptop, session=SessionId("s1"))
    session = Session(SessionId("s1"), 1, "bulk", "", "", 0.0, kind=kind)
    monitor._engine.workshop = monitor._engine.workshop.with_laptop(laptop).with_session(session)
    for report in reports:
        await monitor.heard(laptop, report)
    return monitor.received[kind]


@pytest.mark.parametrize(
    ("reports", "pieces"),
    [
        ([told("preparing", 0), told("receiving", got=5), told("receiving", got=9), told("verifying", got=ALL)], ALL),
        ([told("preparing", 0), told("receiving", got=9), told("waiting", got=ALL), told("finished", got=ALL)], ALL),
        ([told("preparing", 0), told("waiting", got=SMALL, total=SMALL)], SMALL),  # there between two reports
        ([told("preparing", 0), told("verifying", got=SMALL, total=SMALL), told("waiting", got=SMALL, total=SMALL)], SMALL),
        ([told("preparing", 0), told("verifying", got=ALL), told("waiting", 2, 4, 4), told("finished", 2, 4, 4)], ALL + 4),
        ([told("preparing", 0), told("surveying", 0, 700), told("receiving", got=0, total=50), told("waiting", got=50, total=50)], 50),
        ([told("preparing", 0), told("surveying", 0, ALL), told("waiting", 1, 0, 0)], 0),  # all was right already
        ([told("preparing", 0), told("surveying", 0, ALL), told("waiting", 0, ALL)], 0),
        ([told("receiving", got=500), told("receiving", got=700)], 200),  # a daemon that was started anew meanwhile
        ([told("waiting", got=ALL), told("finished", got=ALL)], 0),
        ([told("preparing", 0), told("receiving", got=500), told("idle", 0), told("receiving", got=30)], 530),
        ([told("preparing", 0), told("receiving", got=500), told("receiving", 2, 30)], 530),
    ],
)  # fmt: skip
async def test_bytes_that_a_laptop_has_got_are_counted_once(
    tmp_path: Path, reports: list[dict[str, object]], pieces: int
) -> None:
    assert await gained(tmp_path, "pieces", reports) == pieces


async def test_a_classic_session_that_reads_back_has_got_nothing_by_that(tmp_path: Path) -> None:
    told_ = [told("waiting", 0), told("receiving", got=9), told("verifying"), told("verifying", got=9_999)]
    assert await gained(tmp_path, "classic", told_) == ALL
