"""Every attempt that ended leaves a row, also that of a laptop which went and did not come back."""

from __future__ import annotations

import pytest

from cloned.core.events import Command, Finished, Returned, Tick, Vanished
from cloned.core.laptop import GIVEN_UP_SECONDS, Laptop, State
from cloned.core.laptop_commands import EVERYWHERE
from cloned.core.ledger_events import Recorded
from cloned.core.reducer import step
from cloned.core.schedule import due
from tests.story import Story


class Told(Story):
    """A story with the rows that it leaves."""

    def __init__(self) -> None:
        super().__init__("auto")


@pytest.fixture
def gone() -> tuple[Told, Laptop]:
    """A laptop that vanished while it received."""
    told = Told()
    laptop = told.boot()
    assert laptop.state is State.READY
    told.tell(Vanished(laptop.id))
    return told, told.laptop(laptop.id)


def test_one_that_stays_away_leaves_a_row_once_and_not_before_its_time(gone: tuple[Told, Laptop]) -> None:
    told, laptop = gone
    told.tell(Tick(), GIVEN_UP_SECONDS - 2)
    assert not due(told.state, told.now)
    assert told.rows == []
    told.tell(Tick(), 3)
    assert [(row["laptop"], row["attempt"], row["state"], row["verdict"]) for row in told.rows] == [
        (laptop.id, 1, "gone", "none")
    ]
    assert told.rows[0]["why"]
    assert not due(told.state, told.now)
    told.tell(Tick(), GIVEN_UP_SECONDS)
    assert len(told.rows) == 1
    told.tell(Recorded(laptop.id, 1))
    assert not told.state.unrecorded


def test_the_monitor_hears_that_it_is_due(gone: tuple[Told, Laptop]) -> None:
    told, laptop = gone
    told.tell(Tick(), 650)  # its session lingered long enough
    assert not due(told.state, laptop.since + GIVEN_UP_SECONDS - 1)
    assert due(told.state, laptop.since + GIVEN_UP_SECONDS)


def test_one_that_comes_back_goes_on_with_its_attempt_and_its_row_is_amended(gone: tuple[Told, Laptop]) -> None:
    told, laptop = gone
    told.tell(Tick(), GIVEN_UP_SECONDS)
    told.tell(Returned(laptop.id))
    told.clone(laptop.id)
    told.tell(Finished(laptop.id, ()))
    assert [(row["attempt"], row["state"]) for row in told.rows] == [(1, "gone"), (1, "done")]


def test_one_that_is_taken_off_the_screen_leaves_its_row_at_once(gone: tuple[Told, Laptop]) -> None:
    told, laptop = gone
    told.tell(Command("forget", "page", laptop.id))
    assert [row["state"] for row in told.rows] == ["gone"]
    assert told.state.unrecorded


def test_one_that_is_forgotten_everywhere_leaves_none(gone: tuple[Told, Laptop]) -> None:
    told, laptop = gone
    told.tell(Command("forget", "page", laptop.id, text=EVERYWHERE))
    assert told.rows == []
    assert not told.state.unrecorded


def test_one_that_only_asked_had_no_attempt() -> None:
    told = Told()
    told.state, _ = step(told.state, Command("pause", "page"), told.now, "e" * 32)
    laptop = told.boot()
    told.tell(Vanished(laptop.id))
    told.tell(Tick(), GIVEN_UP_SECONDS * 2)
    assert told.rows == []
