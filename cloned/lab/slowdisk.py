"""A slow disk: the backing file seen through QEMU's throttle, as a FUSE file that a loop device sits on.

There is no device-mapper everywhere and no throttle of block devices that works alike everywhere; this one
is a process, so it slows reading as well as writing, needs no kernel part but FUSE, and is gone when killed.
"""

from __future__ import annotations

import time
from pathlib import Path

from cloned import processes
from cloned.errors import ClonedError


class SlowDisk:
    """`path` is the same disk as `backing`, moving `rate` bytes a second and no more."""

    def __init__(self, backing: Path, folder: Path, rate: int) -> None:
        self.path = folder / "slow-disk"
        self.path.touch()
        size = backing.stat().st_size
        with (folder / "slow-disk.log").open("ab") as log:
            self._process = processes.spawn(_command(backing, self.path, rate), stdout=log, stderr=log)
        self._await(size, folder)

    def _await(self, size: int, folder: Path) -> None:
        until = time.monotonic() + 10
        while self.path.stat().st_size != size:
            if self._process.poll() is not None or time.monotonic() > until:
                self.close()
                words = (folder / "slow-disk.log").read_text("utf-8", "replace").strip()
                raise ClonedError("the slow disk could not be made", words or "is FUSE there (/dev/fuse)?")
            time.sleep(0.02)

    def close(self) -> None:
        """End it; whoever still has it open gets errors."""
        self._process.kill()
        self._process.wait()
        processes.run(["umount", "--lazy", self.path], check=False)


def _command(backing: Path, shown: Path, rate: int) -> list[str | Path]:
    return [
        "qemu-storage-daemon",
        "--object", f"throttle-group,id=limit,x-bps-total={rate}",
        "--blockdev", f"driver=file,filename={backing},node-name=file,discard=unmap",
        "--blockdev", "driver=throttle,throttle-group=limit,file=file,node-name=slow",
        "--export", f"type=fuse,id=slow,node-name=slow,mountpoint={shown},writable=on",
    ]  # fmt: skip
