"""A network card that its power saving holds back: told of once, on the laptop's page and on the wall."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core import slow_cards
from cloned.core.events import Hello, Settings, SlowCard
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.reducer import step
from cloned.core.workshop import BootGiven, Workshop

ONE, MAC = LaptopId("one"), "3c:97:0e:00:00:01"


def workshop(state: State = State.RECEIVING) -> Workshop:
    known = Laptop(ONE, 7, Facts(Identity("", "PF1X", macs=(MAC,))), state, 0.0, 0.0)
    boots = {"t": BootGiven("t", MAC, "10.0.0.9", 50.0, ONE, known.identity)}
    return Workshop(Settings(), {ONE: known}, boots=boots)


def after(before: Workshop, event: SlowCard | Hello) -> Workshop:
    return step(before, event, 100.0, "00")[0]


@pytest.mark.parametrize(
    ("off", "history", "wall"),
    [(True, "ASPM) held it back, and is off now", "it is off now"), (False, "could not be turned off", "stays on")],
)
def test_it_is_told_once(off: bool, history: str, wall: str) -> None:
    state = after(workshop(), SlowCard(ONE, 180, off))
    laptop = state.laptops[ONE]
    assert "180 Mbit/s" in laptop.history[-1].why
    assert history in laptop.history[-1].why
    [warning] = slow_cards.warnings(state.laptops.values())
    assert wall in warning.text
    assert "laptop 7" in warning.text
    assert "the cable is not to blame" in warning.hint
    assert after(state, SlowCard(ONE, 170, not off)) == state


@pytest.mark.parametrize("state", [State.GONE, State.DONE, State.ASKING])
def test_one_that_is_not_at_work_is_not_believed(state: State) -> None:
    before = workshop(state)
    assert after(before, SlowCard(ONE, 180, True)) == before


def test_it_is_over_when_the_laptop_starts_again() -> None:
    state = after(workshop(), SlowCard(ONE, 180, True))
    laptop = state.laptops[ONE]
    gone = replace(laptop, state=State.GONE)
    assert slow_cards.warnings([gone]) == []
    again = after(replace(state, laptops={ONE: gone}), Hello("t", laptop.facts, "10.0.0.9"))
    assert again.laptops[ONE].link.card == ""
