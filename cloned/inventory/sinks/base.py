"""What every sink is: something that takes one result, once or several times, and says whether it has it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from cloned.core.row_types import Row
from cloned.inventory.sinks.memory import ForgetfulMemory, SinkMemory
from cloned.inventory.sinks.told import Expectation, KnownThere, Receipt
from cloned.saying import Phrase, message


@dataclass(frozen=True)
class Delivery:
    """One result on its way to one sink."""

    key: str
    """Idempotency key: letters, digits and `_`; the same each time this revision is sent."""
    laptop: str
    attempt: int
    revision: int
    """Counts up where a result was amended; a receiver keeps the highest."""
    row: Row
    """The ledger row (inventory/rows.py says what it may hold)."""

    @property
    def mark(self) -> str:
        """What a line about this result carries elsewhere: it is left once, however often the result is told."""
        return f"({self.laptop}-{self.attempt})"


SheetMaker = Callable[[Delivery], Awaitable[bytes | None]]
"""The hand-over sheet of a result as a PDF; None where there is none (yet)."""


@dataclass(frozen=True)
class ToldBefore:
    """A result that a sink was told of a laptop before."""

    delivery: Delivery
    taken: bool
    """Whether it took it, whole; else nobody knows how much of it came there."""


async def nothing_told(_sink: str, _laptop: str) -> Sequence[ToldBefore]:
    """Where there is no ledger."""
    return ()


@dataclass(frozen=True)
class Surroundings:
    """What a sink may use of the workshop around it."""

    workshop: str = ""
    page: str = ""
    """Address of our own page, for links: `http://server:8080`."""
    sheet: SheetMaker | None = None
    certificate: SheetMaker | None = None
    """The certificate of an erasure; None of one that has none."""
    memory: SinkMemory = field(default_factory=ForgetfulMemory)
    """What must be the same for a laptop for ever."""
    told: Callable[[str, str], Awaitable[Sequence[ToldBefore]]] = nothing_told
    """What a sink was told of a laptop before, the newest first. Raises ClonedError."""


class Unavailable(Exception):  # noqa: N818 - named for what the sink is
    """The sink cannot take it now; it is tried again, later and later.

    `after`: seconds that the sink asked us to wait, if it did.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(_said(reason))
        self.after = after


class SinkRefused(Exception):  # noqa: N818
    """The sink will never take this result as it is: a dead letter, shown with this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(_said(reason))


def _said(reason: str) -> str:
    """A reason that is a message itself is translated also within a sentence; braces are data of the other side."""
    return reason if "{" in reason or "}" in reason else message(reason)


class Sink(ABC):
    """Base of all sinks. To add one:

    1. Write `inventory/sinks/NAME.py` with one subclass. `send` returns only when the result is
       safely there. It may be called again with the same `delivery.key`, after a crash for
       instance, and must then leave the other side as it is: let the receiver know the key, or
       look first whether the result is there already.
    2. Raise `Unavailable` for whatever may pass (no network, 5xx, full disk) and `SinkRefused` for
       what will be the same next time (the data is not accepted). Reasons are read by volunteers:
       say what happened and what to do; never put a secret into them. Anything else that is raised
       counts as `Unavailable` and is logged with its traceback.
    3. Give it `made` at the end, and a class of its keys in `cloned/destinations.py`, named in `AnySink` there; show
       them in `systemd/cloned.toml.example`.
    4. Write what is known of the other side into NAME.toml beside it (about.py says what must stand there).
    5. Test it against the real thing in `tests/wire` or `tests/interop`, or against a server of the tests' own that
       is proven by what was recorded from the real one (tests/servers).

    A sink needs no queue, retry, order or timeout of its own: the outbox gives it deliveries of `at_once` laptops
    at a time, of each laptop the oldest first, for at most `seconds`, and no sink ever waits for another.
    """

    at_once = 1
    """Deliveries of so many laptops may be on their way together."""

    seconds = 30.0
    """How long one `send` may take."""
    keeps: ClassVar[Literal["state", "log"]] = "log"
    """`state`: only the newest result of a laptop matters there, and an older one must never follow it."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def open(self) -> None:  # noqa: B027 - most sinks have nothing to prepare
        """Get ready; called once before the first `send`. Must not fail because the sink is down."""

    @abstractmethod
    async def send(self, delivery: Delivery) -> Receipt:
        """Bring one result there; says what it has to say of it. Raises Unavailable or Refused."""

    async def rehearse(self, delivery: Delivery | None) -> list[Expectation]:
        """Do everything but write: what would be found, created and changed.

        Without a delivery only what concerns every laptop. Never raises Unavailable: that is a line too.
        """
        return [Expectation(Phrase("sink"), "ok", Phrase("there is nothing that could be looked at beforehand"))]

    async def known(self, serial: str, tag: str = "") -> KnownThere | None:
        """What is known there of a serial (or, without a usable one, of a number); None: it can't be asked.

        Raises Unavailable.
        """
        return None

    async def number(self, delivery: Delivery) -> str:
        """The number the other side keeps this laptop under, made now if it gives numbers; "" where it gives none.

        Raises Unavailable or Refused.
        """
        return ""

    def takes(self, row: Row) -> bool:
        """Whether it is for this sink at all: an erasure would read as a clone where nobody knows the kind."""
        return bool(row.get("kind", "clone") == "clone")

    async def forget(self, laptop: str) -> int | None:
        """Take away what it keeps of a laptop; of how many results. None: that is another's, and stays there.

        Raises Unavailable.
        """
        return None

    async def close(self) -> None:  # noqa: B027
        """Let go of connections."""
