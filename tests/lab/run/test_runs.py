"""Whole workshops through the command line, as a newcomer runs them: what must come out, and what must not stay."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces and loop devices")]
CLONED = [sys.executable, "-c", "from cloned.cli import main; main()"]


def standing() -> dict[str, set[str]]:
    """What a lab could leave on this machine."""
    def told(*command: str) -> set[str]:
        return set(subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines())

    return {
        "namespaces": {line.split()[0] for line in told("ip", "netns", "list")},
        "links": {line.split(":")[1].strip() for line in told("ip", "-o", "link")},
        "loop devices": {line.split()[0] for line in told("losetup", "-ln")},
        "mounts": {line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()},
        "processes": {line for line in told("pgrep", "-af", "cloned.lab|qemu-system|agent.pyz") if str(os.getpid()) not in line},
    }


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    before = standing()
    yield
    for _ in range(50):
        left = {what: now - before[what] for what, now in standing().items() if now - before[what]}
        if not left:
            return
        time.sleep(0.2)
    pytest.fail(f"the lab left {left}")


def run(tmp_path: Path, *args: str, code: int = 0) -> dict[str, Any]:
    out = tmp_path / "out.json"
    done = subprocess.run([*CLONED, "lab", "run", "--json", str(out), *args], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def all_verified(found: dict[str, Any]) -> None:
    assert found["ok"]
    assert {laptop["verdict"] for laptop in found["laptops"]} == {"verified"}
    assert {laptop["state"] for laptop in found["laptops"]} == {"done"}
    assert len({laptop["image_hash"] for laptop in found["laptops"]}) == 1
    assert len(found["ledger"]) >= len(found["laptops"])


def test_two_virtual_laptops_are_cloned_and_boot_their_clone(tmp_path: Path) -> None:
    found = run(tmp_path, "--laptops", "2", "--kind", "vm", "--firmware", "bios,uefi")
    all_verified(found)
    assert [laptop["firmware"] for laptop in found["laptops"]] == ["bios", "uefi"]
    assert [session["laptops"] for session in found["sessions"]] == [[1, 2]]
    assert sum("starts from its own disk" in check["what"] and check["ok"] for check in found["checks"]) == 2


def test_thin_laptops_with_a_flipped_byte_loss_and_a_sink_that_is_down(tmp_path: Path) -> None:
    found = run(
        tmp_path, "--laptops", "4", "--kind", "thin",
        "--fault", "corrupt:2", "--fault", "loss:3:1", "--fault", "sink-down:5",
    )
    all_verified(found)
    flipped = found["laptops"][1]
    assert flipped["attempts"] == 2
    [where] = flipped["differs"]
    assert where["partition"]
    assert where["first"] <= where["last"]
    assert any("differs" in entry["why"] for entry in flipped["history"])
    assert [laptop["attempts"] for laptop in found["laptops"]] == [1, 2, 1, 1]


def test_a_power_cut_and_a_killed_daemon(tmp_path: Path) -> None:
    found = run(tmp_path, "--laptops", "3", "--kind", "thin", "--fault", "drop:2@60", "--fault", "restart@30")
    all_verified(found)
    assert any(entry["state"] == "gone" for entry in found["laptops"][1]["history"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    out = (tmp_path / "log").open("w")
    process = subprocess.Popen([*CLONED, "lab", "run", "--laptops", "3", "--kind", "thin"], stdout=out, stderr=out)
    log = tmp_path / "log"
    for _ in range(600):
        if "asking" in log.read_text() or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(number)
    assert process.wait(60) != 0


@pytest.mark.parametrize(("args", "word"), [
    (["--laptops", "0"], "laptops"), (["--fault", "explode:1"], "explode"), (["--fault", "corrupt:9"], "9"),
    (["--firmware", "abacus"], "abacus"), (["--image", "nothing"], "nothing"), (["--json", "/nonexistent/x"], "/nonexistent/x"),
])
def test_wrong_usage_is_one_line_and_exit_2(args: list[str], word: str) -> None:
    done = subprocess.run([*CLONED, "lab", "run", "--kind", "thin", *args], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert word in done.stderr


@pytest.mark.slow
def test_a_dozen_with_a_latecomer(tmp_path: Path) -> None:
    found = run(tmp_path, "--laptops", "12", "--kind", "thin", "--late", "12:5", "--image", "bulk")
    all_verified(found)
    assert len(found["sessions"]) == 1
    assert sorted(found["sessions"][0]["laptops"]) == list(range(1, 13))


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["stall:2@50:8", "slow-disk:2:20", "drop:2@60", "restart@50", "loss:2:1"])
def test_each_fault_alone(tmp_path: Path, fault: str) -> None:
    all_verified(run(tmp_path, "--laptops", "3", "--kind", "thin", "--image", "bulk", "--fault", fault))


@pytest.mark.slow
def test_secure_boot_with_nothing_enrolled(tmp_path: Path) -> None:
    found = run(tmp_path, "--laptops", "1", "--kind", "vm", "--firmware", "secureboot")
    all_verified(found)
    assert found["laptops"][0]["firmware"] == "secureboot"
