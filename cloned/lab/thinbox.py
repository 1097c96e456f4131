"""Thin laptops from outside: namespaces, a loop device, the power button. What runs in them: thin.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cloned import processes
from cloned.errors import ClonedError
from cloned.lab.laptops import LabDisk, LabIdentity, LabLaptop
from cloned.lab.loops import LoopDevice
from cloned.lab.network import LabNetwork
from cloned.lab.slowdisk import ThrottledDisk
from cloned.lab.thin import Spec

_ANY_BYTES = 10**10
"""Bytes a second of a disk that is not slow."""


class ThinBox(LabLaptop):
    """A thin laptop with its power button."""

    def __init__(self, identity: LabIdentity, disk: LabDisk, folder: Path, network: LabNetwork) -> None:
        super().__init__(identity, disk, folder)
        self._network = network
        network.plug_thin(identity.number, identity.mac)
        self._slow: ThrottledDisk | None = None
        self._loop: LoopDevice | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._boots = 0

    @property
    def screen(self) -> Path:
        """What boot ROM and agent have printed since it was powered on last."""
        return self.folder / f"screen-{self._boots}.txt"

    @property
    def running(self) -> bool:
        """Whether anything of it still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def loop(self) -> LoopDevice:
        """Its disk as a block device; made at first use."""
        if self._loop is None:
            backing = self.disk.path
            if self.bytes_per_second is not None or self.dead_disk:
                flaws = [f"bad-write:0:{self.disk.size}"] if self.dead_disk else []
                self._slow = ThrottledDisk(backing, self.folder, self.bytes_per_second or _ANY_BYTES, flaws)
                backing = self._slow.path
            self._loop = LoopDevice(backing)
        return self._loop

    def power_on(self) -> None:
        """Link up, then boot ROM, then whatever the network says."""
        self._boots += 1
        spec = self.folder / "spec.json"
        Spec(self.identity, self.loop.number, str(self.folder), sys.executable, self.parts, self.chooses).write(spec)
        self._network.link(self.number, up=True)
        inside = ["ip", "netns", "exec", self._network.laptop(self.number)]
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        with self.screen.open("ab") as screen:
            command = [*inside, *own, sys.executable, "-m", "cloned.lab.thin", str(spec)]
            self._process = processes.spawn(command, stdout=screen, stderr=screen)

    def power_cut(self) -> None:
        """Kill every process of it at once (its pid namespace goes) and drop the link."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
        self._network.link(self.number, up=False)

    def freeze(self) -> None:
        """Stop all of its processes."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let all of its processes go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Power off, detach the loop device."""
        super().close()
        if self._loop is not None:
            self._loop.close()
            self._loop = None
        if self._slow is not None:
            self._slow.close()
            self._slow = None

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def processes(self) -> list[int]:
        """Everything that runs in its pid namespace."""
        if self._process is None:
            raise ClonedError(f"laptop {self.number} is off")
        root = _first_child(self._process.pid)
        home = _pid_namespace(root) if root is not None else None
        return [] if home is None else [pid for pid in _all_pids() if _pid_namespace(pid) == home]


def _first_child(pid: int) -> int | None:
    """The process that `unshare --fork` waits for."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(words[0]) if words else None


def _all_pids() -> Iterator[int]:
    yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _pid_namespace(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")  # noqa: PTH115 - the link leads to no path
    except OSError:
        return None
