"""Codes with words: what the core says is a member of an enumeration, worded where somebody reads it (`saying.py`)."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from cloned.saying import CODES, KEPT, Clock, Phrase, Sentence, Value, Values, gigabytes, span, utc, worded

__all__ = [
    "KEPT", "Clock", "Phrase", "Sentence", "Value", "Values", "Worded", "gigabytes", "span", "to_translate", "utc",
    "worded",
]  # fmt: skip


def to_translate(text: str) -> str:
    """Mark a text that is translated where it is shown, as `languages.to_translate`, which the core may not know."""
    return text


class Worded(StrEnum):
    """A code with both its texts: members are `NAME = "code", "what happened", "what to do next"`.

    `sentence` and `next_step` are English; translations key on them.
    """

    sentence: str
    next_step: str

    def __new__(cls, code: str, sentence: str = "", next_step: str = "") -> Self:
        """A member: its value is the code alone."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence, member.next_step = sentence, next_step
        if CODES.setdefault(code, member) is not member:
            raise ValueError(f"two things have the code {code}")
        return member


def iso(at: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
