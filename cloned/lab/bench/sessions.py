"""Measures sessions: decisions, a disk that holds its image already, and whole labs of thin laptops with faults.

    python -m cloned.lab.bench.sessions [decisions|again|labs|"8 laptops" …]

`labs` runs real agents with real (loop) disks; on two cores, what two dozen of them decompress, write, read and
hash takes longer than the network: bench_stream measures that alone. Needs root; leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from cloned.agent.blockio import SPAN, BlockDevice, buffer
from cloned.agent.restore import Restore
from cloned.core.events import ImageInfo, Settings
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, Goal, Laptop, State
from cloned.core.schedule import plan
from cloned.core.workshop import Workshop
from cloned.disk.manifest import Manifest
from cloned.errors import ClonedError
from cloned.images.store import ImageStore
from cloned.lab import stock
from cloned.lab.loops import LoopDevice
from cloned.lab.report import LabReport, ReportedLaptop
from cloned.lab.slowdisk import ThrottledDisk

LABS = {
    "1 laptop": ["--laptops", "1"],
    "8 laptops": ["--laptops", "8"],
    "12 laptops": ["--laptops", "12"],
    "12, the last 5 s late": ["--laptops", "12", "--late", "12:5"],
    "4, one lost power at 60 %": ["--laptops", "4", "--fault", "drop:4@60"],
    "24 laptops": ["--laptops", "24"],
    "4 at 200 Mbit/s": ["--laptops", "4", "--rate", "200mbit"],
    "12 at 100 Mbit/s": ["--laptops", "12", "--rate", "100mbit"],
}
DISKS = (100_000_000, 500_000_000)
"""Bytes a second: a hard disk, a SATA SSD."""


def table(*columns: str) -> Table:
    """An empty table."""
    made = Table(box=None, header_style="bold")
    for column in columns:
        made.add_column(column, no_wrap=True)
    return made


# -- decisions ---------------------------------------------------------------------------------------


def decisions() -> Table:
    """A thousand laptops that wait for three images."""
    made = table("decision", "ms", "aim")
    images = {name: ImageInfo(name, name, 1, 1) for name in "abc"}
    laptops = {
        LaptopId(f"l{n}"): Laptop(
            LaptopId(f"l{n}"), n, Facts(Identity()), State.WAITING, float(n), 0.0, goal=Goal(image="abc"[n % 3])
        )
        for n in range(1000)
    }
    workshop = Workshop(Settings(), laptops, images=images, places=24, link_mbps=1000)
    made.add_row("scheduling 1,000 laptops", f"{1000 * best(lambda: plan(workshop, 0.0)):.1f}", "under 50")
    return made


def best(act: Callable[[], object], times: int = 20) -> float:
    """The least seconds that it took."""
    return min(map(timed, [act] * times))


def timed(act: Callable[[], object]) -> float:
    """The seconds that it took."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


# -- a disk that holds its image ------------------------------------------------------------------------


def again() -> Table:
    """Reading back everything, as the agent does with a laptop that comes again, beside reading alone."""
    made = table("unchanged disk", "MB/s read", "MB/s re-cloned", "ratio", "aim")
    found = stock.prepare("bulk", print)
    with tempfile.TemporaryDirectory(dir=stock.cache_root()) as folder:
        backing = Path(folder) / "disk"
        with backing.open("wb") as file:
            file.truncate(found.manifest.disk_size + (64 << 20))
        fill(backing, found.manifest, found.store)
        for rate in DISKS:
            slow = ThrottledDisk(backing, Path(folder), rate)
            try:
                made.add_row(f"{rate // 10**6} MB/s", *compared(slow.path, found.manifest), "0.8")
            finally:
                slow.close()
        made.add_row("from memory: the processor's limit", *compared(backing, found.manifest), "")
    return made


def fill(disk: Path, manifest: Manifest, store: ImageStore) -> None:
    """Put every piece where it belongs."""
    import zstandard

    unpack = zstandard.ZstdDecompressor().decompress
    with disk.open("r+b") as file:
        for piece in range(manifest.plan.map.count):
            data, at = unpack(store.piece_frame(manifest.name, piece), 1 << 23), 0
            for offset, length in manifest.plan.map.place(piece).ranges():
                os.pwrite(file.fileno(), data[at : at + length], offset)
                at += length
        os.fsync(file.fileno())


def compared(path: Path, manifest: Manifest) -> list[str]:
    """Megabytes a second of reading alone and of a survey, and their ratio."""
    with device(path) as disk:
        used = manifest.plan.map.used
        reading = used / timed(lambda: read_only(disk, manifest)) / 1e6
        restore = Restore(manifest.plan, disk)
        surveyed = used / timed(restore.survey) / 1e6
    if tuple(restore.digests) != manifest.pieces:
        raise ClonedError("the disk does not hold the image")
    return [f"{reading:.0f}", f"{surveyed:.0f}", f"{surveyed / reading:.2f}"]


@contextmanager
def device(backing: Path) -> Iterator[str]:
    """A file as a block device."""
    loop = LoopDevice(backing)
    try:
        yield f"/dev/loop{loop.number}"
    finally:
        loop.close()


def read_only(path: str, manifest: Manifest) -> None:
    """Read the image's bytes past the page cache, in order, and do nothing with them."""
    disk, into = BlockDevice(path), buffer()
    try:
        for layer in manifest.plan.layers:
            for offset, length in layer.ranges(0, layer.used):
                at = (layer.start or 0) + offset
                for start in range(at, at + length, SPAN):
                    os.preadv(disk.fd, [into[: min(SPAN, at + length - start)]], start)
    finally:
        disk.close()


# -- labs -------------------------------------------------------------------------------------------


COLUMNS = f"{'lab':28} {'slowest s':>9} {'median s':>9} {'Mbit/s':>7} {'the odd one s':>14} {'estimates right':>16}"


def lab(name: str) -> None:
    """One whole run; the last laptop counts apart where it is the odd one."""
    report, odd = run(LABS[name]), bool({"--late", "--fault"} & set(LABS[name]))
    spent = [at_work(laptop) for laptop in report["laptops"]]
    others = spent[:-1] if odd else spent
    each = report["sessions"][0]["bytes"] * 8 / max(others) / 1e6
    last = f"{spent[-1]:.1f}" if odd else ""
    right = f"{report['estimate']['right']:.0%} of {report['estimate']['of']}"
    print(f"{name:28} {max(others):9.1f} {median(others):9.1f} {each:7.0f} {last:>14} {right:>16}", flush=True)


def run(words: Sequence[str]) -> LabReport:
    """The report of a lab with thin laptops and `bulk`."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "out.json"
        program = [sys.executable, "-c", "from cloned.cli.main import main; main()", "lab", "run", "--kind", "thin"]
        subprocess.run(
            [*program, "--image", "bulk", *words, "--json", str(report)], check=True, stdout=subprocess.DEVNULL
        )
        found: LabReport = json.loads(report.read_text())
        return found


def at_work(laptop: ReportedLaptop) -> float:
    """Seconds from a laptop's last place in a session to its verdict."""
    history = [(each["state"], datetime.fromisoformat(each["at"]).timestamp()) for each in laptop["history"]]
    began = max(at for state, at in history if state == "ready")
    return next(at for state, at in history if state == "finishing" and at >= began) - began


def main() -> None:
    """Print the tables that were asked for, or all."""
    parts: dict[str, Callable[[], Table]] = {"decisions": decisions, "again": again}
    asked = sys.argv[1:] or [*parts, "labs"]
    for name in asked:
        if name in parts:
            Console(width=120).print(parts[name]())
    chosen = [name for name in LABS if name in asked or "labs" in asked]
    if chosen:
        print(COLUMNS)
    for name in chosen:
        lab(name)


if __name__ == "__main__":
    main()
