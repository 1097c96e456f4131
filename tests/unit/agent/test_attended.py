"""Tests with a person: keys, pads and lids from pipes that stand for input devices, answers, and their ends."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from cloned.agent import attended, attended_charger, attended_kinds, inputs, keyboards
from cloned.agent.attended_ui import AWAY_SECONDS, PersonUi, WalkedAway
from cloned.agent.inputs import EV_KEY, EV_REL, EV_SW, Inputs
from cloned.agent.options import AgentOptions
from cloned.agent.trial_kinds import TrialFinding
from cloned.agent.trial_tools import Hands
from tests.waiting import block_until

YES, NO, ENOUGH = 2, 3, 4


class Device:
    """An input device: its place in sysfs, and a pipe to write events into."""

    def __init__(self, folder: Path, name: str, **bits: int) -> None:
        capabilities = folder / "class" / name / "device/capabilities"
        capabilities.mkdir(parents=True)
        for kind in ("key", "rel", "abs", "sw"):
            value = bits.get(kind, 0)
            words = [f"{value >> 64 * at & (2**64 - 1):x}" for at in range(12, -1, -1)]
            (capabilities / kind).write_text(" ".join(words))
        (folder / "nodes").mkdir(exist_ok=True)
        self.path = folder / "nodes" / name
        os.mkfifo(self.path)
        self._fd = os.open(self.path, os.O_RDWR)

    def send(self, kind: int, code: int, *values: int) -> None:
        for value in values:
            os.write(self._fd, inputs._EVENT.pack(0, 0, kind, code, value))

    def press(self, *codes: int) -> None:
        for code in codes:
            self.send(EV_KEY, code, 1, 0)

    def close(self) -> None:
        os.close(self._fd)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    there = inputs.present
    monkeypatch.setattr(inputs, "present", lambda kind, code: there(kind, code, str(tmp_path / "class")))
    return tmp_path


@pytest.fixture
def keys(folder: Path) -> Iterator[Device]:
    made = Device(folder, "event0", key=2**128 - 1)
    yield made
    made.close()


@contextlib.contextmanager
def person(
    folder: Path, clock: Callable[[], float] = time.monotonic, answers: Sequence[tuple[str, Callable[[], None]]] = ()
) -> Iterator[tuple[PersonUi, list[list[str]]]]:
    """Somebody who reads: as soon as the words of the next of `answers` are shown, it is given."""
    shown: list[list[str]] = []
    left = list(answers)

    def show(lines: Sequence[str]) -> None:
        shown.append(list(lines))
        if left and any(left[0][0] in line for line in lines):
            left.pop(0)[1]()

    with Inputs(str(folder / "class"), str(folder / "nodes")) as opened:
        yield PersonUi(opened, show, clock=clock, look=0.02), shown


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


def test_nothing_is_lost_while_the_screen_is_drawn(folder: Path, keys: Device) -> None:
    """The kernel keeps 64 events of a keyboard: they are taken as they come, whatever the screen does meanwhile."""
    with Inputs(str(folder / "class"), str(folder / "nodes")) as opened:
        keys.press(*range(1, 101))
        found: list[inputs.InputEvent] = []
        while len(found) < 200:
            found += opened.read(5)
    assert [each.code for each in found if each.value] == list(range(1, 101))


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


class Supply:
    """What the laptop's power supplies say: whether mains power comes in, and its battery."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, *online: bool, full: float = 45, charge: int = 80
    ) -> None:
        told = iter(online[:-1])
        monkeypatch.setattr(attended_charger.signs, "charger", lambda: next(told, online[-1]))
        battery = {"name": "BAT0", "design_wh": 50.0, "full_wh": full, "cycles": None}
        monkeypatch.setattr(attended_charger.parts, "batteries", lambda: [battery])
        monkeypatch.setattr(attended_charger, "_SUPPLY", str(folder / "supply"))
        monkeypatch.setattr(attended_charger, "MOVED_SECONDS", 0.3)
        (folder / "supply/BAT0").mkdir(parents=True, exist_ok=True)
        (folder / "supply/BAT0/capacity").write_text(f"{charge}\n")


def charger(folder: Path, *answers: tuple[str, Callable[[], None]]) -> tuple[TrialFinding, str]:
    """What is found, and all that was shown."""
    with person(folder, answers=answers) as (ui, shown):
        found = attended_kinds.charger(ui, Hands(), "be")
    return found, "\n".join(line for lines in shown for line in lines)


MOVE, IN = "Move the charger's plug a little in its socket", "Plug the charger in."
STAYED = TrialFinding("passed", "power comes in, also while the plug is moved in its socket")
LOOSE = TrialFinding("failed", "power goes away when the plug is moved in its socket")


def test_a_plug_is_moved_in_its_socket_and_nobody_pulls_it(
    folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    Supply(monkeypatch, folder, True)
    found, shown = charger(folder)
    assert found == STAYED
    assert MOVE in shown
    assert IN not in shown
    assert charger(folder, (MOVE, partial(keys.press, 57)))[0] == TrialFinding("passed", "power comes in")


def test_a_loose_socket_is_found_and_a_plug_that_slipped_out_is_none(
    folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    Supply(monkeypatch, folder, True, True, True, False)
    assert charger(folder, ("still in its socket?", partial(keys.press, YES)))[0] == LOOSE
    Supply(monkeypatch, folder, True, True, True, False, False, False, True)
    found, shown = charger(folder, ("still in its socket?", partial(keys.press, NO)))
    assert found == TrialFinding("passed", "power comes in")
    assert IN in shown


@pytest.mark.parametrize(("full", "charge"), [(20, 80), (0, 80), (45, 20), (45, 0)])
def test_a_plug_stays_as_it_is_where_the_battery_would_not_carry_the_laptop(
    folder: Path, monkeypatch: pytest.MonkeyPatch, full: float, charge: int
) -> None:
    Supply(monkeypatch, folder, True, full=full, charge=charge)
    found, shown = charger(folder)
    assert found.result == "passed"
    assert found.why.startswith("power comes in; its plug was not moved")
    assert shown == ""


def test_a_charger_that_brings_nothing_in_is_asked_for(
    folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    Supply(monkeypatch, folder, False, False, False, True)
    found, shown = charger(folder)
    assert found.result == "passed"
    assert shown.startswith(IN)
    Supply(monkeypatch, folder, False)
    keys.press(57)
    found, _ = charger(folder, ("Does it notice the charger?", partial(keys.press, NO)))
    assert found == TrialFinding("failed", "it was not noticed")


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


def test_a_device_that_is_pulled_out_is_let_go(folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_fd: int, _size: int) -> bytes:
        raise OSError("no such device")

    with Inputs(str(folder / "class"), str(folder / "nodes")) as opened:
        keys.press(30)
        assert [each.code for each in opened.read(5)][:1] == [30]
        monkeypatch.setattr(inputs.os, "read", gone)
        (folder / "class/event0/device/capabilities/key").write_text("0")  # nor is it found again
        keys.press(31)
        end = time.monotonic() + 60
        while opened._open and time.monotonic() < end:
            time.sleep(0.01)
        assert opened._open == {}
        monkeypatch.undo()


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


class Desk:
    """A console, a pack and a server for the runner."""

    def __init__(self) -> None:
        self.told: list[dict] = []
        self.drawn: list[list[str]] = []
        self.free = threading.Event()
        self.free.set()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        self.free.clear()
        try:
            yield
        finally:
            self.free.set()

    def draw(self, lines: Sequence[str]) -> None:
        self.drawn.append(list(lines))

    def enter(self, _hands: Hands) -> str:
        return "no pack"

    def once(self, _method: str, _path: str, body: dict) -> dict:
        self.told.append(body)
        return {}

    def close(self) -> None:
        pass


def test_a_run_tells_each_result_once_and_gives_the_screen_back(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    monkeypatch.setattr(attended, "DaemonClient", lambda _options: desk)
    monkeypatch.setattr(attended, "tell", lambda client, body, wanted: wanted() and client.once("POST", "", body))

    def broken(*_: object) -> TrialFinding:
        raise ZeroDivisionError("a sensor that lies")

    def away(*_: object) -> TrialFinding:
        raise WalkedAway

    kinds = {
        "keyboard": lambda *_: TrialFinding("passed", "all"), "sound": lambda _ui, hands, _layout: TrialFinding("skipped", hands.lacks),
        "camera": broken, "lid": away, "charger": away,
    }  # fmt: skip
    runner = attended.AttendedRunner(AgentOptions("http://127.0.0.1:1/t"), desk, desk, kinds)
    runner.begin()
    assert not runner.running, "nobody wants any"
    runner.follow({"do": "restore", "attended": {"tests": ["keyboard", "sound", "camera", "lid"], "layout": "be"}})
    runner.begin()
    block_until(lambda: not runner.running, "the end of the tests")
    assert [(each["name"], each["result"]) for each in desk.told] == [
        ("keyboard", "passed"),
        ("sound", "skipped"),
        ("camera", "skipped"),
    ]
    assert desk.told[1]["why"] == "no pack"
    assert desk.free.is_set()
    assert runner._wanted == ("lid",), "whoever walked away may come back"


def test_two_people_one_at_the_laptop_and_one_at_its_page_do_not_test_twice_nor_hold_the_screen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, begun = Desk(), []
    monkeypatch.setattr(attended, "DaemonClient", lambda _options: desk)
    monkeypatch.setattr(attended, "tell", lambda client, body, wanted: wanted() and client.once("POST", "", body))

    def busy(ui: PersonUi, _hands: Hands, _layout: str) -> TrialFinding:
        begun.append("lid")
        while True:
            ui.events()

    runner = attended.AttendedRunner(AgentOptions("http://127.0.0.1:1/t"), desk, desk, {"lid": busy})
    wanted = {"do": "restore", "attended": {"tests": ["lid"], "layout": "be"}}
    runner.follow(wanted)
    runner.begin()
    block_until(lambda: begun, "the test at the laptop")
    runner.begin()
    runner.follow(wanted)
    assert begun == ["lid"], "whoever presses T a second time begins no second run"
    runner.follow({"do": "restore"})
    block_until(lambda: not runner.running, "the end, for the page left it out")
    assert desk.told == []
    assert desk.free.is_set(), "the screen is the laptop's again"
    runner.follow(wanted)
    runner.begin()
    block_until(lambda: len(begun) == 2, "the test, which was asked for again")
    runner.follow({"do": "restore"})
    block_until(lambda: not runner.running, "the end")


def test_a_test_whose_driver_hangs_is_told_as_not_done_and_the_next_one_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, free, woke = Desk(), threading.Event(), []
    monkeypatch.setattr(attended, "DaemonClient", lambda _options: desk)
    monkeypatch.setattr(attended, "tell", lambda client, body, wanted: wanted() and client.once("POST", "", body))
    monkeypatch.setattr(attended, "HANGS_SECONDS", 0.2)

    def hangs(ui: PersonUi, _hands: Hands, _layout: str) -> TrialFinding:
        free.wait()
        ui.show(["too late"])
        try:
            ui.events()
        finally:
            woke.append("the hanging one")
        return TrialFinding("passed", "")

    def shown(ui: PersonUi, _hands: Hands, _layout: str) -> TrialFinding:
        ui.show(["the next one"])
        return TrialFinding("passed", "")

    kinds = {"lid": hangs, "charger": shown}
    runner = attended.AttendedRunner(AgentOptions("http://127.0.0.1:1/t"), desk, desk, kinds)
    runner.follow({"do": "restore", "attended": {"tests": list(kinds), "layout": "be"}})
    runner.begin()
    block_until(lambda: not runner.running, "the end of the tests")
    assert [(each["name"], each["result"]) for each in desk.told] == [("lid", "skipped"), ("charger", "passed")]
    free.set()
    block_until(lambda: woke, "the driver's end")
    assert desk.drawn == [["the next one"]], "one that was left behind shows and hears nothing"
