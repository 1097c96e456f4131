"""What is wrong with a configuration, as sentences: of pydantic's kinds of mistakes, and of tomllib's words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic_core import ErrorDetails

from cloned.destinations import KINDS
from cloned.saying import Phrase

WRONG: Mapping[str, str] = {
    "extra_forbidden": "there is no such key",
    "missing": "this key must be given",
    "string": "a text in quotation marks is expected",
    "bool": "true or false is expected",
    "int": "a whole number is expected",
    "float": "a number is expected",
    "path": "the path of a file or folder is expected",
    "tuple": "a list in square brackets is expected",
    "list": "a list in square brackets is expected",
    "dict": "a table is expected",
    "model": "a table is expected",
    "ip_v4_address": "an IPv4 address is expected",
    "literal_error": "one of {expected} is expected",
    "enum": "one of {expected} is expected",
    "greater_than": "more than {gt} is expected",
    "greater_than_equal": "{ge} or more is expected",
    "less_than": "less than {lt} is expected",
    "less_than_equal": "{le} or less is expected",
    "string_pattern_mismatch": "a text that fits {pattern} is expected",
    "string_too_short": "a text of {min_length} {min_length:character|characters} or more is expected",
    "string_too_long": "a text of {max_length} {max_length:character|characters} or fewer is expected",
    "too_short": "{min_length} {min_length:entry or more is|entries or more are} expected",
    "too_long": "{max_length} {max_length:entry or less is|entries or fewer are} expected",
}
"""A mistake's kind, or what it begins with (`int_parsing`), as pydantic calls it; values by pydantic's names too."""
FAULTS = (
    "Cannot overwrite a value",
    "Expected '=' after a key in a key/value pair",
    "Expected newline or end of document after a statement",
    "Invalid initial character for a key part",
    "Invalid statement",
    "Invalid value",
    "Unclosed array",
    "Unclosed inline table",
    "Unescaped '\\' in a string",
    "Unterminated string",
    "Expected ']' at the end of a table declaration",
    "Expected ']]' at the end of an array declaration",
)
"""What tomllib says most often; what it says beside that stays as it is."""


def expected(item: ErrorDetails) -> str:
    """What was expected where pydantic found a mistake; secrets are never repeated."""
    kind, values = str(item["type"]), dict(item.get("ctx") or {})
    if kind == "value_error":
        return str(values["error"])
    if kind.startswith("union_tag"):
        return Phrase("one of {kinds}", kinds=", ".join(KINDS))
    if "expected" in values:
        values["expected"] = str(values["expected"]).replace(" or ", ", ")
    words = WRONG.get(kind) or WRONG.get(kind.split("_")[0])
    said = Phrase(words, **values) if words is not None else str(item["msg"])
    given = item.get("input")
    if isinstance(given, int | float | bool) and kind != "extra_forbidden":
        return Phrase("{expected}, not {given}", expected=said, given=repr(given))
    return said


def no_toml(where: str, error: ValueError) -> Phrase:
    """Where and why a text is no TOML."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error), re.DOTALL)
    if found is None:
        return Phrase("{where}: {said}", where=where, said=str(error))
    said, line, column = found.groups()
    words = Phrase(said) if said in FAULTS else said
    return Phrase("{where}: {said} (line {line}, column {column})", where=where, said=words, line=line, column=column)


def lines(told: Sequence[str]) -> str:
    """Sentences as one, each on its line."""
    half = len(told) // 2
    if len(told) < 2:
        return told[0] if told else ""
    return Phrase("{one}\n{more}", one=lines(told[:half]), more=lines(told[half:]))
