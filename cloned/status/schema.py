"""The shapes of the API's answers, for JSON, the OpenAPI document and its test; laptops and sessions are the core's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import GenericAlias
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model
from pydantic.config import JsonDict

from cloned.core import account_types
from cloned.core.shown import LaptopBrief, ShownLaptop, ShownSession, Snapshot
from cloned.core.shown_data import WorkshopData
from cloned.core.triage import TriageExplained


@cache
def adapter() -> TypeAdapter[Snapshot]:
    """What writes snapshots; made when the first is asked for, since it takes a tenth of a second."""
    return TypeAdapter(Snapshot)


def plain(snapshot: Snapshot) -> WorkshopData:
    """A snapshot as the API sends it: dicts, lists, texts and numbers."""
    made: WorkshopData = adapter().dump_python(snapshot, mode="json")
    return made


def worded(snapshot: Snapshot) -> WorkshopData:
    """The same for our own pages: its sentences know what they were made of."""
    made: WorkshopData = adapter().dump_python(snapshot)
    return made


class Shape(BaseModel):
    """An object of the API; nothing comes along that is not named."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


def shape_of(plain: type, parts: Mapping[type, type[Shape]], name: str = "") -> type[Shape]:
    """The shape of plain data whose keys the core names, so that they stand once; `parts`: the shapes of what it lists.

    Pydantic takes no TypedDict of the standard library before Python 3.12, and the core has no other.
    """
    fields: Any = {key: (_within(kind, parts), ...) for key, kind in get_type_hints(plain).items()}
    return create_model(name or plain.__name__, __base__=Shape, __doc__=plain.__doc__, **fields)


def _within(kind: Any, parts: Mapping[type, type[Shape]]) -> Any:
    """The type of a key, with the shape of what it lists in place of the plain data."""
    return GenericAlias(list, parts[get_args(kind)[0]]) if get_origin(kind) is list else kind


class Problem(Shape):
    """Why it was not done, and what to do next (RFC 9457, and `error` and `hint`)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    error: str
    hint: str
    code: str | None = None
    """Of a refusal: what stands against it, the same in every language."""
    values: dict[str, str | int | float] | None = None
    """What the words of that code are filled with."""


class Done(BaseModel):
    """It was done; what a verb tells beside that stands with the verb."""

    ok: Literal[True]


class DeadResult(Shape):
    """A result that a sink refused."""

    laptop: str
    attempt: int
    revision: int
    reason: str


class SinkState(Shape):
    """What a sink has got and what it is owed."""

    sink: str
    state: Literal["idle", "sending", "failing", "asks", "unused"]
    """`asks`: what of the results from before it was configured it is to get."""
    waiting: int
    sent: int
    refused: int
    oldest_seconds: float | None
    """How long the oldest result waits; null where none does."""
    reason: str
    """Why the oldest that was tried in vain did not get there."""
    tries: int
    """How often that one was tried."""
    due: float | None
    """When it is tried again, in seconds since 1970; null where none waits."""
    past: str
    """What it gets of the results from before it was configured: all, newest, none or ask."""
    dead: list[DeadResult]


class Inventory(Shape):
    """The ledger in figures."""

    rows: int
    verdicts: dict[str, int]
    done_today: int
    sinks: list[SinkState]


class LedgerLine(BaseModel):
    """One result. Fields that are not named here are those of images/../inventory/columns.py."""

    model_config = ConfigDict(extra="allow")

    laptop: str
    attempt: int
    revision: int
    at: str
    verdict: str
    state: str
    image: str


class CheckFinding(Shape):
    """One thing that `cloned check` looked at."""

    name: str
    state: Literal["ok", "warning", "wrong", "skipped"]
    said: str
    next: str
    seconds: float


class Checked(Shape):
    """What the daemon's own check found last; `at` ISO 8601 UTC, null before the first."""

    at: str | None
    findings: list[CheckFinding]


class Scan(Shape):
    """What a scanner typed, understood."""

    laptop: str | None
    """Its id; null where nobody has this name or number."""
    meant: str
    """What was most likely on the sticker, whatever keyboard the scanner took this for."""
    untagged: tuple[str, ...]
    """Where no laptop was found: those that have no number yet."""
    called: dict[str, str]
    """The newest of them, and what people recognise each by."""


class ErasuresShown(Shape):
    """What was erased, and what is being erased."""

    results: list[LedgerLine]
    under_way: list[dict[str, object]]


class ErasurePlan(Shape):
    """What an erasure of a laptop would do to each of its disks."""

    laptop: str
    level: str
    disks: list[dict[str, object]]


DonatedLaptop = shape_of(account_types.DonatedLaptop, {})
DeliveryAccount = shape_of(account_types.Account, {account_types.DonatedLaptop: DonatedLaptop}, "DeliveryAccount")


class SiteKeyTold(Shape):
    """The public half of the site's key; `fingerprint` is what people compare."""

    site: str
    pem: str
    fingerprint: str


class BootAsked(Shape):
    """Something that a laptop asked of the network boot, and what it got; `at` ISO 8601 UTC."""

    mac: str
    at: str
    asked: str
    got: str
    why: str
    address: str
    interface: str
    times: int
    """How many equal ones this line stands for; `at` is the last."""
    told: dict[str, object] = {}
    """Those of `asked`, `got` and `why` that are sentences, as messages with their values."""


@dataclass(frozen=True, kw_only=True)
class LaptopDetails(ShownLaptop):
    """Everything known of a laptop, with its results and what it asked of the network boot."""

    results: list[LedgerLine] = field(default_factory=list)
    netboot: list[BootAsked] = field(default_factory=list)


def _one_of_both(made: JsonDict) -> None:
    """Either the PIN, or a name and its password: neither alone is empty."""
    text: JsonDict = {"type": "string"}
    made["properties"] = {"pin": text, "name": text, "password": text}
    made["anyOf"] = [{"required": ["pin"]}, {"required": ["name", "password"]}]


class SignIn(BaseModel):
    """The workshop's PIN (`pin`), or the name and password of somebody who has them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_one_of_both)

    pin: str | None = None
    name: str | None = None
    password: str | None = None


class SignedIn(Shape):
    """Who is signed in now."""

    ok: Literal[True]
    role: Literal["volunteer", "administrator"]
    name: str
    """Empty for whoever gave the workshop's PIN."""


ANSWERS: tuple[Any, ...] = (
    Problem,
    Done,
    Snapshot,
    ShownLaptop,
    LaptopDetails,
    LaptopBrief,
    ShownSession,
    Inventory,
    LedgerLine,
    Scan,
    Checked,
    ErasuresShown,
    ErasurePlan,
    TriageExplained,
    SiteKeyTold,
    DeliveryAccount,
    BootAsked,
    SignIn,
    SignedIn,
)
"""Every shape that the document names."""
