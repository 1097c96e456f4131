"""Files that other programs read: CSV (its form: inventory/columns.py) and JSON lines.

With `rows = "all"` a result is one line, appended by one `write` and made durable; what a crash or a full disk left
half written is taken away before the next line. With `"newest"` a laptop is one line, and the file is replaced whole.
A key that already stands in the file is not written again. A new line costs the same at the 50,000th as at the first:
the file is read again only where somebody else changed it.

The summary of an evening is a line of its own kind: in JSON lines it says so itself, a CSV has a second file beside it
(`results-evenings.csv`), a workbook a sheet `evenings`.

A CSV may be opened, sorted and edited by people, its columns reordered, removed or added, as long as the column `key`
stays. While somebody holds it open in an office program nothing is written, for what they save would take it away.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal, Required, TypedDict

from cloned.core.row_types import Row
from cloned.destinations import FileSettings
from cloned.inventory import columns
from cloned.inventory.sinks.base import Delivery, Sink, Surroundings, Unavailable
from cloned.inventory.sinks.told import Expectation, Receipt
from cloned.inventory.sinks.writing import Stamp, foreign, replace, stamp, text_of, whole, write_at
from cloned.saying import Phrase, spoken


class FileSink(Sink):
    """A file at `path`, made with its folder when the first result comes. Writing is done in a thread of its own."""

    def __init__(self, name: str, path: Path, rows: Literal["all", "newest"] = "all") -> None:
        super().__init__(name)
        self.path, self.rows = path, rows
        self._thread = ThreadPoolExecutor(1, f"sink-{name}")
        """Our own, and one: a share that hangs must hold up neither other threads nor let two of ours write."""

    async def send(self, delivery: Delivery) -> Receipt:
        """Bring one result into the file, unless it is there. Raises Unavailable where it cannot be written."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._put, delivery)
        except OSError as error:
            raise Unavailable(Phrase("{path} cannot be written: {strerror}", path=self.path, strerror=error)) from error
        return Receipt(link=str(self.path))

    async def close(self) -> None:
        """Let the thread go; what it has begun it ends."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def rehearse(self, delivery: Delivery | None) -> list[Expectation]:
        """Whether it is there, is ours and could be written."""
        try:
            return [await asyncio.to_thread(self._look_at)]
        except Unavailable as error:
            return [Expectation(Phrase("file"), "missing", str(error))]
        except OSError as error:
            hint = Phrase("see to the folder, its rights and the disk")
            return [Expectation(Phrase("file"), "missing", spoken(error), hint)]

    def _look_at(self) -> Expectation:
        self._not_held()
        if not self.path.exists():
            folder = next(each for each in self.path.parents if each.exists())
            if not folder.is_dir() or not os.access(folder, os.W_OK):
                raise Unavailable(Phrase("{folder} cannot be written", folder=folder))
            return Expectation(Phrase("file"), "create", str(self.path))
        if not os.access(self.path, os.W_OK):
            raise Unavailable(Phrase("{path} cannot be written", path=self.path))
        said = Phrase("{path}, {count} {count:line|lines}", path=self.path, count=self._count())
        return Expectation(Phrase("file"), "ok", said)

    def _put(self, delivery: Delivery) -> None:
        self._not_held()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._bring(delivery)

    async def forget(self, laptop: str) -> int | None:
        """Take its lines out of the file. Raises Unavailable, also while somebody has it open."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._without, laptop)
        except OSError as error:
            raise Unavailable(Phrase("{path} cannot be written: {strerror}", path=self.path, strerror=error)) from error

    def _without(self, laptop: str) -> int:
        if not self.path.exists():
            return 0
        self._not_held()
        return self._take_out(laptop)

    @abstractmethod
    def _take_out(self, laptop: str) -> int:
        """Take out what the file, which is there, has of a laptop; how many lines. Raises OSError or Unavailable."""

    def _not_held(self) -> None:
        """Raises Unavailable while an office program has it open: LibreOffice and Excel leave a file beside it."""
        for path in {self.path, self.path.resolve()}:
            name = path.name
            if any((path.parent / each).exists() for each in (f".~lock.{name}#", f"~${name}", f"~${name[2:]}")):
                raise Unavailable(Phrase("somebody has {path} open: it is written once they close it", path=self.path))

    @abstractmethod
    def _bring(self, delivery: Delivery) -> None:
        """Write, if it is not there yet. Raises OSError or Unavailable."""

    @abstractmethod
    def _count(self) -> int:
        """How many results it holds. Raises OSError or Unavailable."""


class LinesFile(FileSink):
    """A text file of lines with keys."""

    def __init__(self, name: str, path: Path, rows: Literal["all", "newest"] = "all") -> None:
        super().__init__(name, path, rows)
        self._stamp: Stamp | None = None
        self._keys: set[str] = set()

    def _bring(self, delivery: Delivery) -> None:
        if self.rows == "newest":
            self._replace(delivery)
        else:
            self._append(delivery)

    def _append(self, delivery: Delivery) -> None:
        with self.path.open("ab+") as file:
            known = stamp(file.fileno()) == self._stamp
            if not known and (recoded := self._ours(_whole(file))) is not None:
                replace(self.path, recoded)
                self._append(delivery)
            elif not known or delivery.key not in self._keys:
                self._add(file, delivery, known)

    def _add(self, file: BinaryIO, delivery: Delivery, known: bool) -> None:
        size, head = (os.fstat(file.fileno()).st_size, b"") if known else self._read(_whole(file), delivery)
        if delivery.key not in self._keys:
            self._stamp = None
            write_at(file.fileno(), size, head + self._line(delivery), self.ending)
            self._keys.add(delivery.key)
        self._stamp = stamp(file.fileno())

    def _replace(self, delivery: Delivery) -> None:
        old = self.path.read_bytes() if self.path.exists() else b""
        lines = self._with(old, delivery)
        if lines is not None:
            replace(self.path, lines)

    def _count(self) -> int:
        self._read(self.path.read_bytes(), None)
        return len(self._keys)

    def _take_out(self, laptop: str) -> int:
        count, left = self._left(self.path.read_bytes(), laptop)
        if count:
            replace(self.path, left)
            self._stamp = None
        return count

    @abstractmethod
    def _left(self, old: bytes, laptop: str) -> tuple[int, bytes]:
        """How many lines a file has of a laptop, and it without them. Raises Unavailable."""

    ending: ClassVar[bytes] = b"\n"

    def _ours(self, old: bytes) -> bytes | None:
        """The file as it is to be before a line is appended; None where it is so."""
        return None

    @abstractmethod
    def _read(self, old: bytes, delivery: Delivery | None) -> tuple[int, bytes]:
        """Learn the keys of a file; how many bytes to keep, and what to write before the next line."""

    @abstractmethod
    def _line(self, delivery: Delivery) -> bytes:
        """The line of a result, with its end."""

    @abstractmethod
    def _with(self, old: bytes, delivery: Delivery) -> bytes | None:
        """The file with the newest result of this laptop; None where it holds that or a newer one."""


class CsvFile(LinesFile):
    """CSV for the spreadsheets of a Belgian or Dutch desktop."""

    ending: ClassVar[bytes] = b"\r\n"

    def __init__(
        self,
        name: str,
        path: Path,
        rows: Literal["all", "newest"] = "all",
        of: columns.ColumnSet = columns.RESULTS,
    ) -> None:
        super().__init__(name, path, rows)
        self._of, self._names = of, list(of.names)
        results = of is columns.RESULTS
        self._evenings = CsvFile(name, columns.beside(path), "all", columns.EVENINGS) if results else None

    def takes(self, row: Row) -> bool:
        """An evening's summary too, for the file beside this one."""
        return super().takes(row) or columns.is_evening(row)

    async def close(self) -> None:
        """Let both threads go."""
        if self._evenings is not None:
            await self._evenings.close()
        await super().close()

    def _put(self, delivery: Delivery) -> None:
        if self._evenings is not None and columns.is_evening(delivery.row):
            self._evenings._put(delivery)
        else:
            super()._put(delivery)

    def _read(self, old: bytes, delivery: Delivery | None) -> tuple[int, bytes]:
        if self._of.head.startswith(old):
            self._names, self._keys = list(self._of.names), set()
            return 0, self._of.head
        self._names = self._columns(old)
        size = whole(old, self._line(delivery)) if delivery else len(old)
        at = self._names.index("key")
        self._keys = {line[at] for line in self._lines(old[:size]) if len(line) > at}
        if delivery is None:
            self._keys.discard("key")
        return size, b""

    def _lines(self, content: bytes) -> list[list[str]]:
        return self._parsed(text_of(content))

    def _parsed(self, text: str) -> list[list[str]]:
        """Raises Unavailable where it cannot be read: a quotation mark that nobody closed, say."""
        try:
            return list(csv.reader(io.StringIO(text, newline=""), delimiter=columns.DELIMITER))
        except csv.Error as error:
            said = Phrase("{path} is no CSV ({error}): put it right, move it away or name another file",
                          path=self.path, error=error)  # fmt: skip
            raise Unavailable(said) from error

    def _ours(self, old: bytes) -> bytes | None:
        """A file that a person's program saved in another encoding, in ours: nobody can read a mixture of two."""
        return (columns.BOM + text_of(old)).encode() if foreign(old) else None

    def _columns(self, old: bytes) -> list[str]:
        """The columns of the file. Raises Unavailable where it is not one of ours."""
        first = self._parsed(text_of(old).partition("\n")[0])
        names = first[0] if first else []
        if "key" not in names:
            raise Unavailable(Phrase("{path} has no column `key`: move it away or name another file", path=self.path))
        return names

    def _line(self, delivery: Delivery) -> bytes:
        cells = self._of.cells(delivery.row, delivery.key, delivery.revision)
        return columns.line(cells.get(name, "") for name in self._names).encode()

    def _with(self, old: bytes, delivery: Delivery) -> bytes | None:
        new = self._of.head.startswith(old)
        self._names = list(self._of.names) if new else self._columns(old)
        lines = [] if new else self._lines(old)[1:]
        cells = self._of.cells(delivery.row, delivery.key, delivery.revision)
        found = next((n for n, line in enumerate(lines) if self._cell(line, "laptop") == delivery.laptop), None)
        if found is None:
            lines.append([])
            found = -1
        elif self._newer(lines[found], delivery):
            return None
        before = dict(zip(self._names, lines[found], strict=False))
        texts = {name: str(columns.safe(cell)) for name, cell in cells.items()}
        lines[found] = [
            texts.get(name, before.get(name, "")) for name in self._names
        ]  # a person's column keeps its cell
        return self._joined(self._names, lines)

    def _left(self, old: bytes, laptop: str) -> tuple[int, bytes]:
        if self._of.head.startswith(old):
            return 0, old
        self._names = self._columns(old)
        if "laptop" not in self._names:
            said = Phrase("{path} has no column `laptop`: take its lines out by hand", path=self.path)
            raise Unavailable(said)
        head, *lines = self._lines(old)
        kept = [line for line in lines if self._cell(line, "laptop") != laptop]
        return len(lines) - len(kept), self._joined(head, kept)

    def _joined(self, head: list[str], lines: list[list[str]]) -> bytes:
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=columns.DELIMITER, lineterminator="\r\n").writerows([head, *lines])
        return (columns.BOM + buffer.getvalue()).encode()

    def _cell(self, line: list[str], name: str) -> str:
        at = self._names.index(name) if name in self._names else len(line)
        return line[at] if at < len(line) else ""

    def _newer(self, line: list[str], delivery: Delivery) -> bool:
        """Whether the line is this result, or a later one of the laptop."""
        if self._cell(line, "key") == delivery.key:
            return True
        told = [self._cell(line, name) for name in ("attempt", "revision")]
        return all(text.isdecimal() for text in told) and tuple(map(int, told)) > (delivery.attempt, delivery.revision)


class SentLine(TypedDict, total=False):
    """A line of a file of JSON lines."""

    key: Required[str]
    revision: int
    data: Row


class JsonLinesFile(LinesFile):
    """A JSON object on each line: `{"key", "revision", "data"}`, the same as a webhook is sent."""

    def takes(self, row: Row) -> bool:
        """An evening's summary too, which says by its `kind` what it is; not where a line is a laptop."""
        return super().takes(row) or (columns.is_evening(row) and self.rows == "all")

    def _read(self, old: bytes, delivery: Delivery | None) -> tuple[int, bytes]:
        size = whole(old, self._line(delivery)) if delivery else len(old)
        self._keys = {each["key"] for each in self._objects(old[:size])}
        return size, b""

    def _objects(self, content: bytes) -> list[SentLine]:
        """Raises Unavailable where a line is not one of ours."""
        try:
            found = [json.loads(line) for line in content.splitlines() if line.strip()]
            if all(map(_is_ours, found)):
                return found
        except (ValueError, RecursionError):
            pass
        raise Unavailable(
            Phrase("{path} has a line that is not one of ours: move it away or name another file", path=self.path)
        )

    def _line(self, delivery: Delivery) -> bytes:
        content = {"key": delivery.key, "revision": delivery.revision, "data": delivery.row}
        return json.dumps(content, sort_keys=True, ensure_ascii=False).encode() + b"\n"

    def _with(self, old: bytes, delivery: Delivery) -> bytes | None:
        objects = self._objects(old)
        for each in objects:
            data = each.get("data") or Row()
            later = (data.get("attempt", 0), each.get("revision", 0)) > (delivery.attempt, delivery.revision)
            if each["key"] == delivery.key or (data.get("laptop") == delivery.laptop and later):
                return None
        return _joined(_others(objects, delivery.laptop)) + self._line(delivery)

    def _left(self, old: bytes, laptop: str) -> tuple[int, bytes]:
        objects = self._objects(old)
        kept = _others(objects, laptop)
        return len(objects) - len(kept), _joined(kept)


def _others(lines: list[SentLine], laptop: str) -> list[SentLine]:
    return [each for each in lines if (each.get("data") or Row()).get("laptop") != laptop]


def _joined(lines: list[SentLine]) -> bytes:
    return b"".join(json.dumps(each, sort_keys=True, ensure_ascii=False).encode() + b"\n" for each in lines)


def _is_ours(told: object) -> bool:
    """Whether it is a line of ours, as far as we read it."""
    if not isinstance(told, dict) or not isinstance(told.get("key"), str) or not isinstance(told.get("data"), dict):
        return False
    return all(isinstance(each, int) for each in (told.get("revision", 0), told["data"].get("attempt", 0)))


def _whole(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def made(settings: FileSettings, around: Surroundings | None) -> Sink:
    """What `make` asks for."""
    assert settings.path is not None, "FileSettings demands it"
    kind = CsvFile if settings.type == "csv" else JsonLinesFile
    return kind(settings.name, settings.path, settings.rows)
