"""Before another version of ours touches the state, a copy of it is put into `backups/`; a newer state is refused.

`version.json` in the state directory says which version wrote it last. There is none in what 0.1.0 left. Only one
daemon at a time has a state: two would send a result to an inventory at the same moment, which makes two laptops of it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from cloned import __version__
from cloned.backup import DATABASES, backup
from cloned.core.events import FORMAT as JOURNAL
from cloned.errors import ClonedError, UsageError
from cloned.inventory.database import VERSION as LEDGER
from cloned.saying import Phrase

FILE = "version.json"
FOLDER = "backups"
LOCK = "serve.lock"
LOCK_SECONDS = 3.0
"""Seconds that a daemon waits for one that was killed just now: the kernel takes a moment to clear up behind it."""
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
"""What a file system says that has none, such as some of the network."""
KEPT = 3
"""Copies that are kept: of this and the two versions before."""


@dataclass(frozen=True)
class Written:
    """Which version wrote a state, and in which formats."""

    cloned: str = "0.1.0"
    journal: int = 0
    ledger: str = ""

    def newer_than(self, other: Written) -> bool:
        """Whether `other` cannot read what this wrote."""
        return self.journal > other.journal or self.ledger > other.ledger


OURS = Written(__version__, JOURNAL, LEDGER)


@contextmanager
def alone(state: Path, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Have a state to ourselves. ClonedError where another daemon still has it after so many seconds.

    OSError where the state cannot be written. It ends with the process, however that ends.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / LOCK).open("a+") as lock:
        until = time.monotonic() + seconds
        while not _taken(lock.fileno()):
            if time.monotonic() > until:
                raise ClonedError(_taken_by(state, (state / LOCK).read_text().strip()), "stop that one first")
            time.sleep(0.05)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


def _taken_by(state: Path, pid: str) -> Phrase:
    return Phrase("another daemon runs over {state} already (process {pid})", state=state, pid=pid or "?")


def keep_safe(state: Path, ours: Written = OURS) -> Path | None:
    """Copy the state if another version wrote it, and note that it is ours now; returns the copy, None without one.

    UsageError where the state is of a newer version: nothing was touched. OSError where it cannot be read or written.
    """
    written = not_newer(state, ours)
    if written == ours:
        return None
    there = any((state / name).exists() for name in DATABASES)
    made = _copied(state, written) if there else None
    _write(state / FILE, ours)
    return made


def not_newer(state: Path, ours: Written = OURS) -> Written:
    """Who wrote a state last. UsageError where that version is newer than ours, or cannot be told."""
    written = _read(state / FILE)
    if written.newer_than(ours):
        raise UsageError(
            Phrase("{state} was written by cloned {version}, which is newer", state=state, version=written.cloned),
            Phrase("install cloned {version}, or restore a backup of before", version=written.cloned),
        )
    return written


def _copied(state: Path, written: Written) -> Path:
    folder = state / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-of-{written.cloned}"
    file = next(path for number in range(1000) if not (path := folder / f"{name}-{number}.tar.gz").exists())
    backup(state, file)
    for old in sorted(folder.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime_ns)[:-KEPT]:
        old.unlink()
    return file


def _read(file: Path) -> Written:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return Written(str(told["cloned"]), int(told["journal"]), str(told["ledger"]))
    except FileNotFoundError:
        return Written()
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            Phrase("{file} cannot be read ({error})", file=file, error=error),
            "remove it if this version wrote the state; else install the one that did",
        ) from error


def _write(file: Path, written: Written) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(asdict(written)) + "\n", encoding="utf-8")
    new.replace(file)
