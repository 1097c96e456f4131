"""What is being imported, by whatever process: noted beside the draft, so that the page can show it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from cloned.images.manifest import WorkProgress

NOTE = "progress"
"""A file of the draft's directory; whoever imports holds a lock on it, which ends with its process."""
EVERY_SECONDS = 1.0
"""Seconds between two notes."""
LENGTH_BYTES = 512
"""Bytes of a note, written at one stroke, so that a reader never sees half of one."""


@dataclass(frozen=True)
class UnderWay:
    """One import: sizes in bytes."""

    name: str
    part: str
    """What it is at, e.g. `sda2`; empty before the first bytes, and while it is published."""
    done: int
    total: int
    running: bool
    """False: it was stopped; the same command carries on where it was."""


Report = Callable[[WorkProgress], None]


@contextmanager
def noted(draft: Path, report: Report) -> Iterator[Report]:
    """Gives what reports and notes; `draft` is there. A note that cannot be written holds up no import."""
    try:
        file = os.open(draft / NOTE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    except OSError:
        yield report
        return
    noting = _Noting(file, report)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield noting
    finally:
        noting.close()


class _Noting:
    def __init__(self, file: int, report: Report) -> None:
        self._file, self._report, self._at = file, report, float("-inf")
        self._write(WorkProgress("", 0, 0))

    def __call__(self, progress: WorkProgress) -> None:
        self._report(progress)
        now = time.monotonic()
        if now - self._at >= EVERY_SECONDS or progress.done >= progress.total:
            self._at = now
            self._write(progress)

    def close(self) -> None:
        """Note no more: the number of the file may soon be another's."""
        file, self._file = self._file, -1
        os.close(file)

    def _write(self, progress: WorkProgress) -> None:
        note = json.dumps({**asdict(progress), "part": progress.part[:80]}).encode()
        with suppress(OSError):
            os.pwrite(self._file, note.ljust(LENGTH_BYTES), 0)


def under_way(root: Path) -> list[UnderWay]:
    """Imports into the store at `root` that run or were stopped (blocking: a small file each)."""
    found = (_read(path) for path in sorted((root / ".incoming").glob(f"*/{NOTE}")))
    return [each for each in found if each is not None]


def _read(path: Path) -> UnderWay | None:
    """None where it just ended, or nothing can be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            note = json.loads(os.pread(file, LENGTH_BYTES, 0))
            done, total = int(note["done"]), int(note["total"])
            return UnderWay(path.parent.name, str(note["part"]), done, total, _held(file))
        finally:
            os.close(file)
    return None


def _held(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
