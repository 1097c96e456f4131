"""The record of one disk's erasure: what it is, what was done to it, and what it answered.

The record is all there is: the agent carries it out, the daemon journals it at each step, and after a power cut the
agent gets it back and goes on. `completed` means that the device says so, `verified` that we looked (SP 800-88 Rev. 2).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from cloned.disk.erase import LEVELS, PASSWORD, TAKE_OFF, EraseLevel, Technique
from cloned.disk.erase_samples import DiskSample
from cloned.disk.media import FactsError, Medium
from cloned.json_data import JsonObject, as_float, as_int, as_list, as_object, as_objects, as_text
from cloned.saying import Phrase, Sentence, parts, sentence

VERSION = 1
MOST_LISTED = 200
"""Stretches that could not be reached which are listed one by one."""


class ErasePhase(StrEnum):
    """How far a disk is. Whatever is not `verified` is not erased."""

    PLANNED = "planned"
    REMEMBERED = "remembered"
    STARTED = "started"
    COMPLETED = "completed"
    VERIFIED = "verified"
    FAILED = "failed"


class ErasureFault(StrEnum):
    """What can go wrong with a disk, each with a sentence and a next step (`FAULTS`)."""

    REFUSED = "refused"
    TOOL = "tool-failed"
    MISSING = "tool-missing"
    SILENT = "no-status"
    HANGS = "hangs"
    SANITIZE_FAILED = "sanitize-failed"
    FROZEN = "frozen"
    LOCKED = "locked"
    LIES = "lies"
    UNREADABLE = "unreadable"
    UNREACHED = "unreached"
    GONE = "gone"
    CHANGED = "changed"
    READ_ONLY = "read-only"


FAULTS: dict[ErasureFault, tuple[str, str]] = {
    ErasureFault.REFUSED: ("It cannot be erased as asked: {detail}", "Take it out, or ask for another level"),
    ErasureFault.TOOL: (
        "The command to erase it failed: {detail}",
        "Start the erasure again; if it fails again, destroy it",
    ),
    ErasureFault.MISSING: (
        "The live system lacks a program: {detail}",
        "Build the live system again: cloned live build",
    ),
    ErasureFault.SILENT: (
        "It does not say whether it is erased: {detail}",
        "Switch the laptop off and on, then start again",
    ),
    ErasureFault.HANGS: (
        "Its sanitize makes no headway: {detail}",
        "Leave it on overnight; if it stays, destroy the disk",
    ),
    ErasureFault.SANITIZE_FAILED: (
        "It says that its sanitize failed: {detail}",
        "Start again once; then destroy the disk",
    ),
    ErasureFault.FROZEN: ("The firmware froze it: {detail}", "Let the laptop sleep for 15 s or plug the disk in anew"),
    ErasureFault.LOCKED: ("It is locked with a password: {detail}", "Unlock it with that password, or destroy it"),
    ErasureFault.LIES: ("It says it is erased, but old data is still there: {detail}", "Destroy the disk"),
    ErasureFault.UNREADABLE: ("It could not be read back: {detail}", "Destroy the disk: nobody can say what is on it"),
    ErasureFault.UNREACHED: (
        "Parts of it could not be written: {detail}",
        "Destroy the disk: those parts may hold data",
    ),
    ErasureFault.GONE: (
        "It vanished while it was erased: {detail}",
        "Check its connector, then start the erasure again",
    ),
    ErasureFault.CHANGED: (
        "It is not the disk that was confirmed: {detail}",
        "Look at the laptop's disks and confirm anew",
    ),
    ErasureFault.READ_ONLY: ("It is write-protected: {detail}", "Lift the protection, or destroy it"),
}


@dataclass(frozen=True)
class LookBack:
    """How it was looked at afterwards."""

    how: str = ""
    """sample or all."""
    seed: str = ""
    places: int = 0
    bytes: int = 0
    remembered: int = 0
    """Places from before that were compared."""
    found: str = ""
    """What is there now: zeros, one pattern, noise."""


@dataclass(frozen=True)
class DiskErasure:
    """One disk: what it is, what is done to it, and how far that is. Offsets and lengths in bytes."""

    medium: Medium
    level: EraseLevel
    """What was asked for."""
    technique: Technique | None = None
    why: Sentence = ""
    phase: ErasePhase = ErasePhase.PLANNED
    seed: str = ""
    remembered: tuple[DiskSample, ...] = ()
    how: str = "sample"
    offset: int = 0
    """Everything before it is written over, but for what is in `unreached`."""
    unreached: tuple[tuple[int, int], ...] = ()
    answers: tuple[Sentence, ...] = ()
    """What the device said, in order."""
    tools: tuple[Sentence, ...] = ()
    """Programs with versions."""
    notes: tuple[Sentence, ...] = ()
    """What a paper must also say: HPA and DCO, a second start."""
    started: float = 0.0
    ended: float = 0.0
    fault: ErasureFault | None = None
    detail: Sentence = ""
    check: LookBack = LookBack()
    starts: int = 0

    @property
    def erased(self) -> bool:
        """Whether the device said so and we looked."""
        return self.phase is ErasePhase.VERIFIED and not self.unreached

    @property
    def reached(self) -> EraseLevel | None:
        """The level that was reached; None where it was none."""
        return LEVELS[self.technique].level if self.erased and self.technique is not None else None

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.phase in (ErasePhase.VERIFIED, ErasePhase.FAILED)

    @property
    def completed(self) -> bool:
        """Whether the device says that it is done, whatever the look at it gave."""
        return self.phase in (ErasePhase.COMPLETED, ErasePhase.VERIFIED) or self.fault in (
            ErasureFault.LIES,
            ErasureFault.UNREADABLE,
        )

    @property
    def remarks(self) -> tuple[Sentence, ...]:
        """Its notes, and what is to be known of the password that SECURITY ERASE needs."""
        if self.technique is not Technique.ATA_SECURITY or not self.starts:
            return self.notes
        if self.completed:
            known = {"password": PASSWORD}
            said = Phrase(
                "SECURITY ERASE locked it with the password {password} meanwhile, and took that off again", **known
            )
            return (*self.notes, said)
        said = Phrase(
            "while SECURITY ERASE runs it is locked with the password {password}; after a power cut that is "
            "taken off at the next start, by hand with {command}",
            password=PASSWORD,
            command=TAKE_OFF,
        )
        return (*self.notes, said)

    def reached_of(self, places: tuple[DiskSample, ...]) -> tuple[DiskSample, ...]:
        """Those that were written to the last byte: what was not is told apart, and reading it is no use."""

        def written(place: DiskSample) -> bool:
            end = place.offset + place.length
            return all(end <= at or at + length <= place.offset for at, length in self.unreached)

        return tuple(place for place in places if written(place)) if self.unreached else places

    def said(self) -> str:
        """What went wrong, in a sentence; empty where nothing did."""
        return Phrase(FAULTS[self.fault][0], detail=self.detail) if self.fault else ""

    def next_step(self) -> str:
        """What a person can do about it."""
        return Phrase(FAULTS[self.fault][1]) if self.fault else ""

    def to_json(self) -> dict[str, object]:
        """Plain data, read again by `from_json`."""
        return asdict(self) | self.spoken() | {"medium": self.medium.to_json()}

    def spoken(self) -> dict[str, object]:
        """Its sentences as codes and values: each reader words them in his language."""
        lists = {"answers": self.answers, "tools": self.tools, "notes": self.notes}
        told = {name: [parts(each) for each in sentences] for name, sentences in lists.items()}
        return {"why": parts(self.why), "detail": parts(self.detail), **told}

    @classmethod
    def from_json(cls, data: object) -> DiskErasure:
        """From plain data that anybody may have sent; FactsError where it is not such a record."""
        try:
            return _read(as_object(data))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FactsError(Phrase("this is no record of an erasure: {error}", error=str(error)[:200])) from error


def _read(data: JsonObject) -> DiskErasure:
    return DiskErasure(
        medium=Medium.from_json(data["medium"]),
        level=EraseLevel(as_text(data["level"])),
        technique=Technique(as_text(data["technique"])) if data["technique"] else None,
        why=sentence(data["why"]),
        phase=ErasePhase(as_text(data["phase"])),
        seed=_text(data["seed"]),
        remembered=tuple(_sample(each) for each in as_objects(as_list(data["remembered"])[:1024])),
        how=_text(data["how"]),
        offset=as_int(data["offset"]),
        unreached=tuple(_stretch(each) for each in as_list(data["unreached"])[: MOST_LISTED + 1]),
        answers=_sentences(data["answers"]),
        tools=_sentences(data["tools"]),
        notes=_sentences(data["notes"]),
        started=as_float(data["started"]),
        ended=as_float(data["ended"]),
        fault=ErasureFault(as_text(data["fault"])) if data["fault"] else None,
        detail=sentence(data["detail"]),
        check=_look(as_object(data["check"])),
        starts=as_int(data["starts"]),
    )


def _stretch(told: object) -> tuple[int, int]:
    at, length = as_list(told)
    return as_int(at), as_int(length)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise FactsError("a text of it is none")
    return "".join(char for char in value[:2000] if char.isprintable())[:500]


def _sentences(values: object) -> tuple[str, ...]:
    return tuple(sentence(each) for each in as_list(values)[:50])


def _sample(data: JsonObject) -> DiskSample:
    return DiskSample(as_int(data["offset"]), as_int(data["length"]), _text(data["digest"])[:64], bool(data["marker"]))


def _look(data: JsonObject) -> LookBack:
    places, size, compared = (as_int(data[name]) for name in ("places", "bytes", "remembered"))
    return LookBack(_text(data["how"]), _text(data["seed"]), places, size, compared, _text(data["found"]))
