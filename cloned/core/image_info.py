"""What the workshop knows of an image, as it is part of the journal."""

from __future__ import annotations

from dataclasses import dataclass

from cloned.clonezilla.nvram import BootEntry
from cloned.core.secure_boot import BootLoader
from cloned.core.warnings import Warn
from cloned.saying import Sentence


@dataclass(frozen=True)
class ImageInfo:
    """What deciding needs to know of an image; sizes in bytes."""

    name: str
    image_hash: str
    used: int
    min_size: int
    sector_size: int = 512
    classic: bool = False
    unusable: Sentence = ""
    """Why it cannot be sent now; empty if it can."""
    streams: int = 1
    """Partitions and logical volumes: what a classic session sends one after the other."""
    boot: tuple[BootEntry, ...] = ()
    """What the master's firmware started."""
    warnings: tuple[Warn, ...] = ()
    """What a person should know of it."""
    loaders: tuple[BootLoader, ...] = ()
    """What a firmware may start first, and who signed it; none where that is not known."""
