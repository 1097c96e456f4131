"""What people ask for: names, times, and the reason where it cannot be."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from cloned.control import Control, until
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Laptop, State
from cloned.engine import Engine
from cloned.errors import UsageError
from cloned.journal import Journal


@pytest.fixture
def control(tmp_path: Path) -> Control:
    engine = Engine(Journal(tmp_path / "journal"), None, None)  # type: ignore[arg-type]
    for number, tag in ((1, "A-17"), (2, "A-18"), (3, "A-18")):
        identity = Identity(serial=f"PF{number}", macs=(f"02:00:00:00:00:0{number}",))
        laptop = Laptop(LaptopId(f"id{number}"), number, identity, State.ASKING, 0, 0, tag=tag)
        engine.workshop = engine.workshop.with_laptop(laptop)
    return Control(engine)


@pytest.mark.parametrize("name", ["id1", "1", "a-17", "PF1", "02:00:00:00:00:01"])
def test_a_laptop_has_many_names(control: Control, name: str) -> None:
    assert control.find(name).number == 1


@pytest.mark.parametrize(
    ("name", "why"), [("A-18", "2 laptops are called A-18"), ("nobody", "no laptop is called nobody")]
)
def test_names_that_do_not_say_which(control: Control, name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        control.find(name)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"do": "explode"}, "there is no command explode"),
        ({}, r"there is no command \(none\)"),
        ({"do": "batch", "image": "x", "text": "y"}, "there is no image x"),
        ({"do": "confirm", "target": "1"}, "has no disk"),
        ({"do": "cancel", "target": "9"}, "no open session 9"),
        ({"do": "tag", "target": ["1"]}, "target must be a text"),
    ],
)
async def test_refusals_say_why(control: Control, asked: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        await control.command(asked)


def test_times() -> None:
    noon = datetime(2026, 11, 22, 12, 0).astimezone().timestamp()
    assert until("21:00", lambda: noon) == noon + 9 * 3600
    assert until("11:00", lambda: noon) == noon + 23 * 3600
    assert until("2026-11-22T13:00", lambda: noon) == noon + 3600
    assert until(None) == until("") == 0.0
    with pytest.raises(UsageError, match="is not a time"):
        until("soon")
