"""What the ledger and the inventories tell, as the journal holds it; the other events, and what they are: events.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cloned.core.ids import LaptopId
from cloned.core.known import KnownElsewhere, KnownToLedger
from cloned.core.tagged import TagGiven
from cloned.saying import Sentence


@dataclass(frozen=True)
class TagsUsed:
    """Numbers on stickers that are used without the state knowing it; after a restore, so many more are left out."""

    tags: tuple[TagGiven, ...] = ()
    skip: int = 0
    kind: Literal["tags-used"] = "tags-used"


@dataclass(frozen=True)
class LedgerAhead:
    """The ledger has results of these laptops that the state knows nothing of: the journal was restored, say."""

    laptops: tuple[KnownToLedger, ...]
    restored: bool = False
    """Whether a backup was brought back: what was confirmed before may have been used up since."""
    kind: Literal["ledger-ahead"] = "ledger-ahead"


@dataclass(frozen=True)
class InventoryTold:
    """What inventories elsewhere know of a laptop, and which of them did not answer in time."""

    laptop: LaptopId
    known: tuple[KnownElsewhere, ...] = ()
    away: tuple[str, ...] = ()
    kind: Literal["inventory-told"] = "inventory-told"


@dataclass(frozen=True)
class NoNumber:
    """The inventory that gives numbers gave none to a verified laptop in time."""

    laptop: LaptopId
    why: Sentence
    kind: Literal["no-number"] = "no-number"


@dataclass(frozen=True)
class Recorded:
    """The ledger holds this row."""

    laptop: LaptopId
    job: int
    kind: Literal["recorded"] = "recorded"


@dataclass(frozen=True)
class Weighed:
    """The ledger was asked about a laptop whose id was given while it was away, or under whose id it has another's."""

    laptop: LaptopId
    known: KnownToLedger
    kind: Literal["weighed"] = "weighed"


@dataclass(frozen=True)
class Disowned:
    """The ledger refused this row: what it has under that id is of another machine."""

    laptop: LaptopId
    job: int
    kind: Literal["disowned"] = "disowned"


LedgerEvent = TagsUsed | LedgerAhead | InventoryTold | NoNumber | Recorded | Weighed | Disowned
