"""LVM's text format of a volume group (vgcfgbackup, and the metadata area of a physical volume)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloned.disk.partitions import LayoutError, Volume, VolumeGroup, quote
from cloned.saying import Phrase

_TOKEN = re.compile(r'\s+|#[^\n]*|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z0-9_.+-]+)|(?P<sign>[={}\[\],])')
_DEPTH: Final = 32

Section = dict[str, Any]


def parse_text(text: str) -> Section:
    """Sections as nested dicts, values as int, str or list; LayoutError for anything else."""
    tokens = _tokens(text)
    return _section(tokens, 0, top=True)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise LayoutError(Phrase("LVM metadata is not understood at character {at}", at=at))
        at = match.end()
        if match.lastgroup:
            yield match.lastgroup, match[0]


def _section(tokens: Iterator[tuple[str, str]], depth: int, *, top: bool = False) -> Section:
    found: Section = {}
    if depth > _DEPTH:
        raise LayoutError("LVM metadata is nested too deeply")
    for kind, word in tokens:
        if kind == "sign" and word == "}" and not top:
            return found
        if kind != "word":
            raise LayoutError(Phrase("LVM metadata is not understood at {word}", word=repr(word)))
        sign = next(tokens, ("", ""))[1]
        if sign == "{":
            found[word] = _section(tokens, depth + 1)
        elif sign == "=":
            found[word] = _value(tokens)
        else:
            raise LayoutError(Phrase("LVM metadata is not understood after {word}", word=repr(word)))
    if not top:
        raise LayoutError("LVM metadata ends within a section")
    return found


def _value(tokens: Iterator[tuple[str, str]]) -> Any:
    kind, word = next(tokens, ("", ""))
    if word == "[":
        values: list[int | str] = []
        for kind, word in tokens:
            if word == "]":
                return values
            if word != ",":
                values.append(_scalar(kind, word))
    return _scalar(kind, word)


def _scalar(kind: str, word: str) -> int | str:
    if kind == "text":
        return re.sub(r"\\(.)", r"\1", word[1:-1])
    if kind == "word" and re.fullmatch(r"-?\d+", word):
        return int(word)
    if kind == "word":
        return word
    raise LayoutError(Phrase("LVM metadata has no value at {word}", word=repr(word)))


def parse_group(text: str, numbers: Mapping[str, int]) -> VolumeGroup:
    """A volume group; `numbers` gives the partition number of each physical volume by its UUID.

    Sequence numbers, times, host names, flags and device hints are left out.
    """
    try:
        ((name, group),) = ((key, value) for key, value in parse_text(text).items() if isinstance(value, dict))
        physical = group["physical_volumes"]
        place = {key: numbers[pv["id"]] for key, pv in physical.items()}
        members = sorted((place[key], pv["id"], pv["pe_start"], pv["pe_count"]) for key, pv in physical.items())
        volumes = tuple(_volume(lv, data, place) for lv, data in sorted(group.get("logical_volumes", {}).items()))
        return VolumeGroup(name, group["id"], group["extent_size"], tuple(members), volumes)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise LayoutError(Phrase("the LVM metadata is incomplete: {error}", error=error)) from error


def _volume(name: str, data: Section, place: Mapping[str, int]) -> Volume:
    segments = [value for key, value in data.items() if re.fullmatch(r"segment\d+", key)]
    segments.sort(key=lambda segment: int(segment["start_extent"]))
    lines = tuple(_segment(segment, place) for segment in segments)
    return Volume(name, data["id"], sum(segment["extent_count"] for segment in segments), lines)


def _segment(segment: Section, place: Mapping[str, int]) -> str:
    """`first count type key=value …`, keys in order; physical volumes by partition number."""
    words = [str(segment["start_extent"]), str(segment["extent_count"]), quote(str(segment["type"]))]
    for key, value in sorted(segment.items()):
        if key not in ("start_extent", "extent_count", "type"):
            values = value if isinstance(value, list) else [value]
            words.append(f"{key}={','.join(quote(str(place.get(str(one), one))) for one in values)}")
    return " ".join(words)
