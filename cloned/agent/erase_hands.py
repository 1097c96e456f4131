"""The hands of an erasure on a real disk: node, tools, read-back, and each time whether it is still that disk."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from cloned.agent import disks, erase_ask, erase_io, erase_tools, sysfs
from cloned.agent.blockio import BlockDevice, DiskError
from cloned.agent.erase_driver import EraseTrouble
from cloned.agent.failures import AgentError
from cloned.agent.tools import ToolError, run
from cloned.agent.verify import Stopped
from cloned.disk import erase_samples as samples
from cloned.disk.erase_check import Judge
from cloned.disk.erase_record import DiskErasure, ErasureFault, LookBack
from cloned.disk.erase_samples import DiskSample
from cloned.disk.erase_status import DeviceStatus
from cloned.disk.media import AtaAbilities, Medium, native_sectors
from cloned.order_types import WantedDisk
from cloned.saying import Phrase

BLKRRPART = 0x125F
BLKFLSBUF = 0x1261
NAP_SECONDS = 15
"""Seconds of sleep that thaw many frozen drives."""
FINDS_AGAIN_SECONDS = 60.0
"""Seconds for a drive to come back after a reset."""


class RealHands:
    """One disk of this laptop."""

    def __init__(
        self, only: str, told: disks.ToldDisk, live: bool, stop: Callable[[], bool],
        tell: Callable[[DiskErasure, float], None], *, alone: bool = True,
    ) -> None:  # fmt: skip
        """`only`: the one device that exists, if so; `stop`: whether the order was taken back; `alone`: no other disk
        of the laptop is at work, so that it may sleep: that takes the power from all of them.
        """
        self._only, self._told, self._live, self._stop, self._tell = only, told, live, stop, tell
        self._alone = alone

    # -- Hands ------------------------------------------------------------------------------------

    def uncover(self, record: DiskErasure) -> tuple[Medium, tuple[str, ...]]:
        """Lift what hides sectors, where the disk lets us; a power cut may have come right after that."""
        medium, ata = record.medium, record.medium.ata
        hidden = _hidden(ata) if ata is not None else 0
        try:
            self._same(medium)
        except EraseTrouble:
            if ata is None or not hidden:
                raise
            bare = replace(ata, hidden_sectors=0, dco_sectors=0)
            medium = replace(medium, size=medium.size + hidden * medium.sector_size, ata=bare)
            self._same(medium)
            return medium, (_lifted(hidden),)
        return uncovered(medium)

    def remember(self, record: DiskErasure) -> tuple[DiskSample, ...]:
        """Remember places; write markers where it is empty."""
        with self._open(record, writable=True) as disk:
            return erase_io.remember(disk, record.seed, samples.before(record.seed, disk.size))

    def untouched(self, record: DiskErasure) -> bool:
        """Whether all is as it was before."""
        with self._open(record) as disk:
            return erase_io.untouched(disk, record.seed, record.remembered)

    def tools(self, record: DiskErasure) -> tuple[str, ...]:
        """Programs with versions."""
        return erase_tools.versions(record.technique)

    def begin(self, record: DiskErasure) -> str:
        """Once more: is it that disk? Then the command."""
        self._same(record.medium)
        return erase_tools.begin(record, lambda: self._alone and thaw(self._live))

    def status(self, record: DiskErasure) -> DeviceStatus:
        """The drive's own word."""
        self._same(record.medium)
        return erase_tools.status(record)

    def write(self, record: DiskErasure) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
        """Zeros, from where it stands."""
        with self._open(record, writable=True) as disk:
            yield from erase_io.Writer(disk, record.offset, self._stop, time.monotonic).run()

    def verify(self, record: DiskErasure) -> LookBack:
        """Reset the device, then read past the page cache: what was remembered, and samples drawn now."""
        assert record.technique is not None
        self._reset(record)
        seed = secrets.token_hex(16)
        judge = Judge(record.technique, record.seed, record.reached_of(record.remembered), bytes(erase_io.CHUNK_BYTES))
        with self._open(record) as disk:
            places = record.reached_of(samples.after(seed, disk.size, record.how))
            erase_io.check_samples(disk, judge, places, self._stop, lambda done: self._tell(record, done))
        return LookBack(record.how, seed, judge.places, judge.read, len(judge.remembered), judge.found)

    def progress(self, record: DiskErasure, done: float) -> None:
        """For the next report."""
        self._tell(record, done)

    def pause(self, seconds: float) -> None:
        """Wait, a second at a time; Stopped where the order was taken back."""
        until = time.monotonic() + seconds
        while True:
            if self._stop():
                raise Stopped
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(1.0, left))

    def clock(self) -> float:
        """The laptop's own; the daemon's counts for papers."""
        return time.time()

    # -- inside -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _open(self, record: DiskErasure, *, writable: bool = False) -> Iterator[BlockDevice]:
        """The very disk of the record, and nothing else; EraseTrouble."""
        self._same(record.medium)
        try:
            disk = BlockDevice(record.medium.path, writable=writable)
        except OSError as error:
            erase_io.raise_if_lost(record.medium.path, 0, error)
            raise EraseTrouble(
                ErasureFault.TOOL, Phrase("{path}: {error}", path=record.medium.path, error=error)
            ) from error
        try:
            if disk.size != record.medium.size:
                raise EraseTrouble(
                    ErasureFault.CHANGED,
                    Phrase("it has {now} bytes, not {before}", now=disk.size, before=record.medium.size),
                )
            yield disk
        except DiskError as error:
            raise EraseTrouble(ErasureFault.TOOL, str(error)) from error
        finally:
            disk.close()

    def _same(self, medium: Medium) -> None:
        """The device node still leads to the disk that was confirmed; two that say they are it are none."""
        wanted = WantedDisk(serial=medium.serial, wwn=medium.wwn, path=medium.path, size=medium.size)
        try:
            now = disks.choose(wanted, disks.scan(self._only, self._told))
            disks.check_again(now, self._only, self._told)
        except AgentError as error:
            raise EraseTrouble(_fault_of(error.detail), error.detail) from error
        if now["path"] != medium.path:
            raise EraseTrouble(
                ErasureFault.CHANGED,
                Phrase("it is {path} now, not {confirmed}", path=now["path"], confirmed=medium.path),
            )

    def _reset(self, record: DiskErasure) -> None:
        """Have the drive start anew and the kernel forget what it holds of it; wait until it answers."""
        path = record.medium.path
        if self._live:
            _perhaps(_RESETS.get(record.medium.bus, ()), path)
        _forget(path)
        until = time.monotonic() + FINDS_AGAIN_SECONDS
        while True:
            try:
                self._same(record.medium)
                return
            except EraseTrouble:
                if time.monotonic() > until:
                    raise
            self.pause(1)


def thaw(live: bool) -> bool:
    """Let the laptop sleep for a while, which thaws many frozen drives; whether it did."""
    if not live or "mem" not in sysfs.text("/sys/power/state").split():
        return False
    try:
        run(["rtcwake", "--mode", "mem", "--seconds", str(NAP_SECONDS)], timeout=10 * NAP_SECONDS)
    except ToolError as error:
        print(f"agent: {error}", flush=True)
        return False
    return True


def _fault_of(detail: str) -> ErasureFault:
    """Why a disk is not the one that was confirmed, by what `disks.choose` said."""
    told = {"0 disks": ErasureFault.GONE, "may not be written: read-only": ErasureFault.READ_ONLY}
    return next((fault for words, fault in told.items() if words in detail), ErasureFault.CHANGED)


def found_again(record: DiskErasure, only: str, told: disks.ToldDisk) -> DiskErasure:
    """The record with the path its disk has now: the kernel may count disks in another order at the next start.

    A disk that is not there, or that nothing but its path tells from others, stays as it was; `_same` then says so.
    """
    medium = record.medium
    if record.over or not (medium.serial or medium.wwn):
        return record
    wanted = WantedDisk(serial=medium.serial, wwn=medium.wwn, size=medium.size)
    try:
        now = disks.choose(wanted, disks.scan(only, told))
    except AgentError:
        return record
    return replace(record, medium=replace(medium, path=now["path"]))


_RESETS: dict[str, tuple[str, ...]] = {
    "nvme": ("nvme", "reset"),
    "scsi": ("sg_reset", "--device"),
    "sata": ("sg_reset", "--device"),
}


def _perhaps(command: tuple[str, ...], path: str) -> None:
    """A reset is for good measure: what the drive holds is read past every cache of ours anyway."""
    if not command:
        return
    try:
        run([*command, erase_tools.controller(path) if command[0] == "nvme" else path], timeout=60)
    except ToolError as error:
        print(f"agent: {path} is not reset: {error}", flush=True)


def _forget(path: str) -> None:
    """The kernel's caches of the device, and its old partitions."""
    with contextlib.suppress(OSError), open(path, "rb", buffering=0) as device:
        fcntl.ioctl(device, BLKFLSBUF)
        fcntl.ioctl(device, BLKRRPART)


def uncovered(medium: Medium) -> tuple[Medium, tuple[str, ...]]:
    """The medium after what hides sectors was lifted, as far as the disk let us, and what papers must say of it."""
    if medium.mmc is not None:
        return medium, (Phrase("boot and RPMB partitions of the eMMC are apart and were not erased"),)
    if medium.ata is None or not _hidden(medium.ata):
        untold = medium.ata is not None and medium.ata.untold
        return medium, (Phrase("the drive did not tell whether sectors are hidden (HPA or DCO)"),) if untold else ()
    _lift(medium)
    size = max(medium.size, disks.describe(medium.path.removeprefix("/dev/"))["size"])
    now = erase_ask.with_hidden(medium.ata, medium.path, size // medium.sector_size)
    lifted = (size - medium.size) // medium.sector_size
    unseen = max(0, _hidden(medium.ata) - lifted - _hidden(now))  # it says that they are there, and does not show them
    now = replace(now, hidden_sectors=now.hidden_sectors + unseen)
    left = _hidden(now)
    notes = (
        _lifted(lifted) if lifted else "",
        Phrase("{hidden:number} hidden {hidden:sector|sectors} (HPA or DCO) could not be uncovered", hidden=left)
        if left
        else "",
    )
    return replace(medium, size=size, ata=now), tuple(filter(None, notes))


def _lifted(sectors: int) -> Phrase:
    return Phrase("{hidden:number} hidden {hidden:sector was|sectors were} uncovered first", hidden=sectors)


def _hidden(ata: AtaAbilities) -> int:
    return ata.hidden_sectors + ata.dco_sectors


def _lift(medium: Medium) -> None:
    """Overlay and host protected area, each as far as the drive lets us; the kernel looks at the size again."""
    assert medium.ata is not None
    if medium.ata.dco_sectors:
        _attempt(["hdparm", erase_tools.SURE, "--dco-restore", medium.path])
    native = native_sectors(_attempt(["hdparm", "-N", medium.path]))
    if native:
        _attempt(["hdparm", erase_tools.SURE, "-N", f"p{native}", medium.path])
    _look_again(medium.path)


def _look_again(path: str) -> None:
    """Have the kernel ask the drive for its size: libata does after a reset alone, the disk above it when told."""
    device = os.path.realpath(f"/sys/block/{path.removeprefix('/dev/')}/device")
    host = re.search(r"/(host\d+)/", device)
    asks = ((f"/sys/class/scsi_host/{host[1]}/scan", "- - -"), (f"{device}/rescan", "1")) if host else ()
    for name, word in asks:
        with contextlib.suppress(OSError), open(name, "w") as file:
            file.write(word)


def _attempt(command: list[str]) -> str:
    """What it says; nothing where the drive refuses: what is still hidden then is counted afterwards."""
    try:
        return run(command, timeout=erase_tools.SHORT_SECONDS)
    except ToolError as error:
        print(f"agent: {error}", flush=True)
        return ""
