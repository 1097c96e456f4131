"""Measures the image room and the read-back: `python -m cloned.lab.bench.images`, on the sample image `bulk`."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cloned.agent import blockio
from cloned.agent.verify import read_back
from cloned.disk.extents import Extents
from cloned.disk.manifest import Layer, PieceMap
from cloned.images import samples
from cloned.images.bench import Measure, bench_bitmap, bench_manifest
from cloned.lab.stock import cache_root

ROUNDS = 3
GAP_BYTES = 65536
"""Bytes between the used ranges of the second read-back: a disk is never used without gaps."""


def table(rows: list[Measure]) -> Table:
    """Measures with their aims."""
    found = Table(box=None, header_style="bold")
    for column in ("what", "measured", "aim"):
        found.add_column(column)
    for row in rows:
        found.add_row(row.what, f"{row.value:.2f} {row.unit}", row.aim)
    return found


def bench_read_back(device: Path) -> list[Measure]:
    """The agent's read-back of what `device` (or a file) holds beside `dd iflag=direct`, in turns."""
    size = device.stat().st_size // blockio.SPAN * blockio.SPAN
    used = [(at, 4 * 1024 * 1024 - GAP_BYTES) for at in range(0, size, 4 * 1024 * 1024)]
    plain, whole, parts = [], [], []
    for _ in range(ROUNDS):
        plain.append(size / _dd(device, size))
        whole.append(size / _read(device, size, [(0, size)]))
        parts.append(sum(length for _, length in used) / _read(device, size, used))
    reference = statistics.median(plain)
    memory = _apart(device, size)
    return [
        Measure("read-back, all of it", statistics.median(whole) / reference, "of dd iflag=direct", "0.9 or more"),
        Measure("read-back, with gaps", statistics.median(parts) / reference, "of dd iflag=direct", "0.9 or more"),
        Measure("dd iflag=direct", reference / 1e6, "MB/s"),
        Measure("largest memory of the read-back's process", memory / 1e6, "MB", "200 or less"),
    ]


def _dd(device: Path, size: int) -> float:
    begun = time.perf_counter()
    words = ["dd", f"if={device}", "of=/dev/null", "iflag=direct", "bs=4M", f"count={size >> 22}"]
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - begun


def _read(device: Path, size: int, extents: list[tuple[int, int]]) -> float:
    """Seconds for one read-back."""
    pieces = PieceMap((Layer(1, "sda1", "dd", 0, size, Extents(extents)),))
    digests = [b""] * pieces.count
    disk = blockio.BlockDevice(str(device))
    begun = time.perf_counter()
    try:
        read_back(disk, pieces, range(pieces.count), digests, lambda _: None, lambda: False)
    finally:
        disk.close()
    assert all(digests)
    return time.perf_counter() - begun


def _apart(device: Path, size: int) -> int:
    """Most memory, in bytes, of a process that does nothing but one read-back."""
    words = [sys.executable, "-m", "cloned.lab.bench.images", str(device), str(size)]
    found: dict[str, int] = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    return found["memory"]


def main() -> None:
    """Import, prove, parse and read back; print a table. With arguments: one read-back, and what memory it took."""
    if sys.argv[1:]:
        _read(Path(sys.argv[1]), int(sys.argv[2]), [(0, int(sys.argv[2]))])
        print(json.dumps({"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
        return
    root = cache_root()
    image = samples.build("bulk", root / "clonezilla")
    largest = max(image.iterdir(), key=lambda path: path.stat().st_size)
    Console().print(table([*bench_manifest(image, root), bench_bitmap(), *bench_read_back(largest)]))


if __name__ == "__main__":
    main()
