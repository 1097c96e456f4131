"""What numbers on stickers look like, and which laptop one was given to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from cloned.core.ids import LaptopId
from cloned.saying import Phrase

_PLACES = {"one": "{seq}", "other": "{seq:04}", "more": "{year}, {yy}, {site}"}
_PART = re.compile(r"\{(year|yy|site|seq)(?::0?(\d))?\}")
LONGEST = 32
_NUMBER = re.compile(r"(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9 ._/#-]{0,31}")


def is_tag(text: str) -> bool:
    """Whether the ledger keeps a text as a number: one without a digit may be somebody's name."""
    return _NUMBER.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class TagGiven:
    """A number that is used, and the machine that has or had it: kept for good, also when that is forgotten.

    With slots, for there are as many as there ever were laptops: 100,000 without take 25 MB more.
    """

    tag: str
    laptop: LaptopId
    uuid: str = ""
    serial: str = ""
    macs: tuple[str, ...] = ()
    """Its own network cards; none in what versions before 0.2 wrote down."""


@dataclass(frozen=True)
class TagPattern:
    """What numbers look like. ValueError for a text that is no pattern."""

    text: str
    site: str = ""

    def __post_init__(self) -> None:
        if len(re.findall(r"\{seq(?::0?\d)?\}", self.text)) != 1 or re.search(r"[{}]", _PART.sub("", self.text)):
            said = Phrase("a pattern has {one} or {other} once, and beside it only {more}", **_PLACES)
            raise ValueError(said)

    def prefix(self, now: float) -> str:
        """What a number of this moment has beside its running part: one count belongs to it."""
        return self._filled(now, "{seq}")

    def made(self, number: int, now: float) -> str | None:
        """The tag with a running number; None where the pattern has no digits left for it."""
        digits = f"{number:0{self._width}d}"
        return self._filled(now, digits) if not self._width or len(digits) <= self._width else None

    @property
    def _width(self) -> int:
        found = re.search(r"\{seq:0?(\d)\}", self.text)
        return int(found[1]) if found else 0

    def _filled(self, now: float, digits: str) -> str:
        year = datetime.fromtimestamp(now, UTC).year
        values = {"year": f"{year:04d}", "yy": f"{year % 100:02d}", "site": self.site, "seq": digits}
        return _PART.sub(lambda part: values[part[1]], self.text)

    def read(self, tag: str) -> tuple[str, str, int] | None:
        """A tag of any year as it is to be written, its prefix, and its running number; None where it is none."""
        found = self._reader.fullmatch(tag)
        if found is None:
            return None
        own = [
            self.site if each == "{site}" else said if each[:1] == "{" else each
            for each, said in zip(self._pieces, found.groups(), strict=True)
        ]
        at = next(place for place, each in enumerate(self._pieces) if each.startswith("{seq"))
        return "".join(own), "".join([*own[:at], "{seq}", *own[at + 1 :]]), int(own[at])

    @cached_property
    def _pieces(self) -> list[str]:
        """What stands between places, and the places."""
        return re.split(r"(\{[^}]+\})", self.text)

    @cached_property
    def _reader(self) -> re.Pattern[str]:
        """Finds each piece; made once, for a ledger may hold 100,000 tags."""
        kinds = {"year": r"\d{4}", "yy": r"\d{2}", "site": re.escape(self.site), "seq": self._digits()}
        parts = [kinds[_PART.fullmatch(each)[1]] if each[:1] == "{" else re.escape(each) for each in self._pieces]  # type: ignore[index]
        return re.compile("".join(f"({part})" for part in parts), re.IGNORECASE | re.ASCII)

    def _digits(self) -> str:
        return rf"\d{{{self._width}}}" if self._width else r"\d{1,9}"
