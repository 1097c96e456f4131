"""Two processes for one lab, so that nothing of it can outlive it.

The one that the user started makes a pid namespace and starts the other as its first process, which owns the
whole lab: its mounts and named namespaces are private, and when it ends, however it ends, the kernel kills
all that ran in there and takes back namespaces, mounts and loop devices. If the user's process is killed,
the first process gets SIGKILL from the kernel (parent-death signal). The two talk over a pipe: one line of
JSON when the lab is over or is to stay on its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from cloned import processes
from cloned.errors import ClonedError, MissingError
from cloned.json_data import JsonObject
from cloned.lab import kernel, registry
from cloned.lab.wiring import NETNS

_PATIENCE_SECONDS = 60
"""Seconds the lab gets to tidy up after a signal."""


@dataclass(frozen=True)
class ContainedOutcome:
    """What the lab's first process said last."""

    exit: int
    kept: bool = False


def run(options: JsonObject) -> ContainedOutcome:
    """Run `python -m cloned.lab` contained, with our own standard streams; returns how it ended."""
    if os.geteuid() != 0:
        raise MissingError("the lab needs network namespaces and loop devices, so it must run as root", "use sudo")
    registry.sweep()  # here, where the machine's processes can be seen
    here, there = os.pipe()
    try:
        kernel.unshare(kernel.CLONE_NEWPID)
    except OSError as error:
        hint = "is this a container without the rights?"
        raise MissingError(f"this machine makes no pid namespaces: {error}", hint) from error
    command = [sys.executable, "-m", "cloned.lab", json.dumps(dict(options)), str(there)]
    process = processes.spawn(command, stdin=None, stdout=None, stderr=None, pass_fds=[there])
    os.close(there)
    _forward_signals(process)
    with open(here, encoding="utf-8") as pipe:  # noqa: PTH123 - a descriptor, not a path
        said = pipe.readline()
    outcome = ContainedOutcome(**json.loads(said)) if said else None
    if outcome is not None and outcome.kept:
        return outcome
    code = process.wait()
    signal.alarm(0)
    if outcome is not None:
        return outcome
    raise ClonedError(f"the lab ended without a word (exit {code})", "was it killed? see the messages above")


def _forward_signals(process: subprocess.Popen[bytes]) -> None:
    """The first Ctrl-C or SIGTERM lets the lab tidy up; the second, or too long a time, ends it at once.

    The kernel throws away signals to the first process of a namespace that has not asked for them yet, so
    ours is repeated every second.
    """
    received: list[int] = []
    repeated: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        (repeated if number == signal.SIGALRM else received).append(number)
        if process.returncode is None:
            patient = len(received) == 1 and len(repeated) < _PATIENCE_SECONDS
            os.kill(process.pid, signal.SIGTERM if patient else signal.SIGKILL)
            signal.alarm(1)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, forward)


def settle() -> int:
    """In the first process: make mounts and names private. Returns our pid as the machine counts."""
    pid = int(os.readlink("/proc/self"))  # noqa: PTH115 - /proc is still the machine's own here
    kernel.private_mounts()
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    NETNS.mkdir(parents=True, exist_ok=True)
    kernel.mount("tmpfs", NETNS, "tmpfs", kernel.MS_NOSUID, "mode=755,size=1m")
    return pid


class Report:
    """The first process's end of the pipe."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._pipe = os.fdopen(descriptor, "w", encoding="utf-8")

    def send(self, outcome: ContainedOutcome) -> None:
        """Tell how it ended, once; nobody may be listening any more."""
        try:
            self._pipe.write(json.dumps(vars(outcome)) + "\n")
            self._pipe.close()
        except (BrokenPipeError, ValueError):
            pass


def stay(log: Path) -> None:
    """Go on without the user's process: no parent-death signal, no terminal; what we say goes to `log`."""
    kernel.outlive_parent()
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("ab") as out, Path("/dev/null").open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
