"""What people ask for: names, times, and the reason where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloned.control import Control
from cloned.core.events import Command
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, Laptop, State
from cloned.engine import Engine
from cloned.errors import UsageError
from cloned.journal import Journal


@pytest.fixture
def control(tmp_path: Path) -> Control:
    engine = Engine(Journal(tmp_path / "journal"), None, None)  # type: ignore[arg-type]
    for number, tag in ((1, "A-17"), (2, "A-18"), (3, "A-18")):
        identity = Identity(serial=f"PF{number}", macs=(f"02:00:00:00:00:0{number}",))
        laptop = Laptop(LaptopId(f"id{number}"), number, Facts(identity), State.ASKING, 0, 0, tag=tag)
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
        (Command("explode", "page"), "there is no command explode"),
        (Command("batch", "page", image="x", text="y"), "there is no image x"),
        (Command("confirm", "page", "1"), "it has no disk"),
        (Command("cancel", "page", "9"), "no open session 9"),
        (Command("exclude", "page", "A-18"), "2 laptops are called A-18"),
    ],
)
async def test_refusals_say_why(control: Control, asked: Command, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        await control.command(asked)


async def test_what_another_room_does_goes_there(control: Control) -> None:
    async def room(command: Command) -> dict[str, int]:
        return {"retried": len(command.target)}

    with_room = Control(control._engine, {"inventory-retry": room})
    assert await with_room.command(Command("inventory-retry", "page", "hook")) == {"ok": True, "retried": 4}
