"""The labs on this machine: one folder each under /run/cloned-lab, so that what a killed one left can be found."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cloned.errors import ClonedError, MissingError
from cloned.lab import kernel

ROOT = Path("/run/cloned-lab")
_ENTRY = "run.json"
_PATIENCE_SECONDS = 40.0
"""Seconds that a lab gets to end by itself."""


@dataclass(frozen=True)
class RegisteredLab:
    """One lab."""

    run: str
    pid: int
    """Of its first process, as the machine counts."""
    started: int
    """That process's start time (proc(5), field 22): a pid comes again, the pair does not."""
    scratch: str
    """The folder with its disks."""
    kept: bool = False
    """Whether it stays by intention, without a `cloned lab run` that waits for it."""
    page: str = ""
    control: str = ""

    @property
    def folder(self) -> Path:
        """Sockets and this entry."""
        return ROOT / self.run

    @property
    def alive(self) -> bool:
        """Whether its process still runs."""
        return kernel.start_time(self.pid) == self.started


def enter(entry: RegisteredLab) -> None:
    """Write a lab down, before it makes anything; also to change what is written. MissingError without permission."""
    try:
        entry.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = entry.folder / f"{_ENTRY}.new"
        fresh.write_text(json.dumps(asdict(entry), indent=1))
        fresh.replace(entry.folder / _ENTRY)
    except OSError as error:
        raise MissingError(f"cannot write {entry.folder}: {error.strerror}", "run the lab as root") from error


def entries() -> Iterator[RegisteredLab]:
    """Every lab that was written down and not removed."""
    for path in sorted(ROOT.glob(f"*/{_ENTRY}")) if ROOT.is_dir() else ():
        try:
            yield RegisteredLab(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            continue


def remove(entry: RegisteredLab) -> None:
    """Remove a lab's files. Its processes, namespaces, mounts and loop devices went with its first process."""
    shutil.rmtree(entry.scratch, ignore_errors=True)
    shutil.rmtree(entry.folder, ignore_errors=True)
    for folder in (Path(entry.scratch).parent, ROOT):
        try:
            folder.rmdir()
        except OSError:
            continue


def sweep() -> list[str]:
    """Remove what killed labs left; returns their ids. Only where /proc shows all of the machine's processes."""
    dead = [entry for entry in entries() if not entry.alive]
    for entry in dead:
        remove(entry)
    return [entry.run for entry in dead]


def end(entry: RegisteredLab) -> None:
    """End a lab that stays, wait for it, and remove its files; ClonedError if it will not die."""
    _signal(entry, signal.SIGTERM)
    if not _gone(entry, _PATIENCE_SECONDS):
        _signal(entry, signal.SIGKILL)
        if not _gone(entry, 5.0):
            raise ClonedError(f"lab {entry.run} (process {entry.pid}) does not end", "look at it with ps")
    remove(entry)


def keep(entry: RegisteredLab) -> RegisteredLab:
    """Mark a lab as one that stays."""
    kept = replace(entry, kept=True)
    enter(kept)
    return kept


def _signal(entry: RegisteredLab, number: signal.Signals) -> None:
    if entry.alive:
        os.kill(entry.pid, number)


def _gone(entry: RegisteredLab, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while entry.alive:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
