"""What inventories elsewhere know of a laptop, as state."""

from __future__ import annotations

from dataclasses import dataclass

from cloned.saying import Sentence


@dataclass(frozen=True)
class KnownElsewhere:
    """What one inventory, or a list that was imported, knows of a laptop: never to whom it is lent, only whether."""

    sink: str
    at: float
    """When it said so, seconds since 1970: it stays known while the inventory is away."""
    found: int = 0
    """How many entries it has of this serial."""
    tag: str = ""
    model: str = ""
    status: str = ""
    lent: bool = False
    label: str = ""
    """A word that image rules look at, from a list."""
    said: tuple[Sentence, ...] = ()
    """What is odd: several entries, another spelling."""


@dataclass(frozen=True)
class KnownToLedger:
    """What the ledger knows of a machine that is here, and of others that say the same as it."""

    laptop: str = ""
    """The id that it had, and gets again; empty where none of those in the ledger is this machine."""
    jobs: int = 0
    """The number of its last clone."""
    erasures: int = 0
    tag: str = ""
    lendings: int = 0
    weighed: bool = False
    """Whether its cards and disks were held against the ledger's; before 0.2 words alone were believed."""
    lent: bool = False
    came_back: bool = False
    """It was lent out, is back, and was not cloned since."""
    taken: tuple[str, ...] = ()
    """Ids of other machines there that this one would get by what it says."""
    namesake: str = ""
    """Number, else id, of another machine there that says the same UUID or serial number; empty where none does."""
    away: bool = False
    """Nothing of this is known: the ledger did not answer."""
    perhaps: KnownToLedger | None = None
    """One there that it may be, with another disk; or both hung on one dock. Empty where it is known for certain."""
