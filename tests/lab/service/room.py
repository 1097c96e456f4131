"""A daemon in a namespace and thin laptops that are off, for tests of what the service goes through."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest

from cloned import client
from cloned.lab.bench.service import serving
from cloned.lab.daemon import DaemonProcess
from cloned.lab.laptops import Firmware, LabDisk, identities
from cloned.lab.network import LabNetwork
from cloned.lab.thinbox import ThinBox

DISK_BYTES = 1 << 30
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
SHARED = Path("/dev/shm")
SLEEPS = """import select
import time

time.sleep = lambda seconds: select.select((), (), (), seconds) and None
"""
"""libfaketime has clock_nanosleep(2) fail on a clock that it leaves alone, and with it Python's own."""


class FakedClock:
    """A wall clock that jumps, for a daemon alone: the one that only grows is left alone, as the kernel would."""

    def __init__(self, folder: Path) -> None:
        """`folder`: a daemon's, whose state its user may read."""
        self._file = folder / "state" / "clock"
        self._file.parent.mkdir(exist_ok=True)
        self.path = folder / "site"
        """For PYTHONPATH."""
        self.path.mkdir()
        (self.path / "sitecustomize.py").write_text(SLEEPS)
        self.jump(0)

    def jump(self, seconds: int) -> None:
        """So far from what is right it is now."""
        self._file.write_text(f"{seconds:+d}\n")

    @property
    def environment(self) -> dict[str, str]:
        """What the daemon needs of it."""
        return {
            "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip


@contextmanager
def clock_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakedClock]:
    """One for the daemons that are started meanwhile; nothing of it is left."""
    made, before = FakedClock(folder), set(SHARED.glob("*faketime_*"))
    monkeypatch.setenv("PYTHONPATH", f"{made.path}:{os.environ.get('PYTHONPATH', '')}".rstrip(":"))
    try:
        yield made
    finally:
        for left in set(SHARED.glob("*faketime_*")) - before:
            left.unlink()


async def workshop(
    stack: AsyncExitStack, folder: Path, laptops: int, environment: Mapping[str, str] | None = None
) -> tuple[DaemonProcess, list[ThinBox]]:
    """Both, until `stack` ends; the state is made in `folder`. `environment`: more of it for the daemon."""
    (folder / "state").mkdir(exist_ok=True)
    network = LabNetwork(f"cl{secrets.token_hex(2)}", laptops)
    stack.callback(network.close)
    network.build()
    boxes = []
    for who in identities(network.run, laptops, (Firmware.BIOS, Firmware.UEFI)):
        place = folder / f"laptop-{who.number}"
        place.mkdir()
        boxes.append(ThinBox(who, LabDisk.create(place / "disk", DISK_BYTES), place, network))
        stack.callback(boxes[-1].close)
    network.plug_server()
    daemon = serving(folder, network)
    daemon.environment.update(environment or {})
    stack.push_async_callback(daemon.stop)
    daemon.start()
    await daemon.ready()
    return daemon, boxes


async def verified(daemon: DaemonProcess, laptops: int, jobs: int) -> bool:
    """Whether each was for the `jobs`th time; who asks is confirmed, as by a volunteer who clones it again."""
    found = await daemon.ask("/api/v1/laptops")
    for each in found:
        if each["state"] == "asking" and each["disks"]:
            order = {"do": "confirm", "target": each["id"], "image": "sample"}
            await client.call(daemon.settings.runtime, "POST", "/api/v1/commands", order)
    return [(each["state"], each["job"]) for each in found] == [("done", jobs)] * laptops
