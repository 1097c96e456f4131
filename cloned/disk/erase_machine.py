"""The pure machine that drives the erasure of one disk: what was seen goes in, the next step comes out.

Each function takes a record and gives the next one; one that does not apply gives the same back, so that hearing
something twice, or late, is harmless.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from cloned.disk.erase import LEVELS, RANK, EraseChoice, EraseLevel, Technique, choose
from cloned.disk.erase_record import MOST_LISTED, DiskErasure, ErasePhase, ErasureFault, LookBack
from cloned.disk.erase_samples import DiskSample
from cloned.disk.erase_status import DeviceStatus, SanitizeState
from cloned.disk.media import Medium
from cloned.saying import Phrase, message, short

PATIENCE = 15
"""Times in a row, two seconds apart, that a drive may not answer sense before it is given up: some reset their link."""


class EraseStep(StrEnum):
    """What is to be done next to one disk."""

    REMEMBER = "remember"
    BEGIN = "begin"
    POLL = "poll"
    WRITE = "write"
    VERIFY = "verify"
    STOP = "stop"


def plan(medium: Medium, level: EraseLevel, seed: str, how: str = "sample") -> DiskErasure:
    """The record to begin with: a technique, or a failure that says why there is none."""
    choice: EraseChoice = choose(medium, level)
    record = DiskErasure(medium, level, choice.technique, choice.why, seed=seed, how=how)
    if choice.technique is None:
        return fail(
            record,
            ErasureFault.REFUSED,
            Phrase("{why}. {then}", why=message(choice.why), then=message(choice.next_step))
            if choice.next_step
            else Phrase("{why}.", why=message(choice.why)),
        )
    return record


def next_step(record: DiskErasure) -> EraseStep:
    """What is to be done next; the same whenever it is asked, so also after a power cut."""
    if record.over:
        return EraseStep.STOP
    match record.phase:
        case ErasePhase.PLANNED:
            return EraseStep.REMEMBER
        case ErasePhase.REMEMBERED:
            return EraseStep.BEGIN
        case ErasePhase.STARTED:
            return EraseStep.WRITE if record.technique is Technique.OVERWRITE else EraseStep.POLL
        case _:
            return EraseStep.VERIFY


def uncovered(record: DiskErasure, medium: Medium) -> DiskErasure:
    """What hid sectors was lifted, or not: what our own writing cannot reach is counted as not reached."""
    if record.phase is not ErasePhase.PLANNED or medium.size < record.medium.size:
        return record
    ata = medium.ata
    left = ata.hidden_sectors + ata.dco_sectors if ata is not None else 0
    by_us = record.technique in (Technique.OVERWRITE, Technique.ATA_SECURITY)
    beyond = ((medium.size, left * medium.sector_size),) if left and by_us else ()
    return replace(record, medium=medium, unreached=joined((*record.unreached, *beyond)))


def remembered(
    record: DiskErasure, places: tuple[DiskSample, ...], at: float, notes: tuple[str, ...] = ()
) -> DiskErasure:
    """Places were read, and markers written where it was empty; without any, nothing could be proved later."""
    if record.phase is not ErasePhase.PLANNED:
        return record
    if not places:
        return fail(record, ErasureFault.UNREADABLE, Phrase("not one place of it could be read or written"), at)
    return replace(record, phase=ErasePhase.REMEMBERED, remembered=places, started=at, notes=(*record.notes, *notes))


def starting(record: DiskErasure, tools: tuple[str, ...]) -> DiskErasure:
    """The command is about to be given: journalled before, so that a cut after it is not taken for one before."""
    if record.phase is not ErasePhase.REMEMBERED:
        return record
    return replace(record, phase=ErasePhase.STARTED, tools=tools, starts=record.starts + 1)


def wrote(record: DiskErasure, offset: int, bad: tuple[tuple[int, int], ...] = ()) -> DiskErasure:
    """An overwrite came as far as `offset`; `bad` could not be written. At the end it is complete."""
    if record.phase is not ErasePhase.STARTED or record.technique is not Technique.OVERWRITE:
        return record
    record = replace(record, offset=max(record.offset, offset), unreached=joined((*record.unreached, *bad)))
    if record.offset < record.medium.size:
        return record
    answer = Phrase("{size:number} bytes written past every cache, then flushed", size=record.medium.size)
    return replace(record, phase=ErasePhase.COMPLETED, answers=(*record.answers, answer))


def joined(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Ascending, with what touches put together; beyond a number the last one takes in all that follows."""
    found: list[tuple[int, int]] = []
    for offset, length in sorted(ranges):
        if found and (offset <= sum(found[-1]) or len(found) >= MOST_LISTED):
            found[-1] = (found[-1][0], max(sum(found[-1]), offset + length) - found[-1][0])
        else:
            found.append((offset, length))
    return tuple(found)


def ended(record: DiskErasure, answer: str) -> DiskErasure:
    """A command that only returns when it is through (Format, SECURITY ERASE) did, and the device agrees."""
    if record.phase is not ErasePhase.STARTED:
        return record
    return replace(record, phase=ErasePhase.COMPLETED, answers=(*record.answers, answer))


def polled(record: DiskErasure, status: DeviceStatus, silent: int = 0) -> DiskErasure:
    """The drive's own word on its sanitize; `silent`: how often in a row it made no sense."""
    if record.phase is not ErasePhase.STARTED:
        return record
    match status.standing:
        case SanitizeState.DONE:
            return ended(record, status.said)
        case SanitizeState.FAILED:
            return fail(record, ErasureFault.SANITIZE_FAILED, status.said)
        case SanitizeState.FROZEN:
            return fail(record, ErasureFault.FROZEN, status.said)
        case SanitizeState.NEVER:
            return _begin_again(record, status)
        case SanitizeState.UNKNOWN if silent >= PATIENCE:
            return fail(record, ErasureFault.SILENT, status.said)
        case _:
            return record


def _begin_again(record: DiskErasure, status: DeviceStatus) -> DiskErasure:
    """The drive knows nothing of it: power was lost between our word and its deed. Twice, and it is given up."""
    if record.starts > 2:
        return fail(
            record,
            ErasureFault.SILENT,
            Phrase("started {starts} times; {said}", starts=record.starts, said=status.said),
        )
    note = Phrase("the drive knew nothing of the command, so it was given again")
    return replace(record, phase=ErasePhase.REMEMBERED, notes=(*record.notes, note))


def again(record: DiskErasure, note: str) -> DiskErasure:
    """A command that does not survive a power cut is to be given anew."""
    if record.phase is not ErasePhase.STARTED:
        return record
    if record.starts > 5:
        return fail(record, ErasureFault.TOOL, Phrase("it was cut short {starts} times", starts=record.starts))
    return replace(record, phase=ErasePhase.REMEMBERED, notes=(*record.notes, note))


def instead(record: DiskErasure, technique: Technique, note: str) -> DiskErasure:
    """Another technique of at least the same level, with a word on why; a weaker one is a failure."""
    if record.over or record.technique is None:
        return record
    if RANK[LEVELS[technique].level] < RANK[LEVELS[record.technique].level]:
        return fail(record, ErasureFault.REFUSED, note)
    return replace(
        record, technique=technique, phase=ErasePhase.REMEMBERED, offset=0, why=note, notes=(*record.notes, note)
    )


def looked(record: DiskErasure, check: LookBack, at: float) -> DiskErasure:
    """Every place held what it must: verified, unless parts of it were never written."""
    if record.phase is not ErasePhase.COMPLETED:
        return record
    if record.unreached:
        total = sum(length for _, length in record.unreached)
        detail = Phrase("{total} bytes at {count} {count:place|places}", total=total, count=len(record.unreached))
        return replace(fail(record, ErasureFault.UNREACHED, detail, at), check=check)
    return replace(record, phase=ErasePhase.VERIFIED, check=check, ended=at)


def fail(record: DiskErasure, fault: ErasureFault, detail: str = "", at: float = 0.0) -> DiskErasure:
    """It is not erased, and why."""
    if record.over:
        return record
    return replace(record, phase=ErasePhase.FAILED, fault=fault, detail=short(detail), ended=at or record.ended)


def strictly_later(old: DiskErasure, new: DiskErasure) -> bool:
    """Whether `new` can follow `old`: the same disk, seed and technique, and no step backwards but a new start."""
    same = (old.medium.key, old.level, old.seed, old.how) == (new.medium.key, new.level, new.seed, new.how)
    if not same or old.over or not _same_deed(old, new) or not _grounded(new):
        return False
    kept = old.phase is ErasePhase.PLANNED or old.remembered == new.remembered
    order = list(ErasePhase)
    forward = order.index(new.phase) >= order.index(old.phase) or new.starts >= old.starts > 0
    return kept and forward and set(old.unreached) <= set(new.unreached) | set(_inside(old, new))


def _grounded(record: DiskErasure) -> bool:
    """Whether a record that claims to be through carries what that rests on: a start, an answer, and what was read."""
    if record.phase not in (ErasePhase.COMPLETED, ErasePhase.VERIFIED):
        return True
    written = record.technique is not Technique.OVERWRITE or record.offset >= record.medium.size
    done = bool(record.technique and record.remembered and record.starts and record.answers) and written
    look = record.check
    looked = look.how == record.how and min(look.remembered, look.places, look.bytes) > 0
    return done and (looked or record.phase is ErasePhase.COMPLETED)


def _same_deed(old: DiskErasure, new: DiskErasure) -> bool:
    """The technique stays, or becomes another of the same level with a note; the size only grows, before the start."""
    grown = old.phase is ErasePhase.PLANNED and new.medium.size >= old.medium.size
    if not (grown or new.medium.size == old.medium.size):
        return False
    if old.technique is new.technique:
        return True
    if old.technique is None or new.technique is None:
        return False
    return LEVELS[old.technique].level is LEVELS[new.technique].level and len(new.notes) > len(old.notes)


def _inside(old: DiskErasure, new: DiskErasure) -> list[tuple[int, int]]:
    """Stretches of `old` that lie within one of `new`."""

    def within(each: tuple[int, int]) -> bool:
        return any(at <= each[0] and sum(each) <= at + length for at, length in new.unreached)

    return [each for each in old.unreached if within(each)]


def enough(record: DiskErasure) -> bool:
    """Whether it is erased and the level is at least the one that was asked for."""
    return record.reached is not None and RANK[record.reached] >= RANK[record.level]
