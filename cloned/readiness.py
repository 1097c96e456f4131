"""What /readyz asks: whether the daemon can do its work now, part by part. /healthz only says that we answer."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cloned import live
from cloned.errors import ClonedError
from cloned.netboot.files import is_complete
from cloned.tasks import at_most

LEAST_FREE_BYTES = 50 * 2**20
"""Bytes that journal and ledger need to go on."""
BELIEVED_SECONDS = 1.0
"""Seconds that an answer is given again: whoever asks a thousand times a second costs no more than once."""


@dataclass(kw_only=True)
class Readiness:
    """Looks at each part. `journal` says why it cannot be written; `ledger` raises where it cannot be read."""

    journal: Callable[[], str]
    ledger: Callable[[], Awaitable[object]]
    listeners: Callable[[], Sequence[str]]
    """Listeners that are not there, by name."""
    live: Callable[[], Path]
    files: Callable[[], Path]
    state: Path
    kept: Mapping[str, Path] = field(default_factory=dict)
    """Files that are open as long as we run, by what they are: who moves one away takes along what we write."""

    _last: tuple[float, list[str]] = (float("-inf"), [])
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _inodes: Mapping[Path, int] = field(init=False)

    def __post_init__(self) -> None:
        self._inodes = {path: path.stat().st_ino for path in self.kept.values()}

    async def wrong(self) -> Sequence[str]:
        """A line for each part that keeps us from working."""
        async with self._turn:
            if time.monotonic() - self._last[0] > BELIEVED_SECONDS:
                found = await self._looked()
                self._last = time.monotonic(), found
        return self._last[1]

    async def _looked(self) -> list[str]:
        found = [f"journal: {why}"] if (why := self.journal()) else []
        try:
            await at_most(2, self.ledger(), "ready")
        except (ClonedError, TimeoutError) as error:
            found.append(f"ledger: {error or 'it does not answer within 2 s'}")
        found += [f"listener: {name} is not there; see the log" for name in self.listeners()]
        return found + await asyncio.to_thread(self._on_disk)

    def _on_disk(self) -> list[str]:
        found = [
            f"{name}: {path} was moved, removed or replaced while it was written: put it back, or restart cloned"
            for name, path in self.kept.items()
            if not self._is_there(path)
        ]
        try:
            live.info(self.live())
        except ClonedError as error:
            found.append(f"live system: {error}")
        if not is_complete(self.files()):
            found.append(f"boot files: there are none in {self.files()}: run `cloned live build`")
        try:
            free = shutil.disk_usage(self.state).free
        except OSError as error:
            return [*found, f"disk: {self.state}: {error.strerror}"]
        return [*found, f"disk: only {free >> 20} MiB are free in {self.state}"] if free < LEAST_FREE_BYTES else found

    def _is_there(self, path: Path) -> bool:
        try:
            return path.stat().st_ino == self._inodes[path]
        except OSError:
            return False
