"""Sentences with places for values: code and values travel, words are made where somebody reads them.

A place says what kind of value stands in it, so that each reader gets it his way: `{until:time}` in local time,
`{size:size}` in GB, `{silent:span}` in seconds or minutes, `{bytes:number}` in groups of digits. Other places take
text and numbers as they are. What depends on how many there are stands in the message with a bar, the one and the
many: `{count} {count:result is|results are} sent again`; each language says which numbers are many (`MANY`).
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from string import Formatter
from typing import TYPE_CHECKING, Protocol, Self

Value = str | int | float
Values = Mapping[str, Value]
Clock = Callable[[float], str]
"""Seconds since 1970 → what a clock on the reader's wall shows."""


MANY = "n != 1"
"""The numbers that take the plural. A message like all others: a language counts as its translation of it says."""
_RULES: dict[str, Callable[[float], bool]] = {MANY: lambda number: number != 1, "n > 1": lambda number: abs(number) > 1}


FORMER = {
    re.sub(r"\{\w+:[^{}|]*\|([^{}]*)\}", r"\1", each): each
    for each in (
        "{hidden:number} hidden {hidden:sector was|sectors were} uncovered first",
        "{hidden:number} hidden {hidden:sector|sectors} (HPA or DCO) could not be uncovered",
        "{total} bytes at {count} {count:place|places}",
        "{best} for {clock} {clock:hour|hours}",
        "{load_seconds} s on {cpu_count} {cpu_count:thread|threads}",
        "{lost} % {lost:point|points} in {load_seconds} s under load",
        "slowed itself {slowed} {slowed:time|times}",
        "something answers at {used} of {count} {count:port|ports}",
        "{count} {count:port|ports} noticed what was plugged in: {names}",
        "{count} {count:key does|keys do} not answer: {names}",
        "{count} new {count:key|keys}",
    )
}
"""What ledgers hold of versions that had no words for one, and the message that says it now."""


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


class Filler(Formatter):
    """Fills places by their kinds: the one place of what may stand in a message, whatever the language."""

    def __init__(self, kinds: Mapping[str, Callable[[float], str]], many: str = MANY) -> None:
        """`many`: what the language has for `MANY`."""
        self._kinds = kinds
        self._many = _RULES.get(many, _RULES[MANY])

    def fill(self, text: str, values: Values) -> str:
        """The text with its places filled; as it is where it is no message, such as one that a laptop made up."""
        try:
            return self.vformat(text, (), values)
        except (ValueError, IndexError, TypeError):
            return text

    def get_field(self, field_name: str, args: object, kwargs: Mapping[str, object]) -> object:
        """The value of a place: names only, nothing of what lies behind them."""
        return kwargs.get(field_name, ""), field_name

    def format_field(self, value: object, format_spec: str) -> str:
        """A value as its kind wants it, or the words for so many of it; texts are what they are."""
        if "|" in format_spec:
            one, _, more = format_spec.partition("|")
            return more if self._many(_counted(value)) else one
        kind = self._kinds.get(format_spec)
        return kind(value) if kind is not None and isinstance(value, int | float) else str(value)


def _counted(value: object) -> float:
    """How many a value says there are; a text that is no number says many."""
    try:
        return float(value)  # type: ignore[arg-type]  # what is none raises
    except (TypeError, ValueError):
        return 2.0


def worded(text: str, values: Values, clock: Clock = utc) -> str:
    """`text` with its places filled; one that no value is known for stays empty."""
    if "{" not in text and "}" not in text:
        return text
    return _filler(clock).fill(text, values)


@lru_cache(8)
def _filler(clock: Clock) -> Filler:
    return Filler({"time": clock, "size": gigabytes, "span": span, "number": "{:,}".format})


class Coded(Protocol):
    """A code with both its texts, such as a member of `core.words.Worded`."""

    sentence: str
    next_step: str


CODES: dict[str, Coded] = {}
"""Every code that there is: what was written down by code is read by it."""


class Phrase(str):
    """A sentence that knows what it was made of: as a text it is English, and it can be said in any language.

    Made of a message with places and the values for them, or of a code that has such a message. Whatever joins or
    cuts it gets plain English. What the daemon keeps are `parts`, never the sentence.
    """

    message: str
    values: Values
    code: Coded | None

    def __new__(cls, message: str, /, **values: object) -> Self:
        """The message with its values; `{size:size}` and the other kinds as the module says."""
        return cls._made(message, values, None, utc)

    def __str__(self) -> str:
        """Itself, so that an error made with a phrase keeps the phrase."""
        return self

    @classmethod
    def of(cls, code: Coded, values: Values | None = None, clock: Clock = utc) -> Self:
        """The sentence of a code; what of it is English tells times by `clock`."""
        return cls._made(code.sentence, values or {}, code, clock)

    @classmethod
    def step(cls, code: Coded, values: Values | None = None, clock: Clock = utc) -> Self:
        """The next step of a code."""
        return cls._made(code.next_step, values or {}, None, clock)

    @classmethod
    def _made(cls, message: str, values: Mapping[str, object], code: Coded | None, clock: Clock) -> Self:
        plain = {key: value if isinstance(value, str | int | float) else spoken(value) for key, value in values.items()}
        made = str.__new__(cls, worded(message, plain, clock))
        made.message, made.values, made.code = message, plain, code
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        """For pickle: what it was made of."""
        return (self.message,), dict(self.values)

    def changed(self, change: Callable[[str], str]) -> Phrase:
        """The same sentence with every text among its values changed."""
        values = {
            key: value.changed(change)
            if isinstance(value, Phrase)
            else change(value)
            if isinstance(value, str)
            else value
            for key, value in self.values.items()
        }
        return Phrase._made(self.message, values, self.code, utc)

    def parts(self) -> dict[str, object]:
        """`{"code" or "message", "values"}`, ready for JSON: what is written down."""
        name = {"message": self.message} if self.code is None else {"code": str(self.code)}
        return {**name, "values": {key: parts(value) for key, value in self.values.items()}}

    @classmethod
    def read(cls, told: object) -> str:
        """What `parts` gave; a plain text, as earlier versions wrote it, stays one. ValueError for anything else."""
        if isinstance(told, str):
            return told
        if not isinstance(told, Mapping) or not isinstance(told.get("values", {}), Mapping):
            raise ValueError("a sentence is a text, or a code or message with its values")
        values = {str(key): _value(value) for key, value in told.get("values", {}).items()}
        code, message = CODES.get(str(told.get("code"))), str(told.get("message") or told.get("code") or "")
        message = FORMER.get(message, message)
        if any(isinstance(value, Phrase) for value in values.values()):
            return cls._made(message if code is None else code.sentence, values, code, utc)
        return _alike(code, message, tuple((key, type(value), value) for key, value in values.items()))  # type: ignore[arg-type]  # members of enumerations

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> dict[str, object]:
        """How pydantic reads and writes it: in the context `KEPT` its parts, else the English text."""
        write = {"type": "function-plain", "function": _written, "info_arg": True}
        return {"type": "function-plain", "function": {"type": "no-info", "function": cls.read}, "serialization": write}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, object]:
        return {"type": "string"}


WRONG = {
    errno.ENOENT: "No such file or directory",
    errno.EACCES: "Permission denied",
    errno.EPERM: "Operation not permitted",
    errno.ENOSPC: "No space left on device",
    errno.EDQUOT: "Disk quota exceeded",
    errno.EROFS: "Read-only file system",
    errno.EISDIR: "Is a directory",
    errno.ENOTDIR: "Not a directory",
    errno.EEXIST: "File exists",
    errno.EIO: "Input/output error",
    errno.EBUSY: "Device or resource busy",
    errno.ENODEV: "No such device",
    errno.ENXIO: "No such device or address",
    errno.EINVAL: "Invalid argument",
    errno.ECONNREFUSED: "Connection refused",
    errno.ECONNRESET: "Connection reset by peer",
    errno.EPIPE: "Broken pipe",
    errno.ETIMEDOUT: "Connection timed out",
    errno.EHOSTUNREACH: "No route to host",
    errno.ENETUNREACH: "Network is unreachable",
    errno.EADDRINUSE: "Address already in use",
    errno.EADDRNOTAVAIL: "Cannot assign requested address",
    errno.ENOTEMPTY: "Directory not empty",
    errno.ETXTBSY: "Text file busy",
    errno.EFBIG: "File too large",
}
"""What the system says (`errno(3)`), so that it has translations too; what it says beside these stays as it is."""


def spoken(value: object) -> str:
    """Anything as a text; an error of the system, or one of ours, as a sentence in any language."""
    if not isinstance(value, OSError):
        return str(value)
    known = WRONG.get(value.errno or 0)
    return Phrase(known) if known is not None else value.strerror or str(value)


@lru_cache(16384)
def _alike(code: Coded | None, message: str, values: tuple[tuple[str, type, Value], ...]) -> Phrase:
    """One sentence for all that were kept with these very parts: thousands of laptops went the same way."""
    told = {key: value for key, _, value in values}
    return Phrase._made(message if code is None else code.sentence, told, code, utc)


if TYPE_CHECKING:
    Sentence = str
else:
    Sentence = Phrase
"""The type of a field that holds one, or the plain text that an earlier version had there."""

KEPT = {"kept": True}
"""The context in which pydantic writes sentences as their parts."""


class WriteInfo(Protocol):
    """What pydantic tells of how something is to be written."""

    context: object

    def mode_is_json(self) -> bool:
        """Whether as JSON, or as Python has it."""


def _written(sentence: str, info: WriteInfo) -> object:
    if info.mode_is_json() and info.context == KEPT:
        return parts(sentence)
    return sentence


def parts(value: object) -> object:
    """A sentence as it is written down and sent; anything else as it is."""
    return value.parts() if isinstance(value, Phrase) else value


def kept(sentence: str) -> str:
    """A sentence for a column of text: its parts as JSON; a plain text as it is."""
    return json.dumps(parts(sentence), ensure_ascii=False) if isinstance(sentence, Phrase) else sentence


def recalled(text: str) -> str:
    """What `kept` gave, a sentence again; any other text stays one."""
    if not text.startswith('{"'):
        return text
    try:
        return Phrase.read(json.loads(text))
    except (ValueError, RecursionError):
        return text


LONGEST = 300
"""Letters of a sentence that are kept: what a laptop tells must not fill a journal."""


def short(sentence: str) -> str:
    """The sentence, or its beginning where it is longer than is kept."""
    return sentence if len(sentence) <= LONGEST else sentence[:LONGEST]


def sentence(told: object, depth: int = 6) -> str:
    """What a laptop sent by `parts`: printable and bounded, whatever it is. ValueError where it is no sentence."""
    if isinstance(told, str):
        return printable(told)
    if not isinstance(told, Mapping) or not isinstance(told.get("message"), str) or not depth:
        raise ValueError("this is no sentence")
    values = told.get("values") or {}
    if not isinstance(values, Mapping) or len(values) > 12:
        raise ValueError("a sentence has a dozen values at most")
    read = {
        str(key)[:30]: value if isinstance(value, int | float) else sentence(value, depth - 1)
        for key, value in values.items()
    }
    made = Phrase.read({"message": printable(told["message"]), "values": read})
    return short(made)


def printable(text: str) -> str:
    """Without control characters, and no longer than is kept."""
    return "".join(char for char in text[:2000] if char.isprintable())[:500]


def message(text: str) -> str:
    """A text that is a whole message: so it is translated also where it stands in another one's place."""
    return text if isinstance(text, Phrase) or not text else Phrase(text)


def headed(what: str, sentence: str) -> str:
    """What a sentence is about, and the sentence: `sda: no fault`."""
    return Phrase("{what}: {said}", what=what, said=sentence)


def chained(sentences: Sequence[str]) -> str:
    """Several as one, each after a semicolon."""
    if not sentences:
        return ""
    one, *more = sentences
    return Phrase("{one}; {more}", one=one, more=chained(more)) if more else one


def enumerated(sentences: Sequence[str]) -> str:
    """Several as one, each after a comma."""
    if len(sentences) < 2:
        return sentences[0] if sentences else ""
    return Phrase("{one}, {more}", one=sentences[0], more=enumerated(sentences[1:]))


def _value(told: object) -> Value:
    return told if isinstance(told, int | float) else Phrase.read(told)
