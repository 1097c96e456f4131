"""How long it will take, from what is known at each moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core.estimate import FINISH, PREPARE, VERIFY, Estimate, Progress, estimate, right
from cloned.core.events import ImageInfo, Settings
from cloned.core.ids import Identity, LaptopId, SessionId
from cloned.core.laptop import Attachment, CloneJob, Facts, Goal, Laptop, State
from cloned.core.schedule import plan
from cloned.core.session import Session
from cloned.core.workshop import Workshop

SESSION = SessionId("s")
IMAGE = ImageInfo("a", "h", 1_125_000_000, 1)
"""Ten seconds at a gigabit."""


def laptop(number: int, state: State, **more: Any) -> Laptop:
    session = SESSION if state not in (State.WAITING, State.DONE) else None
    ident = LaptopId(f"l{number}")
    since = -10.0 if state is State.RECEIVING else 0.0
    return Laptop(
        ident,
        number,
        Facts(Identity()),
        state,
        since,
        since,
        session=session,
        **more,
        goal=Goal(image="a"),
        link=Attachment(speed_mbps=1000),
    )


def ask(*laptops: Laptop, places: int = 2, progress: Progress | None = None, **more: Any) -> Estimate:
    session = Session(SESSION, 1, "a", "h", "", 0.0)
    state = Workshop(
        Settings(), {each.id: each for each in laptops}, {SESSION: session}, images={"a": IMAGE}, places=places, **more
    )
    return estimate(state, progress or {}, plan(state, 0.0), 0.0)


def test_before_anything_moved_the_link_says_it() -> None:
    found = ask(laptop(1, State.READY))
    assert found.all == found.laptops[LaptopId("l1")] == pytest.approx(10 + PREPARE + VERIFY + FINISH)


def test_a_report_says_it_better() -> None:
    report = {LaptopId("l1"): {"rate": 25e6, "left_seconds": 40.0}}
    assert ask(laptop(1, State.RECEIVING), progress=report).all == pytest.approx(40 + VERIFY + FINISH)


def test_the_first_seconds_of_receiving_say_nothing() -> None:
    report = {LaptopId("l1"): {"rate": 1e5, "left_seconds": 9999.0}}
    began = replace(laptop(1, State.RECEIVING), since=-1.0)
    assert ask(began, progress=report).all == pytest.approx(10 + PREPARE - 1 + VERIFY + FINISH)


def test_who_waits_takes_the_place_that_is_free_first_for_as_long_as_others_needed() -> None:
    through = laptop(9, State.DONE, job=CloneJob(1), seconds=(("receive", 20.0), ("verify", 2.0), ("finish", 4.0)))
    moving = laptop(1, State.RECEIVING), laptop(2, State.RECEIVING)
    report = {
        LaptopId("l1"): {"rate": 10e6, "left_seconds": 10.0},
        LaptopId("l2"): {"rate": 10e6, "left_seconds": 30.0},
    }
    found = ask(*moving, laptop(3, State.WAITING), laptop(4, State.WAITING), through, progress=report)
    first, second = 10 + 2 + 4, 30 + 2 + 4
    assert [found.laptops[LaptopId(f"l{n}")] for n in (1, 2, 3, 4)] == pytest.approx(
        [first, second, first + 26, second + 26]
    )
    assert found.all == pytest.approx(second + 26)


def test_what_is_held_begins_then_and_what_is_paused_has_no_end() -> None:
    busy = laptop(1, State.RECEIVING), laptop(2, State.RECEIVING)
    assert ask(*busy, laptop(3, State.WAITING), holds={"a": 600.0}).laptops[LaptopId("l3")] == pytest.approx(614, abs=3)
    assert LaptopId("l3") not in ask(*busy, laptop(3, State.WAITING), paused=True).laptops


def test_nobody_there_is_no_estimate() -> None:
    assert ask() == Estimate({}, None)
    assert ask(laptop(1, State.WAITING), places=0).all is None


def test_right_is_within_a_fifth_or_two_seconds() -> None:
    assert right([(10, 12), (10, 20), (1, 3), (100, 121)]) == 0.75
    assert right([]) == 0.0
