"""Each test with a person: what is shown and asked, and what is found."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest

from cloned.agent import attended, attended_kinds, inputs
from cloned.agent.attended_ui import AWAY_SECONDS, WalkedAway
from cloned.agent.inputs import EV_KEY, EV_REL, EV_SW
from cloned.agent.trial_kinds import TrialFinding
from cloned.agent.trial_tools import Hands
from tests.unit.agent.attended.person import NO, YES, Device, person


def test_a_laptop_without_these_parts_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attended_kinds.signs, "charger", lambda: None)
    monkeypatch.setattr(attended_kinds.video, "cameras", list)
    with person(folder) as (ui, _):
        hands = Hands(lookup=str(folder))
        hands.lacks = "the test pack could not be had: the server has none"
        found = {
            name: kind(ui, hands, "be")
            for name, kind in attended_kinds.KINDS.items()
            if name not in ("screen", "usb-ports")
        }
    assert {each.result for each in found.values()} == {"skipped"}
    assert found["keyboard"].why == "no keyboard answers"
    assert found["camera"].why.endswith("the server has none")


def test_a_touchpad_must_move_both_ways_and_click(folder: Path, keys: Device) -> None:
    pad = Device(folder, "event1", key=3 << inputs.BTN_LEFT, rel=3)
    with person(folder, answers=[("Does the touchpad work?", partial(keys.press, NO))]) as (ui, _):
        pad.send(EV_REL, 0, 3)
        pad.send(EV_REL, 1, -2)
        pad.press(inputs.BTN_LEFT)
        assert attended_kinds.touchpad(ui, Hands(), "be").result == "passed"
        pad.send(EV_REL, 0, 3)
        keys.press(57)
        assert attended_kinds.touchpad(ui, Hands(), "be") == TrialFinding(
            "failed", "it was not noticed: up and down; click"
        )
    pad.close()


def test_a_lid_that_closes_and_opens(folder: Path) -> None:
    lid = Device(folder, "event1", sw=1)
    with person(folder) as (ui, _):
        lid.send(EV_SW, 0, 1, 0)
        assert attended_kinds.lid(ui, Hands(), "be").result == "passed"
    lid.close()


def test_the_screen_is_shown_in_colours_and_says_what_it_is(
    folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attended_kinds, "_backlight", lambda: "intel_backlight")
    panel = {"width": 1920, "height": 1080, "width_mm": 309, "height_mm": 174}
    monkeypatch.setattr(attended_kinds.panels, "panel", lambda: panel)
    answers = [("Any key goes on.", partial(keys.press, 57)), *[("\x1b[2J", partial(keys.press, 57))] * 3]
    answers += [("Were all colours even", partial(keys.press, YES))]
    with person(folder, answers=answers) as (ui, shown):
        found = attended_kinds.screen(ui, Hands(), "be")
    assert found == TrialFinding("passed", "its backlight follows (intel_backlight); 1920 x 1080, 14.0 inch")
    assert [lines[0] for lines in shown if lines[0].endswith("m\x1b[2J")][:4] == [
        f"\x1b[{colour}m\x1b[2J" for colour in (41, 42, 44, 47)
    ]


def test_headphones_that_come_and_go(folder: Path, keys: Device) -> None:
    socket = Device(folder, "event1", sw=1 << 2)
    with person(folder, answers=[("Does it notice the headphones?", partial(keys.press, NO))]) as (ui, _):
        socket.send(EV_SW, 2, 1, 0)
        assert attended_kinds.headphone(ui, Hands(), "be").result == "passed"
        keys.press(57)
        assert attended_kinds.headphone(ui, Hands(), "be") == TrialFinding("failed", "it was not noticed")
    socket.close()


class Speaker(Hands):
    """A laptop that has what plays a tone."""

    def has(self, program: str) -> bool:
        return program == "aplay"


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = {"playback": "plughw:0,0", "capture": "plughw:0,0"}
    monkeypatch.setattr(attended_kinds, "sound_devices", lambda _listed: devices)


@pytest.mark.usefixtures("card")
def test_it_is_asked_whether_the_tone_is_heard_while_it_is_played(
    folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()

    def until_answered(*_: object) -> tuple[str, bool]:
        return ("", True) if answered.wait(60) else ("nobody answered", False)

    def answer() -> None:
        keys.press(YES)
        answered.set()

    monkeypatch.setattr(attended_kinds, "_play_and_hear", until_answered)
    with person(folder, answers=[("Did you hear the tone?", answer)]) as (ui, _):
        found = attended_kinds.sound(ui, Speaker(), "be")
    assert found == TrialFinding("passed", "the microphone heard it")


@pytest.mark.usefixtures("card")
def test_a_tone_that_cannot_be_played_waits_for_nobodys_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attended_kinds, "_play_and_hear", lambda *_: ("no such card", False))
    with person(folder) as (ui, _):
        assert attended_kinds.sound(ui, Speaker(), "be") == TrialFinding(
            "failed", "the tone cannot be played: no such card"
        )


def test_the_camera_looks_while_the_person_is_busy_with_the_test_before(
    folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()

    def picture(_device: str) -> list[str]:
        looked.set()
        return ["@ . @"]

    monkeypatch.setattr(attended_kinds.video, "cameras", lambda: ["/dev/video0"])
    monkeypatch.setattr(attended_kinds.video, "picture", picture)
    with person(folder, answers=[("Does the camera see you?", partial(keys.press, YES))]) as (ui, shown):
        attended._begin_ahead(ui, "camera")
        assert looked.wait(60), "it looks before its own test begins"
        looked.clear()
        found = attended_kinds.camera(ui, Hands(), "be")
    assert found == TrialFinding("passed", "it gives a picture")
    assert not looked.is_set(), "and once is enough"
    assert any("@ . @" in lines for lines in shown)
    attended._begin_ahead(ui, "lid")
    attended._begin_ahead(ui, "")
    assert ui.ahead == {}


def test_ports_that_notice_a_stick_are_counted(folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    plugged = iter([{"1-1"}, {"1-1", "1-2"}, {"1-1"}])
    monkeypatch.setattr(attended_kinds, "_plugged", lambda: next(plugged, {"1-1", "2-1.3"}))
    with person(folder, answers=[("Ports that noticed it: 2", partial(keys.press, YES))]) as (ui, shown):
        found = attended_kinds.usb_ports(ui, Hands(), "be")
    assert found == TrialFinding("passed", "2 ports noticed what was plugged in: 1-2, 2-1.3")
    assert all("Did every port notice it?" in lines for lines in shown), "one key ends it"


def test_a_person_who_walks_away_leaves_nothing_behind(folder: Path, keys: Device) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += AWAY_SECONDS / 3
        return now[0]

    with person(folder, clock) as (ui, _), pytest.raises(WalkedAway):
        attended_kinds.screen(ui, Hands(), "be")


def test_a_key_that_sticks_is_nobody_who_stayed(folder: Path, keys: Device) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += AWAY_SECONDS / 3
        keys.send(EV_KEY, 30, 2)
        return now[0]

    with person(folder, clock) as (ui, _), pytest.raises(WalkedAway):
        attended_kinds.screen(ui, Hands(), "be")


def test_a_camera_on_the_bus_that_gives_no_device_is_dead_unless_drivers_are_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attended_kinds.video, "cameras", list)
    monkeypatch.setattr(attended_kinds.signs, "usb_parts", lambda: {"camera": True})
    with person(folder) as (ui, _):
        hands = Hands()
        found = attended_kinds.camera(ui, hands, "be")
        hands.lacks = "the test pack could not be had: the server has none"
        without = attended_kinds.camera(ui, hands, "be")
    assert found == TrialFinding("failed", "a camera is there, and its driver gets nothing out of it")
    assert without.result == "skipped"
