"""Puts an image on a disk: receives, decompresses, writes and reads back side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from cloned.agent import blockio
from cloned.agent.pipeline import Pipeline, RestoreWork
from cloned.agent.receive import memory_available
from cloned.agent.restore_progress import RestoreMeter, RestoreProgress
from cloned.agent.verify import read_back
from cloned.disk.manifest import PIECE, Plan
from cloned.stream.packets import StreamAddress

MOST_SLOTS = 32
FEWEST_SLOTS = 6


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
        self.rotational = _rotational(disk) if rotational is None else rotational
        self._work = RestoreWork(
            plan=plan,
            disk=disk,
            rotational=self.rotational,
            stream=stream,
            fetch_url=fetch_url,
            token=token,
            interface=interface,
            slots=slots or _slots(),
        )
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
        meter = RestoreMeter(sum(self.plan.map.place(n).length for n in numbers), len(numbers))
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
            Pipeline(self._work, numbers, self.digests, read_at_once=gate is None).run(progress, should_stop)
        self._took("receive", began)
        if gate is not None:
            gate(numbers)
            self.verify(numbers, None, should_stop)

    def _took(self, what: str, began: float) -> None:
        self.seconds[what] = self.seconds.get(what, 0.0) + time.monotonic() - began


def _rotational(disk: str) -> bool:
    """Whether the kernel says that the disk turns."""
    flag = Path("/sys/block") / Path(disk).name / "queue" / "rotational"
    return flag.is_file() and flag.read_text().strip() == "1" and not Path(disk).name.startswith("loop")


def _slots() -> int:
    """Pieces to hold at once: a quarter of the memory that is free, within bounds."""
    return max(FEWEST_SLOTS, min(MOST_SLOTS, memory_available() // 4 // (PIECE + (1 << 19))))


def _never() -> bool:
    return False
