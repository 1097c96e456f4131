"""What an agent tells while it erases, as the journal holds it; the other events, and what they are: events.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cloned.core.ids import LaptopId
from cloned.disk.erase_record import DiskErasure
from cloned.disk.media import Medium


@dataclass(frozen=True)
class MediaTold:
    """The agent asked every disk what it can do."""

    laptop: LaptopId
    media: tuple[Medium, ...]
    kind: Literal["media"] = "media"


@dataclass(frozen=True)
class DiskErased:
    """One disk's erasure came into another phase; its whole record."""

    laptop: LaptopId
    erasure: str
    disk: DiskErasure
    kind: Literal["disk-erased"] = "disk-erased"


@dataclass(frozen=True)
class DiskWritten:
    """One disk's overwriting came as far as `offset`; `bad`: offset and length of what could not be written."""

    laptop: LaptopId
    erasure: str
    disk: str
    """`Medium.key`."""
    offset: int
    bad: tuple[tuple[int, int], ...] = ()
    kind: Literal["disk-written"] = "disk-written"


ErasingEvent = MediaTold | DiskErased | DiskWritten
