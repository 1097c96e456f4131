"""The workshop's languages: words, dates, numbers and sizes in Dutch, French and English.

A message is named by its English text. Placeholders are written `%(name)s` and a percent sign `%%`, as Jinja's
`gettext` has them, so that pages, papers and the command line share one catalogue. `make locale` gathers the
messages into web/locale; a wheel carries them compiled, a checkout compiles what it reads.
"""

from __future__ import annotations

import gettext
import hashlib
import io
import logging
import os
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from babel import Locale, localedata, negotiate_locale
from babel.core import get_global
from babel.dates import format_date, format_datetime, format_time
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

from cloned.assets import root
from cloned.saying import MANY, Filler, Phrase

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

log = logging.getLogger(__name__)

CODES = ("nl", "fr", "en")
"""Languages that there are; the first two have catalogues."""
OPENING, CLOSING = "\u2039", "\u203a"
"""What `bracketed` puts around every message."""
DOMAIN = "cloned"
_PLACES = {"nl": "nl_BE", "fr": "fr_BE", "en": "en_GB"}
"""Whose habits dates and numbers follow: those of the workshops."""
Text = TypeVar("Text", bound=str)
_BYTES = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte")
_SAID_BY_NOBODY = (
    "compact_currency_formats", "compact_decimal_formats", "compound_unit_patterns", "currency_names",
    "currency_names_plural", "date_fields", "interval_formats", "meta_zones", "scripts", "territories", "time_zones",
    "unit_display_names", "variants", "zone_formats",
)  # fmt: skip
"""What Babel reads of each language and we never say."""
_ASKED_BY_NOBODY: tuple[Literal["likely_subtags", "territory_currencies", "territory_languages"], ...] = (
    "likely_subtags", "territory_currencies", "territory_languages",
)  # fmt: skip
"""And of all of them: what it takes to tell what somebody speaks, or pays with, by where he is."""


def to_translate(text: str) -> str:
    """Mark a text that is translated later, where a language is known."""
    return text


@dataclass(frozen=True)
class Language:
    """One language, as papers, pages and command line speak it."""

    code: str
    catalogue: gettext.NullTranslations
    read_by: str = ""
    """Who read the translations: empty where no native speaker has."""
    digest: str = ""
    """Changes with any of its words; what was made with them is kept under it."""

    @property
    def locale(self) -> Locale:
        """Whose dates and numbers these are."""
        return _locale(self.code)

    @property
    def name(self) -> str:
        """What it calls itself: Nederlands, français, English."""
        return str(Locale(self.code).get_display_name() or self.code)

    def gettext(self, text: str, /, **values: object) -> str:
        """The message in this language, with its placeholders filled."""
        return filled(self.catalogue.gettext(text), text, values)

    def ngettext(self, one: str, many: str, count: int, /, **values: object) -> str:
        """The message for so many; `%(num)s` is the number."""
        english = one if count == 1 else many
        return filled(self.catalogue.ngettext(one, many, count), english, {"num": self.number(count), **values})

    def pgettext(self, context: str, text: str, /, **values: object) -> str:
        """The message where one English word has several meanings; `context` says which."""
        return filled(self.catalogue.pgettext(context, text), text, values)

    def say(self, sentence: str) -> str:
        """A sentence in this language; what was kept as plain text is only found where it is a whole message."""
        if not isinstance(sentence, Phrase):
            return self.catalogue.gettext(sentence) if sentence else ""
        values = {
            key: self.say(value) if isinstance(value, Phrase) else value for key, value in sentence.values.items()
        }
        return self._filler.fill(self.catalogue.gettext(sentence.message) if sentence.message else "", values)

    @cached_property
    def _filler(self) -> Filler:
        kinds: dict[str, Callable[[float], str]] = {
            "time": self.when, "size": self.size, "span": self.seconds, "number": self.number,
        }  # fmt: skip
        return Filler(kinds, self.catalogue.gettext(MANY))

    def number(self, value: float, digits: int = 0) -> str:
        """`12.480,5`: grouped, with at most `digits` decimals."""
        return str(format_decimal(round(value, digits), locale=self.locale))

    def percent(self, share: float) -> str:
        """`84 %` of 0.84."""
        return str(format_percent(share, format=None, locale=self.locale))

    def size(self, count: float, binary: bool = False) -> str:
        """`256 GB`, `7,3 Go`: decimal units as disks are sold, or (`binary`) the same words as memory is."""
        step, place, value = (1024 if binary else 1000), 0, float(max(0, count))
        while value >= step and place < len(_BYTES) - 1:
            value, place = value / step, place + 1
        digits = 0 if value >= 100 or place < 2 else 1
        unit = f"digital-{_BYTES[place]}"
        return str(format_unit(round(value, digits), unit, length="short", locale=self.locale))

    def seconds(self, count: float) -> str:
        """`40 s`, `3 min`, `1 h 20`: how long something took, never finer than it matters."""
        if count < 60:
            return f"{max(0, round(count))} s"
        minutes = round(count / 60)
        return f"{minutes} min" if minutes < 60 else f"{self.number(minutes // 60)} h {minutes % 60:02d}"

    def day(self, moment: date | datetime | str | float) -> str:
        """`29 november 2026`."""
        return str(format_date(local(moment), "long", locale=self.locale))

    def short_day(self, moment: date | datetime | str | float) -> str:
        """`29/11/2026`: where there is little room."""
        return str(format_date(local(moment), "dd/MM/y", locale=self.locale))

    def clock(self, moment: datetime | str | float, seconds: bool = False) -> str:
        """`19:04`."""
        return str(format_time(local(moment), "HH:mm:ss" if seconds else "HH:mm", locale=self.locale))

    def when(self, moment: datetime | str | float | None, seconds: bool = False) -> str:
        """`19:04`, with its date where that is not today's; nothing for None or 0."""
        if not moment:
            return ""
        at = local(moment)
        today = at.date() == datetime.now().astimezone().date()
        return self.clock(moment, seconds) if today else self.moment(moment)

    def moment(self, moment: datetime | str | float) -> str:
        """`29 nov 2026 19:04`."""
        return str(format_datetime(local(moment), "d MMM y HH:mm", locale=self.locale))

    def listed(self, words: Sequence[str]) -> str:
        """`a, b en c`."""
        return str(format_list(list(words), locale=self.locale)) if words else ""


def local(moment: date | datetime | str | float) -> datetime:
    """An ISO time, seconds since 1970 or a date, in the server's zone."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    elif isinstance(moment, int | float):
        moment = datetime.fromtimestamp(moment, UTC)
    elif not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone().replace(tzinfo=None)


def filled(text: Text, english: Text, values: Mapping[str, object]) -> Text:
    """The message with its values; the English one where a translation names a placeholder that there is not."""
    try:
        return type(text)(text % values)
    except (KeyError, TypeError, ValueError):
        log.error("the translation %r does not fit %r", text, english)
        return type(english)(english % values)


@cache
def language(code: str) -> Language:
    """The language called `code` (`nl`, `fr-BE`, …); English for any that we have not."""
    code = code.replace("_", "-").partition("-")[0].lower()
    if code not in CODES:
        code = "en"
    if code == "en":
        return Language(code, gettext.NullTranslations(), "everybody")
    data = _machine_form(root("web") / "locale", code)
    catalogue = _catalogue(data, code)
    return Language(code, catalogue, catalogue.info().get("x-read-by", ""), hashlib.sha256(data).hexdigest())


def lighten(code: str) -> None:
    """Let go of what Babel read for a language and nothing here says, once it was spoken: 5 of 6 MB of all three."""
    for name in ("root", "en_001", code, _PLACES[code]):
        told = localedata.load(name)
        for each in _SAID_BY_NOBODY:
            told.pop(each, None)
        for each in [unit for unit in told.get("unit_patterns", ()) if not unit.startswith("digital-")]:
            del told["unit_patterns"][each]
        for each in [other for other in told.get("languages", ()) if other not in CODES]:
            del told["languages"][each]
    for key in _ASKED_BY_NOBODY:
        every = get_global(key)
        if isinstance(every, dict):
            every.clear()


def best(asked: str, otherwise: str) -> str:
    """The code that suits a browser's Accept-Language (RFC 9110 §12.5.4) best; `otherwise` where none does."""
    wanted = []
    for part in asked.split(",")[:20]:
        name, _, quality = part.strip().partition(";q=")
        wanted.append((_quality(quality), name.strip().replace("-", "_")))
    wanted.sort(key=lambda each: -each[0])
    return negotiate_locale([name for quality, name in wanted if quality > 0], CODES, sep="_") or otherwise


def of_environment(environ: Mapping[str, str] | None = None) -> Language:
    """The command line's language as gettext(3) finds it; unset or C is English."""
    environ = os.environ if environ is None else environ
    name = next((environ[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(key)), "")
    return language("en" if name.partition(".")[0] in ("", "C", "POSIX") else name)


@cache
def bracketed() -> Language:
    """A language for tests in which every message that can be translated stands between brackets."""
    return Language("en", _Bracketed())


class _Bracketed(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return f"{OPENING}{message}{CLOSING}" if message in _messages() else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        message = msgid1 if n == 1 else msgid2
        return f"{OPENING}{message}{CLOSING}" if msgid1 in _messages() else message

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)


@cache
def _messages() -> frozenset[str]:
    """Every message that somebody can translate."""
    found = catalogue(CODES[0])
    return frozenset(each.id if isinstance(each.id, str) else each.id[0] for each in found if each.id)


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(_PLACES[code])


def _quality(text: str) -> float:
    """A weight from 0 to 1; 0 for anything else."""
    return float(text or 1) if re.fullmatch(r"(0(\.\d{0,3})?|1(\.0{0,3})?)?", text) else 0.0


def _catalogue(data: bytes, code: str) -> gettext.NullTranslations:
    """The catalogue of its machine's form; a broken one is told and means English."""
    try:
        return gettext.GNUTranslations(io.BytesIO(data)) if data else gettext.NullTranslations()
    except (OSError, ValueError, struct.error) as error:
        log.error("the catalogue for %s cannot be used, its words are English: %s", code, error)
        return gettext.NullTranslations()


def _machine_form(folder: Path, code: str) -> bytes:
    """The compiled catalogue, or the one that its source gives; nothing, and that is told, where neither can be had."""
    source = folder / code / "LC_MESSAGES" / f"{DOMAIN}.po"
    made = source.with_suffix(".mo")
    try:
        if made.is_file() and not (source.is_file() and source.stat().st_mtime > made.stat().st_mtime):
            return made.read_bytes()
        return compiled(source)
    except (OSError, ValueError) as error:
        log.error("the catalogue for %s cannot be used, its words are English: %s", code, error)
        return b""


def compiled(source: Path) -> bytes:
    """The machine's form of a catalogue. Raises ValueError or OSError."""
    from babel.messages.mofile import write_mo  # a checkout alone needs it
    from babel.messages.pofile import PoFileError, read_po

    out = io.BytesIO()
    try:
        with source.open("rb") as file:
            write_mo(out, read_po(file, abort_invalid=True))
    except PoFileError as error:
        raise ValueError(str(error)) from error
    return out.getvalue()


@cache
def catalogue(code: str) -> Catalog:
    """A catalogue's source, parsed; for the tests and for whoever packs them."""
    from babel.messages.pofile import read_po

    with (root("web") / "locale" / code / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


def catalogues() -> dict[str, Catalog]:
    """Every catalogue's source, parsed, by code."""
    return {code: catalogue(code) for code in CODES if code != "en"}
