"""A laptop that was silent for a while and is heard again, its agent still at work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core.disks import Disk
from cloned.core.events import ImageInfo, Returned, Settings
from cloned.core.ids import Identity, LaptopId, SessionId
from cloned.core.laptop import CloneJob, Confirmation, Facts, Goal, Laptop, State
from cloned.core.reducer import step
from cloned.core.session import Session
from cloned.core.workshop import Workshop

ONE, SESSION = LaptopId("one"), SessionId("s")


def silent(**more: Any) -> Laptop:
    """It was receiving when it fell silent."""
    known = Laptop(
        ONE,
        1,
        Facts(Identity(), disks=(Disk("/dev/sda", 10**11, serial="D"),)),
        State.GONE,
        0.0,
        0.0,
        session=SESSION,
        goal=Goal(image="a", disk="D", written=True, confirmation=Confirmation("D", "a", "h", "page", 1e6)),
        job=CloneJob(number=1, open=True),
    )
    kept = {name: value for name, value in more.items() if hasattr(known, name)}
    goal = {name: value for name, value in more.items() if name not in kept}
    return replace(known, **kept, goal=replace(known.goal, **goal))


def after(laptop: Laptop, **more: Any) -> Laptop:
    """What it is once it is heard again."""
    session = Session(SESSION, 1, "a", "h", "", 0.0, members=(ONE,), kind=more.pop("kind", "pieces"))
    state = Workshop(Settings(), {ONE: laptop}, {SESSION: session}, images={"a": ImageInfo("a", "h", 1, 1)}, places=1)
    state, _ = step(replace(state, **more), Returned(ONE), 100.0, "00")
    return state.laptops[ONE]


def test_it_goes_on_in_its_session() -> None:
    found = after(silent())
    assert (found.state, found.session) == (State.RECEIVING, SESSION)
    assert found.history[-1].why == "heard again: it goes on from where it was"


@pytest.mark.parametrize(("laptop", "more", "state"), [
    (silent(written=False), {}, State.READY), (silent(job=CloneJob(1, open=True, rounds=1)), {}, State.READY), (silent(confirmation=None), {}, State.ASKING),
    (silent(confirmation=Confirmation("D", "a", "h", "page", 50.0)), {}, State.ASKING),
    (silent(disk="E", confirmation=Confirmation("E", "a", "h", "page", 1e6)), {}, State.ASKING),
    (silent(), {"paused": True}, State.WAITING), (silent(paused=True), {}, State.WAITING),
    (silent(), {"places": 0}, State.WAITING), (silent(), {"kind": "classic"}, State.READY),
])  # fmt: skip
def test_where_it_cannot_it_takes_its_turn(laptop: Laptop, more: dict[str, Any], state: State) -> None:
    assert after(laptop, **more).state is state
