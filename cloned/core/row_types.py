"""The shapes of a ledger's rows and of its figures, for whoever reads them; inventory/rows.py says what is kept.

Rows are kept for years: any field may be missing in one that an older version wrote.
"""

from __future__ import annotations

from typing import TypedDict, cast

from cloned.json_data import JsonObject


class DiskRow(TypedDict, total=False):
    """The disk that was written. Sizes in bytes; what it tells of itself is a number, or None."""

    serial: str
    wwn: str
    model: str
    smart: str
    transport: str
    size: int
    hours: int | None
    worn: int | None
    bad: int | None


class StepRow(TypedDict, total=False):
    """A finishing step and what came of it."""

    name: str
    result: str
    detail: str


class RemarkRow(TypedDict, total=False):
    """What a rule of triage, or a person, said of the laptop."""

    rule: str
    say: str


class TrialRow(TypedDict, total=False):
    """A test of a part; `told` is `why` as code and values."""

    name: str
    result: str
    why: str
    told: object


class CheckRow(TypedDict, total=False):
    """How an erased disk was looked at afterwards (disk/erase_record.py, LookBack)."""

    how: str
    seed: str
    places: int
    bytes: int
    remembered: int
    found: str


class HiddenRow(TypedDict, total=False):
    """Sectors behind a host protected area and an overlay; `untold`: it could hide some, and does not tell."""

    hpa: int
    dco: int
    untold: bool


class TakenOutRow(TypedDict):
    """What became of a disk that could not be erased, when (ISO 8601), and who said so."""

    what: str
    at: str
    by: list[str]


class ErasedDiskRow(TypedDict, total=False):
    """One disk of an erasure (core/erasure.py, disk_shown); `told` has its sentences as codes and values."""

    key: str
    path: str
    bus: str
    model: str
    serial: str
    wwn: str
    size: int
    smart: str
    hidden: HiddenRow | None
    method: str | None
    technique: str
    level: str | None
    phase: str
    completed: bool
    verified: bool
    seconds: float
    started: str
    ended: str
    answers: list[str]
    tools: list[str]
    notes: list[str]
    unreached: list[list[int]]
    check: CheckRow
    fault: str | None
    detail: str
    said: str
    next_step: str
    told: dict[str, object]
    taken_out: TakenOutRow | None


class ErasureRow(TypedDict, total=False):
    """An erasure: its level, what it came to, and each disk."""

    id: str
    level: str
    result: str
    donation: str
    locks: list[str]
    then: str
    disks: list[ErasedDiskRow]


class WaitingRow(TypedDict, total=False):
    """Laptops that waited for one thing when an evening ended, by number or tag. Seconds."""

    what: str
    laptops: list[str]
    longest: int


class StageRow(TypedDict, total=False):
    """A step of an evening, and how long it took as a rule. Seconds."""

    name: str
    usual: float
    longest: int


class HeldUpRow(TypedDict, total=False):
    """What held an evening up, and for how many seconds."""

    what: str
    seconds: int


class EveningRow(TypedDict, total=False):
    """An evening's summary (core/evening.py)."""

    laptops: int
    through: int
    waiting: list[WaitingRow]
    steps: list[StageRow]
    tested: int
    person_minutes: float | None
    held_up: list[HeldUpRow]
    grades: dict[str, int]


class Row(TypedDict, total=False):
    """A result of a laptop. `kind` is missing where it was cloned; times in seconds, sizes in bytes."""

    kind: str
    laptop: str
    attempt: int
    revision: int
    at: str
    session: str
    image: str
    image_hash: str
    verdict: str
    state: str
    amended: str
    """When a clone was told again, of which something was learnt after it had ended."""
    lending: str
    """`lent` or `back`, of a clone that was told anew since."""
    why: str
    told: object
    uuid: str
    serial: str
    vendor: str
    product: str
    tag: str
    cpu: str
    firmware: str
    organisation: str
    macs: list[str]
    dongles: list[str]
    disk: DiskRow
    discarded: bool
    bytes: int
    memory: int
    hardware: dict[str, object]
    rounds: int
    cleared: list[str]
    seconds: dict[str, float]
    steps: list[StepRow]
    course: str
    grade: str
    needs: list[str]
    remarks: list[RemarkRow]
    tests: list[TrialRow]
    erasure: ErasureRow
    evening: EveningRow


def as_row(row: JsonObject) -> Row:
    """A row as this version makes it, or as an older one did: it was ours, so what it has is of the kind named here."""
    return cast("Row", row)


class DeadLetter(TypedDict):
    """A result that a sink refused."""

    laptop: str
    attempt: int
    revision: int
    reason: str


class SinkBacklog(TypedDict):
    """What a sink has, and what it has not; the reason is that of a result which was tried in vain. Ages in seconds."""

    sink: str
    waiting: int
    sent: int
    refused: int
    reason: str
    tries: int
    due: float | None
    oldest_seconds: float | None
    dead: list[DeadLetter]
    past: str


class SinkStatus(SinkBacklog):
    """The same with how it stands: idle, sending, failing, asks, or unused (no longer configured)."""

    state: str


class LedgerTotals(TypedDict):
    """Results, clones by verdict, and laptops that were done today."""

    rows: int
    verdicts: dict[str, int]
    done_today: int
