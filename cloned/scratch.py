"""Folders for what is needed for a moment. Whoever is killed leaves its own behind: the next one takes that away.

Each is locked (flock(2)) for as long as somebody works in it, so what is in use is known without a process's number,
which may be another's by now.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OLD_SECONDS = 3600.0
"""Seconds from which on a folder that nobody has locked is taken away."""
PREFIX = "cloned-"


@contextmanager
def scratch(work: str) -> Iterator[Path]:
    """A folder of our own for `work`, gone afterwards; before it, what others of that work left behind is."""
    sweep(work)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{work}-") as name:
        lock = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield Path(name)
        finally:
            os.close(lock)


def sweep(work: str) -> None:
    """Take away old folders of `work` that are ours and in which nobody works. Never raises."""
    with suppress(OSError):
        for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}{work}-*"):
            with suppress(OSError):
                _take_away(path)


def _take_away(path: Path) -> None:
    """Nothing where it is somebody's: in use, new, a link, or another user's. OSError where it cannot be looked at."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        seen = os.fstat(folder)
        if seen.st_uid == os.geteuid() and seen.st_mtime < time.time() - OLD_SECONDS:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(folder)
