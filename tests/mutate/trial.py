"""Runs the tests once, then for each change again those that come by it, in a fork of the process that holds them all.

So nothing is imported or collected twice, and a change costs the tests that reach it, until the first that fails.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import json
import os
import resource
import select
import shutil
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from tests.mutate.changes import Change, ask

CPU_SECONDS, CPU_TIMES = 5.0, 20.0
"""What a test may take of a processor once something is turned: so much, and so many times what it took before. More is
an endless loop."""
WAIT_SECONDS, WAIT_TIMES = 15.0, 5.0
"""The same by the clock. Longer is waiting for ever."""
MEMORY = 8 << 30
PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""


@dataclass(frozen=True)
class Outcome:
    """What became of a change: the test that noticed it, "" for none; how many tests come by it."""

    change: Change
    noticed: str
    reached: int


@dataclass(frozen=True)
class _Run:
    """A test as it ran with nothing turned."""

    item: pytest.Item
    hits: frozenset[int]
    seconds: float
    cpu: float

    @property
    def folder(self) -> str:
        """Where it lies, as "unit/core": from tests/ on."""
        return self.item.nodeid.split("::")[0].removeprefix("tests/").rpartition("/")[0]


@dataclass
class _Fork:
    pid: int
    pidfd: int
    begun: int
    "The end of a pipe that brings a byte for each test that begins."
    change: Change
    runs: list[_Run]
    folder: Path
    at: int = 0
    "How many have begun."
    ends: float = 0.0

    def heard(self) -> None:
        """Another test has begun, and has its time."""
        with contextlib.suppress(BlockingIOError):
            self.at += len(os.read(self.begun, 4096))
        self.ends = time.monotonic() + WAIT_SECONDS + WAIT_TIMES * self.runs[max(0, self.at - 1)].seconds


class Trial:
    """A plugin of pytest. `queue` gives the changes to try, `told` hears what became of each."""

    def __init__(self, queue: Iterator[Change], told: Callable[[Outcome], None], folder: Path, jobs: int) -> None:
        """`folder`: where the tests' files go; `jobs`: changes tried at once."""
        self._queue, self._told, self._folder, self._jobs = queue, told, folder, jobs
        self.failed: list[str] = []
        "Tests that fail with nothing turned. Then nothing is tried."
        self.files: dict[int, set[str]] = defaultdict(set)
        "The test files that come by each condition."
        self._bad = ""
        self._killers: Counter[tuple[str, str]] = Counter()
        self._forked = 0

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        self._factory = cast("Any", config)._tmp_path_factory

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._bad = self._bad or report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.collect()
        gc.freeze()
        runs = self._as_it_is(session.items)
        if not self.failed:
            self._try(runs)
        return True

    def _fails(self, item: pytest.Item) -> bool:
        """Each fixture is made anew and each cache emptied: what a test comes by does not depend on those before it."""
        for cache in _caches():
            cache.cache_clear()
        self._bad = ""
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return bool(self._bad)

    def _fork(self, does: Callable[[], int]) -> tuple[int, Path]:
        """A process that does it, and its folder for the tests' files, which whoever awaits it takes away."""
        self._forked += 1
        folder = self._folder / str(self._forked)
        folder.mkdir()
        pid = os.fork()
        if pid:
            return pid, folder
        code = 3
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            for each in (1, 2):
                os.dup2(0, each)  # each change makes tests fail: nobody wants to read of it
            self._factory._basetemp = folder
            code = does()
        finally:
            os._exit(code)

    def _as_it_is(self, items: list[pytest.Item]) -> list[_Run]:
        """All tests with nothing turned, shared out among forks."""
        parts = []
        for part in range(self._jobs):
            mine, told = items[part :: self._jobs], self._folder / f"part{part}.json"
            parts.append((*self._fork(functools.partial(self._share, mine, told)), mine, told))
        runs = []
        for pid, folder, mine, told in parts:
            os.waitpid(pid, 0)
            found = (
                json.loads(told.read_text()) if told.exists() else {"failed": ["what ended its process"], "runs": ()}
            )
            self.failed += found["failed"]
            runs += [_Run(item, frozenset(h), s, c) for item, (h, s, c) in zip(mine, found["runs"], strict=False)]
            shutil.rmtree(folder, ignore_errors=True)
        return runs

    def _share(self, items: list[pytest.Item], told: Path) -> int:
        failed, runs = [], []
        for item in items:
            hits: set[int] = set()
            ask(hits.add)
            began, cpu = time.monotonic(), time.process_time()
            if self._fails(item):
                failed.append(item.nodeid)
            runs.append((sorted(hits), time.monotonic() - began, time.process_time() - cpu))
        told.write_text(json.dumps({"failed": failed, "runs": runs}))
        return 0

    def _try(self, runs: list[_Run]) -> None:
        """So many changes at once as there are jobs, until the queue ends."""
        by_change: dict[int, list[_Run]] = defaultdict(list)
        for run in runs:
            for number in run.hits:
                by_change[number].append(run)
                self.files[number].add(run.item.nodeid.split("::")[0])
        at_work: list[_Fork] = []
        queue = iter(self._queue)
        more = True
        try:
            while more or at_work:
                while more and len(at_work) < self._jobs:
                    change = next(queue, None)
                    if more := change is not None:
                        at_work += self._start(change, by_change[change.number])
                at_work = self._await(at_work)
        finally:  # interrupted: nobody is left at work in the folder that goes
            for fork in at_work:
                self._ended(fork)

    def _await(self, at_work: list[_Fork]) -> list[_Fork]:
        """Those that are still at work after something happened."""
        if not at_work:
            return []
        wait = max(0.0, min(fork.ends for fork in at_work) - time.monotonic())
        ready = select.select([end for fork in at_work for end in (fork.pidfd, fork.begun)], [], [], wait)[0]
        for fork in at_work:
            if fork.begun in ready:
                fork.heard()
        over = [fork for fork in at_work if fork.pidfd in ready or time.monotonic() > fork.ends]
        for fork in over:
            self._told(self._ended(fork))
        return [fork for fork in at_work if fork not in over]

    def _start(self, change: Change, runs: list[_Run]) -> list[_Fork]:
        """None, and told at once, where no test comes by it."""
        if not runs:
            self._told(Outcome(change, "", 0))
            return []
        near = change.path.removeprefix("cloned/").rpartition("/")[0]

        def promise(run: _Run) -> float:
            """How soon it may find something: quick ones, those of the same room, those that did before."""
            found = self._killers[change.path, run.item.nodeid]
            return (0.1 + found + run.folder.endswith(near)) / (0.05 + run.seconds)

        order = sorted(runs, key=promise, reverse=True)
        heard, begun = os.pipe()
        os.set_blocking(heard, False)
        pid, folder = self._fork(functools.partial(self._turned, change.number, order, begun))
        os.close(begun)
        ends = time.monotonic() + WAIT_SECONDS
        return [_Fork(pid, os.pidfd_open(pid), heard, change, order, folder, ends=ends)]

    def _turned(self, number: int, runs: list[_Run], begun: int) -> int:
        """1 where a test fails."""
        ask(number.__eq__)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
        for run in runs:
            os.write(begun, b".")
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS + CPU_TIMES * run.cpu)  # SIGPROF ends the process
            if self._fails(run.item):
                return 1
        return 0

    def _ended(self, fork: _Fork) -> Outcome:
        """Whatever it left behind of processes and files goes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(fork.pid, signal.SIGKILL)
        status = os.waitpid(fork.pid, 0)[1]
        fork.heard()
        os.close(fork.pidfd)
        os.close(fork.begun)
        noticed = ""
        if status:
            noticed = fork.runs[max(0, fork.at - 1)].item.nodeid
            self._killers[fork.change.path, noticed] += 1
        shutil.rmtree(fork.folder, ignore_errors=True)
        return Outcome(fork.change, noticed, len(fork.runs))


@functools.cache
def _caches() -> list[Any]:
    """All functions of ours that remember what they gave, of modules and of their classes."""
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("cloned")]
    owners = [*modules, *(value for module in modules for value in vars(module).values() if isinstance(value, type))]
    values = [value for owner in owners for value in vars(owner).values()]
    return [value for value in (getattr(each, "__func__", each) for each in values) if hasattr(value, "cache_clear")]
