"""Runs that share their files: each test is made once, by one of them, and a failure is told by whoever meets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.wire

ROOT = Path(__file__).parents[2]
FILE = """
import os
import pytest

@pytest.mark.parametrize("n", range(3))
def test_it(n):
    with open({log!r}, "a") as log:
        log.write(f"{name} {{n}} {{os.getpid()}}\\n")
    assert {right}
"""


def shared(folder: Path, runs: int, *wrong: str) -> tuple[list[int], list[list[str]]]:
    """How the runs ended, and what was noted by tests of eight files."""
    log, marks = folder / "log", folder / "marks"
    marks.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    for name in "abcdefgh":
        (folder / f"test_{name}.py").write_text(FILE.format(log=str(log), name=name, right=name not in wrong))
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "tests.sharing", "-p", "no:cacheprovider",
        "--rootdir", str(folder), "-c", str(folder / "pytest.ini"), "--share", str(marks), str(folder),
    ]  # fmt: skip
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(runs)]
    for each in started:
        each.communicate(timeout=300)
    return [each.returncode for each in started], [line.split() for line in log.read_text().splitlines()]


@pytest.mark.parametrize("runs", [1, 3])
def test_each_test_is_made_once_and_a_file_by_one_of_them(runs: int, tmp_path: Path) -> None:
    ends, noted = shared(tmp_path, runs)
    assert ends == [0] * runs
    assert sorted((name, n) for name, n, _ in noted) == [(name, str(n)) for name in "abcdefgh" for n in range(3)]
    assert len({(name, pid) for name, _, pid in noted}) == 8


def test_a_failure_is_told_by_one_of_them(tmp_path: Path) -> None:
    ends, noted = shared(tmp_path, 2, "c")
    assert sorted(ends) == [0, 1]
    assert len(noted) == 24
