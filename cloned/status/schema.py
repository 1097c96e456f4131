"""The shapes of the API's answers, for the OpenAPI document and its test; unknown fields may come along."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

State = Literal[
    "asking", "waiting", "ready", "receiving", "verifying", "finishing", "done", "aside", "gone", "erasing", "erased"
]
Verdict = Literal["verified", "differs", "unreadable", "none"]


class Shape(BaseModel):
    """An object of the API."""

    model_config = ConfigDict(extra="allow")


class Problem(Shape):
    """Why it was not done, and what to do next."""

    error: str
    hint: str


class Done(Shape):
    """It was done."""

    ok: Literal[True]


class Capacity(Shape):
    """How many laptops fit at once, and what says so."""

    places: int
    taken: int
    why: str
    limit: str | None


class Disk(Shape):
    """A disk of a laptop; size in bytes."""

    path: str
    size: int
    serial: str
    wwn: str
    model: str
    transport: str
    smart: str
    hours: int | None
    """It was switched on, as it says itself; null where it does not, as with the next two."""
    worn: int | None
    """Percent of its life that is used up."""
    bad: int | None
    """Sectors that it gave up."""


class Difference(Shape):
    """A byte range of a partition in which pieces differ (last byte inclusive)."""

    partition: str
    first: int
    last: int
    pieces: int


class Entry(Shape):
    """One line of history; `at` ISO 8601 UTC."""

    at: str
    state: State
    why: str


class Progress(Shape):
    """From the laptop itself, once a second: bytes, bytes per second, seconds."""

    bytes: int | None = None
    total: int | None = None
    rate: float | None = None
    left_seconds: float | None = None
    held_by: str | None = None
    pieces_left: int | None = None


class LaptopBrief(Shape):
    """A laptop as events carry it: without history."""

    id: str
    number: int
    tag: str
    macs: list[str]
    boot_mac: str
    uuid: str
    serial: str
    vendor: str
    product: str
    address: str
    port: str | None
    firmware: str
    state: State
    reason: str | None
    why: str
    next_step: str
    image: str | None
    wants: Literal["capture"] | None
    capture: str | None
    disk: Disk | None
    disks: list[Disk]
    session: str | None
    job: int
    attempts: int
    verdict: Verdict
    image_hash: str | None
    differs: list[Difference]
    left_seconds: float | None = None
    progress: Progress | None


class Laptop(LaptopBrief):
    """Everything known of a laptop."""

    history: list[Entry]
    seconds: dict[str, float]


class Session(Shape):
    """One image going to several laptops; `bytes` is what each of them gets."""

    id: str
    image: str
    state: str
    laptops: list[str]
    bytes: int
    seconds: float
    mbit_s: float
    left_seconds: float | None = None
    started: str
    ended: str | None


class Warning(Shape):  # noqa: A001 - it is what the API calls it
    """Something a person should know, and what to do about it."""

    code: str
    text: str
    hint: str


class Snapshot(Shape):
    """The whole workshop."""

    now: str
    workshop: str
    capacity: Capacity
    left_seconds: float | None = None
    laptops: list[Laptop]
    sessions: list[Session]
    images: list[dict[str, Any]]
    switches: list[dict[str, Any]]
    warnings: list[Warning]
    confirmations: list[dict[str, Any]]
    batches: list[dict[str, Any]]


class Sink(Shape):
    """What a sink has got and what it is owed."""

    sink: str
    state: Literal["idle", "sending", "failing", "unused"]
    waiting: int
    sent: int
    refused: int
    reason: str
    dead: list[dict[str, Any]]


class Inventory(Shape):
    """The ledger in figures."""

    rows: int
    verdicts: dict[str, int]
    done_today: int
    sinks: list[Sink]


class LedgerRow(Shape):
    """One result."""

    laptop: str
    attempt: int
    revision: int
    at: str
    verdict: Verdict
    state: str
    image: str


class Scan(Shape):
    """What a scanner typed, understood."""

    laptop: str | None
    """Its id; null where nobody has this name or number."""
    meant: str
    """What was most likely on the sticker, whatever keyboard the scanner took this for."""
    untagged: tuple[str, ...]
    """Where no laptop was found: those that have no number yet."""


class Erasures(Shape):
    """What was erased, and what is being erased."""

    results: list[LedgerRow]
    under_way: list[dict[str, Any]]


class ErasurePlan(Shape):
    """What an erasure of a laptop would do to each of its disks."""

    laptop: str
    level: str
    disks: list[dict[str, Any]]


class SiteKeyTold(Shape):
    """The public half of the site's key; `fingerprint` is what people compare."""

    site: str
    pem: str
    fingerprint: str


class Boot(Shape):
    """Something that a laptop asked of the network boot, and what it got; `at` ISO 8601 UTC."""

    mac: str
    at: str
    asked: str
    got: str
    why: str


class SignIn(Shape):
    """The workshop's PIN."""

    pin: str
