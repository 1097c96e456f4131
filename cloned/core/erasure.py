"""An erasure of a whole laptop, as state: every built-in disk's record, and what they come to together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cloned.disk.erase import LEVELS, EraseChoice, EraseLevel, choose
from cloned.disk.erase_machine import fail, strictly_later
from cloned.disk.erase_record import DiskErasure, ErasePhase, ErasureFault
from cloned.disk.media import AtaAbilities, Medium
from cloned.saying import Phrase, chained


@dataclass(frozen=True)
class FirstWord:
    """What one user said of its disks and another has to say too. It counts for this boot alone."""

    verb: str
    by: str
    at: float
    disks: tuple[str, ...]
    """Keys, sorted."""
    level: str = ""
    text: str = ""


@dataclass(frozen=True)
class TakenOut:
    """A disk that could not be erased and was taken out of the laptop."""

    key: str
    what: str
    """destroyed, or kept."""
    at: float
    by: tuple[str, ...]
    """Who said so: one user, or two."""


@dataclass(frozen=True)
class Erasure:
    """Everything that one confirmation covers: all disks of a laptop that are built in."""

    id: str
    number: int
    """Counts this laptop's erasures from 1."""
    level: EraseLevel
    by: str
    at: float
    disks: tuple[DiskErasure, ...]
    ended: float = 0.0
    came_by: str = ""
    """The network card that the laptop had booted through when it was confirmed; empty where nobody looked."""
    recorded: bool = False
    """Whether its row is in the ledger, or on its way there."""
    taken_out: tuple[TakenOut, ...] = ()
    """Disks of it that could not be erased and are no longer in the laptop."""
    spent: bool = False
    """Whether the laptop was cloned since: its disks are no longer empty."""

    @property
    def over(self) -> bool:
        """Whether nothing more happens to any disk."""
        return all(disk.over for disk in self.disks)

    @property
    def erased(self) -> bool:
        """Whether every disk is erased at the level asked for; one that is not makes the laptop not erased."""
        return bool(self.disks) and all(
            disk.reached is not None and _at_least(disk.reached, self.level) for disk in self.disks
        )

    @property
    def result(self) -> str:
        """erasing, erased or not-erased."""
        if not self.over:
            return "erasing"
        return "erased" if self.erased else "not-erased"

    def find(self, key: str) -> DiskErasure | None:
        """The record of a disk."""
        return next((disk for disk in self.disks if disk.medium.key == key), None)

    def taken_in(self, record: DiskErasure, now: float) -> Erasure:
        """With one disk's newer record; the same where that cannot follow the one before."""
        old = self.find(record.medium.key)
        if old is None or old == record or not strictly_later(old, record):
            return self
        disks = tuple(_dated(record, old, now) if disk is old else disk for disk in self.disks)
        after = replace(self, disks=disks)
        return replace(after, ended=now) if after.over else after

    def with_late(self, media: tuple[Medium, ...], now: float) -> Erasure:
        """With built-in disks that came to light after the confirmation: nobody named them, so they are not erased."""
        why = Phrase("it was not there when the erasure was confirmed")
        late = tuple(
            fail(DiskErasure(medium, self.level), ErasureFault.CHANGED, why, now)
            for medium in built_in(media)
            if self.find(medium.key) is None
        )
        return replace(self, disks=(*self.disks, *late)) if late else self

    def failures(self) -> str:
        """What is not erased, by name, with the reason."""
        return chained(
            [
                Phrase("{disk}: {why}", disk=name_of(disk.medium), why=disk.said())
                for disk in self.disks
                if disk.over and not disk.erased
            ]
        )


def _dated(record: DiskErasure, old: DiskErasure, now: float) -> DiskErasure:
    """Times are the daemon's: a laptop's own clock may be years off."""
    if record.phase is ErasePhase.REMEMBERED and old.phase is ErasePhase.PLANNED:
        return replace(record, started=now)
    return replace(record, started=old.started, ended=now if record.over else 0.0)


def _at_least(reached: EraseLevel, asked: EraseLevel) -> bool:
    return reached is EraseLevel.PURGE or asked is EraseLevel.CLEAR


def name_of(medium: Medium) -> str:
    """What people call a disk."""
    return " ".join(filter(None, (medium.model, medium.serial))) or medium.path


def built_in(media: tuple[Medium, ...]) -> tuple[Medium, ...]:
    """Disks that an erasure covers: all but sticks, cards and what the laptop runs from."""
    return tuple(medium for medium in media if medium.built_in)


def foreseen(medium: Medium) -> dict[str, dict[str, object]]:
    """What an erasure at each level would do to a disk, said before it is confirmed: technique, minutes, or why not."""
    return {str(level): _foreseen(choose(medium, level)) for level in EraseLevel}


def _foreseen(choice: EraseChoice) -> dict[str, object]:
    words = LEVELS[choice.technique].words if choice.technique else ""
    return {
        "technique": words,
        "level": str(choice.level or ""),
        "minutes": max(1, round(choice.seconds / 60)) if words else 0,
        "why_not": "" if words else choice.why,
    }


def shown(erasure: Erasure) -> dict[str, object]:
    """For page and API; progress is added from the reports."""
    return {
        "id": erasure.id,
        "number": erasure.number,
        "level": str(erasure.level),
        "by": erasure.by,
        "result": erasure.result,
        "spent": erasure.spent,
        "disks": [{**disk_shown(disk), "taken_out": taken_out(erasure, disk)} for disk in erasure.disks],
    }


def taken_out(erasure: Erasure, disk: DiskErasure) -> dict[str, object] | None:
    """What became of a disk that could not be erased, when, and who said so; None where nobody did."""
    found = next((each for each in erasure.taken_out if each.key == disk.medium.key), None)
    return None if found is None else {"what": found.what, "at": found.at, "by": list(found.by)}


def _hidden(ata: AtaAbilities) -> dict[str, int | bool]:
    """Sectors behind a host protected area and an overlay; `untold`: it could hide some, and does not tell."""
    return {"hpa": ata.hidden_sectors, "dco": ata.dco_sectors, "untold": ata.untold}


def disk_shown(disk: DiskErasure) -> dict[str, object]:
    """One disk of it, without what was remembered."""
    medium, rating = disk.medium, LEVELS.get(disk.technique) if disk.technique else None
    return {
        "key": medium.key,
        "path": medium.path,
        "bus": medium.bus,
        "model": medium.model,
        "serial": medium.serial,
        "wwn": medium.wwn,
        "size": medium.size,
        "rotational": medium.rotational,
        "smart": medium.smart,
        "hidden": None if medium.ata is None else _hidden(medium.ata),
        "method": str(disk.technique) if disk.technique else None,
        "technique": Phrase(rating.words) if rating else "",
        "level": str(disk.reached) if disk.reached else None,
        "phase": str(disk.phase),
        "completed": disk.completed,
        "verified": disk.erased,
        "seconds": round(max(0.0, disk.ended - disk.started), 1) if disk.ended and disk.started else 0.0,
        "started": disk.started,
        "ended": disk.ended,
        "answers": list(disk.answers),
        "tools": list(disk.tools),
        "notes": list(disk.remarks),
        "why": disk.why,
        "unreached": [list(each) for each in disk.unreached],
        "check": {**vars(disk.check)},
        "fault": str(disk.fault) if disk.fault else None,
        "detail": disk.detail,
        "said": disk.said(),
        "next_step": disk.next_step(),
    }
