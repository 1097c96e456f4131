"""Tests of a laptop's parts, by the real programs; begun and ended as orders say."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from cloned.agent import trial_kinds, trials
from cloned.agent.options import AgentOptions
from cloned.agent.trial_kinds import TrialFinding
from cloned.agent.trial_tools import Cancelled, Hands, hottest, throttled
from tests.waiting import block_until


class Server:
    """What the runner tells; it may be away for a while."""

    told: list[dict]
    silent = 0

    def __init__(self, options: object) -> None:
        pass

    def once(self, method: str, path: str, body: dict) -> dict:
        if Server.silent:
            Server.silent -= 1
            raise OSError("the server restarts")
        Server.told.append({"path": path, **body})
        return {}

    def close(self) -> None:
        pass


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch):
    """A runner with three tests of ours: one quick, one that breaks, one that lasts until it is ended."""
    Server.told, Server.silent = [], 0
    monkeypatch.setattr(trials, "DaemonClient", Server)
    begun = threading.Semaphore(0)

    def endless(hands: Hands) -> TrialFinding:
        begun.release()
        hands.run(["sleep", "600"], 600)
        return TrialFinding("passed", "")

    def broken(hands: Hands) -> TrialFinding:
        raise ZeroDivisionError("a sensor that lies")

    kinds = {"quick": lambda hands: TrialFinding("passed", "all well"), "broken": broken, "endless": endless}
    made = trials.TrialRunner(AgentOptions("http://127.0.0.1:1/t"), kinds)
    made.begun = begun
    yield made
    made.follow({"do": "power"})


@pytest.mark.wire
def test_each_test_that_is_wanted_is_told_once_in_order(runner) -> None:
    Server.silent = 1
    runner.follow({"do": "wait", "tests": ["quick", "broken", "nosuch"]})
    block_until(lambda: len(Server.told) == 3, "three results")
    assert [(each["name"], each["result"]) for each in Server.told] == [
        ("quick", "passed"),
        ("broken", "skipped"),
        ("nosuch", "skipped"),
    ]
    assert Server.told[1]["why"]["values"]["error"] == "a sensor that lies"
    block_until(lambda: not runner.now, "an end")


@pytest.mark.wire
def test_real_work_ends_a_test_at_once_and_it_begins_anew_afterwards(runner) -> None:
    runner.follow({"do": "wait", "tests": ["endless"]})
    assert runner.begun.acquire(timeout=60)
    runner.follow({"do": "restore", "tests": ["endless"]})
    block_until(lambda: not runner._running, "the test is over")
    assert Server.told == []
    runner.follow({"do": "wait", "tests": ["endless"]})
    assert runner.begun.acquire(timeout=60)


@pytest.mark.wire
def test_a_test_that_nobody_wants_any_more_is_ended(runner) -> None:
    runner.follow({"do": "wait", "tests": ["endless", "quick"]})
    assert runner.begun.acquire(timeout=60)
    runner.follow({"do": "wait", "tests": ["quick"]})
    block_until(lambda: [each["name"] for each in Server.told] == ["quick"], "the other one")


@pytest.mark.wire
def test_a_program_is_ended_at_its_limit_and_with_all_that_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    ran = Hands().run(["sh", "-c", f"sleep 600 & echo $! > {mark}; echo begun; wait"], 2.0)
    assert (ran.status, ran.output) == (None, "begun\n")
    child = int(mark.read_text())
    block_until(lambda: _gone(child), "its child is gone too")


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_test_that_was_ended_starts_no_program() -> None:
    hands = Hands()
    undone: list[str] = []
    hands.on_cancel(lambda: undone.append("x"))
    hands.cancel()
    block_until(lambda: undone == ["x"], "what it had begun is taken back")
    with pytest.raises(Cancelled):
        hands.run(["true"], 1)
    with pytest.raises(Cancelled):
        hands.pause(0)


@pytest.mark.wire
def test_memory_by_memtester(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_kinds, "MEMORY_MB", 16)
    found = trial_kinds.memory(Hands())
    assert found == TrialFinding("passed", "16 MB, no fault")


@pytest.mark.wire
def test_memory_that_fails_and_memory_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What memtester says when a bit is stuck, from its source; it cannot be had from memory that works."""
    (tmp_path / "memtester").write_text(
        "#!/bin/sh\necho '  Bit Flip            : testing   0FAILURE: 0x1 != 0x0 at offset 0x00.'\nexit 4\n"
    )
    (tmp_path / "memtester").chmod(0o755)
    found = trial_kinds.memory(Hands(lookup=f"{tmp_path}:/usr/bin:/bin"))
    assert found.result == "failed"
    assert "FAILURE: 0x1 != 0x0" in found.why
    (tmp_path / "memtester").write_text("#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr(trial_kinds, "MEMORY_LIMIT", 0.5)
    assert "not to the end" in trial_kinds.memory(Hands(lookup=f"{tmp_path}:/usr/bin:/bin")).why


@pytest.mark.wire
def test_processor_by_stress_ng(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_kinds, "LOAD_SECONDS", 1)
    found = trial_kinds.processor(Hands())
    assert found.result == "passed", found
    assert found.why.startswith("1 s on ")


@pytest.mark.parametrize("kind", [trial_kinds.memory, trial_kinds.processor])
def test_without_its_program_nothing_is_tested_and_that_is_said(kind, tmp_path: Path) -> None:
    found = kind(Hands(lookup=str(tmp_path)))
    assert found.result == "skipped"
    assert "there is no" in found.why


@pytest.mark.wire
def test_too_hot_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_kinds, "LOAD_SECONDS", 1)
    monkeypatch.setattr(trial_kinds, "hottest", lambda: 99)
    counts = iter((0, 12))
    monkeypatch.setattr(trial_kinds, "throttled", lambda: next(counts))
    found = trial_kinds.processor(Hands())
    assert found.result == "failed"
    assert "up to 99 °C; slowed itself 12 times" in found.why


def test_temperatures_that_lie_are_left_out(tmp_path: Path) -> None:
    for name, value in (("thermal_zone0", "-274000"), ("thermal_zone1", "54000"), ("thermal_zone2", "999000")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "temp").write_text(value)
    assert hottest(str(tmp_path), str(tmp_path / "none")) == 54
    assert hottest(str(tmp_path / "none"), str(tmp_path / "none")) is None
    assert throttled(str(tmp_path / "none")) == 0


STATUS = {"value": 0, "string": "completed without error", "passed": True}
NVME = {
    "current_self_test_operation": {"value": 0, "string": "No self-test in progress"},
    "table": [{"self_test_result": {"value": 0, "string": "Completed without error"}}],
}


def ata(**changed: object) -> dict:
    return {"ata_smart_data": {"self_test": {"status": {**STATUS, **changed}}}}


def test_the_drives_own_verdict() -> None:
    assert trial_kinds.selftest_result(ata()) == "passed"
    assert trial_kinds.selftest_result(ata(value=249)) == ""
    assert trial_kinds.selftest_result(ata(value=121, string="read failure", passed=False)) == "read failure"
    assert trial_kinds.selftest_result({"nvme_self_test_log": NVME}) == "passed"
    running = {**NVME, "current_self_test_operation": {"value": 1}}
    assert trial_kinds.selftest_result({"nvme_self_test_log": running}) == ""
    assert trial_kinds.selftest_result({}) == trial_kinds.selftest_result(None) == ""


SCAN = """BSS 00:11:22:33:44:55(on wlan0)
\tsignal: -67.00 dBm
\tSSID: somebody's own
BSS 00:11:22:33:44:66(on wlan0)
\tsignal: -43.00 dBm
"""


def test_a_scan_tells_how_many_and_never_whose() -> None:
    assert trial_kinds.scan_result(SCAN) == TrialFinding("passed", "networks heard: 2, the loudest at -43 dBm")
    assert trial_kinds.scan_result("").result == "skipped"


def test_usb_ports_that_answer_and_those_that_draw_too_much(tmp_path: Path) -> None:
    ports = tmp_path / "usb1" / "1-0:1.0"
    for name in ("usb1-port1", "usb1-port2"):
        (ports / name).mkdir(parents=True)
        (ports / name / "over_current_count").write_text("0")
    (ports / "usb1-port1" / "device").mkdir()
    assert trial_kinds.usb(Hands(), str(tmp_path)) == TrialFinding("passed", "something answers at 1 of 2 ports")
    (ports / "usb1-port2" / "over_current_count").write_text("3")
    assert trial_kinds.usb(Hands(), str(tmp_path)).result == "failed"
    assert trial_kinds.usb(Hands(), str(tmp_path / "none")).result == "skipped"


def test_of_a_slow_disk_less_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, mib = tmp_path / "disk", 1 << 20
    file.write_bytes(bytes(8 * mib))
    reads: list[int] = []
    really = os.readv

    def readv(fd: int, buffers: list[object]) -> int:
        reads.append(os.lseek(fd, 0, os.SEEK_CUR))
        return really(fd, buffers)  # type: ignore[arg-type]

    monkeypatch.setattr(trial_kinds.os, "readv", readv)
    assert isinstance(trial_kinds._read(Hands(), str(file)), float)
    assert len(reads) == 8 + 4 + 1
    reads.clear()
    monkeypatch.setattr(trial_kinds, "READ_SECONDS", -1.0)
    assert isinstance(trial_kinds._read(Hands(), str(file)), float)
    assert reads == [0, 4 * mib, 7 * mib], "one block of each place, and then the next"
