"""Reads and writes a disk for an erasure: past the page cache, large, and never stopped by a bad sector."""

from __future__ import annotations

import ctypes
import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

from cloned.agent import blockio, sysfs
from cloned.agent.blockio import BlockDevice, DiskError
from cloned.agent.disks import SECTOR_BYTES
from cloned.agent.erase_driver import EraseTrouble
from cloned.agent.verify import Stopped
from cloned.disk.erase_check import Judge, blank_before
from cloned.disk.erase_record import ErasureFault
from cloned.disk.erase_samples import DiskSample, digest, marker
from cloned.saying import Phrase

CHUNK_BYTES = 4 * 1024 * 1024
"""Bytes of one write; what dd is measured with."""
WRITERS = 2
"""Writes on their way at once: the drive never waits for us."""
READERS = 2
HOPELESS = 4
"""Large writes in a row that failed to the last sector, after which none is tried again in parts."""
CHECKPOINT_SECONDS = 20.0
"""Seconds of writing between two checkpoints."""
GONE = (errno.ENODEV, errno.ENXIO, errno.EBADF)
_STEPS = (CHUNK_BYTES, 64 * 1024, 4096)
"""Where a large write fails it is tried again in smaller ones, down to the sector."""

_libc = ctypes.CDLL(None)
_libc.memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]

Range = blockio.Range


class Writer:
    """Writes zeros from an offset to the end; collects what could not be written."""

    def __init__(self, disk: BlockDevice, offset: int, stop: Callable[[], bool], clock: Callable[[], float]) -> None:
        self._disk, self._stop, self._clock = disk, stop, clock
        self._zeros = blockio.buffer(CHUNK_BYTES)
        self._start = offset - offset % CHUNK_BYTES
        self._bad: list[Range] = []
        self._failure: BaseException | None = None
        self._stopped = False
        self._refused = 0
        """Large writes in a row of which nothing came through."""
        self._lock = threading.Lock()

    def run(self) -> Iterator[tuple[int, tuple[Range, ...]]]:
        """Write; yields how far everything is written and flushed, and what was found bad since the last time.

        A batch of chunks goes to the writers, then is flushed: what is said to be written is on the disk.
        """
        at = self._start
        rounds = 64
        while at < self._disk.size:
            began = self._clock()
            end = min(self._disk.size, at + rounds * CHUNK_BYTES)
            self._batch(at, end)
            if self._stopped:
                raise Stopped
            self._flush(at)
            at = end
            took = self._clock() - began
            rounds = min(16384, max(16, int(rounds * CHECKPOINT_SECONDS / max(took, 0.05))))
            bad, self._bad = tuple(self._bad), []
            yield at, bad

    def _batch(self, at: int, end: int) -> None:
        turns = count(at, CHUNK_BYTES)

        def work() -> None:
            while self._failure is None:
                with self._lock:
                    offset = next(turns)
                if offset >= end:
                    return
                if self._stop():
                    self._stopped = True
                    return
                try:
                    self._chunk(offset, min(CHUNK_BYTES, end - offset))
                except BaseException as error:
                    self._failure = error

        threads = [threading.Thread(target=work, name=f"erase-{n}", daemon=True) for n in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def _chunk(self, offset: int, length: int) -> None:
        """One large write. On a disk that takes nothing any more no smaller ones are tried: that would take weeks."""
        before = len(self._bad)
        self._write(offset, length, 0)
        lost = sum(size for at, size in self._bad[before:] if offset <= at < offset + length)
        self._refused = self._refused + 1 if lost >= length else 0

    def _write(self, offset: int, length: int, depth: int) -> None:
        """One stretch; where it fails, its parts."""
        try:
            self._put(offset, length)
        except OSError as error:
            raise_if_lost(self._disk.path, offset, error)
            if not depth and not still_there(os.fstat(self._disk.fd).st_rdev, self._disk.size):
                raise EraseTrouble(
                    ErasureFault.GONE,
                    Phrase("{path} at byte {offset}: {error}", path=self._disk.path, offset=offset, error=error),
                ) from error
            smaller = _STEPS[depth + 1] if depth + 1 < len(_STEPS) else self._disk.block
            if smaller >= length or self._refused >= HOPELESS:
                self._bad.append((offset, length))
                return
            for part in range(offset, offset + length, smaller):
                self._write(part, min(smaller, offset + length - part), min(depth + 1, len(_STEPS) - 1))

    def _put(self, offset: int, length: int) -> None:
        done = 0
        while done < length:
            done += os.pwrite(self._disk.fd, self._zeros[done:length], offset + done)

    def _flush(self, at: int) -> None:
        try:
            os.fdatasync(self._disk.fd)
        except OSError as error:
            raise_if_lost(self._disk.path, at, error)
            raise EraseTrouble(ErasureFault.TOOL, Phrase("flushing: {error}", error=error)) from error


def still_there(number: int, size: int, base: str = "/sys/dev/block") -> bool:
    """Whether the kernel still has the disk that was opened: one that was pulled out answers as bad sectors do (EIO).

    `number`: st_rdev; 0 for a file, which is always there.
    """
    if not number:
        return True
    return sysfs.number(f"{base}/{os.major(number)}:{os.minor(number)}/size") * SECTOR_BYTES == size


def raise_if_lost(path: str, offset: int, error: OSError) -> None:
    """EraseTrouble where the whole disk is gone or closed to writing, not just one place of it."""
    if error.errno in GONE:
        raise EraseTrouble(
            ErasureFault.GONE,
            Phrase("{path} at byte {offset}: {error}", path=path, offset=offset, error=error),
        ) from error
    if error.errno in (errno.EROFS, errno.EPERM, errno.EACCES):
        raise EraseTrouble(ErasureFault.READ_ONLY, Phrase("{path}: {error}", path=path, error=error)) from error


def remember(disk: BlockDevice, seed: str, places: Sequence[DiskSample]) -> tuple[DiskSample, ...]:
    """What each place holds, as a hash; where it is empty a marker is written. Unreadable places are left out."""
    into = blockio.buffer(CHUNK_BYTES)
    found = [kept for place in places if (kept := _remember(disk, seed, place, into)) is not None]
    disk.sync()
    return tuple(found)


def _remember(disk: BlockDevice, seed: str, place: DiskSample, into: memoryview) -> DiskSample | None:
    try:
        data = read(disk, place, into)
        if not blank_before(data):
            return DiskSample(place.offset, place.length, digest(seed, data))
        mark = marker(seed, place.offset, place.length)
        into[: len(mark)] = mark
        os.pwrite(disk.fd, into[: len(mark)], place.offset)
    except (OSError, DiskError) as error:
        if isinstance(error, OSError):
            raise_if_lost(disk.path, place.offset, error)
        return None
    return DiskSample(place.offset, place.length, digest(seed, mark), marker=True)


def untouched(disk: BlockDevice, seed: str, places: Sequence[DiskSample]) -> bool:
    """Whether every place still holds what it held; nothing was erased then."""
    into = blockio.buffer(CHUNK_BYTES)
    try:
        return bool(places) and all(digest(seed, read(disk, place, into)) == place.digest for place in places)
    except (OSError, DiskError):
        return False


def all_zeros(view: memoryview) -> bool:
    """Whether nothing but zeros is in writable memory: each byte is the next one, and the first is 0.

    By memcmp(3), where it lies and without Python's lock, so that the other thread reads on: a fast SSD waits for none.
    """
    if not view:
        return True
    at = ctypes.addressof(ctypes.c_char.from_buffer(view))
    return view[0] == 0 and _libc.memcmp(at, at + 1, len(view) - 1) == 0


def read(disk: BlockDevice, place: DiskSample, into: memoryview) -> bytes:
    """What a place holds on the disk itself, not in the page cache; OSError."""
    return bytes(_read(disk, place, into))


def _read(disk: BlockDevice, place: DiskSample, into: memoryview) -> memoryview:
    """The same where it lies in `into`, until that is used again."""
    start = place.offset - place.offset % disk.block
    end = min(disk.size, -(-(place.offset + place.length) // disk.block) * disk.block)
    part = into[: end - start]
    if not disk.direct:
        os.fdatasync(disk.fd)
        os.posix_fadvise(disk.fd, start, len(part), os.POSIX_FADV_DONTNEED)
    done = 0
    while done < len(part):
        got = os.preadv(disk.fd, [part[done:]], start + done)
        if not got:
            raise OSError(errno.EIO, "nothing there")
        done += got
    return part[place.offset - start : place.offset - start + place.length]


def check_samples(
    disk: BlockDevice,
    judge: Judge,
    places: Sequence[DiskSample],
    stop: Callable[[], bool],
    progress: Callable[[float], None],
) -> None:
    """Read the remembered places and these samples and have them judged; EraseTrouble at the first that is wrong."""
    total, done, lock = max(1, sum(-(-each.length // CHUNK_BYTES) for each in places)), count(1), threading.Lock()

    def compared(place: DiskSample, view: memoryview) -> str:
        with lock:
            return judge.remember(place, bytes(view))

    def judged(place: DiskSample, view: memoryview) -> str:
        data = None if all_zeros(view) else bytes(view)
        with lock:
            progress(next(done) / total)
            return judge.blank_sample(len(view)) if data is None else judge.sample(place, data)

    _each(disk, judge.remembered, compared, stop)
    _each(disk, _cut(places), judged, stop)


def _cut(places: Sequence[DiskSample]) -> Iterator[DiskSample]:
    """No place longer than a buffer; one after the other, since a large disk has millions."""
    for place in places:
        for at in range(place.offset, place.offset + place.length, CHUNK_BYTES):
            yield DiskSample(at, min(CHUNK_BYTES, place.offset + place.length - at))


def _each(
    disk: BlockDevice,
    places: Iterable[DiskSample],
    judge: Callable[[DiskSample, memoryview], str],
    stop: Callable[[], bool],
) -> None:
    """Read and judged by two threads, so that the disk works while the last bytes are looked at."""
    turns, lock = iter(places), threading.Lock()
    failures: list[BaseException] = []

    def work() -> None:
        into = blockio.buffer(CHUNK_BYTES + 2 * 65536)
        while not failures:
            with lock:
                place = next(turns, None)
            if place is None:
                return
            try:
                if stop():
                    raise Stopped
                wrong = judge(place, _readable(disk, place, into))
                if wrong:
                    raise EraseTrouble(ErasureFault.LIES, wrong)
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=work, name=f"look-{n}", daemon=True) for n in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _readable(disk: BlockDevice, place: DiskSample, into: memoryview) -> memoryview:
    try:
        return _read(disk, place, into)
    except OSError as error:
        raise_if_lost(disk.path, place.offset, error)
        last = place.offset + place.length - 1
        where = Phrase("bytes {first} to {last}: {error}", first=place.offset, last=last, error=error)
        raise EraseTrouble(ErasureFault.UNREADABLE, where) from error
