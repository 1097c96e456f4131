"""The shapes of what the server orders (core/orders.py and netboot/agents.py write them), and of parts of it.

Any field may be missing: an older server does not tell it, and most belong to one kind of order.
"""

from __future__ import annotations

from typing import TypedDict, cast

from cloned.json_data import JsonObject


class WantedDisk(TypedDict, total=False):
    """The disk that an order means. Bytes."""

    serial: str
    wwn: str
    path: str
    size: int
    model: str


class CloneOffer(TypedDict):
    """What the key C would confirm."""

    image: str
    disk: WantedDisk


class OfferedErasure(TypedDict, total=False):
    """A disk that the key E would have erased: how, and how long that takes."""

    key: str
    model: str
    serial: str
    size: int
    words: str
    seconds: float


class ErasureOffer(TypedDict, total=False):
    """What the key E would begin."""

    level: str
    only: bool
    disks: list[OfferedErasure]


class AttendedOrder(TypedDict, total=False):
    """Tests that want a person, and the keyboard that they expect."""

    tests: list[str]
    layout: str


class ClassicOrder(TypedDict, total=False):
    """Clonezilla's own multicast: its first port, and whether it begins."""

    port: int
    go: bool


class EntryStep(TypedDict):
    """An entry that the master's firmware started."""

    label: str
    partition: str
    loader: str


class FinishStep(TypedDict, total=False):
    """A step after the verdict, with what it needs."""

    name: str
    hostname: str
    value: str
    label: str
    entries: list[EntryStep]
    image: str
    image_hash: str
    date: str


class StreamPlace(TypedDict):
    """Where a session's stream is heard and asked for; the session in hex, since JSON numbers have 53 bits."""

    session: str
    group: str
    port: int
    server: str
    request_port: int


class Order(TypedDict, total=False):
    """What this laptop is to do now; `do` says which kind of order it is."""

    do: str
    state: str
    screen: list[str]
    tag: str
    number: int
    port: str
    session: str | None
    image: str
    image_hash: str
    disk: WantedDisk
    stream: StreamPlace | None
    unicast: str
    survey: bool
    alone: bool
    classic: ClassicOrder
    steps: list[FinishStep]
    action: str
    then: str
    erasure: str
    disks: list[JsonObject]
    media: bool
    tests: list[str]
    attended: AttendedOrder
    offer: CloneOffer
    erase_offer: ErasureOffer


def order_of(answer: JsonObject) -> Order:
    """An answer of the server taken for an order: its word is believed, as it says what this laptop is to do."""
    return cast("Order", answer)
