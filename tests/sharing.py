"""One run of pytest that becomes several once everything is imported and collected (`-p tests.sharing --runs 2`).

Each file goes to whichever of them comes to it first. Workers of pytest-xdist import and collect everything anew and tell
a further process of each test, three times: where a test takes milliseconds that is a third of all the time.
"""

from __future__ import annotations

import ctypes
import os
import random
import re
import signal
import struct
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

NUMBER = struct.Struct("=H")
PROGRESS = re.compile(r"[.s]* *\[ *\d+%\]\n")
PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""


class Files:
    """The test files that nobody has begun yet, in a pipe that all runs read from: each number is read once (pipe(7))."""

    def __init__(self, items: list[pytest.Item]) -> None:
        """Those that look at the whole house come first: they take longest, and nobody should wait for one at the end."""
        of = defaultdict[Path, list[pytest.Item]](list)
        for item in items:
            of[item.path].append(item)
        self._files = [of[path] for path in sorted(of, key=lambda path: len(path.parts))]
        self._pipe, into = os.pipe()
        numbers = b"".join(map(NUMBER.pack, range(len(self._files))))
        os.set_blocking(into, False)  # more than a pipe holds is an error, not a wait for ever
        assert os.write(into, numbers) == len(numbers)
        os.close(into)

    def items(self) -> Iterator[pytest.Item]:
        """The tests of one file after the other, until all are begun."""
        while number := os.read(self._pipe, NUMBER.size):
            yield from self._files[NUMBER.unpack(number)[0]]


class Sharing:
    """The first run, and in each fork of it that fork."""

    def __init__(self, runs: int) -> None:
        self._runs = runs
        self._others: list[tuple[int, IO[str]]] = []
        """Process id of each fork, and what it says."""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """As pytest's own, in each run over the files that it comes to first."""
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            raise session.Interrupted(f"{session.testsfailed} errors during collection")
        if session.config.option.collectonly:
            return True
        files, first = Files(session.items), self._fork(session.config)
        try:
            _run(session, files)
        finally:
            if first:
                session.testsfailed += self._wait()
        return True

    def _fork(self, config: pytest.Config) -> bool:
        """Whether this is the first run."""
        assert threading.active_count() == 1, f"a fork has one thread, but collecting left {threading.enumerate()}"
        for _ in range(self._runs - 1):
            said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed once it was told
            sys.stdout.flush()
            self._others.append((os.fork(), said))
            if self._others[-1][0] == 0:
                _begin(config, said.fileno())
                self._forget()
                return False
        return True

    def _forget(self) -> None:
        """In a fork: the others are the first run's to tell of."""
        for _, said in self._others:
            said.close()
        self._others.clear()

    def _wait(self) -> int:
        """How many of the others failed, once all have ended."""
        return sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 for pid, _ in self._others)

    def pytest_unconfigure(self) -> None:
        """Tell what the others said, but for their dots."""
        for _, said in self._others:
            with said:
                said.seek(0)
                sys.stdout.writelines(line for line in said if not PROGRESS.fullmatch(line))


def _run(session: pytest.Session, files: Files) -> None:
    items = files.items()
    item = next(items, None)
    while item is not None:
        following = next(items, None)  # taken before the last test of a file ends: what it leaves is torn down by that
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail or session.shouldstop:
            raise session.Interrupted(session.shouldfail or session.shouldstop)
        item = following


def _begin(config: pytest.Config, out: int) -> None:
    """A fork dies with the first run, says what it says into a file of its own, and draws other numbers."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    capturing = config.pluginmanager.getplugin("capturemanager")
    assert capturing is not None
    capturing.stop_global_capturing()  # its files are the first run's
    os.dup2(out, 1)
    os.dup2(out, 2)
    capturing.start_global_capturing()
    capturing.suspend_global_capture()
    random.seed()


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option."""
    parser.addoption(
        "--runs", type=int, default=1, help="as how many processes to run the tests once they are collected"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Share where there is somebody to share with."""
    if (runs := config.getoption("runs")) > 1:
        config.pluginmanager.register(Sharing(runs))
