"""The run of tests with a person: order, results told once, the screen given back, hanging drivers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

import pytest

from cloned.agent import attended
from cloned.agent.attended_ui import PersonUi, WalkedAway
from cloned.agent.options import AgentOptions
from cloned.agent.trial_kinds import TrialFinding
from cloned.agent.trial_tools import Hands
from tests.waiting import block_until


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
