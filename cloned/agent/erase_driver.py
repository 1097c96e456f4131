"""Carries one disk's erasure from the phase it is in to its end: asks erase_machine.py for each step and does it.

It knows no device: what it drives is a `DiskHands`, a real disk's or a simulated one's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from cloned.disk import erase_machine as machine
from cloned.disk.erase import Technique
from cloned.disk.erase_machine import EraseStep, next_step
from cloned.disk.erase_record import DiskErasure, ErasureFault, LookBack
from cloned.disk.erase_samples import DiskSample
from cloned.disk.erase_status import DeviceStatus, SanitizeState
from cloned.disk.media import Medium
from cloned.saying import Phrase

SURVIVES = frozenset(
    {
        Technique.ATA_BLOCK, Technique.ATA_CRYPTO, Technique.ATA_OVERWRITE, Technique.NVME_BLOCK,
        Technique.NVME_CRYPTO, Technique.NVME_OVERWRITE, Technique.SCSI_BLOCK, Technique.SCSI_CRYPTO,
        Technique.SCSI_OVERWRITE,
    }
)  # fmt: skip
"""What goes on inside the drive after a power cut and can be asked about. The others are given anew."""
POLL_SECONDS = 2.0
"""Seconds between two looks at the drive's status."""
STANDSTILL_SECONDS = 4 * 3600.0
"""Seconds without headway after which a sanitize is said to hang."""


class EraseTrouble(Exception):  # noqa: N818 - it becomes the disk's fault
    """A disk cannot be erased; what the record then says."""

    def __init__(self, fault: ErasureFault, detail: str) -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault, self.detail = fault, detail


class Instead(Exception):  # noqa: N818
    """The technique cannot be had after all; another one, and a word on why."""

    def __init__(self, technique: Technique, note: str) -> None:
        super().__init__(note)
        self.technique, self.note = technique, note


class DiskHands(Protocol):
    """What can be done to one disk; every method may raise EraseTrouble, or what ends the whole agent."""

    def uncover(self, record: DiskErasure) -> tuple[Medium, tuple[str, ...]]:
        """Lift what hides sectors; the disk as it is then, and notes."""

    def remember(self, record: DiskErasure) -> tuple[DiskSample, ...]:
        """Read places and write markers where it is empty; what was there."""

    def untouched(self, record: DiskErasure) -> bool:
        """Whether every remembered place still holds what it held."""

    def tools(self, record: DiskErasure) -> tuple[str, ...]:
        """Programs the technique needs, with versions."""

    def begin(self, record: DiskErasure) -> str:
        """Give the command. What the device answered where it only returns at the end; else nothing."""

    def status(self, record: DiskErasure) -> DeviceStatus:
        """How far the drive itself says it is."""

    def write(self, record: DiskErasure) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
        """Write zeros from the record's offset on; yields how far, and what could not be written."""

    def verify(self, record: DiskErasure) -> LookBack:
        """Read places past the page cache; EraseTrouble where one holds what it must not."""

    def progress(self, record: DiskErasure, done: float) -> None:
        """Tell how far it is, 0 to 1."""

    def pause(self, seconds: float) -> None:
        """Wait; raises what ends the agent's order."""

    def clock(self) -> float:
        """Seconds since 1970."""


Save = Callable[[DiskErasure], None]
"""Has the record written down for good; returns when it is."""


def carry_out(record: DiskErasure, hands: DiskHands, save: Save) -> DiskErasure:
    """Erase one disk. What it returns is over: verified, or failed with a reason."""
    record = kept = _taken_up(record, hands)

    def keep(now: DiskErasure) -> None:
        nonlocal kept
        kept = now
        save(now)

    while next_step(record) is not EraseStep.STOP:
        hands.pause(0)
        kept = record
        try:
            record = _STEPS[next_step(record)](record, hands, keep)
        except EraseTrouble as trouble:
            record = machine.fail(kept, trouble.fault, trouble.detail, hands.clock())
        except Instead as other:
            record = machine.instead(kept, other.technique, other.note)
        save(record)
    return record


def _taken_up(record: DiskErasure, hands: DiskHands) -> DiskErasure:
    """A record that was begun before: what does not survive a power cut begins anew, an old "done" is not believed."""
    if next_step(record) is not EraseStep.POLL or record.technique is None:
        return record
    if record.technique not in SURVIVES:
        return machine.again(record, Phrase("it was cut short, so it was begun anew"))
    try:
        status = hands.status(record)
        if status.standing in (SanitizeState.DONE, SanitizeState.NEVER) and hands.untouched(record):
            return machine.again(record, Phrase("the command had not reached the drive, so it was given again"))
    except EraseTrouble as trouble:
        return machine.fail(record, trouble.fault, trouble.detail, hands.clock())
    return record


def _remember(record: DiskErasure, hands: DiskHands, save: Save) -> DiskErasure:
    medium, notes = hands.uncover(record)
    record = machine.uncovered(record, medium)
    return machine.remembered(record, hands.remember(record), hands.clock(), notes)


def _begin(record: DiskErasure, hands: DiskHands, save: Save) -> DiskErasure:
    """Written down before the command is given, so that a power cut between the two is known for what it is."""
    record = machine.starting(record, hands.tools(record))
    save(record)
    answer = hands.begin(record)
    return machine.ended(record, answer) if answer else record


def _poll(record: DiskErasure, hands: DiskHands, save: Save) -> DiskErasure:
    """Wait until the drive says how it ended; if its progress stands still for too long, it hangs."""
    silent, best, since = 0, -1.0, hands.clock()
    while True:
        status = hands.status(record)
        silent = silent + 1 if status.standing is SanitizeState.UNKNOWN else 0
        after = machine.polled(record, status, silent)
        if after != record:
            return replace(after, ended=hands.clock()) if after.over else after
        done = status.progress if status.progress is not None else 0.0
        if done > best:  # what falls back makes no headway, however often it rises again
            best, since = done, hands.clock()
        hands.progress(record, done)
        if hands.clock() - since > STANDSTILL_SECONDS:
            raise EraseTrouble(
                ErasureFault.HANGS,
                Phrase(
                    "{best} for {clock} {clock:hour|hours}",
                    best=f"{best:.0%}",
                    clock=f"{(hands.clock() - since) / 3600:.0f}",
                ),
            )
        hands.pause(POLL_SECONDS)


def _write(record: DiskErasure, hands: DiskHands, save: Save) -> DiskErasure:
    """Overwrite to the end of the disk; places that cannot be written are noted and passed over."""
    for offset, bad in hands.write(record):
        record = machine.wrote(record, offset, bad)
        hands.progress(record, record.offset / max(1, record.medium.size))
        if not record.over and next_step(record) is EraseStep.WRITE:
            save(record)
    return record


def _verify(record: DiskErasure, hands: DiskHands, save: Save) -> DiskErasure:
    return machine.looked(record, hands.verify(record), hands.clock())


_STEPS: dict[EraseStep, Callable[[DiskErasure, DiskHands, Save], DiskErasure]] = {
    EraseStep.REMEMBER: _remember,
    EraseStep.BEGIN: _begin,
    EraseStep.POLL: _poll,
    EraseStep.WRITE: _write,
    EraseStep.VERIFY: _verify,
}
