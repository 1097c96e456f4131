"""The daemon comes before ordinary programs; what it starts, and what works for long, does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cloned.processes import AUTOGROUP, OURS, STEP_BACK, run, spawn

pytestmark = pytest.mark.wire  # real programs

PRECEDENCE = """
import os, sys, threading
from cloned import processes

def nice():
    return os.getpriority(os.PRIO_PROCESS, 0)

before = nice()
processes.come_first()
first, worker = nice(), []
thread = threading.Thread(target=lambda: (worker.append(nice()), processes.come_with_others(), worker.append(nice())))
thread.start()
thread.join()
child = int(processes.run([sys.executable, "-c", "import os; print(os.getpriority(os.PRIO_PROCESS, 0))"]).stdout)
print(before, first, *worker, child)
"""


def test_threads_come_first_and_children_with_everybody_else() -> None:
    before, first, thread, worker, child = map(int, run([sys.executable, "-c", PRECEDENCE]).stdout.split())
    assert first in (min(before, OURS), before)  # without the permission nothing changes
    assert (thread, worker, child) == (first, before, before)


SESSION = """
import os
from cloned import processes
processes.come_first()
print(os.getpriority(os.PRIO_PROCESS, 0), processes.AUTOGROUP.read_text())
"""


def group() -> list[str]:
    """The words that the kernel has for our group of processes: none in the one that everything is in before setsid(2)."""
    return AUTOGROUP.read_text(encoding="ascii").split()


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="the kernel has no groups of processes")
def test_a_session_of_its_own_comes_first_as_a_whole_and_one_of_others_does_not() -> None:
    before = group()
    child = spawn([sys.executable, "-c", SESSION], stdout=subprocess.PIPE)
    said, _ = child.communicate()
    own, _, _, session = said.decode().split()
    assert session == (str(OURS) if int(own) == OURS else "0")  # without the permission nothing changes
    _, *within = run([sys.executable, "-c", SESSION]).stdout.decode().split()
    assert within == before
    assert group() == before


def test_who_is_started_before_the_others_steps_back_too() -> None:
    """As `Nice=-10` of a unit has it; whoever may not be less nice than usual cannot try it."""
    ahead = f"import os; os.setpriority(os.PRIO_PROCESS, 0, {OURS})"
    if run([sys.executable, "-c", ahead], check=False).returncode:
        pytest.skip("nobody may come first here")
    first, thread, worker, child = map(int, run([sys.executable, "-c", ahead + PRECEDENCE]).stdout.split()[1:])
    assert (first, thread) == (OURS, OURS)
    assert worker == child == OURS + STEP_BACK
