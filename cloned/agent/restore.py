"""Puts an image on a disk: receives, decompresses, writes and reads back side by side."""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import zstandard

from cloned.agent import blockio
from cloned.agent.receive import Reception, Whole, memory_available
from cloned.agent.verify import Stopped, read_back
from cloned.disk.manifest import PIECE, Plan
from cloned.stream.packets import StreamAddress

BUFFERS = 4
"""Decompressed pieces that wait to be written."""

MOST_SLOTS = 32
FEWEST_SLOTS = 6

TURN = 24
"""On a hard disk: pieces written before the heads go back to read."""

BUSY = 0.85
"""Share of a core from which on the thread that receives cannot take more."""

LOOK = 0.25
"""Seconds between two reports of progress."""


@dataclass(frozen=True)
class RestoreProgress:
    """How far a restore has come."""

    bytes: int
    """Used bytes written and, without a gate, also read back."""
    total: int
    rate: float
    """Bytes written a second, lately."""
    pieces_left: int
    held_by: str
    """What holds it up: network, processor or disk."""
    lost: int
    """Packets that did not come, so far."""
    via: str = "multicast"
    """How pieces come: multicast, unicast, or nothing if neither brings any."""


class Restore:
    """One image, one disk. Methods block; `digests` holds what was last read back of each piece."""

    def __init__(
        self,
        plan: Plan,
        disk: str,
        stream: StreamAddress | None = None,
        fetch_url: str | None = None,
        token: str = "",
        interface: str = "",
        *,
        rotational: bool | None = None,
        slots: int | None = None,
    ) -> None:
        """`fetch_url`: `GET fetch_url/PIECE` gives a frame; `interface`: name of the network card for multicast."""
        self.plan, self.disk = plan, disk
        self.stream, self.fetch_url, self.token, self.interface = stream, fetch_url, token, interface
        self.rotational = _rotational(disk) if rotational is None else rotational
        self.slots = slots or _slots()
        self.digests: list[bytes] = [b""] * plan.map.count
        self.seconds: dict[str, float] = {}
        """Seconds spent so far: survey, receive, verify."""

    def survey(
        self, progress: Callable[[RestoreProgress], None] | None = None, should_stop: Callable[[], bool] | None = None
    ) -> list[bytes]:
        """Read what the disk holds now; the digests. Raises Stopped, DiskError, OSError."""
        self.verify(range(self.plan.map.count), progress, should_stop, what="survey")
        return self.digests

    def verify(
        self,
        pieces: Iterable[int],
        progress: Callable[[RestoreProgress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        *,
        what: str = "verify",
    ) -> None:
        """Read these pieces back into `digests`. Raises Stopped, DiskError, OSError."""
        began = time.monotonic()
        numbers = sorted(pieces)
        meter = _Meter(sum(self.plan.map.place(n).length for n in numbers), len(numbers))
        disk = blockio.BlockDevice(self.disk)

        def step(length: int) -> None:
            meter.add(length)
            if progress is not None and meter.due():
                progress(meter.report("disk", 0, "multicast"))

        try:
            read_back(disk, self.plan.map, numbers, self.digests, step, should_stop or _never)
        finally:
            disk.close()
            self._took(what, began)

    def fetch(
        self,
        wanted: Iterable[int],
        progress: Callable[[RestoreProgress], None],
        should_stop: Callable[[], bool],
        gate: Callable[[list[int]], None] | None = None,
    ) -> None:
        """Receive, write and read back the wanted pieces.

        With a `gate`, it is called once when all is written, with the pieces that are still to be read, and none of
        them is read back before it returns.
        Raises Stopped; DiskError (code disk-write-error or disk-read-error); OSError if the disk or the
        network card can't be opened. A piece that can't be read back leaves empty bytes in `digests`.
        """
        numbers = sorted(set(wanted))
        for piece in numbers:
            self.digests[piece] = b""
        began = time.monotonic()
        if numbers:
            _Pipeline(self, numbers, read_at_once=gate is None).run(progress, should_stop)
        self._took("receive", began)
        if gate is not None:
            gate(numbers)
            self.verify(numbers, None, should_stop)

    def _took(self, what: str, began: float) -> None:
        self.seconds[what] = self.seconds.get(what, 0.0) + time.monotonic() - began


class _Meter:
    """Bytes, pieces and rate. Thread-safe enough: one lock around the counts."""

    def __init__(self, total: int, pieces: int) -> None:
        self.total, self.pieces = total, pieces
        self.bytes = 0
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=20)
        self._reported = 0.0

    def add(self, length: int) -> None:
        with self._lock:
            self.bytes += length
            self.pieces -= 1

    def due(self) -> bool:
        """Whether LOOK seconds have gone by since the last time this was true."""
        with self._lock:
            now = time.monotonic()
            if now - self._reported < LOOK:
                return False
            self._reported = now
            return True

    def report(self, held_by: str, lost: int, via: str) -> RestoreProgress:
        now = time.monotonic()
        since, before = self._recent[0]
        rate = (self.bytes - before) / max(now - since, 0.001)
        self._recent.append((now, self.bytes))
        return RestoreProgress(self.bytes, self.total, rate, self.pieces, held_by, lost, via)


class _Ready:
    """Complete pieces, given out in the order of the disk: upwards from the last one, then from the start."""

    def __init__(self) -> None:
        self._ahead: list[int] = []
        self._behind: list[int] = []
        self._items: dict[int, Whole] = {}
        self._at = -1
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Whole) -> None:
        with self._changed:
            self._items[item.piece] = item
            heapq.heappush(self._ahead if item.piece > self._at else self._behind, item.piece)
            self._changed.notify()

    def take(self, timeout: float) -> Whole | None:
        with self._changed:
            if not self._items and not self._changed.wait(timeout):
                return None
            if not self._items:
                return None
            if not self._ahead:
                self._ahead, self._behind = self._behind, []
            self._at = heapq.heappop(self._ahead)
            return self._items.pop(self._at)


@dataclass(frozen=True)
class _Unpacked:
    piece: int
    into: memoryview
    length: int


class _Pipeline:
    """The threads of one fetch, and the queues between them."""

    def __init__(self, restore: Restore, numbers: list[int], *, read_at_once: bool) -> None:
        self._plan, self._digests = restore.plan, restore.digests
        self._numbers, self._read_at_once = numbers, read_at_once
        self._rotational = restore.rotational
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self._ready = _Ready()
        self._unpacked: queue.SimpleQueue[_Unpacked] = queue.SimpleQueue()
        self._written: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        for _ in range(BUFFERS):
            self._free.put(blockio.buffer(PIECE))
        self._heads = threading.Lock()
        """Hard disks: held by who moves the heads."""
        self._meter = _Meter(sum(self._plan.map.place(n).length for n in numbers), len(numbers))
        self._to_write = len(numbers)
        self._reception = Reception(
            restore.stream,
            restore.fetch_url,
            restore.token,
            restore.interface,
            self._plan.map.count,
            numbers,
            restore.slots,
            self._ready.put,
        )
        self._reception.held_by = self._held_by
        self._slots = restore.slots
        self._disk = blockio.BlockDevice(restore.disk, writable=True)

    def run(self, progress: Callable[[RestoreProgress], None], should_stop: Callable[[], bool]) -> None:
        """Run all threads to their end."""
        threads = [
            threading.Thread(target=self._guard, args=(work,), name=name, daemon=True)
            for name, work in self._works().items()
        ]
        for thread in threads:
            thread.start()
        try:
            self._watch(threads, progress, should_stop)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
            self._disk.close()

    def _works(self) -> dict[str, Callable[[], None]]:
        works = {"receive": lambda: self._reception.run(self._stop), "unpack": self._unpack, "write": self._write}
        return works | {"read": self._read} if self._read_at_once else works

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._failures.append(error)
            self._stop.set()

    def _watch(
        self,
        threads: list[threading.Thread],
        progress: Callable[[RestoreProgress], None],
        should_stop: Callable[[], bool],
    ) -> None:
        while any(thread.is_alive() for thread in threads) and not self._failures:
            if should_stop():
                raise Stopped
            if self._meter.due():
                progress(self._report())
            next((t for t in threads if t.is_alive()), threads[0]).join(0.05)
        if self._failures:
            raise self._failures[0]
        progress(self._report())

    def _report(self) -> RestoreProgress:
        reception = self._reception
        via = reception.via if reception.reached else "nothing"
        return self._meter.report(self._held_by(), reception.assembly.lost, via)

    def _held_by(self) -> str:
        """What holds the laptop up: with room for more it is the network, else who has a queue before it."""
        if self._reception.assembly.complete():
            return "disk"
        if self._reception.assembly.room() > 1:
            return "processor" if self._reception.busy > BUSY else "network"
        return "disk" if self._free.qsize() == 0 else "processor"

    # -- the threads ------------------------------------------------------------------------------

    def _unpack(self) -> None:
        decompressor = zstandard.ZstdDecompressor()
        while self._to_write and not self._stop.is_set():
            whole = self._ready.take(0.1)
            if whole is None:
                continue
            into = self._free_buffer()
            if into is None:
                return
            length = self._plan.map.place(whole.piece).length
            if _decompress(decompressor, whole, into[:length]):
                self._unpacked.put(_Unpacked(whole.piece, into, length))
            else:
                self._free.put(into)
                self._reception.again(whole.piece)

    def _free_buffer(self) -> memoryview | None:
        while not self._stop.is_set():
            try:
                return self._free.get(timeout=0.1)
            except queue.Empty:
                continue
        return None

    def _write(self) -> None:
        while self._to_write and not self._stop.is_set():
            try:
                unpacked = self._unpacked.get(timeout=0.1)
            except queue.Empty:
                continue
            with self._heads:
                self._disk.write(self._plan.map.place(unpacked.piece).ranges(), unpacked.into[: unpacked.length])
            self._free.put(unpacked.into)
            self._to_write -= 1
            self._reception.release(unpacked.piece)
            if self._read_at_once:
                self._written.put(unpacked.piece)
            else:
                self._meter.add(unpacked.length)
        if not self._stop.is_set():
            self._disk.sync()

    def _read(self) -> None:
        """Read back what was written: at once on flash, in turns on a hard disk so that its heads stay put."""
        into = blockio.buffer()
        left = len(self._numbers)
        while left and not self._stop.is_set():
            batch = self._batch(left)
            if self._rotational and batch:
                with self._heads:
                    self._read_pieces(batch, into)
            else:
                self._read_pieces(batch, into)
            left -= len(batch)

    def _batch(self, left: int) -> list[int]:
        """The next pieces to read, in disk order: one, or on a hard disk TURN of them."""
        batch: list[int] = []
        wanted = min(TURN, left) if self._rotational else 1
        while len(batch) < wanted and not self._stop.is_set():
            try:
                batch.append(self._written.get(timeout=0.1))
            except queue.Empty:
                continue
        return sorted(batch)

    def _read_pieces(self, pieces: list[int], into: memoryview) -> None:
        for piece in pieces:
            place = self._plan.map.place(piece)
            self._digests[piece] = self._disk.digest(place.ranges(), into)
            self._meter.add(place.length)


def _decompress(decompressor: zstandard.ZstdDecompressor, whole: Whole, into: memoryview) -> bool:
    """Fill `into`; False if the frame is damaged or does not hold exactly that many bytes."""
    done = 0
    try:
        with decompressor.stream_reader(cast("IO[bytes]", whole)) as reader:
            while done < len(into):
                count = reader.readinto(into[done:])
                if count == 0:
                    return False
                done += count
            return not reader.read(1) and whole.sound()
    except zstandard.ZstdError:
        return False


def _rotational(disk: str) -> bool:
    """Whether the kernel says that the disk turns."""
    flag = Path("/sys/block") / Path(disk).name / "queue" / "rotational"
    return flag.is_file() and flag.read_text().strip() == "1" and not Path(disk).name.startswith("loop")


def _slots() -> int:
    """Pieces to hold at once: a quarter of the memory that is free, within bounds."""
    return max(FEWEST_SLOTS, min(MOST_SLOTS, memory_available() // 4 // (PIECE + (1 << 19))))


def _never() -> bool:
    return False
