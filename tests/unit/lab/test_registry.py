"""Labs are written down, found again, and removed when they are dead."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from cloned.lab import kernel, registry
from cloned.lab.registry import RegisteredLab


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "ROOT", tmp_path / "run")
    return tmp_path


def entry(root: Path, run: str, pid: int, started: int | None = None) -> RegisteredLab:
    scratch = root / "lab" / run
    (scratch / "disks").mkdir(parents=True)
    made = RegisteredLab(run, pid, started if started is not None else kernel.start_time(pid) or 0, str(scratch))
    registry.enter(made)
    return made


def test_the_dead_are_removed_and_the_living_stay(root: Path) -> None:
    alive = entry(root, "cl0001", os.getpid())
    dead = entry(root, "cl0002", os.getpid(), started=1)  # the pid was given out again
    assert registry.sweep() == ["cl0002"]
    assert list(registry.entries()) == [alive]
    assert not Path(dead.scratch).exists()
    assert Path(alive.scratch).exists()


def test_the_last_takes_the_folders_along(root: Path) -> None:
    registry.remove(entry(root, "cl0001", os.getpid()))
    assert not registry.ROOT.exists()
    assert not (root / "lab").exists()


@pytest.mark.wire
def test_a_lab_that_stays_is_ended_and_waited_for(root: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        kept = registry.keep(entry(root, "cl0001", process.pid))
        assert list(registry.entries()) == [kept]
        began = time.monotonic()
        registry.end(kept)
        assert time.monotonic() - began < 5
        assert not list(registry.entries())


def test_rubbish_in_the_folder_does_no_harm(root: Path) -> None:
    (registry.ROOT / "cl0009").mkdir(parents=True)
    (registry.ROOT / "cl0009" / "run.json").write_text("{")
    assert list(registry.entries()) == []
