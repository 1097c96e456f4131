"""One run that becomes several: each test is made once, by one of them, and whatever ends one of them is told."""

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
import signal
from pathlib import Path
from tests.waiting import block_until

FOLDER = Path({folder!r})

@pytest.mark.parametrize("n", range(3))
def test_it(n):
    with (FOLDER / "log").open("a") as log:
        log.write(f"{name} {{n}} {{os.getpid()}}\\n")
    (FOLDER / f"run.{{os.getpid()}}").touch()
    block_until(lambda: len(list(FOLDER.glob("run.*"))) == {runs})
    os.write(1, b"this was captured")
    {does}
"""


def shared(folder: Path, runs: int, **does: str) -> tuple[int, str, list[list[str]]]:
    """How it ended, what it said, and what was noted by tests of eight files, while each run was at one."""
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    for name in "abcdefgh":
        text = FILE.format(folder=str(folder), name=name, runs=runs, does=does.get(name, "pass"))
        (folder / f"test_{name}.py").write_text(text)
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "tests.sharing", "-p", "no:cacheprovider",
        "--rootdir", str(folder), "-c", str(folder / "pytest.ini"), "--runs", str(runs), str(folder),
    ]  # fmt: skip
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=300, check=False)
    return ended.returncode, ended.stdout, [line.split() for line in (folder / "log").read_text().splitlines()]


@pytest.mark.parametrize("runs", [1, 3])
def test_each_test_is_made_once_and_a_file_by_one_of_them(runs: int, tmp_path: Path) -> None:
    ended, said, noted = shared(tmp_path, runs)
    assert (ended, said.count(" passed in "), "captured" in said) == (0, runs, False)
    assert sorted((name, n) for name, n, _ in noted) == [(name, str(n)) for name in "abcdefgh" for n in range(3)]
    assert len({(name, pid) for name, _, pid in noted}) == 8
    assert len({pid for _, _, pid in noted}) == runs


def test_a_failure_is_told_whichever_met_it(tmp_path: Path) -> None:
    ended, said, noted = shared(tmp_path, 2, c="assert n != 1, 'unlucky'")
    assert (ended, "AssertionError: unlucky" in said, "1 failed" in said) == (1, True, True)
    assert len(noted) == 24


def test_one_that_is_killed_fails_the_whole(tmp_path: Path) -> None:
    """The first of them is told apart by its number: it has the lowest."""
    dies = "min(FOLDER.glob('run.*')).name == f'run.{os.getpid()}' or os.kill(os.getpid(), signal.SIGKILL)"
    ended, said, _ = shared(tmp_path, 2, **dict.fromkeys("abcdefgh", dies))
    assert (ended, " passed in " in said) == (1, True)
