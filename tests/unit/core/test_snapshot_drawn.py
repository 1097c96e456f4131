"""Laptops that rest are drawn once; what is shown is the same as if all were drawn anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core.disks import Disk
from cloned.core.events import ImageInfo, Settings
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Contact, Facts, Laptop, State
from cloned.core.snapshot import Drawn, snapshot
from cloned.core.workshop import Workshop


def made(number: int, state: State) -> Laptop:
    disk = Disk("/dev/sda", 256 * 10**9, serial=f"D{number}")
    facts = Facts(Identity(serial=f"PF{number}"), disks=(disk,))
    return Laptop(LaptopId(f"id{number}"), number, facts, state, 0, 0, contact=Contact(hellos=1))


def shop() -> Workshop:
    workshop = Workshop(Settings(), images={"school": ImageInfo("school", "9f", 10**9, 2 * 10**9)})
    for number, state in enumerate(State, 1):
        workshop = workshop.with_laptop(made(number, state))
    return workshop


def test_the_same_is_shown_and_those_that_rest_are_not_drawn_again() -> None:
    workshop, drawn = shop(), Drawn()
    first = snapshot(workshop, {}, 100.0, drawn=drawn)
    second = snapshot(workshop, {}, 200.0, drawn=drawn)
    assert second == snapshot(workshop, {}, 200.0)
    same = {new.state for old, new in zip(first.laptops, second.laptops, strict=True) if old is new}
    assert {"done", "gone", "aside", "erased"} <= same
    assert not {"receiving", "verifying", "waiting"} & same


@pytest.mark.parametrize("state", State)
def test_one_that_changed_or_tells_something_is_drawn_anew(state: State) -> None:
    workshop, drawn = shop(), Drawn()
    snapshot(workshop, {}, 100.0, drawn=drawn)
    laptop = next(each for each in workshop.laptops.values() if each.state is state)
    told = {laptop.id: {"bytes": 7, "total": 9}}
    assert snapshot(workshop, told, 110.0, drawn=drawn) == snapshot(workshop, told, 110.0)
    for changed in (replace(laptop, tag="T7"), replace(laptop, state=State.RECEIVING), replace(laptop, lent=True)):
        workshop = workshop.with_laptop(changed)
        assert snapshot(workshop, {}, 120.0, drawn=drawn) == snapshot(workshop, {}, 120.0)
