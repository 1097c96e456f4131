"""Lets hostile actors loose in a lab: their cables, their processes, and how much of the processor they get."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cloned import processes
from cloned.lab.daemon import PAGE
from cloned.lab.hostile.actor import HostileSpec
from cloned.lab.network import NETWORK, SERVER, LabNetwork

ROLES = ("laptop", "stranger")
BOOT_PORT = 8069
STRANGER = NETWORK[1010]
"""Its address: of the network, but not of the pool."""
QUARTER = (25_000, 100_000)
"""Microseconds of processor in each such period: a quarter of a core for both together."""
PATIENCE_SECONDS = 60.0
"""Seconds that an actor may take longer than it was told."""


class Hostility:
    """Both actors of one `hostile:SECONDS`."""

    def __init__(self, network: LabNetwork, seconds: float, macs: Sequence[str], folder: Path) -> None:
        self._network, self._seconds, self._macs, self._folder = network, seconds, tuple(macs), folder
        self._cgroup: Path | None = None
        self._running: list[subprocess.Popen[bytes]] = []

    def prepare(self) -> None:
        """Plug both in, behind the last laptop's socket and the server's."""
        self._mac = {role: self._network.plug_hostile(role, number) for number, role in enumerate(ROLES)}
        self._network.address_hostile("stranger", f"{STRANGER}/{NETWORK.prefixlen}")

    async def act(self) -> str:
        """Let them act until their time is up; returns in words what they did."""
        self._cgroup = await asyncio.to_thread(quarter_core, self._network.run)
        try:
            told = await asyncio.gather(*(asyncio.to_thread(self._one, role) for role in ROLES))
        finally:
            self.close()
        held = "held to a quarter of a core" if self._cgroup is not None else "at the lowest priority"
        return f"{held}; " + "; ".join(told)

    def _one(self, role: str) -> str:
        spec = HostileSpec(
            role=role,
            seed=int(self._network.run[2:], 16),
            seconds=self._seconds,
            server=str(SERVER.ip),
            boot_port=BOOT_PORT,
            page_port=PAGE,
            macs=self._macs,
            mac=self._mac[role],
            overheard=str(self._folder / "overheard.json"),
            cgroup=str(self._cgroup or ""),
        )
        inside = ["ip", "netns", "exec", self._network.hostile(role)]
        command = [*inside, sys.executable, "-m", "cloned.lab.hostile", spec.text()]
        with (self._folder / f"hostile-{role}.log").open("wb") as log:
            process = processes.spawn(command, stdout=subprocess.PIPE, stderr=log)
            self._running.append(process)
            said, _ = process.communicate(timeout=self._seconds + PATIENCE_SECONDS)
        done = json.loads(said) if process.returncode == 0 else {}
        if not done:
            return ""
        return f"the {role} did {sum(done.values())} things of {len(done)} kinds"

    def close(self) -> None:
        """End both, if they have not ended."""
        for process in self._running:
            if process.poll() is None:
                process.kill()
                process.wait()
        self._running.clear()
        if self._cgroup is not None:
            with suppress(OSError):
                self._cgroup.rmdir()


def quarter_core(name: str) -> Path | None:
    """A control group that gets QUARTER of the processor, of version 2 or 1; None where there is none for us."""
    quota, period = QUARTER
    for root, limits in (
        (Path("/sys/fs/cgroup"), {"cpu.max": f"{quota} {period}"}),
        (Path("/sys/fs/cgroup/cpu"), {"cpu.cfs_period_us": str(period), "cpu.cfs_quota_us": str(quota)}),
    ):
        group = root / f"{name}-hostile"
        try:
            group.mkdir()
            for file, value in limits.items():
                if not (group / file).exists():
                    raise FileNotFoundError(file)  # the controller is not here
                (group / file).write_text(value)
        except OSError:
            with suppress(OSError):
                group.rmdir()
        else:
            return group
    return None
