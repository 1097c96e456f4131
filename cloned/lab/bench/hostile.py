"""Honest laptops beside hostile ones: the time they take as a ratio, and what the daemon needs meanwhile.

    python -m cloned.lab.bench.hostile [--laptops 8] [--seconds 60]

The same lab runs without and with `--fault hostile:SECONDS`; the attackers are niced and held to a quarter of a core.
"""

from __future__ import annotations

import argparse
import re
from statistics import median

from rich.console import Console
from rich.table import Table

from cloned.lab.bench.lab import run
from cloned.lab.report import LabReport

AIMS = {"ratio": 1.1, "memory": 300.0, "held": 0.2, "page": 1.0}
"""Time beside that without them; MB above rest; seconds that the loop was held, and that the page took to answer."""
_COST = re.compile(
    r"came ([\d.]+) s late at most \(([\d.]+) s held, ([\d.]+) s its own work\), "
    r"(\d+) MB more than before, the page answered within ([\d.]+) s"
)


def cost(report: LabReport) -> tuple[float, float, float, float, float]:
    """Seconds the loop came late, was held and worked; MB; seconds the page took. ValueError if not told."""
    [did] = [each["did"] for each in report["faults"] if each["fault"].startswith("hostile")]
    found = _COST.search(did)
    if found is None:
        raise ValueError(f"the fault tells no cost: {did}")
    late, held, busy, memory, page = map(float, found.groups())
    return late, held, busy, memory, page


def seconds(report: LabReport) -> float:
    """From the confirmed start to done, the median of the laptops; ValueError if one is not verified."""
    if any(each["verdict"] != "verified" for each in report["laptops"]):
        raise ValueError("not every laptop is verified")
    spent = (each["seconds"] for each in report["laptops"])
    return float(median(each["receive"] + each["verify"] + each["finish"] for each in spent))


def table(alone: float, beside: float, late: float, held: float, busy: float, memory: float, page: float) -> Table:
    """The figures beside their aims."""
    made = Table(box=None, header_style="bold")
    for heading in ("what", "alone", "beside hostile ones", "aim"):
        made.add_column(heading, justify="left" if heading == "what" else "right")
    ratio = f"{beside:.1f} ({beside / alone:.2f} times)"
    made.add_row("a laptop, s (median)", f"{alone:.1f}", ratio, f"≤ {AIMS['ratio']} times")
    made.add_row("memory above rest, MB", "", f"{memory:.0f}", f"≤ {AIMS['memory']:.0f}")
    made.add_row("the loop late by the clock, s", "", f"{late:.3f}", "")
    made.add_row("held, without what other programs took, s", "", f"{held:.3f}", f"≤ {AIMS['held']}")
    made.add_row("its own work, s", "", f"{busy:.3f}", f"≤ {AIMS['held']}")
    made.add_row("the page's slowest answer, s", "", f"{page:.2f}", f"≤ {AIMS['page']:.0f}")
    return made


def main() -> None:
    """Run both; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--laptops", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    words = ("--kind", "thin", "--laptops", str(asked.laptops), "--image", "bulk")
    alone = seconds(run(*words))
    report = run(*words, "--fault", f"hostile:{asked.seconds}")
    Console().print(table(alone, seconds(report), *cost(report)))


if __name__ == "__main__":
    main()
