"""What stands on the evening's board and what does not, at each limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core.evening import HOURS, Board, at_the_keyboard, board, summary
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, HistoryEntry, Laptop, State
from cloned.core.ledger import iso
from cloned.core.shown import ShownHistory, ShownLaptop
from cloned.core.snapshot import snapshot
from cloned.core.trial_result import Trial, TrialResult
from cloned.core.workshop import Workshop

NOW = 1_700_000_000.0
BLANK = snapshot(Workshop(), {}, NOW)


def shown(number: int = 1, **more: Any) -> ShownLaptop:
    made = Laptop(LaptopId(f"id{number}"), number, Facts(Identity()), State.DONE, NOW, NOW)
    [found] = snapshot(Workshop().with_laptop(made), {}, NOW).laptops
    return replace(found, **more)


def seen(*laptops: ShownLaptop) -> Board:
    return board(replace(BLANK, laptops=laptops))


def history(*steps: tuple[float, State]) -> tuple[ShownHistory, ...]:
    """So many seconds before now, what it was from then on."""
    return tuple(ShownHistory(iso(NOW - ago), state, "") for ago, state in steps)


@pytest.mark.parametrize(("hours", "more", "counts"), [
    (HOURS, 0.0, 1), (HOURS, 0.001, 0), (HOURS - 1, 0.0, 1),
])  # fmt: skip
def test_an_evening_begins_so_many_hours_ago(hours: float, more: float, counts: int) -> None:
    assert seen(shown(since=iso(NOW - hours * 3600 - more))).laptops == counts


@pytest.mark.parametrize(("state", "wanted", "waits"), [
    ("done", ("keyboard",), True), ("gone", ("keyboard",), False), ("done", ("wifi",), False), ("done", (), False),
    ("gone", (), False),
])  # fmt: skip
def test_who_waits_for_somebody_at_the_keyboard(state: str, wanted: tuple[str, ...], waits: bool) -> None:
    assert at_the_keyboard(shown(state=State(state), tests_wanted=wanted)) is waits


def test_a_step_counts_those_that_went_through_it() -> None:
    erased = shown(2, history=history((500, State.ERASING), (400, State.ERASED)))
    tested = shown(3, tests=(trial("camera", 30), trial("wifi", 12)))
    steps = {each.name: (each.laptops, each.usual) for each in seen(shown(), erased, tested).steps}
    assert steps == {"erase": (1, 100.0), "test": (1, 12.0)}
    found = seen(shown(), erased, tested)
    assert (found.tested, found.person_minutes) == (1, 0.5)
    assert (seen(shown()).tested, seen(shown()).person_minutes) == (0, None)
    assert [each.name for each in seen(shown(), shown(2)).steps] == []


def trial(name: str, seconds: float) -> Trial:
    return Trial(name, TrialResult("passed"), "", seconds, NOW)


@pytest.mark.parametrize(("seconds", "told"), [(0.9, []), (1.0, [1.0]), (1.1, [1.1])])
def test_what_held_up_for_a_second_is_told(seconds: float, told: list[float]) -> None:
    aside = shown(history=history((seconds, State.ASIDE)))
    assert [round(each.seconds, 3) for each in seen(aside).held_up] == told
    assert seen(shown(history=history((seconds, State.RECEIVING)))).held_up == ()


def test_grades_are_counted_each_by_itself() -> None:
    assert seen(shown(1, grade="A"), shown(2, grade="A"), shown(3, grade="B"), shown(4)).grades == (("A", 2), ("B", 1))


@pytest.mark.parametrize(("tag", "called"), [("DM-7", "DM-7"), ("", "7")])
def test_a_laptop_is_called_by_its_sticker_else_by_its_number(tag: str, called: str) -> None:
    made = Laptop(LaptopId("one"), 7, Facts(Identity()), State.ASIDE, NOW, NOW, tag=tag)
    made = replace(made, history=(HistoryEntry(NOW, State.ASIDE, ""),))
    told: Any = summary(Workshop().with_laptop(made), NOW)
    assert [each["laptops"] for each in told["waiting"]] == [[called]]
