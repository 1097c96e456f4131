"""Numbers that are used, for good, as a mapping that takes little room: there are as many as there ever were laptops.

Nearly all of them lie as lines of one text, sorted by the case-folded number, and a laptop's line is made an object
when it is looked for; what came of late is a small dictionary beside it. 100,000 take 7 MB and are read from a
checkpoint in 20 ms; as objects they took 70 MB and half a second of each start.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import ItemsView, Iterator, Mapping
from typing import Self

from cloned.core.ids import LaptopId
from cloned.core.tagged import TagGiven

MOST_NEWER = 1000
"""So many beside the text; one more, and they are taken into it."""
FIELDS = ("key", "tag", "laptop", "uuid", "serial", "macs")
"""On a line: the case-folded tag, and what `TagGiven` says; between them tabs, between MAC addresses commas."""


class UsedTags(Mapping[str, TagGiven]):
    """Case-folded text → the number and who has it. Never changed in place: `having` makes another."""

    __slots__ = ("_again", "_lines", "_newer", "_starts")

    def __init__(self, given: Mapping[str, TagGiven] | None = None) -> None:
        self._lines, self._starts = b"", array("I")
        self._newer: dict[str, TagGiven] = {}
        self._again = 0
        """Of the newer ones, how many replace one of the text."""
        if given:
            self._pack(given)

    def having(self, changed: Mapping[str, TagGiven]) -> Self:
        """These too, or in place of those that were under their keys."""
        made = type(self)()
        if len(self._newer) + len(changed) > MOST_NEWER:
            made._pack({**self, **changed})
            return made
        made._lines, made._starts = self._lines, self._starts
        made._newer = {**self._newer, **changed}
        made._again = self._again + sum(key not in self._newer and self._line(key) is not None for key in changed)
        return made

    def _pack(self, given: Mapping[str, TagGiven]) -> None:
        lines = [_written(key, each) for key, each in given.items()]
        self._take("".join(sorted(lines, key=_key)))

    def _take(self, text: str) -> None:
        self._lines = text.encode("utf-8", "surrogatepass")
        ends = [0, *(found.end() for found in re.finditer(rb"\n", self._lines))]
        self._starts = array("I", ends[:-1])

    def _line(self, key: str) -> bytes | None:
        """What the text has under a key."""
        wanted = _escaped(key).encode("utf-8", "surrogatepass")
        at = bisect_left(self._starts, wanted, key=self._key_at)
        if at == len(self._starts) or self._key_at(self._starts[at]) != wanted:
            return None
        return self._lines[self._starts[at] : self._lines.index(b"\n", self._starts[at])]

    def _key_at(self, start: int) -> bytes:
        return self._lines[start : self._lines.index(b"\t", start)]

    def __getitem__(self, key: str) -> TagGiven:
        """The number under its case-folded text. KeyError."""
        if key in self._newer:
            return self._newer[key]
        line = self._line(key)
        if line is None:
            raise KeyError(key)
        return _read(line.decode("utf-8", "surrogatepass"))

    def __iter__(self) -> Iterator[str]:
        """The keys: those of the text in their order, then the newer ones."""
        for line in self._text().split("\n")[:-1]:
            key = _plain(line.partition("\t")[0])
            if key not in self._newer:
                yield key
        yield from self._newer

    def __len__(self) -> int:
        """How many numbers are used."""
        return len(self._starts) + len(self._newer) - self._again

    def items(self) -> ItemsView[str, TagGiven]:
        """All of them; quicker than looking for each."""
        old = ((_plain(line.partition("\t")[0]), _read(line)) for line in self._text().split("\n")[:-1])
        return {**{key: each for key, each in old if key not in self._newer}, **self._newer}.items()

    def _text(self) -> str:
        return self._lines.decode("utf-8", "surrogatepass")

    # How a checkpoint keeps them: as one text.

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> dict[str, object]:
        """How pydantic reads and writes it."""
        return {
            "type": "function-after",
            "function": {"type": "no-info", "function": cls.read},
            "schema": {"type": "str"},
            "serialization": {"type": "function-plain", "function": cls.written},
            "metadata": {"fields": FIELDS},  # another checkpoint, where a line has others
        }

    def written(self) -> str:
        """All of it as one text."""
        return (type(self)(dict(self.items())) if self._newer else self)._text()

    @classmethod
    def read(cls, text: str) -> Self:
        """What `written` made. ValueError for another text."""
        if text and (not text.endswith("\n") or text.count("\t") != (len(FIELDS) - 1) * text.count("\n")):
            raise ValueError("these are no numbers that are used")
        made = cls()
        made._take(text)
        return made


def _written(key: str, given: TagGiven) -> str:
    texts = map(_escaped, (key, given.tag, given.laptop, given.uuid, given.serial))
    return "\t".join([*texts, ",".join(map(_escaped, given.macs))]) + "\n"


def _read(line: str) -> TagGiven:
    _, *texts, macs = line.split("\t")
    tag, laptop, uuid, serial = map(_plain, texts)
    return TagGiven(tag, LaptopId(laptop), uuid, serial, tuple(map(_plain, macs.split(","))) if macs else ())


def _key(line: str) -> bytes:
    return line.partition("\t")[0].encode("utf-8", "surrogatepass")


_SIGNS = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", ",": "\\c"}
_MEANT = {sign: each for each, sign in _SIGNS.items()}


def _escaped(text: str) -> str:
    return re.sub(r"[\\\t\n,]", lambda found: _SIGNS[found[0]], text)


def _plain(text: str) -> str:
    return re.sub(r"\\[\\tnc]", lambda found: _MEANT[found[0]], text) if "\\" in text else text
