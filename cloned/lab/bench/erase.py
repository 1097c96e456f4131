"""Measures erasing beside dd and nwipe, in turns on one device: `python -m cloned.lab.bench.erase disks`; needs root.

The device is a loop device over a disk of ours that moves so many megabytes a second and no more, as real ones do:
what is measured is what we lose of it. `beside`: laptops that only clone, alone and beside others that are erased, in
turns. Without a word: both. With a DEVICE: one erasure of it, and the memory that it took.
"""

from __future__ import annotations

import json
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console

from cloned import processes
from cloned.agent import blockio, erase_ask, erase_io
from cloned.agent.erase_driver import carry_out
from cloned.agent.erase_hands import RealHands
from cloned.disk import erase_machine as machine
from cloned.disk import erase_samples as samples
from cloned.disk.erase import EraseLevel, Technique
from cloned.disk.erase_check import Judge
from cloned.disk.erase_samples import DiskSample
from cloned.errors import ClonedError
from cloned.images.bench import Measure
from cloned.lab.bench import sessions
from cloned.lab.bench.images import table
from cloned.lab.loops import LoopDevice
from cloned.lab.report import ReportedLaptop
from cloned.lab.slowdisk import ThrottledDisk

ROUNDS = 3
MB_S = 100
"""What the disk moves, in millions of bytes a second: a hard disk, and what two busy cores can imitate."""
SLOWER = 80
SIZE = 256 * 1024 * 1024
LARGE_BYTES = 16 * 1024 * 1024 * 1024
"""Bytes of the disk that is only sampled; sparse. Samples of a small one are smaller than a laptop's ever are."""
TOLD = {"serial": "BENCH"}


@contextmanager
def disk(folder: Path, size: int, mb_s: int = MB_S) -> Iterator[str]:
    """A block device of that size and speed."""
    folder.mkdir(exist_ok=True)
    backing = folder / "backing"
    with backing.open("wb") as file:
        file.truncate(size)
    with ExitStack() as stack:
        slow = ThrottledDisk(backing, folder, mb_s * 1_000_000)
        stack.callback(slow.close)
        device = LoopDevice(slow.path)
        stack.callback(device.close)
        yield str(device.path)


def timed(act: Callable[[], object]) -> float:
    """Seconds that it takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def run(*words: str) -> None:
    """Run a program to its end; CalledProcessError where it fails."""
    subprocess.run(words, check=True, capture_output=True)


def overwrite(device: str) -> None:
    """Our own writing, to the end and flushed."""
    target = blockio.BlockDevice(device, writable=True)
    try:
        for _ in erase_io.Writer(target, 0, lambda: False, time.monotonic).run():
            pass
    finally:
        target.close()


def look(device: str, places: Sequence[DiskSample]) -> None:
    """Our own read-back of these places, judged."""
    target = blockio.BlockDevice(device)
    judge = Judge(Technique.OVERWRITE, "bench", (), bytes(erase_io.CHUNK_BYTES))
    try:
        erase_io.check_samples(target, judge, places, lambda: False, lambda _: None)
    finally:
        target.close()


def erased(device: str) -> None:
    """All that is done to a disk, everything read back."""
    (medium,) = erase_ask.every(device, TOLD)
    hands = RealHands(device, TOLD, False, lambda: False, lambda record, done: None)
    record = machine.plan(medium, EraseLevel.CLEAR, secrets.token_hex(16), "all")
    found = carry_out(record, hands, lambda _: None)
    assert found.erased, found.said()


NWIPE = (
    "mount -t tmpfs none /dev && mknod {0} b {1} && mknod /dev/null c 1 3 && mknod /dev/zero c 1 5 && "
    "mknod /dev/random c 1 8 && mknod /dev/urandom c 1 9 && exec nwipe --nogui --autonuke --nowait --noblank "
    "--method=zero --rounds=1 --verify=last --logfile=/dev/null {0}"
)
"""nwipe with a /dev of its own, in which there is no other disk."""


def nwipe(device: str) -> None:
    """One pass of zeros, read back whole."""
    number = Path(f"/sys/block/{Path(device).name}/dev").read_text().strip().replace(":", " ")
    run("unshare", "--mount", "--propagation", "private", "sh", "-c", NWIPE.format(device, number))


def beside_dd(device: str) -> list[Measure]:
    """Writing and reading back, in turns with dd, and the whole with nwipe."""
    write, read = (
        ["dd", "if=/dev/zero", f"of={device}", "oflag=direct"],
        ["dd", f"if={device}", "of=/dev/null", "iflag=direct"],
    )
    count = f"count={SIZE >> 22}"
    everything = samples.after("bench", SIZE, "all")
    takes: dict[str, list[float]] = {name: [] for name in ("dd writes", "we write", "dd reads", "we read")}
    for _ in range(ROUNDS):
        takes["dd writes"].append(timed(lambda: run(*write, "bs=4M", count, "conv=fdatasync")))
        takes["we write"].append(timed(lambda: overwrite(device)))
        takes["dd reads"].append(timed(lambda: run(*read, "bs=4M", count)))
        takes["we read"].append(timed(lambda: look(device, everything)))
    took = {name: statistics.median(each) for name, each in takes.items()}
    whole, theirs = timed(lambda: erased(device)), timed(lambda: nwipe(device))
    return [
        Measure("overwriting", took["dd writes"] / took["we write"], "of dd oflag=direct bs=4M", "0.95 or more"),
        Measure("read-back, all of it", took["dd reads"] / took["we read"], "of dd iflag=direct bs=4M", "0.95 or more"),
        Measure("overwriting and reading back", theirs / whole, "times nwipe --method=zero --verify=last", "1 or more"),
        Measure("dd oflag=direct bs=4M", SIZE / took["dd writes"] / 1e6, "MB/s"),
    ]


def sampled(device: str) -> Measure:
    """Two places in each of a thousand sections, beside dd reading as many bytes."""
    places = samples.after("bench", LARGE_BYTES, "sample")
    count = sum(place.length for place in places)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(timed(lambda: look(device, places)))
        theirs.append(
            timed(lambda: run("dd", f"if={device}", "of=/dev/null", "iflag=direct", "bs=4M", f"count={count >> 22}"))
        )
    ratio = statistics.median(ours) / statistics.median(theirs)
    return Measure("sampled check", ratio, "times dd reading its bytes", "1.2 or less")


def side_by_side(slower: str, faster: str) -> Measure:
    """Two disks at once, beside the slower one alone."""
    alone = statistics.median(timed(lambda: erased(slower)) for _ in range(ROUNDS))

    def both() -> None:
        threads = [threading.Thread(target=erased, args=(device,)) for device in (slower, faster)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    together = statistics.median(timed(both) for _ in range(ROUNDS))
    return Measure("two disks side by side", together / alone, "times the slower alone", "1.05 or less")


def memory(device: str) -> Measure:
    """Of a process that does nothing but one erasure."""
    words = [sys.executable, "-m", "cloned.lab.bench.erase", device]
    found = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)["memory"]
    return Measure("largest memory of an erasure's process", found / 1e6, "MB", "150 or less")


CLONING, ERASING, PAIRS = 2, 2, 3
"""Laptops that only clone, laptops beside them that are erased, and how often each is run."""
WIRE, DISK = "100mbit", 8
"""Of each port, so that the network is what cloning waits for, on two cores too; MB/s of a disk that is erased."""


def beside() -> Measure:
    """What laptops that only clone take beside others that are erased all the while, over what they take alone."""
    only = ",".join(str(CLONING + number) for number in range(1, ERASING + 1))
    slow = [word for number in only.split(",") for word in ("--fault", f"slow-disk:{number}:{DISK}")]
    alone, with_others = [], []
    for _ in range(PAIRS):
        alone.append(cloning(["--laptops", str(CLONING)]))
        with_others.append(cloning(["--laptops", str(CLONING + ERASING), "--erase", f"only:{only}", *slow]))
    ratio = statistics.median(with_others) / statistics.median(alone)
    return Measure(
        f"{CLONING} laptops that only clone, {ERASING} others being erased", ratio, "times alone", "1.02 or less"
    )


def cloning(words: Sequence[str]) -> float:
    """Seconds of the slowest laptop that only cloned, from its place to its verdict."""
    report = sessions.run([*words, "--rate", WIRE])
    others = [each for each in report["laptops"] if each["erasure"] is None]
    took = max(map(sessions.at_work, others))
    begun, ended = max(since(each, "ready") for each in others), max(since(each, "finishing") for each in others)
    for each in report["laptops"]:
        if each["erasure"] and (since(each, "erasing") > begun + took / 10 or since(each, "erased") < ended):
            raise ClonedError("it was not being erased all the while the others were cloned")
    return took


def since(laptop: ReportedLaptop, state: str) -> float:
    """When it came to this state last; seconds since 1970."""
    return max(datetime.fromisoformat(each["at"]).timestamp() for each in laptop["history"] if each["state"] == state)


def main() -> None:
    """Measure and print a table; with a device: erase it once, and say what memory that took."""
    asked = sys.argv[1:] or ["disks", "beside"]
    if asked[0].startswith("/"):
        erased(asked[0])
        print(json.dumps({"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
        return
    if "disks" in asked:
        disks()
    if "beside" in asked:
        Console().print(table([beside()]))


def disks() -> None:
    """One disk and two, beside other people's programs."""
    for tool in ("dd", "nwipe", "unshare"):
        processes.need(tool)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        one = stack.enter_context(disk(folder / "one", SIZE))
        two = stack.enter_context(disk(folder / "two", SIZE, SLOWER))
        large = stack.enter_context(disk(folder / "large", LARGE_BYTES))
        Console().print(table([*beside_dd(one), sampled(large), side_by_side(two, one), memory(one)]))


if __name__ == "__main__":
    main()
