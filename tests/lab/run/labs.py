"""Running `cloned lab` as a person does, and looking at what it leaves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
CLONED = [sys.executable, "-c", "from cloned.cli.main import main; main()", "lab"]
LOG = "lab.log"


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """Begin a lab; what it says goes to a file in `folder`."""
    with (folder / LOG).open("wb") as log:
        return subprocess.Popen([*CLONED, *words], stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def run(folder: Path, *words: str, timeout: float = 600) -> tuple[int, dict[str, Any], str]:
    """(exit status, report, what it said) of a lab run."""
    report = folder / "out.json"
    report.unlink(missing_ok=True)
    with start(folder, "run", *words, "--json", str(report)) as process:
        try:
            code = process.wait(timeout)
        except BaseException:
            process.terminate()
            process.wait(60)
            raise
    said = (folder / LOG).read_text()
    return code, json.loads(report.read_text()) if report.exists() else {}, said


def until_said(folder: Path, words: str, timeout: float = 300) -> None:
    """Wait until the lab has said something."""
    until = time.monotonic() + timeout
    while words not in (folder / LOG).read_text():
        assert time.monotonic() < until, (folder / LOG).read_text()
        time.sleep(0.1)


def run_id(folder: Path) -> str:
    """The id of the lab that was started with this folder."""
    found = re.search(r"\blab (cl[0-9a-f]{4})\b", (folder / LOG).read_text())
    assert found
    return found[1]


def traces(run: str) -> list[str]:
    """Everything on this machine that a lab with this id has left."""
    ours = run.encode()
    processes = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if ours in (entry / "cmdline").read_bytes():
                    processes.append(f"process {entry.name}")
            except OSError:
                continue
    loops = [note for note in Path("/sys/block").glob("loop*/loop/backing_file") if run in note.read_text()]
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if run in line]
    spaces = [path.name for path in Path("/run/netns").glob(f"{run}*")] if Path("/run/netns").is_dir() else []
    sockets = [line for line in Path("/proc/net/unix").read_text().splitlines() if run in line]
    links = [path.name for path in Path("/sys/class/net").iterdir() if path.name.startswith(("port", run))]
    return [*processes, *map(str, loops), *mounts, *spaces, *sockets, *links]


def folders(run: str) -> list[Path]:
    """A lab's files."""
    from cloned.lab.stock import cache_root

    return [path for path in (Path("/run/cloned-lab") / run, cache_root() / "lab" / run) if path.exists()]
