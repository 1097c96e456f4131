"""Sensors and disks whose driver waits for ever hold up neither a hello, nor a clone, nor the other tests.

Whoever reads the hanging file waits uninterruptibly (state D), as with a driver that hangs: hanging.py.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloned.agent import parts, tools, trial_tools, trials
from cloned.agent.options import AgentOptions
from cloned.agent.trial_kinds import TrialFinding
from cloned.agent.trial_tools import Hands
from cloned.core.hardware import hardware
from tests.hanging import HangingFile, hanging
from tests.waiting import block_until, until
from tests.wire.agent import bench
from tests.wire.agent.bench import FACTS, Server, image, loop_device, run_agent

pytestmark = [pytest.mark.wire, pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")]


@pytest.fixture
def hangs(tmp_path: Path) -> Iterator[HangingFile]:
    with hanging(tmp_path / "fuse") as file:
        yield file


def battery(supply: Path, hangs: HangingFile) -> Path:
    """A battery whose controller does not answer when it is asked what it holds."""
    (supply / "BAT0").mkdir(parents=True)
    for name, words in (("type", "Battery"), ("energy_full_design", "50000000")):
        (supply / "BAT0" / name).write_text(f"{words}\n")
    (supply / "BAT0" / "energy_full").symlink_to(hangs.path)
    return supply


def test_a_battery_that_hangs_is_told_as_late_and_with_the_rest_as_soon_as_it_answers(
    tmp_path: Path, hangs: HangingFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    supply = battery(tmp_path / "supply", hangs)
    monkeypatch.setitem(parts._READINGS, "batteries", lambda: {"batteries": parts.batteries(str(supply))})
    found = hardware(parts.gather(0.5))
    assert hangs.asked.is_set()
    assert (found.late, found.batteries, found.threads) == (("batteries",), (), os.cpu_count())
    told: list[dict[str, object]] = []
    hangs.asked.clear()
    parts.afterwards(found.late, lambda news: told.append(dict(news)))
    assert hangs.asked.wait(60)
    (supply / "full").write_text("45000000\n")
    (supply / "full").replace(supply / "BAT0" / "energy_full")
    assert told == []
    parts.afterwards(found.late, lambda news: told.append(dict(news)))
    block_until(lambda: told != [], "the battery's answer")
    now = found.with_later(hardware(told[0]))
    assert (now.late, [each.full_wh for each in now.batteries]) == ((), [45.0])


def test_a_program_that_hangs_in_a_driver_is_left_behind(hangs: HangingFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_tools, "KILL_LIMIT_SECONDS", 0.2)
    monkeypatch.setattr(tools, "KILL_LIMIT_SECONDS", 0.2)
    assert Hands().run(["cat", str(hangs.path)], 0.5).status is None
    with pytest.raises(tools.ToolError, match="cat did not end within 0 s"):
        tools.run(["cat", str(hangs.path)], timeout=0.3)


class Told:
    """The server that results go to."""

    def __init__(self, options: object) -> None:
        pass

    def once(self, method: str, path: str, body: dict[str, object]) -> dict[str, object]:
        Told.found.append((str(body["name"]), str(body["result"])))
        return {}

    def close(self) -> None:
        pass

    found: list[tuple[str, str]]


@pytest.fixture
def runner(hangs: HangingFile, monkeypatch: pytest.MonkeyPatch) -> Iterator[trials.TrialRunner]:
    Told.found = []
    monkeypatch.setattr(trials, "DaemonClient", Told)

    def reads(_hands: Hands) -> TrialFinding:
        return TrialFinding("passed", hangs.path.read_text())

    kinds = {"battery": reads, "usb": lambda _: TrialFinding("passed", "")}
    made = trials.TrialRunner(AgentOptions("http://127.0.0.1:1/t"), kinds)
    yield made
    made.follow({"do": "power"})


def test_a_test_that_hangs_is_told_as_not_done_and_the_next_one_is_made(
    runner: trials.TrialRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "LONGEST_SECONDS", 0.5)
    runner.follow({"do": "wait", "tests": ["battery", "usb"]})
    block_until(lambda: len(Told.found) == 2, "both results")
    assert Told.found == [("battery", "skipped"), ("usb", "passed")]


def test_real_work_waits_for_no_test_that_hangs_and_others_are_made_after_it(
    runner: trials.TrialRunner, hangs: HangingFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "LET_GO_SECONDS", 0.2)
    runner.follow({"do": "wait", "tests": ["battery", "usb"]})
    assert hangs.asked.wait(60)
    runner.follow({"do": "restore"})
    block_until(lambda: not runner._running, "the test that hangs is left behind")
    runner.follow({"do": "wait", "tests": ["usb"]})
    block_until(lambda: Told.found == [("usb", "passed")], "the other test")


def test_a_disk_that_hangs_failed(hangs: HangingFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def reads(_hands: Hands) -> TrialFinding:
        return TrialFinding("passed", hangs.path.read_text())

    monkeypatch.setitem(trials.KINDS, "disk-read", reads)
    hands = Hands()
    found = trials.watched(reads, hands, 0.5)
    assert (found.result, str(found.why)) == ("failed", "its driver hangs for 0 s")
    assert hands.over


async def test_a_laptop_whose_battery_hangs_says_hello_and_is_cloned(
    tmp_path: Path, hangs: HangingFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real agent, its battery in the place where the kernel has them."""
    supply = battery(tmp_path / "supply", hangs)
    monkeypatch.setattr(bench, "_BOX", f'mount --bind "{supply}" /sys/class/power_supply || exit 99\n' + bench._BOX)
    with loop_device(tmp_path / "disk") as disk:
        server = Server(image(), {"serial": FACTS["disk_serial"], "wwn": "", "path": disk, "size": bench.DISK})
        listening = await server.start()
        ending = asyncio.create_task(over(server, hangs))
        try:
            status, said = await run_agent(server, disk, tmp_path)
            reported = await ending
        finally:
            hangs.let_go()
            await listening.cleanup()
    (hello,) = server.told("hello")
    assert hello["hardware"]["late"] == ["batteries"], said
    assert [verdict["verdict"] for verdict in server.verdicts] == ["verified"], said
    assert server.stage == "done", (status, said)
    assert reported["parts"] == {"late": ["batteries"]}


async def over(server: Server, hangs: HangingFile) -> dict[str, Any]:
    """The last report of a laptop that is through; its process can end only once nothing of it hangs."""
    await until(lambda: server.stage == "done", 60)
    last: dict[str, Any] = server.told("report")[-1]
    hangs.let_go()
    return last
