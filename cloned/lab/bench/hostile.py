"""Honest laptops beside hostile ones: the time they take as a ratio, and what the daemon needs meanwhile.

    python -m cloned.lab.bench.hostile [--laptops 8] [--seconds 60]

The same lab runs without and with `--fault hostile:SECONDS`; the attackers are niced and held to a quarter of a core.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from cloned.lab.bench.lab import run

AIMS = {"ratio": 1.1, "memory": 300.0, "lag": 0.2, "page": 1.0}
"""Time beside that without them; MB above rest; seconds that the loop was held, and that the page took to answer."""
_COST = re.compile(
    r"held for ([\d.]+) s at most of late \(([\d.]+) s of them work of its own\), "
    r"(\d+) MB more than before, the page answered within ([\d.]+) s"
)


def cost(report: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Seconds the loop was held, of its own work among them, MB, seconds the page took; ValueError if not told."""
    [did] = [each["did"] for each in report["faults"] if each["fault"].startswith("hostile")]
    found = _COST.search(did)
    if found is None:
        raise ValueError(f"the fault tells no cost: {did}")
    return float(found[1]), float(found[2]), float(found[3]), float(found[4])


def seconds(report: Mapping[str, Any]) -> float:
    """From the confirmed start to done, the median of the laptops; ValueError if one is not verified."""
    if any(each["verdict"] != "verified" for each in report["laptops"]):
        raise ValueError("not every laptop is verified")
    spent = (each["seconds"] for each in report["laptops"])
    return float(median(each["receive"] + each["verify"] + each["finish"] for each in spent))


def table(alone: float, beside: float, lag: float, busy: float, memory: float, page: float) -> Table:
    """The figures beside their aims."""
    made = Table(box=None, header_style="bold")
    for heading in ("what", "alone", "beside hostile ones", "aim"):
        made.add_column(heading, justify="left" if heading == "what" else "right")
    ratio = f"{beside:.1f} ({beside / alone:.2f} times)"
    made.add_row("a laptop, s (median)", f"{alone:.1f}", ratio, f"≤ {AIMS['ratio']} times")
    made.add_row("memory above rest, MB", "", f"{memory:.0f}", f"≤ {AIMS['memory']:.0f}")
    made.add_row("the loop held, s", "", f"{lag:.3f}", f"≤ {AIMS['lag']}")
    made.add_row("its own work in that, s", "", f"{busy:.3f}", f"≤ {AIMS['lag']}")
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
