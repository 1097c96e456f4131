"""A disk's partition table as frozen types and as one canonical text (images/FORMAT.md, "Layout")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from cloned.saying import Phrase

GPT_ENTRY_BYTES: Final = 128
"""Bytes of a GPT entry."""

MIB: Final = 1024 * 1024

_SAFE = frozenset(range(0x21, 0x7F)) - {0x25}
"""Bytes that stand for themselves in a field: printable ASCII without space and `%`."""

RECOVERY: Final = "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC"
"""GPT type of what Windows is mended from: it may be carried to the end of a larger disk."""

EXTENDED = frozenset({"5", "f", "85"})
"""MBR types of extended partitions: CHS, LBA, Linux."""


class LayoutError(ValueError):
    """A partition table, or a text that should describe one, is invalid; the message says what is wrong."""


@dataclass(frozen=True)
class Swap:
    """What identifies a swap area: `mkswap -U -L`, version 1."""

    uuid: str
    """Lower case with hyphens; empty for none (sixteen zero bytes)."""
    label: str
    version: int = 1


@dataclass(frozen=True)
class Partition:
    """One partition; start and size in logical sectors."""

    number: int
    start: int
    size: int
    type: str
    """GPT: type GUID in upper case; MBR: lower-case hex without 0x or leading zeros, e.g. `83`."""
    uuid: str = ""
    """GPT: partition GUID in upper case; MBR: nothing."""
    attrs: str = ""
    """GPT: the 64-bit attributes as 16 lower-case hex digits, or nothing for zero; MBR: `active` or nothing."""
    name: str = ""
    """GPT: the name, as text."""
    swap: Swap | None = None

    @property
    def end(self) -> int:
        """The first sector after it."""
        return self.start + self.size

    @property
    def extended(self) -> bool:
        """True for an MBR extended partition, which holds logical ones and no data of its own."""
        return self.type in EXTENDED


@dataclass(frozen=True)
class Volume:
    """A logical volume: a run of extents of its group, `segments` as LVM's own text puts them."""

    name: str
    uuid: str
    extents: int
    segments: tuple[str, ...] = ()
    """One canonical line a segment (disk/lvm.py): first extent, extents, kind, then what the kind needs."""
    swap: Swap | None = None


@dataclass(frozen=True)
class VolumeGroup:
    """An LVM volume group."""

    name: str
    uuid: str
    extent_size: int
    """In sectors of 512 bytes."""
    members: tuple[tuple[int, str, int, int], ...]
    """Physical volumes: partition number, UUID, first data sector (512 bytes), extents."""
    volumes: tuple[Volume, ...]


@dataclass(frozen=True)
class MbrEntry:
    """An entry of a GPT disk's MBR, where that is more than the plain protective one."""

    number: int
    """1 to 4."""
    start: int
    size: int
    """Sectors; 0 for an entry of type ee that reaches to the end of the disk."""
    type: str
    """Lower-case hex without leading zeros."""
    attrs: str = ""
    """`active` or nothing."""

    @property
    def protective(self) -> bool:
        """Whether it is the entry that keeps old tools away."""
        return self.type == "ee"


@dataclass(frozen=True)
class Layout:
    """A disk's partition table."""

    label: str
    """gpt or dos."""
    id: str
    """GPT: disk GUID in upper case; MBR: 0x and eight lower-case hex digits."""
    sector_size: int
    partitions: tuple[Partition, ...]
    """Ascending by number."""
    groups: tuple[VolumeGroup, ...] = ()
    """LVM volume groups, by name."""
    mbr: tuple[MbrEntry, ...] = ()
    """GPT: the entries of the MBR, ascending by number; nothing for a plain protective one."""
    mbr_id: str = ""
    """GPT: the MBR's disk signature, 0x and eight hex digits, where there are `mbr` entries."""
    ebr_code: str = ""
    """MBR: SHA-256 of the boot code in the extended partition, in hex, where the image has any."""

    @property
    def swaps(self) -> frozenset[int]:
        """Numbers of the partitions that hold a swap area."""
        return frozenset(part.number for part in self.partitions if part.swap)

    def partition(self, number: int) -> Partition:
        """The partition with this number; LayoutError if there is none."""
        for part in self.partitions:
            if part.number == number:
                return part
        raise LayoutError(Phrase("there is no partition {number}", number=number))

    def with_swaps(self, swaps: dict[int, Swap]) -> Layout:
        """The same layout with these swap areas, by partition number."""
        parts = tuple(replace(part, swap=swaps.get(part.number)) for part in self.partitions)
        return replace(self, partitions=parts)

    def text(self) -> str:
        """The canonical text: one line each for label, id, sector size, partition, swap area and LVM part."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"label {self.label}"
        yield f"id {quote(self.id)}"
        yield f"sector-size {self.sector_size}"
        if self.mbr:
            yield f"mbr-id {self.mbr_id}"
        for entry in self.mbr:
            yield f"mbr {entry.number} {entry.start} {entry.size} {quote(entry.type)} {quote(entry.attrs)}"
        if self.ebr_code:
            yield f"ebr-code {self.ebr_code}"
        for part in self.partitions:
            fields = (part.type, part.uuid, part.attrs, part.name)
            yield f"partition {part.number} {part.start} {part.size} {' '.join(map(quote, fields))}"
        for part in self.partitions:
            if part.swap:
                yield f"swap {part.number} {part.swap.version} {quote(part.swap.uuid)} {quote(part.swap.label)}"
        for group in self.groups:
            yield from _group_lines(group)

    @staticmethod
    def parse(text: str) -> Layout:
        """The inverse of `text()`; LayoutError names the line that is not canonical."""
        parser = _Parser()
        for number, line in enumerate(text.splitlines(), 1):
            try:
                parser.line(line.split(" "))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise LayoutError(
                    Phrase("layout line {number} is not understood: {line}", number=number, line=repr(line))
                ) from error
        layout = parser.layout()
        if layout.text() != text:
            raise LayoutError("the layout text is not in its canonical form")
        return layout


def quote(text: str) -> str:
    """A field: UTF-8, every byte but printable ASCII (and `%`) as %XX; `-` for nothing, `%2D` for a hyphen alone."""
    if text in ("", "-"):
        return "%2D" if text else "-"
    raw = text.encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in raw)


def unquote(field: str) -> str:
    """The inverse of `quote`; ValueError for what it would not write."""
    if field == "-":
        return ""
    pieces = re.split(r"%([0-9A-F]{2})", field)
    raw = b"".join(part.encode("ascii") if index % 2 == 0 else bytes.fromhex(part) for index, part in enumerate(pieces))
    return raw.decode("utf-8", "surrogatepass")


def _group_lines(group: VolumeGroup) -> Iterator[str]:
    yield f"group {quote(group.name)} {group.uuid} {group.extent_size}"
    for number, uuid, first, extents in group.members:
        yield f"member {number} {uuid} {first} {extents}"
    for volume in group.volumes:
        yield f"volume {quote(volume.name)} {volume.uuid} {volume.extents}"
        for segment in volume.segments:
            yield f"segment {segment}"
        if volume.swap:
            yield f"volume-swap {volume.swap.version} {quote(volume.swap.uuid)} {quote(volume.swap.label)}"


class _Parser:
    """Collects the lines of a canonical text."""

    def __init__(self) -> None:
        self._head: dict[str, str] = {}
        self._parts: list[Partition] = []
        self._swaps: dict[int, Swap] = {}
        self._groups: list[VolumeGroup] = []
        self._mbr: list[MbrEntry] = []

    def line(self, fields: list[str]) -> None:
        """Take one line, split at spaces."""
        kind, *rest = fields
        if kind in ("label", "id", "sector-size", "mbr-id", "ebr-code"):
            (self._head[kind],) = rest
        else:
            takers: dict[str, Callable[..., None]] = {
                "mbr": self._mbr_entry,
                "partition": self._partition,
                "swap": self._swap,
                "group": self._group,
                "member": self._member,
                "volume": self._volume,
                "segment": self._segment,
                "volume-swap": self._volume_swap,
            }
            takers[kind](*rest)

    def layout(self) -> Layout:
        """What the lines say; LayoutError if one of the first three is missing."""
        try:
            label, ident, sector = self._head["label"], unquote(self._head["id"]), int(self._head["sector-size"])
        except (KeyError, ValueError) as error:
            raise LayoutError("the layout text lacks its label, id or sector size") from error
        mbr_id, ebr_code = self._head.get("mbr-id", ""), self._head.get("ebr-code", "")
        plain = Layout(
            label=label,
            id=ident,
            sector_size=sector,
            partitions=tuple(self._parts),
            groups=tuple(self._groups),
            mbr=tuple(self._mbr),
            mbr_id=mbr_id,
            ebr_code=ebr_code,
        )
        return plain.with_swaps(self._swaps)

    def _mbr_entry(self, number: str, start: str, size: str, kind: str, attrs: str) -> None:
        self._mbr.append(MbrEntry(int(number), int(start), int(size), unquote(kind), unquote(attrs)))

    def _partition(self, number: str, start: str, size: str, *fields: str) -> None:
        kind, uuid, attrs, name = map(unquote, fields)
        self._parts.append(
            Partition(
                number=int(number), start=int(start), size=int(size), type=kind, uuid=uuid, attrs=attrs, name=name
            )
        )

    def _swap(self, number: str, version: str, uuid: str, label: str) -> None:
        self._swaps[int(number)] = Swap(unquote(uuid), unquote(label), int(version))

    def _group(self, name: str, uuid: str, extent_size: str) -> None:
        self._groups.append(VolumeGroup(unquote(name), uuid, int(extent_size), (), ()))

    def _member(self, number: str, uuid: str, first: str, extents: str) -> None:
        group = self._groups.pop()
        member = (int(number), uuid, int(first), int(extents))
        self._groups.append(replace(group, members=(*group.members, member)))

    def _volume(self, name: str, uuid: str, extents: str) -> None:
        group = self._groups.pop()
        volume = Volume(unquote(name), uuid, int(extents))
        self._groups.append(replace(group, volumes=(*group.volumes, volume)))

    def _segment(self, *fields: str) -> None:
        segments = self._groups[-1].volumes[-1].segments
        self._last_volume(segments=(*segments, " ".join(fields)))

    def _volume_swap(self, version: str, uuid: str, label: str) -> None:
        self._last_volume(swap=Swap(unquote(uuid), unquote(label), int(version)))

    def _last_volume(self, **changes: Any) -> None:
        group = self._groups.pop()
        *others, last = group.volumes
        self._groups.append(replace(group, volumes=(*others, replace(last, **changes))))
