"""A CSV file that grows by one line for each result (its form: inventory/columns.py).

A line is one `write` to a file opened for appending, then fsync. What a crash or a full disk left
half written is taken away before the next line; a key that already stands in the file is not
written again. The file may be opened, sorted and edited by people, its columns reordered or removed, as long
as the column `key` stays.
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from cloned.inventory import columns
from cloned.inventory.sinks.base import Delivery, Sink, Unavailable

HEAD = (columns.BOM + columns.line(columns.NAMES)).encode()


class CsvFile(Sink):
    """Appends to `path`; the file is made, with its folder, when the first result comes."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(name)
        self.path = path
        self._thread = ThreadPoolExecutor(1, f"sink-{name}")
        """Our own, and one: a share that hangs must hold up neither other threads nor let two of ours write."""

    async def send(self, delivery: Delivery) -> None:
        """Append one line, unless it is there. Raises Unavailable where the file cannot be written."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._append, delivery)
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be written: {error.strerror or error}") from error

    async def close(self) -> None:
        """Let the thread go; what it has begun it ends."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _append(self, delivery: Delivery) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            file.seek(0)
            old = file.read()
            if HEAD.startswith(old):
                old, names, head = b"", list(columns.NAMES), HEAD
            else:
                names, head = self._names(old), b""
            cells = columns.flat(delivery.row, delivery.key, delivery.revision)
            new = columns.line(cells.get(name, "") for name in names).encode()
            size = whole(old, new)
            if delivery.key not in _keys(old[:size], names):
                self._write(file.fileno(), size, head + new)

    def _names(self, old: bytes) -> list[str]:
        """The columns of the file. Raises Unavailable where it is not one of ours."""
        names = next(_lines(old), [])
        if "key" not in names:
            raise Unavailable(f"{self.path} has no column `key`: move it away or name another file")
        return names

    @staticmethod
    def _write(descriptor: int, size: int, new: bytes) -> None:
        """Cut the file to `size` bytes and append `new`, whole or not at all."""
        os.ftruncate(descriptor, size)
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            new = b"\r\n" + new
        try:
            if os.write(descriptor, new) != len(new):
                raise OSError(28, "No space left on device")
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise


def _lines(content: bytes) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(content.decode("utf-8-sig", "replace")), delimiter=columns.DELIMITER)


def _keys(content: bytes, names: list[str]) -> set[str]:
    at = names.index("key")
    return {line[at] for line in _lines(content) if len(line) > at}


def whole(old: bytes, new: bytes) -> int:
    """How many bytes of `old` to keep before the line `new` is appended.

    A last line without its end is what remains of a write that was cut short, if it begins as the
    new line does (the outbox sends that one again first); else a person's editor left the end out.
    """
    start = old.rfind(b"\n") + 1
    tail = old[start:]
    return start if tail and new.startswith(tail) else len(old)
