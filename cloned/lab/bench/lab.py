"""Measures whole runs: power-on to hello, the live system's size, what a laptop costs beside the bare transfer.

    python -m cloned.lab.bench.lab

A virtual laptop boots from the network, by BIOS and by UEFI; then thin ones are cloned. What each laptop spent
beyond the bytes on a full wire stands beside the session; `--late` runs twelve with one that joins.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from cloned import live
from cloned.lab.report import LabReport, ReportedLaptop
from cloned.lab.stock import cache_root

VIRTUAL = ("bios", "uefi")
THIN = (1, 4, 8)
LATE = 12
"""Laptops of the run in which the last one joins late."""
LINE_MBPS = 1000
"""Mbit/s of the lab's cables."""
Report = LabReport


def run(*words: str) -> Report:
    """The report of one `cloned lab run`; CalledProcessError if it did not end well."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "out.json"
        program = [sys.executable, "-c", "from cloned.cli.main import main; main()"]
        command = [*program, "lab", "run", "--json", str(report)]
        subprocess.run([*command, *words], check=True, stdout=sys.stderr)
        found: Report = json.loads(report.read_text())
        return found


def boots() -> Table:
    """Seconds from power-on to the agent's hello."""
    table = _table("virtual laptop", "power-on to hello, s")
    for firmware in VIRTUAL:
        found = run("--kind", "vm", "--laptops", "1", "--firmware", firmware)
        table.add_row(firmware, f"{found['laptops'][0]['to_hello']:.1f}")
    return table


def sessions() -> Table:
    """Thin laptops with the bulk image: the session, and what each laptop needs beyond the bytes on a full wire."""
    table = _table("thin laptops", "session s", "Mbit/s each", "bare transfer s", "on top of it s (median)", "aim s")
    for count in THIN:
        found = run("--kind", "thin", "--laptops", str(count), "--image", "bulk")
        session = found["sessions"][0]
        bare = session["mbit_s"] * session["seconds"] / LINE_MBPS
        spent = median(map(_working, found["laptops"]))
        figures = session["seconds"], session["mbit_s"], bare, spent - bare
        table.add_row(str(count), *(f"{each:.1f}" for each in figures), "≤ 5")
    return table


def _working(laptop: ReportedLaptop) -> float:
    """Seconds from the confirmed start to done."""
    seconds = laptop["seconds"]
    return float(seconds["receive"] + seconds["verify"] + seconds["finish"])


def latecomer() -> Table:
    """Whether one that joins a running session costs the others anything."""
    table = _table(f"{LATE} thin laptops", f"1 to {LATE - 1} receive, s (median)", "of the run without")
    words = ("--kind", "thin", "--laptops", str(LATE), "--image", "bulk")
    alone = _receiving(run(*words))
    table.add_row("all at once", f"{alone:.1f}", "1.00")
    late = _receiving(run(*words, "--late", f"{LATE}:5"))
    table.add_row("the last one 5 s late", f"{late:.1f}", f"{late / alone:.2f}")
    return table


def _receiving(found: Report) -> float:
    return float(median(laptop["seconds"]["receive"] for laptop in found["laptops"][: LATE - 1]))


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    return table


def main() -> None:
    """Run them all; print the tables."""
    parts: Sequence[Table] = (boots(), sessions(), latecomer())
    for part in parts:
        Console().print(part)
    print(f"live system: {live.info(cache_root() / 'live').bytes / 1e6:.1f} MB (aim: at most 60)")


if __name__ == "__main__":
    main()
