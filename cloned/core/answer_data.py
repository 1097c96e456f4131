"""Answers of the API beside the snapshot, as plain data: what our own page and command line read of them."""

from __future__ import annotations

from typing import TypedDict

from cloned.core.shown_data import TriageData


class OfferedTechnique(TypedDict):
    """A way of erasing a disk, whether it can be had, and why (`told`: as code and values)."""

    method: str
    level: str
    possible: bool
    why: str
    told: object


class ExplainedWords(TypedDict):
    """What is said of a choice, as codes and values."""

    why: object
    next_step: object


class ExplainedDisk(TypedDict):
    """What an erasure would do to a disk, why, and what it could not have. Bytes."""

    path: str
    model: str
    serial: str
    size: int
    bus: str
    built_in: bool
    method: str | None
    level: str | None
    technique: str
    source: str
    why: str
    next_step: str
    minutes: int | None
    asked: str
    offers: list[OfferedTechnique]
    told: ExplainedWords


class ErasurePlanData(TypedDict):
    """What an erasure of a laptop would do to each of its disks."""

    laptop: str
    level: str
    disks: list[ExplainedDisk]


class TriageRuleData(TypedDict):
    """A rule of triage, held against a laptop."""

    name: str
    fits: bool
    doubtful: bool
    say: str
    course: str
    grade: str
    needs: list[str]
    image: str
    conditions: list[TriageConditionData]


class TriageConditionData(TypedDict):
    """A condition of a rule; `holds` is None where it is not told."""

    condition: str
    wanted: object
    found: str
    holds: bool | None


class TriageExplainedData(TypedDict):
    """What the rules make of a laptop, with every rule's reasons."""

    triage: TriageData
    rules: list[TriageRuleData]


class BootAskedData(TypedDict, total=False):
    """Something that a laptop asked of the network boot, and what it got; ISO 8601."""

    mac: str
    at: str
    asked: str
    got: str
    why: str
    address: str
    interface: str
    times: int
    told: dict[str, object]


class BootLogEntry(TypedDict):
    """The same as the network boot keeps it: `at` in seconds since 1970, of the last of `times` equal ones."""

    mac: str
    at: float
    asked: str
    got: str
    why: str
    address: str
    interface: str
    times: int


class CheckLine(TypedDict):
    """One thing that `cloned check` looked at: ok, warning, wrong or skipped."""

    name: str
    state: str
    said: str
    next: str
    seconds: float


class CheckedData(TypedDict):
    """What the daemon's own check found last; ISO 8601, None before the first."""

    at: str | None
    findings: list[CheckLine]


class RuleMeant(TypedDict):
    """Which image for which laptops; the default has no number."""

    number: int | None
    image: str
    when: str
    matches: list[str]
    """Ids of the laptops that it means now."""


class PrintedPaper(TypedDict):
    """A paper that is printed by itself; ISO 8601."""

    laptop: str
    job: int
    paper: str
    tag: str
    printer: str
    state: str
    why: str
    at: str
    tries: int


class CaptureData(TypedDict):
    """A capture, for page and command line; bytes."""

    name: str
    laptop: str
    state: str
    why: str
    bytes: int
    total: int
