"""Reads back what a disk really holds and hashes it: in order, past the page cache, on all cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from itertools import count as counter

from cloned.agent import blockio
from cloned.disk.manifest import PieceMap

WORKERS = min(8, (os.cpu_count() or 1) + 2)
"""Threads: one for each core that hashes, and two that wait for the disk meanwhile."""


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The order was taken back; what was done so far stays done."""


def read_back(
    disk: blockio.BlockDevice,
    pieces: PieceMap,
    numbers: Sequence[int],
    digests: list[bytes],
    progress: Callable[[int], None],
    should_stop: Callable[[], bool],
) -> None:
    """Put the SHA-256 of each piece in `numbers` into `digests`: empty bytes where the disk can't be read.

    `progress` is called with the bytes of each piece, from any thread. Raises Stopped, or DiskError if the disk
    is gone.
    """
    turns, lock = counter(), threading.Lock()
    failures: list[BaseException] = []

    def work() -> None:
        into = blockio.buffer()
        while not failures:
            with lock:  # in disk order, whoever is free
                turn = next(turns)
            if turn >= len(numbers):
                return
            try:
                if should_stop():
                    raise Stopped
                place = pieces.place(numbers[turn])
                digests[numbers[turn]] = disk.digest(place.ranges(), into)
                progress(place.length)
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=work, name=f"read-{n}", daemon=True) for n in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
