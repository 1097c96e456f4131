"""Measures what tests of parts cost a session: `python -m cloned.lab.bench.trials`; needs root, leaves nothing behind.

Workshops of laptops that wait for somebody's word, in turns with and without tests. With them each laptop's processor
is under that test's full load (stress-ng on all cores) when the word is given; what is measured is the
time from that word to the last verdict. One machine plays all of them, so what a laptop's own processor does in such a
test is worse here than on any laptop: all of them have these cores only.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console

from cloned import processes
from cloned.core.shown_data import LaptopData
from cloned.errors import ClonedError
from cloned.images.bench import Measure
from cloned.lab import registry
from cloned.lab.bench.images import table

LAPTOPS, PAIRS, WIRE = 2, 3, "200mbit"
"""Laptops of a session, how often each way is run, and each port's rate: the network is what cloning waits for."""
BEFORE = "disk-read"
"""The test before that of the processor: once it is told, the load is on."""
LONGEST_SECONDS = 600.0
_CLONED = [sys.executable, "-c", "from cloned.cli.main import main; main()"]


@dataclass(frozen=True)
class Shop:
    """A workshop that is up; nothing is cloned in it without a word."""

    page: str
    config: str

    def laptops(self) -> list[LaptopData]:
        """As the page has them."""
        with urllib.request.urlopen(f"{self.page}/api/v1/state", timeout=60) as answer:  # noqa: S310 - the lab's own
            found: list[LaptopData] = json.load(answer)["laptops"]
        return found

    def until(self, true: Callable[[LaptopData], bool], what: str) -> list[LaptopData]:
        """Every laptop, once all of them are so. Raises ClonedError."""
        end = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < end:
            found = self.laptops()
            if len(found) == LAPTOPS and all(map(true, found)):
                return found
            time.sleep(0.2)
        raise ClonedError(f"the laptops never came to {what}")

    def confirm(self, laptops: list[LaptopData]) -> None:
        """Give the word for all of them at once."""
        commands = [[*_CLONED, "confirm", laptop["id"], "--config", self.config] for laptop in laptops]
        ended = [each.wait() for each in [processes.spawn(command) for command in commands]]
        if any(ended):
            raise ClonedError("a laptop could not be confirmed")


@contextmanager
def shop(*words: str) -> Iterator[Shop]:
    """A lab in which triage holds every laptop back until somebody confirms it."""
    held = [word for number in range(1, LAPTOPS + 1) for word in ("--fault", f"locked:{number}")]
    given = ["--laptops", str(LAPTOPS), "--kind", "thin", "--image", "bulk", "--rate", WIRE, *held, *words]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as said:
            subprocess.run([*_CLONED, "lab", "up", *given], check=True, stdout=said, stderr=said)
        text = log.read_text()
    page, config = re.search(r"http://127\.0\.0\.1:\d+", text), re.search(r"--config (\S+?)`", text)
    run = re.search(r"\blab (cl[0-9a-f]{4})\b", text)
    if page is None or config is None or run is None:
        raise ClonedError(f"the lab did not say where it is: {text}")
    try:
        yield Shop(page[0], config[1])
    finally:
        for entry in registry.entries():
            if entry.run == run[1]:  # no other that somebody left running
                registry.end(entry)


def session(*words: str) -> float:
    """Seconds from its begin to the last verdict. Not from the word for it: the command that gives it starts on the
    cores that the laptops of a lab keep busy, as no real laptop could."""
    with shop(*words) as there:
        tested = bool(words)
        waiting = there.until(
            lambda laptop: laptop["reason"] == "triage-asks" and _loaded(laptop, tested), "their load"
        )
        there.confirm(waiting)
        done = there.until(lambda laptop: laptop["verdict"] == "verified", "their verdict")
    return max(_came_to(laptop, "finishing") for laptop in done) - min(_came_to(laptop, "ready") for laptop in done)


def _loaded(laptop: LaptopData, tested: bool) -> bool:
    """Whether its processor's test runs by now, where it is tested at all."""
    told, wanted = [test["name"] for test in laptop["tests"]], laptop["tests_wanted"]
    return (BEFORE in told and "processor" in wanted) if tested else not wanted


def _came_to(laptop: LaptopData, state: str) -> float:
    """When it came to a state last; seconds since 1970."""
    times = [each["at"] for each in laptop["history"] if each["state"] == state]
    return datetime.fromisoformat(times[-1]).timestamp()


def main() -> None:
    """Measure and print a table."""
    without, with_tests = [], []
    for _ in range(PAIRS):
        without.append(session())
        with_tests.append(session("--tests", "all"))
        print(f"{without[-1]:.1f} s without tests, {with_tests[-1]:.1f} s with", flush=True)
    ratio = statistics.median(with_tests) / statistics.median(without)
    name = f"a session of {LAPTOPS} laptops that were being tested"
    Console().print(table([Measure(name, ratio, "times without", "1.02 or less")]))
    cores, load = os.cpu_count() or 1, os.getloadavg()[2]
    print(f"{cores} cores; load {load:.1f} over fifteen minutes, its own included")


if __name__ == "__main__":
    main()
