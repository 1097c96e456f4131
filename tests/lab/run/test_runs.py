"""Whole workshops through the command line, as a newcomer runs them: what must come out, and what must not stay."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.lab.run.labs import CLONED, folders, needs_root, run, run_id, traces

pytestmark = [pytest.mark.lab, needs_root]


def verified(folder: Path, *words: str) -> dict[str, Any]:
    """The report of a run in which every laptop ended verified, and which left nothing."""
    code, report, said = run(folder, *words, timeout=1500)
    assert code == 0, said
    assert report["ok"]
    assert {laptop["verdict"] for laptop in report["laptops"]} == {"verified"}
    assert {laptop["state"] for laptop in report["laptops"]} == {"done"}
    assert len({laptop["image_hash"] for laptop in report["laptops"]}) == 1
    assert len(report["ledger"]) >= len(report["laptops"])
    assert traces(run_id(folder)) == []
    assert folders(run_id(folder)) == []
    return report


def test_two_virtual_laptops_are_cloned_and_boot_their_clone(tmp_path: Path) -> None:
    report = verified(tmp_path, "--laptops", "2", "--kind", "vm", "--firmware", "bios,uefi")
    assert [laptop["firmware"] for laptop in report["laptops"]] == ["bios", "uefi"]
    assert [session["laptops"] for session in report["sessions"]] == [[1, 2]]
    assert sum("starts from its own disk" in check["what"] and check["ok"] for check in report["checks"]) == 2


def test_a_flipped_byte_a_lossy_line_and_a_sink_that_is_down(tmp_path: Path) -> None:
    faults = ["--fault", "corrupt:2", "--fault", "loss:3:1", "--fault", "sink-down:5"]
    report = verified(tmp_path, "--laptops", "4", "--kind", "thin", "--image", "sample", *faults)
    flipped = report["laptops"][1]
    [where] = flipped["differs"]
    assert where["partition"]
    assert where["first"] <= where["last"]
    assert any("differs" in entry["why"] for entry in flipped["history"])
    assert [laptop["attempts"] for laptop in report["laptops"]] == [1, 2, 1, 1]


@pytest.mark.parametrize(("words", "named"), [
    (["--laptops", "0"], "laptops"), (["--fault", "explode:1"], "explode"), (["--fault", "corrupt:9"], "9"),
    (["--firmware", "abacus"], "abacus"), (["--image", "nothing"], "nothing"), (["--json", "/nonexistent/x"], "/nonexistent/x"),
])  # fmt: skip
def test_wrong_usage_is_exit_2_and_says_what(words: list[str], named: str) -> None:
    done = subprocess.run([*CLONED, "run", "--kind", "thin", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert named in done.stderr


@pytest.mark.slow
def test_a_dozen_with_a_latecomer(tmp_path: Path) -> None:
    report = verified(tmp_path, "--laptops", "12", "--kind", "thin", "--late", "12:5", "--image", "bulk")
    assert [sorted(session["laptops"]) for session in report["sessions"]] == [list(range(1, 13))]


FAULTS = ["corrupt:2", "stall:2@50:12", "slow-disk:2:20", "drop:2@60", "restart@50", "loss:2:1", "sink-down:5"]


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone_with_a_dozen(tmp_path: Path, fault: str) -> None:
    report = verified(tmp_path, "--laptops", "12", "--kind", "thin", "--fault", fault)
    assert [each["fault"] for each in report["faults"]] == [fault]


@pytest.mark.nightly
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone_with_two_virtual_laptops(tmp_path: Path, fault: str) -> None:
    report = verified(tmp_path, "--laptops", "2", "--kind", "vm", "--firmware", "bios,uefi", "--fault", fault)
    assert [each["fault"] for each in report["faults"]] == [fault]


@pytest.mark.slow
def test_secure_boot_with_nothing_enrolled(tmp_path: Path) -> None:
    report = verified(tmp_path, "--laptops", "1", "--kind", "vm", "--firmware", "secureboot")
    assert report["laptops"][0]["firmware"] == "secureboot"
