"""A second person: where the workshop asks for it, what is lost for good is said by two users, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cloned.core.erasure import FirstWord
from cloned.core.events import Command
from cloned.core.happened import Happened, actor, happened
from cloned.core.laptop import Laptop, add_history
from cloned.core.refusals import Refusal, Refused
from cloned.core.workshop import Workshop

KEYBOARD = "the laptop's own keyboard"
NOBODY = frozenset({"", "page", KEYBOARD})
"""Who acts without a name of his own: the PIN that all share, and whoever stands at the laptop."""


@dataclass(frozen=True)
class Said:
    """What somebody has to say word for word as the first one did."""

    verb: str
    disks: tuple[str, ...]
    level: str = ""
    text: str = ""


def against(workshop: Workshop, laptop: Laptop, command: Command) -> Refusal | None:
    """Why this user's word does not count: it is nobody's in particular, or the first one's own again."""
    if not workshop.settings.erase_second:
        return None
    if command.by in NOBODY:
        return Refusal(Refused.OWN_NAME)
    first = laptop.first_word
    if first is not None and first.verb == command.do and first.by == command.by:
        return Refusal(Refused.ANOTHER_PERSON, {"by": first.by})
    return None


def count_word(workshop: Workshop, laptop: Laptop, said: Said, by: str, now: float) -> tuple[Laptop, bool]:
    """The laptop with this word of `by`, and whether that is all that is needed."""
    first = laptop.first_word
    if not workshop.settings.erase_second:
        return laptop, True
    same = first is not None and (first.verb, first.disks, first.level, first.text) == (
        said.verb, said.disks, said.level, said.text,
    )  # fmt: skip
    if first is not None and same and first.by != by:
        return replace(laptop, first_word=None), True
    word = FirstWord(said.verb, by, now, said.disks, said.level, said.text)
    why = happened(Happened.FIRST_WORD, by=actor(by))
    return add_history(replace(laptop, first_word=word), now, why), False
