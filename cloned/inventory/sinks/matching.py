"""Which entry of an inventory is meant: the rules of a sharing point. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from cloned.saying import Phrase, enumerated


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
        tags = enumerated([entry.tag or Phrase("without a number") for entry in exact])
        return MatchedEntry(
            told=Phrase(
                "{count} entries have the serial {serial} ({tags}): keep one of them",
                count=len(exact),
                serial=serial,
                tags=tags,
            )
        )
    if len(exact) == 1:
        if tag and exact[0].tag and exact[0].tag != tag:
            return MatchedEntry(
                told=Phrase(
                    "the inventory calls {serial} {tag}, the sticker says {tag2}: correct one of them",
                    serial=serial,
                    tag=exact[0].tag,
                    tag2=tag,
                )
            )
        return MatchedEntry(exact[0])
    if by_serial:
        other = by_serial[0]
        return MatchedEntry(
            told=Phrase(
                "{tag} has the serial {serial}, which differs from {serial2} in case or spaces only",
                tag=other.tag,
                serial=other.serial,
                serial2=serial,
            )
        )
    if by_tag is not None and by_tag.serial and by_tag.serial != serial:
        return MatchedEntry(
            told=Phrase(
                "{tag} is another laptop there, with the serial {serial}, not {serial2}",
                tag=tag,
                serial=by_tag.serial,
                serial2=serial or "one unknown",
            )
        )
    return MatchedEntry(by_tag)
