"""Measures whole runs: power-on to hello, the live system's size, seconds beside the transfer.

    python -m cloned.lab.bench_lab

Two virtual laptops boot from the network (BIOS, UEFI); then thin ones are cloned. `boot` counts from the boot script to
the agent's hello, `beside` what each laptop spent on preparing, reading back and finishing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cloned import live
from cloned.lab.stock import cache_root

RUNS = (
    ("vm", 2, ["--firmware", "bios,uefi"]),
    ("thin", 1, ["--image", "bulk"]),
    ("thin", 4, ["--image", "bulk"]),
    ("thin", 8, ["--image", "bulk"]),
)


def run(kind: str, laptops: int, words: list[str]) -> dict[str, Any]:
    """The report of one lab run."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "out.json"
        command = [sys.executable, "-c", "from cloned.cli import main; main()", "lab", "run", "--kind", kind]
        subprocess.run([*command, "--laptops", str(laptops), *words, "--json", str(report)], check=True)
        found: dict[str, Any] = json.loads(report.read_text())
        return found


def main() -> None:
    """Run them all; print a table."""
    table = Table(box=None, header_style="bold")
    for column in ("run", "firmware", "boot s", "receive s", "verify s", "finish s", "session s", "Mbit/s each"):
        table.add_column(column)
    for kind, laptops, words in RUNS:
        found = run(kind, laptops, words)
        session = found["sessions"][0]
        for laptop in found["laptops"]:
            seconds = [f"{laptop['seconds'][name]:.1f}" for name in ("boot", "receive", "verify", "finish")]
            rest = f"{session['seconds']:.1f}", f"{session['mbit_s']:.0f}"
            table.add_row(f"{kind} {laptop['id']} of {laptops}", laptop["firmware"], *seconds, *rest)
    Console().print(table)
    print(f"live system: {live.info(cache_root() / 'live').bytes / 1e6:.1f} MB (aim: at most 60)")


if __name__ == "__main__":
    main()
