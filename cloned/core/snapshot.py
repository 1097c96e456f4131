"""The workshop as it is shown: what page, API, command line and metrics see. Pure.

`Snapshot` and its parts are the API's shapes too: pydantic's TypeAdapter makes JSON and the OpenAPI document from them
(status/schema.py), so a field that is sent is described here, or it is not sent. Times are ISO 8601 UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

from cloned.core import erasure
from cloned.core.estimate import Estimate, estimate
from cloned.core.events import ImageInfo
from cloned.core.ids import LaptopId
from cloned.core.known import KnownElsewhere
from cloned.core.laptop import STAGE, Difference, Disk, Laptop, State, VerdictKind, said
from cloned.core.ledger import iso
from cloned.core.reasons import Reason
from cloned.core.schedule import Schedule, Wait, plan
from cloned.core.session import Kind, Session
from cloned.core.triage import Triage
from cloned.core.trial_result import Trial
from cloned.core.warnings import Warn
from cloned.core.words import Clock, utc
from cloned.core.workshop import Workshop
from cloned.disk.media import Medium

STAGES = ("boot", "wait", "receive", "verify", "finish")

SessionState = Literal["gathering", "sending", "idle", "ended"]


class Shown:
    """What every part of a snapshot has: its docstrings are the document's, and nothing else may come along."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True, "extra": "forbid"}


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
    disks: dict[str, dict[str, Any]] | None = None
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
    keep: bool
    """A person said that its disks must never be erased."""
    known: tuple[ShownKnown, ...]
    """What inventories elsewhere know of it."""
    organisation: str
    """Who will lend it out: never a person."""
    donation: str
    """The delivery it came with: an organisation or a number."""
    erasure: dict[str, Any] | None
    """The last one, or the one under way."""
    media: tuple[dict[str, Any], ...]
    """Its disks as erasing sees them, sticks among them."""
    locks: list[str]
    """What an erasure would not free, as far as its agent could see: firmware-password, absolute, planted-program."""
    wants: str | None
    """`capture`: it is a master, which nothing may clone by itself."""
    capture: str | None
    """Name of the image that it is being captured as."""
    reason: Reason | None
    why: str
    next_step: str
    image: str | None
    chosen: str
    """Why this image: a rule, the default, or a person."""
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
    tests: tuple[Trial, ...] = ()
    """Tests of its parts, as far as they are through."""
    tests_wanted: tuple[str, ...] = ()
    """Tests that were asked for and are not through."""


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
    sender: dict[str, Any] | None = None
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
    """Seconds that the daemon lately came late to what was due."""
    capacity: Capacity
    left_seconds: float | None
    """Until all who wait or are at work are through, where all know it."""
    laptops: tuple[ShownLaptop, ...]
    """In order of arrival."""
    sessions: tuple[ShownSession, ...]
    images: tuple[ImageInfo, ...]
    switches: tuple[dict[str, Any], ...] = ()
    """Each as `cloned switch show --json` gives it, with its age and what is wrong with it."""
    warnings: tuple[Warn, ...] = ()
    organisations: tuple[str, ...] = ()
    """Those that a laptop can be for."""
    confirmations: tuple[ShownConfirmation, ...]
    batches: tuple[ShownBatch, ...]
    holds: tuple[Hold, ...]


def snapshot(
    workshop: Workshop, progress: Mapping[LaptopId, Mapping[str, Any]], now: float, clock: Clock = utc
) -> Snapshot:
    """Everything the core knows; laptops in order of arrival, times in sentences by `clock`."""
    schedule = plan(workshop, now)
    expected = estimate(workshop, progress, schedule, now)
    laptops = sorted(workshop.laptops.values(), key=lambda laptop: laptop.number)
    return Snapshot(
        now=iso(now),
        capacity=_capacity(workshop, schedule),
        left_seconds=_rounded(expected.all),
        laptops=tuple(
            _laptop(each, schedule.waits.get(each.id), progress.get(each.id, {}), expected, now, clock)
            for each in laptops
        ),
        sessions=tuple(_session(each, workshop, expected, now) for each in workshop.sessions.values()),
        images=tuple(workshop.images.values()),
        organisations=workshop.settings.organisations,
        confirmations=tuple(
            ShownConfirmation(laptop.id, given.image, given.disk, given.by, iso(given.until))
            for laptop in laptops
            if (given := laptop.goal.confirmation) is not None
        ),
        batches=tuple(
            ShownBatch(
                each.id, each.vendor, each.product, each.image, each.by, given=iso(each.given), until=iso(each.until)
            )
            for each in workshop.batches.values()
        ),
        holds=tuple(Hold(image, iso(until)) for image, until in workshop.holds.items()),
    )


def _capacity(workshop: Workshop, schedule: Schedule) -> Capacity:
    reasons = {wait.reason for wait in schedule.waits.values()}
    limit = next((reason for reason in (Reason.SWITCH_FULL, Reason.LINK_FULL) if reason in reasons), None)
    return Capacity(
        workshop.places,
        len(workshop.active()),
        workshop.places_why,
        limit=None if limit is None else str(limit),
        paused=workshop.paused,
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _laptop(
    laptop: Laptop, wait: Wait | None, progress: Mapping[str, Any], expected: Estimate, now: float, clock: Clock
) -> ShownLaptop:
    disk, left = laptop.target(), _rounded(expected.laptops.get(laptop.id))
    reason, why = (laptop.reason, said(laptop.reason, laptop.detail))
    if wait is not None:
        reason, why = wait.reason, said(wait.reason, wait.detail, wait.values, clock)
    return ShownLaptop(
        id=laptop.id,
        number=laptop.number,
        tag=laptop.tag,
        mark=laptop.mark,
        label=laptop.mark,
        macs=laptop.identity.macs,
        boot_mac=laptop.facts.boot_mac,
        dongles=laptop.facts.dongles,
        uuid=laptop.identity.uuid,
        serial=laptop.identity.serial,
        vendor=laptop.identity.vendor,
        product=laptop.identity.product,
        address=laptop.contact.address,
        port=laptop.link.port or None,
        speed_mbps=laptop.link.speed_mbps,
        half_duplex=laptop.link.half_duplex,
        firmware=laptop.facts.firmware,
        cpu=laptop.facts.cpu,
        memory=laptop.facts.memory,
        state=laptop.state,
        since=iso(laptop.since),
        first_seen=iso(laptop.first_seen),
        paused=laptop.paused,
        left_out=laptop.left_out,
        lent=laptop.lent,
        keep=laptop.keep,
        known=tuple(_known(each) for each in laptop.known),
        organisation=laptop.organisation,
        donation=laptop.donation,
        erasure=None if laptop.erasure is None else erasure.shown(laptop.erasure),
        media=tuple(_medium(each) for each in laptop.media),
        locks=list(laptop.facts.hardware.locks),
        wants=laptop.wants or None,
        capture=laptop.capture.image or None,
        reason=reason,
        why=why,
        next_step="" if reason is None else reason.next_step,
        image=laptop.goal.image or None,
        chosen=laptop.goal.chosen,
        disk=None if disk is None else shown_disk(disk),
        disks=tuple(shown_disk(each) for each in laptop.facts.disks),
        reallocated=laptop.job.reallocated,
        session=laptop.session,
        job=laptop.job.number,
        attempts=laptop.job.rounds,
        verdict=laptop.job.verdict,
        image_hash=laptop.job.image_hash or None,
        differs=laptop.job.differs,
        first_differs=laptop.job.first_differs,
        cleared=laptop.job.cleared,
        discarded=laptop.job.discarded,
        steps=tuple(ShownStep(*step) for step in laptop.job.steps),
        history=tuple(ShownHistory(iso(entry.at), entry.state, entry.why) for entry in laptop.history),
        seconds=_seconds(laptop, now),
        left_seconds=left,
        progress=_progress(progress, left),
        triage=laptop.triage,
        grade=laptop.grade,
        grade_why=laptop.given_why,
        tests=laptop.trials,
        tests_wanted=laptop.trials_wanted,
    )


_FIGURES = frozenset(field.name for field in fields(Progress))


def _progress(told: Mapping[str, Any], left: float | None) -> Progress | None:
    """What a laptop told of itself, its time left as we expect it."""
    known = {name: value for name, value in told.items() if name in _FIGURES}
    if left is not None:
        known["left_seconds"] = left
    return Progress(**known) if known else None


def _known(each: KnownElsewhere) -> ShownKnown:
    return ShownKnown(
        each.sink, iso(each.at), each.found, each.tag, each.model, each.status, lent=each.lent, said=each.said
    )


def _medium(medium: Medium) -> dict[str, Any]:
    names = ("path", "serial", "wwn", "model", "size", "bus", "built_in", "barred")
    told = {"key": medium.key, **{name: getattr(medium, name) for name in names}}
    return told | {"would": erasure.foreseen(medium) if medium.built_in else {}}


def shown_disk(disk: Disk) -> ShownDisk:
    """A disk with its key."""
    return ShownDisk(**vars(disk), key=disk.key)


def _seconds(laptop: Laptop, now: float) -> dict[str, float]:
    """Seconds spent so far in each stage, the running one included."""
    spent = dict(laptop.seconds)
    stage = STAGE.get(laptop.state)
    if stage is not None:
        spent[stage] = spent.get(stage, 0.0) + max(0.0, now - laptop.since)
    return {name: round(spent.get(name, 0.0), 3) for name in STAGES}


def _session_state(session: Session, *, active: bool) -> SessionState:
    if session.ended:
        return "ended"
    if session.kind == "classic" and session.started is None:
        return "gathering"
    return "sending" if active or session.kind == "guests" else "idle"


def _session(session: Session, workshop: Workshop, expected: Estimate, now: float) -> ShownSession:
    active = tuple(laptop.id for laptop in workshop.active() if laptop.session == session.id)
    begin = session.first_ready
    end = now if active else session.last_verdict
    seconds = max(0.0, end - begin) if begin is not None and end is not None else 0.0
    return ShownSession(
        id=session.id,
        number=session.number,
        image=session.image,
        image_hash=session.image_hash,
        kind=session.kind,
        state=_session_state(session, active=bool(active)),
        guests=session.guests,
        port=session.port or None,
        ejected=session.ejected,
        laptops=session.members,
        active=active,
        bytes=session.bytes,
        seconds=round(seconds, 3),
        left_seconds=_rounded(max((expected.laptops.get(ident, 0.0) for ident in active), default=None)),
        mbit_s=round(session.bytes * 8 / seconds / 1e6, 1) if seconds else 0.0,
        started=iso(session.opened),
        ended=iso(session.ended) if session.ended else None,
    )
