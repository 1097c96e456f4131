"""Keyboards: every key once, dead ones, sticking ones, and what is printed on them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from cloned.agent import attended_kinds, inputs, keyboards
from cloned.agent.inputs import EV_KEY, Inputs
from cloned.agent.trial_kinds import TrialFinding
from cloned.agent.trial_tools import Hands
from tests.unit.agent.attended.person import NO, YES, Device, person


@pytest.mark.parametrize("layout", keyboards.LAYOUTS)
def test_each_key_lights_up_and_all_of_them_end_the_test(folder: Path, keys: Device, layout: str) -> None:
    with person(folder) as (ui, shown):
        keys.press(*sorted(keyboards.expected(layout)))
        found = attended_kinds.keyboard(ui, Hands(), layout)
    assert found == TrialFinding("passed", f"all {len(keyboards.expected(layout))} keys of layout {layout} answer")
    assert shown[0][0] == "Press every key once."


def test_layouts_print_what_stands_on_their_keys() -> None:
    printed = {layout: keyboards.printed(layout) for layout in keyboards.LAYOUTS}
    assert [printed[layout][16] for layout in ("be", "fr", "nl", "us")] == ["a", "a", "q", "q"]
    assert 86 not in keyboards.expected("us")
    assert 86 in keyboards.expected("be")
    assert "\x1b[7m a \x1b[0m" in "".join(keyboards.drawing("be", frozenset({16})))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ((YES,), TrialFinding("failed", "2 keys do not answer: q, w")),
        ((NO, YES), TrialFinding("skipped", "there is no time")),
        ((NO, NO), TrialFinding("skipped", "it has no such part")),
    ],
)
def test_dead_keys_are_named_unless_they_were_not_tried(
    folder: Path, keys: Device, answer: tuple[int, ...], found: TrialFinding
) -> None:
    asked = [("These keys did not answer", answer[:1]), ("Why is it left out?", answer[1:])]
    with person(folder, answers=[(words, partial(keys.press, *codes)) for words, codes in asked]) as (ui, _):
        keys.press(*sorted(keyboards.expected("us") - {16, 17, 1}), 1, 1)
        assert attended_kinds.keyboard(ui, Hands(), "us") == found


def test_a_key_that_sticks_is_named(folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attended_kinds, "STUCK_SECONDS", 0.2)
    with person(folder) as (ui, _):
        keys.send(EV_KEY, 30, 1, 2, 2, 2)
        assert attended_kinds.keyboard(ui, Hands(), "us") == TrialFinding("failed", "the key a sticks")


def test_a_key_that_stuck_before_anybody_looked_is_named(
    folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attended_kinds, "STUCK_SECONDS", 0.2)
    with person(folder) as (ui, _):
        keys.send(EV_KEY, 30, 2, 2)
        assert attended_kinds.keyboard(ui, Hands(), "us") == TrialFinding("failed", "the key a sticks")


def test_letting_go_that_the_kernel_lost_is_no_key_that_sticks(
    folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue ran over while the screen was drawn: which keys are down is asked, and the others were let go."""

    def ioctl(_fd: int, request: int, argument: object) -> int:
        if request == inputs._HELD:
            assert isinstance(argument, bytearray)
            argument[16 // 8] |= 1 << 16 % 8
        return 0

    monkeypatch.setattr(inputs.fcntl, "ioctl", ioctl)
    seen = attended_kinds._Pressed()
    with Inputs(str(folder / "class"), str(folder / "nodes")) as opened:
        seen.take([inputs.InputEvent("event0", EV_KEY, code, 1) for code in (30, 31)])
        keys.send(inputs.EV_SYN, inputs.SYN_DROPPED, 0)
        while seen.down != {16}:
            seen.take(list(opened.read(5)))
    assert seen.down == {16}
    assert seen.known == {16, 30, 31}
