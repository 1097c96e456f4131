"""Which entry of an inventory is meant: the rules of a sharing point. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class InventoryEntry(Protocol):
    """What an inventory keeps of one laptop."""

    @property
    def serial(self) -> str:
        """As it is there, unescaped and stripped."""

    @property
    def tag(self) -> str:
        """Its number there."""


Found = TypeVar("Found", bound=InventoryEntry)


@dataclass(frozen=True)
class MatchedEntry(Generic[Found]):
    """Which entry is meant: one to change, none (so one may be made), or a reason to leave all alone."""

    entry: Found | None = None
    told: str = ""


def choose(serial: str, tag: str, by_serial: Sequence[Found], by_tag: Found | None) -> MatchedEntry[Found]:
    """One and the same number: that. Another number, several, or the number on another serial: told, not touched.

    `by_serial` is what the search gave; it is compared here once more, for databases ignore case and spaces.
    """
    exact = [entry for entry in by_serial if entry.serial == serial]
    if len(exact) > 1:
        tags = ", ".join(entry.tag or "without a number" for entry in exact)
        return MatchedEntry(told=f"{len(exact)} entries have the serial {serial} ({tags}): keep one of them")
    if len(exact) == 1:
        if tag and exact[0].tag and exact[0].tag != tag:
            return MatchedEntry(
                told=f"the inventory calls {serial} {exact[0].tag}, the sticker says {tag}: correct one of them"
            )
        return MatchedEntry(exact[0])
    if by_serial:
        other = by_serial[0]
        return MatchedEntry(
            told=f"{other.tag} has the serial {other.serial}, which differs from {serial} in case or spaces only"
        )
    if by_tag is not None and by_tag.serial and by_tag.serial != serial:
        return MatchedEntry(
            told=f"{tag} is another laptop there, with the serial {by_tag.serial}, not {serial or 'one unknown'}"
        )
    return MatchedEntry(by_tag)
