"""Data as JSON has it, of which nobody knows the shape: each look into it says what it expects to find. Pure.

`as_text(told["name"])` is the text that stands there, or a TypeError that says what stood there instead. So mypy knows
what comes of it, and what is not as it should be fails where it is read and not three rooms further on. Data whose
keys are known has a TypedDict or a dataclass of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

JsonObject = Mapping[str, object]
"""An object of JSON (RFC 8259 §4), read only; what it holds is looked into by the functions below."""


def as_object(value: object) -> JsonObject:
    """An object of JSON."""
    if not isinstance(value, Mapping):
        raise _other("an object", value)
    return value


def as_list(value: object) -> Sequence[object]:
    """A list; a tuple, which JSON writes as one, too."""
    if not isinstance(value, list | tuple):
        raise _other("a list", value)
    return value


def as_objects(value: object) -> list[JsonObject]:
    """A list of objects."""
    return [as_object(each) for each in as_list(value)]


def as_text(value: object) -> str:
    """A text."""
    if not isinstance(value, str):
        raise _other("a text", value)
    return value


def as_number(value: object) -> float:
    """A number, whole or not, as it stands there."""
    if not isinstance(value, int | float):
        raise _other("a number", value)
    return value


def as_int(value: object) -> int:
    """What `int` makes of it. ValueError for a text without a number."""
    if not isinstance(value, int | float | str):
        raise _other("a number", value)
    return int(value)


def as_float(value: object) -> float:
    """What `float` makes of it. ValueError for a text without a number."""
    if not isinstance(value, int | float | str):
        raise _other("a number", value)
    return float(value)


def _other(wanted: str, value: object) -> TypeError:
    return TypeError(f"{wanted} was expected, not {type(value).__name__}")
