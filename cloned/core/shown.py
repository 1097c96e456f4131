"""The shapes of what is shown: of the snapshot that page, API, command line and metrics see. Pure.

They are the API's shapes too: pydantic's TypeAdapter makes JSON and the OpenAPI document from them (status/schema.py),
so a field that is sent is described here, or it is not sent. Times are ISO 8601 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from cloned.core.events import ImageInfo
from cloned.core.laptop import Difference, State, VerdictKind
from cloned.core.reasons import Reason
from cloned.core.session import Kind
from cloned.core.triage import Triage
from cloned.core.trial_result import Trial
from cloned.core.warnings import Warn

SessionState = Literal["gathering", "sending", "idle", "ended"]


class Shown:
    """What every part of a snapshot has: its docstrings are the document's, and nothing else may come along."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"use_attribute_docstrings": True, "extra": "forbid"}


@dataclass(frozen=True)
class Capacity(Shown):
    """How many laptops fit at once, and what says so."""

    places: int
    taken: int
    why: str
    limit: str | None
    """Which limit keeps somebody waiting: `switch-full` or `link-full`."""
    paused: bool


@dataclass(frozen=True)
class ShownDisk(Shown):
    """A disk of a laptop; sizes in bytes."""

    path: str
    size: int
    sector_size: int
    serial: str
    wwn: str
    model: str
    transport: str
    eligible: bool
    why_not: str
    smart: str
    name: str
    """What names it among the disks of its laptop."""
    asks: str
    """Why it is cloned to only where a person says so; empty if nothing is odd about it."""
    hours: int | None
    """It was switched on, as it says itself; null where it does not, as with the next two."""
    worn: int | None
    """Percent of its life that is used up."""
    bad: int | None
    """Sectors that it gave up."""
    key: str
    """What names it for good."""


@dataclass(frozen=True)
class ShownScreen(Shown):
    """The built-in screen, as it says itself (EDID)."""

    width: int
    """Pixels, as the next one."""
    height: int
    inches: float
    """Its diagonal; 0 where it does not say."""


@dataclass(frozen=True)
class ShownHistory(Shown):
    """One line of history."""

    at: str
    state: State
    why: str


@dataclass(frozen=True)
class ShownStep(Shown):
    """A finishing step."""

    name: str
    result: str
    """done, skipped or failed."""
    detail: str


@dataclass(frozen=True)
class ShownKnown(Shown):
    """What one inventory knows of a laptop: never to whom it is lent, only whether."""

    sink: str
    at: str
    """When it said so."""
    found: int
    """How many entries it has of this serial number."""
    tag: str
    model: str
    status: str
    lent: bool
    said: tuple[str, ...]
    """What is odd there."""


@dataclass(frozen=True, kw_only=True)
class Progress(Shown):
    """From the laptop itself, once a second: bytes, bytes per second, seconds."""

    bytes: int | float | None = None
    total: int | float | None = None
    rate: int | float | None = None
    left_seconds: int | float | None = None
    held_by: str | None = None
    """network, processor or disk."""
    pieces_left: int | float | None = None
    lost: int | float | None = None
    """Packets that did not come, of those that were sent meanwhile."""
    activity: str | None = None
    disks: dict[str, dict[str, object]] | None = None
    """While it is erased: of each disk the share that is done, and what is going on."""


@dataclass(frozen=True, kw_only=True)
class LaptopBrief(Shown):
    """A laptop as events carry it: without history and clocks."""

    id: str
    number: int
    tag: str
    mark: str
    """A word that image rules look at."""
    label: str
    """The same, by its older name."""
    macs: tuple[str, ...]
    boot_mac: str
    dongles: tuple[str, ...]
    """Those of its network cards that are plugged in: they go from laptop to laptop."""
    uuid: str
    serial: str
    vendor: str
    product: str
    address: str
    port: str | None
    speed_mbps: int | None
    half_duplex: bool
    firmware: str
    cpu: str
    memory: int
    """Bytes."""
    state: State
    since: str
    first_seen: str
    paused: bool
    left_out: bool
    lent: bool
    came_back: bool
    """It was lent out, and was not cloned since it came back."""
    keep: bool
    """A person said that its disks must never be erased."""
    known: tuple[ShownKnown, ...]
    """What inventories elsewhere know of it."""
    organisation: str
    """Who will lend it out: never a person."""
    donation: str
    """The delivery it came with: an organisation or a number."""
    first_word: dict[str, object] | None = None
    """What one user said of its disks and another has to say too: verb, by, at, level, text."""
    fate: str = ""
    """What became of it: given, parts or scrapped; empty while it is here."""
    erasure: dict[str, object] | None
    """The last one, or the one under way."""
    media: tuple[dict[str, object], ...]
    """Its disks as erasing sees them, sticks among them."""
    locks: list[str]
    """What an erasure would not free, as far as its agent could see: firmware-password, absolute, planted-program."""
    screen: ShownScreen | None = None
    """Its built-in screen; null until that is told."""
    windows_key: str = ""
    """What the key for Windows in its firmware is for; empty where there is none, or nothing is told of it."""
    wants: str | None
    """`capture`: it is a master, which nothing may clone by itself."""
    capture: str | None
    """Name of the image that it is being captured as."""
    reason: Reason | None
    why: str
    told: dict[str, object] | None = None
    """`why` as a code or message and its values, for who words it in another language."""
    next_step: str
    image: str | None
    chosen: str
    """Why this image: a rule, the default, or a person."""
    chosen_told: dict[str, object] | None = None
    """`chosen` as a message and its values, for who words it in another language."""
    disk: ShownDisk | None
    """The one that is or was written."""
    disks: tuple[ShownDisk, ...]
    reallocated: int
    """Sectors its disk replaced while it was cloned."""
    session: str | None
    job: int
    """How many times it was cloned, this time included."""
    attempts: int
    """Rounds of reading back in this job."""
    verdict: VerdictKind
    image_hash: str | None
    """From its own read-back."""
    differs: tuple[Difference, ...]
    first_differs: tuple[Difference, ...]
    cleared: tuple[str, ...]
    """Old signatures that were cleared before the layout was written."""
    discarded: bool
    """Whether its disk was discarded (TRIM) before."""
    steps: tuple[ShownStep, ...]
    left_seconds: float | None
    """Until it is through."""
    progress: Progress | None
    triage: Triage = field(default_factory=Triage)
    """What the rules make of it: clone, ask, parts or give-back, with grade, needs and why."""
    grade: str = ""
    """A to D: a person's, else the rules'."""
    grade_why: str = ""
    """Where a person gave it: why."""
    notes: tuple[str, ...] = ()
    """What people saw on it, in their words."""
    tests: tuple[Trial, ...] = ()
    """Tests of its parts, as far as they are through."""
    tests_wanted: tuple[str, ...] = ()
    """Tests that were asked for and are not through."""
    undecided: tuple[str, ...] = ()
    """Parts of one that is done that are bad, and of which nobody said yet what is to become of it."""


@dataclass(frozen=True, kw_only=True)
class ShownLaptop(LaptopBrief):
    """Everything known of a laptop."""

    history: tuple[ShownHistory, ...]
    seconds: dict[str, float]
    """Spent so far in each stage, the running one included."""


@dataclass(frozen=True, kw_only=True)
class ShownSession(Shown):
    """One image going to several laptops."""

    id: str
    number: int
    image: str
    image_hash: str
    kind: Kind
    state: SessionState
    guests: int
    port: int | None
    """Port base of a classic session."""
    ejected: tuple[str, ...]
    """Addresses that were taken out of a classic session."""
    laptops: tuple[str, ...]
    """Every laptop that ever joined, in order."""
    active: tuple[str, ...]
    bytes: int
    """The image's used bytes, which each laptop gets."""
    seconds: float
    left_seconds: float | None
    """Until those who are in it now are through."""
    mbit_s: float
    """`bytes` over `seconds`."""
    started: str
    ended: str | None
    sender: dict[str, object] | None = None
    """What sends it, while it does: figures of the piece stream, or of Clonezilla's own programs."""


@dataclass(frozen=True)
class ShownConfirmation(Shown):
    """Somebody's word that a disk may be overwritten."""

    laptop: str
    image: str
    disk: str
    by: str
    until: str


@dataclass(frozen=True)
class ShownBatch(Shown):
    """Every new laptop of a model is confirmed."""

    id: str
    vendor: str
    product: str
    image: str
    by: str
    given: str
    until: str
    organisation: str = ""
    """For which one they are."""


@dataclass(frozen=True)
class Hold(Shown):
    """An image that nobody starts with before a time."""

    image: str
    until: str


@dataclass(frozen=True, kw_only=True)
class Snapshot(Shown):
    """The whole workshop."""

    now: str
    workshop: str = ""
    """Its name."""
    backlog: int = 0
    """Events waiting to be written down."""
    loop_lag: float = 0.0
    """Seconds that the daemon lately came late to what was due, at most."""
    loop_held: float = 0.0
    """The same without the time in which it was ready and other programs had the processors."""
    loop_busy: float = 0.0
    """Seconds of processor that it worked itself in one of these, at most."""
    capacity: Capacity
    left_seconds: float | None
    """Until all who wait or are at work are through, where all know it."""
    laptops: tuple[ShownLaptop, ...]
    """In order of arrival."""
    sessions: tuple[ShownSession, ...]
    images: tuple[ImageInfo, ...]
    switches: tuple[dict[str, object], ...] = ()
    """Each as `cloned switch show --json` gives it, with its age and what is wrong with it."""
    warnings: tuple[Warn, ...] = ()
    organisations: tuple[str, ...] = ()
    """Those that a laptop can be for."""
    confirmations: tuple[ShownConfirmation, ...]
    batches: tuple[ShownBatch, ...]
    holds: tuple[Hold, ...]
