"""Damage to a laptop's disk behind its back, one bit at a time."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cloned.disk.manifest import PieceMap
from cloned.errors import ClonedError

if TYPE_CHECKING:  # as in faults.py: what acts on a lab is loaded only where there is one
    from cloned.lab.laptops import LabLaptop


def change_used_byte(laptop: LabLaptop, pieces: PieceMap, among: Sequence[int]) -> str:
    """Flip one bit of one used byte of one of these pieces, chosen at random, behind the laptop's back; says where.

    Raises ClonedError if the disk does not hold the change afterwards.
    """
    place = pieces.place(secrets.choice(among))
    spot = secrets.randbelow(place.length)
    offset = next(iter(place.layer.ranges(place.offset + spot, 1)))[0] + (place.layer.start or 0)
    before = laptop.disk.read(offset, 1)
    laptop.disk.write(offset, bytes([before[0] ^ (1 << secrets.randbelow(8))]))
    after = laptop.disk.read(offset, 1)
    if after == before or not after:
        raise ClonedError(f"the byte at {offset} of laptop {laptop.number}'s disk did not change")
    return f"byte {offset} of the disk (partition {place.layer.number}) was {before[0]:#04x} and is {after[0]:#04x}"
