"""Measures the image room on the sample image `bulk`: `python -m cloned.lab.bench_images`."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from cloned.images import samples
from cloned.images.bench import Measure, bench_bitmap, bench_manifest
from cloned.lab.stock import cache_root


def table(rows: list[Measure]) -> Table:
    """Measures with their aims."""
    found = Table(box=None, header_style="bold")
    for column in ("what", "measured", "aim"):
        found.add_column(column)
    for row in rows:
        found.add_row(row.what, f"{row.value:.2f} {row.unit}", row.aim)
    return found


def main() -> None:
    """Import, prove and parse; print a table."""
    root = cache_root()
    image = samples.build("bulk", root / "clonezilla")
    Console().print(table([*bench_manifest(image, root), bench_bitmap()]))


if __name__ == "__main__":
    main()
