"""Sentences with places for values: code and values travel, words are made where somebody reads them.

A place says what kind of value stands in it, so that each reader gets it his way: `{until:time}` in local time,
`{size:size}` in GB, `{silent:span}` in seconds or minutes. Other places take text and numbers as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from string import Formatter
from typing import Any, Self

Value = str | int | float
Values = Mapping[str, Value]
Clock = Callable[[float], str]
"""Seconds since 1970 → what a clock on the reader's wall shows."""


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
        return member


def utc(at: float) -> str:
    """Hours and minutes, UTC: where nobody says what a clock on the wall shows."""
    minutes = int(at // 60) % (24 * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d} UTC"


def gigabytes(size: int | float) -> str:
    """`7.3 GB`: decimal, as disks are sold."""
    return f"{size / 10**9:.1f} GB"


def span(seconds: float) -> str:
    """`40 s` or `3 min`."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def worded(text: str, values: Values, clock: Clock = utc) -> str:
    """`text` with its places filled; one that no value is known for stays empty."""
    return _Filler(clock).vformat(text, (), values)


class _Filler(Formatter):
    """Fills places by the kinds that the module names."""

    def __init__(self, clock: Clock) -> None:
        self._kinds: dict[str, Callable[[Any], str]] = {"time": clock, "size": gigabytes, "span": span}

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        return kwargs.get(str(key), "")

    def format_field(self, value: Any, format_spec: str) -> str:
        kind = self._kinds.get(format_spec)
        return str(value) if kind is None or isinstance(value, str) else kind(value)
