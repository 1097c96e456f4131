"""The threads of one restore: receive, decompress, write and read back side by side."""

from __future__ import annotations

import heapq
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, cast

import zstandard

from cloned.agent import blockio
from cloned.agent.receive import Reception, Whole
from cloned.agent.restore_progress import RestoreMeter, RestoreProgress
from cloned.agent.verify import Stopped
from cloned.disk.manifest import PIECE, Plan
from cloned.stream.packets import StreamAddress

BUFFERS = 4
"""Decompressed pieces that wait to be written."""

TURN = 24
"""On a hard disk: pieces written before the heads go back to read."""

BUSY = 0.85
"""Share of a core from which on the thread that receives cannot take more."""


@dataclass(frozen=True)
class RestoreWork:
    """What is restored where, and by which ways its pieces come."""

    plan: Plan
    disk: str
    rotational: bool
    stream: StreamAddress | None
    fetch_url: str | None
    """`GET fetch_url/PIECE` gives a frame."""
    token: str
    interface: str
    """Name of the network card for multicast; empty: the routing table chooses."""
    slots: int
    """Pieces held at once."""


class ReadyPieces:
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
        """A piece is complete."""
        with self._changed:
            self._items[item.piece] = item
            heapq.heappush(self._ahead if item.piece > self._at else self._behind, item.piece)
            self._changed.notify()

    def take(self, timeout: float) -> Whole | None:
        """The next one; None if there is none within `timeout` seconds."""
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


class Pipeline:
    """The threads of one fetch, and the queues between them."""

    def __init__(self, work: RestoreWork, numbers: list[int], digests: list[bytes], *, read_at_once: bool) -> None:
        """Restores pieces `numbers`; `digests`: where what is read back of each goes."""
        self._plan, self._digests = work.plan, digests
        self._numbers, self._read_at_once = numbers, read_at_once
        self._rotational = work.rotational
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self._ready = ReadyPieces()
        self._unpacked: queue.SimpleQueue[_Unpacked] = queue.SimpleQueue()
        self._written: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        for _ in range(BUFFERS):
            self._free.put(blockio.buffer(PIECE))
        self._heads = threading.Lock()
        """Hard disks: held by who moves the heads."""
        self._meter = RestoreMeter(sum(self._plan.map.place(n).length for n in numbers), len(numbers))
        self._to_write = len(numbers)
        self._reception = Reception(
            stream=work.stream,
            fetch_url=work.fetch_url,
            token=work.token,
            interface=work.interface,
            pieces=work.plan.map.count,
            wanted=numbers,
            slots=work.slots,
            deliver=self._ready.put,
        )
        self._reception.held_by = self._held_by
        self._disk = blockio.BlockDevice(work.disk, writable=True)

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
