"""Do the tests bite? Turns one comparison, one `and` or `or` round at a time, and counts which changes the tests notice.

    python -m tests.mutate [--share PERCENT] [--seed N] [--each N] [--minutes M] [ROOM…]

A ROOM is a file or folder under cloned/ (ROOMS), or a file in one of them. The conditions of those that guard are tried first, all of them; of the
others as many as there is time for, drawn by the seed. Exit 1 where fewer than PERCENT (90) of a room's were noticed,
or the table of those that were looked at (looked_at.toml) is wrong; exit 2 where the tests fail before anything is changed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import pytest

from tests.mutate.changes import ROOT, Change, Turned, ask
from tests.mutate.looked_at import LookedAt, stale, table, why
from tests.mutate.rooms import GUARDS, ROOMS, asked_for, enclosing, paths_of, room_of
from tests.mutate.trial import Outcome, Trial

OPTIONS = [
    "-q",
    "-s",
    "-p",
    "no:cacheprovider",
    "-o",
    "timeout=0",
    "-m",
    "not slow and not lab and not interop and not nightly",
]


@dataclass
class Count:
    """What became of a room's changes."""

    tried: int = 0
    noticed: int = 0
    looked_at: int = 0
    of: int = 0

    @property
    def percent(self) -> float:
        """Of those that somebody should notice."""
        due = self.tried - self.looked_at
        return 100 * self.noticed / due if due else 100.0


@dataclass
class Report:
    """Hears of each change, and says at the end what came of all."""

    looked: list[LookedAt]
    fixed: set[int]
    "Conditions that are come by while modules are imported: turned later, they may do nothing."
    counts: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    again: list[Change] = field(default_factory=list)
    wrong: int = 0
    out: TextIO = field(default_factory=lambda: os.fdopen(os.dup(1), "w", buffering=1))
    "Where it tells: as things are before the tests have their own output."

    def write(self, line: str) -> None:
        """At once: forks must find nothing left to write."""
        self.out.write(line + "\n")

    def told(self, outcome: Outcome) -> None:
        """Counts it, or puts it among those that have to be imported anew."""
        change = outcome.change
        if not outcome.noticed and change.number in self.fixed:
            self.again.append(change)
            return
        count, reason = self.counts[room_of(change)], why(change, self.looked)
        count.tried += 1
        if (tried := sum(each.tried for each in self.counts.values())) % 100 == 0:
            self.write(f"({tried} tried, {sum(each.noticed for each in self.counts.values())} noticed)")
        if outcome.noticed:
            count.noticed += 1
            if reason:
                self.wrong += 1
                self.write(f"looked at, yet noticed by {outcome.noticed}: {change}")
        elif reason:
            count.looked_at += 1
        else:
            self.write(f"not noticed ({outcome.reached} tests come by it): {change}")

    def say(self) -> None:
        """A line for each room."""
        for room, count in ((room, count) for room, count in self.counts.items() if count.tried):
            self.write(
                f"{room}: {count.noticed} of {count.tried} noticed, {count.looked_at} more looked at: {count.percent:.0f} %"
                f" (there are {count.of})"
            )


def queue(changes: list[Change], rooms: Sequence[str], given: argparse.Namespace, ends: float) -> Iterator[Change]:
    """Guards first, then the others as the dice fall, no more of a room than `--each`; it ends with the time."""
    dice = random.Random(given.seed)
    some = [change for change in changes if asked_for(change, rooms)]
    dice.shuffle(some)
    some.sort(key=lambda change: room_of(change) not in GUARDS)
    tried: dict[str, int] = defaultdict(int)
    for change in some:
        if time.monotonic() > ends:
            return
        tried[room_of(change)] += 1
        if not given.each or tried[room_of(change)] <= given.each or room_of(change) in GUARDS:
            yield change


def anew(change: Change, files: list[str]) -> Outcome:
    """A change at a condition that is come by while its module is imported: in a process that has imported nothing."""
    command = [sys.executable, "-m", "tests.mutate", "--anew", str(change.number), *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=900, check=False)
    return Outcome(change, "an import anew" if done.returncode else "", len(files))


def pytest_run(paths: Sequence[str], plugin: object, log: Path) -> int:
    """Standard input, output and errors are what tests write to: they go elsewhere meanwhile."""
    kept = [os.dup(each) for each in range(3)]
    null, into = os.open(os.devnull, os.O_RDWR), os.open(log, os.O_WRONLY | os.O_CREAT)
    try:
        for each in range(3):
            os.dup2(into if each else null, each)
        return int(pytest.main([*OPTIONS, *paths], plugins=[plugin]))
    finally:
        for each in range(3):
            os.dup2(kept[each], each)


def parsed() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="tests.mutate")
    parser.add_argument("--share", type=float, default=90.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--each", type=int, default=0, help="changes tried in each room that does not guard; 0: all")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no further change after these")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--anew", type=int, help=argparse.SUPPRESS)
    parser.add_argument("rooms", nargs="*", default=list(ROOMS))
    given = parser.parse_args()
    unknown = [room for room in given.rooms if enclosing(room) is None]
    if unknown and given.anew is None:
        parser.error(f"{', '.join(unknown)}: no room and no file of one; there are {', '.join(ROOMS)}")
    return given


def tried(finder: Turned, given: argparse.Namespace) -> Report:
    """All that there is time for."""
    ends, fixed = time.monotonic() + 60 * given.minutes, set[int]()
    ask(fixed.add)
    for name in finder.modules():
        importlib.import_module(name)
    report = Report(table(), fixed)
    for change in finder.changes:
        report.counts[room_of(change)].of += 1
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        trial = Trial(queue(finder.changes, given.rooms, given, ends), report.told, Path(folder), given.jobs)
        if (
            pytest_run(paths_of([enclosing(room) or room for room in given.rooms]), trial, log := Path(folder) / "log")
            or trial.failed
        ):
            print("tests fail as it is, and would notice everything:", *trial.failed, sep="\n  ")
            print(log.read_text()[-3000:])
            sys.exit(2)
    report.fixed = set()
    files = {change.number: _files(change, finder.changes, trial) for change in report.again}
    with ThreadPoolExecutor(given.jobs) as pool:
        for outcome in pool.map(lambda change: anew(change, files[change.number]), report.again):
            report.told(outcome)
    return report


def _files(change: Change, changes: list[Change], trial: Trial) -> list[str]:
    """The test files that come by anything in the file of a change; where none does, all of its room."""
    found = {file for each in changes if each.path == change.path for file in trial.files.get(each.number, ())}
    return sorted(found) or paths_of([room_of(change)])


def main() -> int:
    """Try changes and tell."""
    given = parsed()
    os.nice(19)
    os.environ |= {"HYPOTHESIS_PROFILE": "brief", "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True  # root leaves none in a checkout
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and its folder goes
    finder = Turned(list(ROOMS))
    sys.meta_path.insert(0, finder)
    if given.anew is not None:
        ask(given.anew.__eq__)
        return int(pytest.main([*OPTIONS, "-x", *given.rooms]))
    print(f"seed {given.seed}", flush=True)
    report = tried(finder, given)
    for entry in (old := stale(finder.changes, report.looked)):
        print(f"looked at, yet not in the source: {entry.path} {entry.within}: {entry.was}")
    report.say()
    enough = all(count.percent >= given.share for count in report.counts.values())
    return 0 if enough and not report.wrong and not old else 1


if __name__ == "__main__":
    sys.exit(main())
