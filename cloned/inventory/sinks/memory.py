"""What a sink must remember of a laptop for ever, such as the name under which OCS Inventory knows it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Protocol


class SinkMemory(Protocol):
    """One text for each sink and laptop; the first that was kept stays."""

    async def keep(self, sink: str, laptop: str, value: str) -> str:
        """Keep `value` unless something is kept already; returns what is kept. Raises OSError."""

    async def forget(self, laptop: str) -> None:
        """Keep nothing of a laptop any more. Raises OSError."""


class ForgetfulMemory:
    """For a rehearsal and for tests: gives back what it was given."""

    async def keep(self, sink: str, laptop: str, value: str) -> str:
        """Keeps nothing."""
        return value

    async def forget(self, laptop: str) -> None:
        """There is nothing."""


class FolderMemory:
    """A file for each laptop in a folder for each sink, written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, sink: str, laptop: str, value: str) -> str:
        """Keep `value` unless there is one. Raises OSError."""
        return await asyncio.to_thread(self._keep, self._folder / _name(sink) / _name(laptop), value)

    async def forget(self, laptop: str) -> None:
        """Take its files away. Raises OSError."""
        for path in self._folder.glob(f"*/{_name(laptop)}"):
            await asyncio.to_thread(path.unlink, missing_ok=True)

    @staticmethod
    def _keep(path: Path, value: str) -> str:
        if path.exists():
            return path.read_text(encoding="utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)  # unlike a rename this never replaces what another wrote first
        except FileExistsError:
            return path.read_text(encoding="utf-8")
        finally:
            Path(name).unlink()
        return value


def _name(text: str) -> str:
    """A file name that no text can lead out of the folder."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", text)[:40]
    return safe if safe == text else f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
