"""Reads a session's frames in a thread of its own and cuts them into packets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from cloned.errors import ClonedError
from cloned.stream import packets


class PieceSource(Protocol):
    """Where frames come from: one image of the store."""

    @property
    def count(self) -> int:
        """Number of pieces."""

    def frame(self, piece: int) -> bytes:
        """The zstd frame of a piece; blocking, called in a thread."""


class FrameReader:
    """Reads one piece after the other. `ring` is called from its thread when one is there."""

    def __init__(self, source: PieceSource, session: int, ring: Callable[[], None]) -> None:
        self._source, self._session, self._ring = source, session, ring
        self._done: deque[tuple[int, Future[bytearray]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="frames")

    def load(self, piece: int) -> None:
        """Have a piece read; `loaded` gives it."""
        future = self._thread.submit(self._read, piece)
        future.add_done_callback(lambda done: self._was_read(piece, done))

    def _read(self, piece: int) -> bytearray:
        """In the thread: a frame, cut into packets."""
        frame = self._source.frame(piece)
        count = packets.packet_count(len(frame))
        prefix = packets.prefix(self._session, piece, count, packets.frame_crc(frame))
        return packets.packetize(prefix, frame)

    def _was_read(self, piece: int, future: Future[bytearray]) -> None:
        self._done.append((piece, future))
        self._ring()

    def loaded(self) -> Iterator[tuple[int, bytearray | Exception]]:
        """What was read since the last time: piece and its packets, or why it could not be read."""
        while self._done:
            piece, future = self._done.popleft()
            try:
                yield piece, future.result()
            except (OSError, ClonedError) as error:
                yield piece, error

    def close(self) -> None:
        """Wait for the piece that is being read; the others are given up."""
        self._thread.shutdown(wait=True, cancel_futures=True)
