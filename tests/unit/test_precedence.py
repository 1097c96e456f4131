"""The daemon comes before ordinary programs; what it starts, and what works for long, does not."""

from __future__ import annotations

import sys

from cloned.processes import OURS, run

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
