"""`"{battery.wear} %"`: what is written into a field elsewhere, made of what we know of a result. Pure.

A path in braces is looked up in the result's record (`record_of`); `{{` and `}}` are braces themselves.
A value of which any part is unknown or empty is not written at all: half a sentence is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cloned.errors import UsageError
from cloned.inventory import rows
from cloned.saying import Phrase

_PART = re.compile(r"\{\{|\}\}|\{([a-z_][a-z0-9_]*(?:\.[A-Za-z0-9_]+)*)\}|[{}]|[^{}]+")

FACTS = (
    "battery", "screen", "smart", "wifi", "tpm", "organisation", "donation", "erasure",
)  # fmt: skip
"""What a row may hold beside the columns of inventory/rows.py, as far as the laptop told it."""
ROOTS = frozenset({*rows.TEXTS, *FACTS, *rows.OTHERS, "revision", "key", "date", "time", "mac", "report", "workshop"})
"""First words that a path may have."""


class TemplateError(ValueError):
    """A template that can never be filled in; the message says where."""


@dataclass(frozen=True)
class Template:
    """Text and paths, in order; made by `parse`."""

    source: str
    parts: tuple[tuple[str, str], ...]
    """(text, "") or ("", path)."""

    @property
    def paths(self) -> tuple[str, ...]:
        """What it needs to know."""
        return tuple(path for _, path in self.parts if path)

    def fill(self, record: Mapping[str, object]) -> str:
        """The text, or "" where something in it is not known."""
        texts = [text if not path else as_text(value_at(record, path)) for text, path in self.parts]
        unknown = any(path and not text for (_, path), text in zip(self.parts, texts, strict=True))
        return "" if unknown else "".join(texts)

    def missing(self, record: Mapping[str, object]) -> list[str]:
        """The paths of which this record knows nothing."""
        return [path for path in self.paths if not as_text(value_at(record, path))]


def parse(source: str) -> Template:
    """Understand a template. Raises TemplateError for a lone brace or a word that no result has."""
    parts: list[tuple[str, str]] = []
    for found in _PART.finditer(source):
        text, path = found[0], found[1] or ""
        if text in ("{", "}"):
            place = found.start() + 1
            raise TemplateError(
                Phrase(
                    '"{source}" has a lone {text} at {place}; write {text2} for the sign itself',
                    source=source,
                    text=text,
                    place=place,
                    text2=text * 2,
                )
            )
        if path and path.split(".")[0] not in ROOTS:
            raise TemplateError(
                Phrase(
                    '"{source}" asks for {{{path}}}; there are: {roots}',
                    source=source,
                    path=path,
                    roots=", ".join(sorted(ROOTS)),
                )
            )
        parts.append(("", path) if path else (text[0] if text in ("{{", "}}") else text, ""))
    return Template(source, tuple(parts))


def value_at(record: Mapping[str, object], path: str) -> object:
    """The value at a path, None where there is none; a number steps into a list."""
    value: object = record
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list | tuple) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def as_text(value: object) -> str:
    """A value as it is written elsewhere: always text, for a number that is text there stays itself."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(filter(None, (as_text(each) for each in value)))
    return str(value)


def template(sink: str, source: str) -> Template:
    """Understand a template of a sink. Raises UsageError."""
    try:
        return parse(source)
    except TemplateError as error:
        raise UsageError(
            Phrase("sink {sink}: {error}", sink=sink, error=error), "correct it in the configuration"
        ) from error
