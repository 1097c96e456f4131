"""What tests run programs and read sensors with: low in priority, with an end in time, and ended at once on request."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cloned.agent import sysfs
from cloned.agent.tools import LEFT_BEHIND

_PR_SET_PDEATHSIG = 1
KILL_LIMIT_SECONDS = 10.0
"""Seconds that a killed program has to be gone."""
_THERMAL = "/sys/class/thermal"
_HWMON = "/sys/class/hwmon"
_CPUS = "/sys/devices/system/cpu"
_LIBC = ctypes.CDLL(None, use_errno=True)


class Cancelled(Exception):  # noqa: N818 - a state of affairs
    """The laptop has real work now: the test ends, and is begun anew another time."""


@dataclass(frozen=True)
class Ran:
    """A program that ended: status (None: it was ended at its limit), all that it wrote."""

    status: int | None
    output: str


class Hands:
    """One test's hands; `cancel` ends whatever it does, from any thread. `disk`: the only one that may be touched."""

    def __init__(self, disk: str = "", lookup: str | None = None) -> None:
        self.disk = disk
        self.lacks = ""
        """Why the test pack is not there; empty where it is."""
        self._lookup = lookup
        self._over = threading.Event()
        self._undo: list[Callable[[], None]] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """End it, now."""
        self._over.set()
        with self._lock:
            if self._process is not None:
                _kill(self._process)
        for undo in self._undo:  # it asks a drive, which may hang, and whoever cancels has other things to do
            threading.Thread(target=undo, name="undo", daemon=True).start()

    @property
    def over(self) -> bool:
        """Whether the test is to end."""
        return self._over.is_set()

    def on_cancel(self, undo: Callable[[], None]) -> None:
        """Something that must be taken back if the test is ended half-way."""
        self._undo.append(undo)

    def pause(self, seconds: float) -> None:
        """Wait; Cancelled as soon as the test is to end."""
        if self._over.wait(seconds):
            raise Cancelled

    def has(self, program: str) -> bool:
        """Whether there is such a program."""
        return shutil.which(program, path=self._lookup) is not None

    def run(self, command: Sequence[str], limit: float, watch: Callable[[], None] = lambda: None) -> Ran:
        """Run a program behind everybody else; `watch` is called twice a second or oftener. Cancelled; OSError."""
        with self._lock:
            if self._over.is_set():
                raise Cancelled
            process = subprocess.Popen(
                list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True, preexec_fn=_behind_everybody,
                env={**os.environ, "LC_ALL": "C.UTF-8", **({"PATH": self._lookup} if self._lookup else {})},
            )  # fmt: skip
            self._process = process
        return self._follow(process, time.monotonic() + limit, watch)

    def _follow(self, process: subprocess.Popen[bytes], end: float, watch: Callable[[], None]) -> Ran:
        output = bytearray()
        assert process.stdout is not None
        reader = threading.Thread(target=lambda: output.extend(process.stdout.read()), daemon=True)  # type: ignore[union-attr]
        reader.start()
        in_time, pause = True, 0.01
        try:
            while process.poll() is None and (in_time := time.monotonic() < end):
                watch()
                self._over.wait(pause) if process.poll() is None else None
                pause = min(0.5, 2 * pause)  # most programs are quick, and somebody may stand there
                if self._over.is_set():
                    raise Cancelled
        finally:
            _kill(process)
            gone = _ended(process)
            reader.join(5 if gone else 0)
            if gone:
                process.stdout.close()
            else:
                LEFT_BEHIND.append(process)
            with self._lock:
                self._process = None
        if self._over.is_set():
            raise Cancelled
        return Ran(process.returncode if in_time else None, output.decode("utf-8", "replace"))


def _behind_everybody() -> None:
    """In the child: the lowest priority, and dead when the agent is."""
    os.nice(19)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it is gone; a driver that hangs holds its program for ever, and both are left behind."""
    try:
        process.wait(KILL_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    """A program with all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def hottest(thermal: str = _THERMAL, hwmon: str = _HWMON) -> int | None:
    """The highest temperature that any sensor tells, in degrees Celsius."""
    paths = [f"{thermal}/{name}/temp" for name in sysfs.names(thermal) if name.startswith("thermal_zone")]
    for name in sysfs.names(hwmon):
        if sysfs.text(f"{hwmon}/{name}/name") in ("coretemp", "k10temp", "zenpower", "via_cputemp"):
            inputs = (each for each in sysfs.names(f"{hwmon}/{name}") if each.endswith("_input"))
            paths += [f"{hwmon}/{name}/{each}" for each in inputs if each.startswith("temp")]
    told = [sysfs.number(path) // 1000 for path in paths]
    sane = [each for each in told if 0 < each < 130]
    return max(sane, default=None)


def throttled(base: str = _CPUS) -> int:
    """How often the processor slowed itself because of heat since it was switched on."""
    names = [f"{base}/{name}/thermal_throttle" for name in sysfs.names(base)]
    counts = [sysfs.number(f"{name}/{kind}_throttle_count") for name in names for kind in ("core", "package")]
    return max(counts, default=0)
