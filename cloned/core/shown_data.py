"""A snapshot as plain data, as the API sends it and our own page and command line read it: the classes of shown.py.

Only what one of them reads is named here. An older daemon may not send all of it.
"""

from __future__ import annotations

from typing import TypedDict


class DiskData(TypedDict, total=False):
    """A disk; bytes."""

    key: str
    path: str
    size: int
    serial: str
    wwn: str
    model: str
    transport: str
    eligible: bool
    why_not: str
    smart: str


class DiskProgress(TypedDict, total=False):
    """How far the erasure of a disk is, from 0 to 1."""

    done: float
    words: str


class ProgressData(TypedDict, total=False):
    """Bytes, bytes per second, seconds."""

    bytes: float | None
    total: float | None
    rate: float | None
    left_seconds: float | None
    held_by: str | None
    pieces_left: float | None
    lost: float | None
    activity: str | None
    disks: dict[str, DiskProgress] | None


class ErasedDiskData(TypedDict, total=False):
    """A disk of an erasure."""

    key: str
    path: str
    bus: str
    model: str
    serial: str
    wwn: str
    size: int
    method: str | None
    technique: str
    level: str | None
    phase: str
    completed: bool
    verified: bool
    seconds: float
    fault: str | None
    said: str
    next_step: str
    check: dict[str, object]
    answers: list[str]
    unreached: list[list[int]]


class ErasureData(TypedDict, total=False):
    """An erasure that is under way, or the last one."""

    id: str
    number: int
    level: str
    by: str
    result: str
    spent: bool
    disks: list[ErasedDiskData]


class MediumData(TypedDict, total=False):
    """A disk as erasing sees it; `would`: by level, what an erasure would do."""

    key: str
    path: str
    serial: str
    model: str
    size: int
    bus: str
    built_in: bool
    barred: str
    would: dict[str, dict[str, object]]


class HistoryData(TypedDict):
    """One line of history; ISO 8601."""

    at: str
    state: str
    why: str


class StepData(TypedDict):
    """A finishing step."""

    name: str
    result: str
    detail: str


class TrialData(TypedDict, total=False):
    """A test of a part."""

    name: str
    result: str
    why: str
    seconds: float


class TriageData(TypedDict, total=False):
    """What the rules make of a laptop."""

    course: str
    grade: str
    needs: list[str]
    untold: list[str]


class LaptopData(TypedDict, total=False):
    """A laptop; times ISO 8601."""

    id: str
    number: int
    tag: str
    mark: str
    label: str
    macs: list[str]
    boot_mac: str
    uuid: str
    serial: str
    vendor: str
    product: str
    address: str
    port: str | None
    firmware: str
    memory: int
    state: str
    since: str
    first_seen: str
    paused: bool
    lent: bool
    came_back: bool
    organisation: str
    donation: str
    erasure: ErasureData | None
    media: list[MediumData]
    wants: str | None
    capture: str | None
    reason: str | None
    why: str
    told: dict[str, object] | None
    next_step: str
    image: str | None
    chosen: str
    chosen_told: dict[str, object] | None
    image_hash: str | None
    disk: DiskData | None
    disks: list[DiskData]
    session: str | None
    job: int
    attempts: int
    verdict: str
    differs: list[dict[str, object]]
    first_differs: list[dict[str, object]]
    cleared: list[str]
    discarded: bool
    steps: list[StepData]
    left_seconds: float | None
    progress: ProgressData | None
    triage: TriageData
    grade: str
    tests: list[TrialData]
    tests_wanted: list[str]
    undecided: list[str]
    history: list[HistoryData]
    seconds: dict[str, float]


class SessionData(TypedDict, total=False):
    """A session; the image's bytes, which each laptop gets."""

    id: str
    number: int
    image: str
    image_hash: str
    kind: str
    state: str
    guests: int
    port: int | None
    ejected: list[str]
    laptops: list[str]
    active: list[str]
    bytes: int
    seconds: float
    left_seconds: float | None
    mbit_s: float
    started: str
    ended: str | None
    sender: dict[str, object] | None


class ImageData(TypedDict, total=False):
    """An image of the store; bytes."""

    name: str
    image_hash: str
    used: int
    unusable: str


class WarningData(TypedDict, total=False):
    """Something that a volunteer should know."""

    code: str
    text: str
    hint: str


class PortData(TypedDict, total=False):
    """A port of a switch."""

    if_index: int
    name: str
    admin: str | None
    oper: str | None
    speed_mbps: int | None
    duplex: str | None
    role: str
    macs: list[str]


class StationData(TypedDict):
    """An address that a switch has seen."""

    mac: str
    vlan: int | None
    if_index: int


class NeighbourData(TypedDict):
    """What says by LLDP that it is at a port."""

    if_index: int
    neighbour: str


class SwitchTables(TypedDict, total=False):
    """What a switch's tables say."""

    address: str
    sys_descr: str
    sys_name: str
    ports: list[PortData]
    fdb: list[StationData]
    lldp: list[NeighbourData]
    capacity: int | None


class SwitchShown(SwitchTables, total=False):
    """The same, as `cloned switch show --json` gives it."""

    warnings: list[str]


class SwitchData(SwitchTables, total=False):
    """The same, with the state of its reading. `age` in seconds."""

    warnings: list[WarningData]
    state: str
    age: float
    error: str
    hint: str
    day: object


class WorkshopData(TypedDict, total=False):
    """The whole workshop."""

    now: str
    workshop: str
    laptops: list[LaptopData]
    sessions: list[SessionData]
    images: list[ImageData]
    switches: list[SwitchData]
    warnings: list[WarningData]
    organisations: list[str]
    capacity: dict[str, object]
    left_seconds: float | None
    confirmations: list[dict[str, str]]
    batches: list[dict[str, str]]
    holds: list[dict[str, str]]
    backlog: int
    loop_lag: float
    loop_held: float
    loop_busy: float
