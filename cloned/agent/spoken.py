"""The workshop's language on the laptop's screen: words that the server packed with the agent, English without them.

Text consoles draw the signs of code page 437, the font that Linux and firmware have built in; others become their
plain letters.
"""

from __future__ import annotations

import json
import pkgutil
import unicodedata
from collections.abc import Callable

from cloned.saying import MANY, Filler, Phrase, gigabytes, span, utc

FILE = "words.json"
"""Beside this module in the zipapp: {English: the workshop's}."""
_DRAWN = frozenset("ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜáíóúñÑ«»°·±²█µ§√")
_KIN = {
    "\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u0153": "oe", "\u2192": "->",
    "\u00a8": '"', "\u00b4": "'", "\u2026": "...",
}  # fmt: skip


def _words() -> dict[str, str]:
    try:
        found = pkgutil.get_data(__package__, FILE)
    except OSError:
        found = None
    read: dict[str, str] = json.loads(found) if found else {}
    return read


_PACKED = _words()


def say(sentence: str, /, **values: object) -> str:
    """A sentence, or a message with values for its places, in the workshop's language."""
    phrase = sentence if isinstance(sentence, Phrase) else Phrase(sentence, **values) if values else None
    if phrase is None:
        return _PACKED.get(sentence, sentence)
    known = {name: say(value) if isinstance(value, str) else value for name, value in phrase.values.items()}
    kinds: dict[str, Callable[[float], str]] = {"time": utc, "size": gigabytes, "span": span, "number": str}
    return Filler(kinds, _PACKED.get(MANY, MANY)).fill(_PACKED.get(phrase.message, phrase.message), known)


def drawable(text: str) -> str:
    """What a console without fonts of its own can draw of it."""
    return "".join(char if char < "\x7f" or char in _DRAWN else _plain(char) for char in text)


def _plain(char: str) -> str:
    kin = _KIN.get(char)
    if kin is not None:
        return kin
    letters = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
    return letters or (" " if char.isspace() else "?")
