"""What the image room is measured by: imports beside the plain pipeline, and bitmaps of large partitions."""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cloned.disk.extents import Extents
from cloned.images.bitmap import Runs, bitmap_of
from cloned.images.saved import read_image
from cloned.images.store import ImageStore
from cloned.images.streams import command

ROUNDS = 3


@dataclass(frozen=True)
class Measure:
    """One row of the table that `make bench` prints."""

    what: str
    value: float
    unit: str
    aim: str = ""


def bench_manifest(image: Path, scratch: Path, level: int = 3) -> list[Measure]:
    """Import a Clonezilla directory into a fresh store, beside decompress-and-sha256sum of the same files."""
    saved = read_image(image)
    plain, ours, proven = [], [], []
    for _ in range(ROUNDS):  # in turns: what else the machine does then weighs on both
        plain.append(sum(_plain([str(path) for path in part.files], part.compressor) for part in saved.parts))
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            store = ImageStore(Path(folder), level)
            begun = time.perf_counter()
            manifest = store.import_image(image, "bench")
            ours.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            store.verify_image("bench")
            proven.append(time.perf_counter() - begun)
    megabytes = manifest.plan.map.used / 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    reference = megabytes / statistics.median(plain)
    return [
        Measure(
            "manifest and pieces",
            megabytes / statistics.median(ours) / reference,
            "of the plain pipeline",
            "0.9 or more, times the cores it can use",
        ),
        Measure("plain: decompress | sha256sum", reference, "MB/s"),
        Measure("verify a stored image", megabytes / statistics.median(proven), "MB/s"),
        Measure("largest memory of the process", memory, "MB", "200 or less"),
        Measure("cores", os.cpu_count() or 1, ""),
    ]


def _plain(files: list[str], compressor: str) -> float:
    """Seconds for the pipeline that everybody would write."""
    unpack = command(compressor) if compressor != "uncomp" else ("cat",)
    begun = time.perf_counter()
    with (
        subprocess.Popen(["cat", *files], stdout=subprocess.PIPE) as cat,
        subprocess.Popen(unpack, stdin=cat.stdout, stdout=subprocess.PIPE) as plain,
        subprocess.Popen(["sha256sum"], stdin=plain.stdout, stdout=subprocess.DEVNULL) as total,
    ):
        total.wait()
    return time.perf_counter() - begun


def bench_bitmap(runs: int = 300_000, size: int = 10**12, block: int = 4096) -> Measure:
    """Seconds to turn the bitmap of a fragmented partition of `size` bytes into extents."""
    blocks, chosen = size // block, random.Random(1)  # noqa: S311 - a picture of fragmentation, no secret
    edges = sorted(chosen.sample(range(blocks), 2 * runs))
    pairs = zip(edges[::2], edges[1::2], strict=True)
    extents = Extents((first * block, (last - first) * block) for first, last in pairs)
    bitmap = bitmap_of(extents, blocks, block)
    begun = time.perf_counter()
    parser = Runs()
    for at in range(0, len(bitmap), 1 << 20):
        parser.feed(bitmap[at : at + (1 << 20)])
    found = parser.extents(blocks, block)
    seconds = time.perf_counter() - begun
    assert found == extents
    return Measure(f"bitmap of a {size / 1e12:.0f} TB partition, {runs} extents", seconds, "s", "2 or less")
