"""Where on the disk logical volumes lie, and what a disk says of its volume groups. Pure.

A laptop's disk is read back whole, past the page cache. So no volume has to be activated for it, and what is
checked is what any Linux would find there. Formats: LVM2's lib/format_text/layout.h and lib/label/label.h.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

from cloned.disk.extents import Extents
from cloned.disk.lvm import parse_group
from cloned.disk.manifest import Layer, Plan
from cloned.disk.partitions import Layout, LayoutError, Partition, Volume, VolumeGroup
from cloned.disk.swap import PAGE_BYTES, read_swap
from cloned.saying import Phrase

Read = Callable[[int, int], bytes]
Run = tuple[int, int, int]
"""Offset in the volume, offset on the disk, length; bytes."""

SECTOR = 512
"""What LVM counts in, whatever the disk's sectors are."""

_CRC_START = 0xF597A6CF
_LABEL = struct.Struct("<8sQII8s")
_PV = struct.Struct("<32sQ")
_AREA = struct.Struct("<QQ")
_MDA = struct.Struct("<I16sIQQQQII")
_MDA_MAGIC = b" LVM2 x[5A%r0N*>"
_SCAN_BYTES = 4 * SECTOR
"""Bytes at the start of a physical volume in which its label is looked for."""
_LARGEST = 16 * 1024 * 1024
_LINEAR = {"stripe_count", "stripes"}


def placed(plan: Plan) -> Plan:
    """`plan` with every logical volume's used bytes at their places on the disk; LayoutError if they have none.

    Pieces keep their numbers: the same bytes, counted in the same order.
    """
    if all(layer.start is not None for layer in plan.layers):
        return plan
    layout = Layout.parse(plan.layout)
    return replace(plan, layers=tuple(_placed(layer, layout) for layer in plan.layers))


def check_places(plan: Plan) -> None:
    """LayoutError if a logical volume of the plan has no place on the disk that could be read; cheap."""
    layout = Layout.parse(plan.layout)
    for layer in plan.layers:
        if layer.start is None:
            volume_runs(layout, *_find(layout, layer.name))


def _placed(layer: Layer, layout: Layout) -> Layer:
    if layer.start is not None:
        return layer
    runs = volume_runs(layout, *_find(layout, layer.name))
    flat = [number for offset, length in layer.extents for part in _cut(runs, offset, length) for number in part]
    return replace(layer, start=0, extents=Extents.from_flat(flat))


def _find(layout: Layout, name: str) -> tuple[VolumeGroup, Volume]:
    for group in layout.groups:
        for volume in group.volumes:
            if f"{group.name}/{volume.name}" == name:
                return group, volume
    raise LayoutError(Phrase("the layout knows no logical volume {name}", name=name))


def volume_runs(layout: Layout, group: VolumeGroup, volume: Volume) -> list[Run]:
    """The volume's stretches on the disk, ascending in the volume; LayoutError unless it is linear and on this disk."""
    unit = group.extent_size * SECTOR
    members = {number: (first, extents) for number, _, first, extents in group.members if number}
    runs: list[Run] = []
    for segment in volume.segments:
        first, count, kind, *fields = segment.split(" ")
        found = dict(field.split("=", 1) for field in fields)
        number, _, extent = found.get("stripes", "").partition(",")
        if kind != "striped" or found.keys() != _LINEAR or found["stripe_count"] != "1" or not number.isdigit():
            raise LayoutError(
                Phrase(
                    "logical volume {name}/{volume} is not linear, so it cannot be read back",
                    name=group.name,
                    volume=volume.name,
                )
            )
        if int(number) not in members:
            raise LayoutError(
                Phrase(
                    "logical volume {name}/{volume} does not lie on this disk alone",
                    name=group.name,
                    volume=volume.name,
                )
            )
        part, (data, extents) = layout.partition(int(number)), members[int(number)]
        inside = extent.isdigit() and int(extent) + int(count) <= extents
        if not inside or data * SECTOR + extents * unit > part.size * layout.sector_size:
            raise LayoutError(
                Phrase(
                    "logical volume {name}/{volume} lies outside its physical volume",
                    name=group.name,
                    volume=volume.name,
                )
            )
        base = part.start * layout.sector_size + data * SECTOR
        runs.append((int(first) * unit, base + int(extent) * unit, int(count) * unit))
    return runs


def _cut(runs: list[Run], offset: int, length: int) -> Iterator[tuple[int, int]]:
    """(disk offset, length) of a range of the volume."""
    for start, place, size in runs:
        begin, end = max(offset, start), min(offset + length, start + size)
        if begin < end:
            yield place + begin - start, end - begin


def read_groups(read: Read, layout: Layout, wanted: tuple[VolumeGroup, ...]) -> tuple[VolumeGroup, ...]:
    """The volume groups that a disk holds where `wanted` ones should be; LayoutError says what is wrong.

    Every copy of a group's description must be whole, and all must agree.
    """
    return tuple(_read_group(read, layout, group) for group in wanted)


def _read_group(read: Read, layout: Layout, wanted: VolumeGroup) -> VolumeGroup:
    labels = {number: read_label(read, layout.partition(number), layout.sector_size) for number, *_ in wanted.members}
    texts = {text for _, text in labels.values() if text}
    if len(texts) != 1:
        raise LayoutError(
            Phrase(
                "volume group {name} has {count} {count:description|descriptions} where one is right",
                name=wanted.name,
                count=len(texts) or "no",
            )
        )
    found = parse_group(texts.pop(), {uuid: number for number, (uuid, _) in labels.items()})
    swaps = {volume.name for volume in wanted.volumes if volume.swap}
    volumes = (_with_swap(read, layout, found, one) if one.name in swaps else one for one in found.volumes)
    return replace(found, volumes=tuple(volumes))


def _with_swap(read: Read, layout: Layout, group: VolumeGroup, volume: Volume) -> Volume:
    runs = volume_runs(layout, group, volume)
    return replace(volume, swap=read_swap(read(runs[0][1], PAGE_BYTES)) if runs else None)


def read_label(read: Read, part: Partition, sector_size: int) -> tuple[str, str]:
    """A physical volume's UUID and the text that describes its group; empty if it carries none."""
    base = part.start * sector_size
    head = read(base, max(_SCAN_BYTES, sector_size))
    for at in range(0, _SCAN_BYTES, SECTOR):
        label = head[at : at + SECTOR]
        if len(label) == SECTOR and label[:8] == b"LABELONE" and label[24:32] == b"LVM2 001":
            return _physical_volume(read, label, base, sector_size)
    raise LayoutError(Phrase("partition {number} is no LVM physical volume", number=part.number))


def _physical_volume(read: Read, label: bytes, base: int, sector_size: int) -> tuple[str, str]:
    """Header: UUID, size, list of data areas, list of metadata areas; each list ends with zeros."""
    _, _, crc, start, _ = _LABEL.unpack_from(label)
    if crc != _crc(label[20:]) or start + _PV.size > SECTOR:
        raise LayoutError("the label of an LVM physical volume is damaged")
    ident, _ = _PV.unpack_from(label, start)
    whole = label[start + _PV.size :]
    areas = [_AREA.unpack_from(whole, at) for at in range(0, len(whole) - _AREA.size + 1, _AREA.size)]
    end = areas.index((0, 0)) + 1 if (0, 0) in areas else len(areas)
    metadata = areas[end : areas.index((0, 0), end)] if (0, 0) in areas[end:] else areas[end:]
    texts = {_description(read, base + offset, sector_size) for offset, _ in metadata} - {""}
    if len(texts) > 1:
        raise LayoutError("the descriptions of an LVM volume group do not agree")
    return _hyphens(ident.decode("ascii", "replace")), texts.pop() if texts else ""


def _description(read: Read, area: int, sector_size: int) -> str:
    """The text in a metadata area, which is a ring after its first 512 bytes."""
    head = read(area, max(SECTOR, sector_size))[:SECTOR]
    if len(head) < SECTOR:
        raise LayoutError("the metadata area of an LVM physical volume lies behind the end of the disk")
    crc, magic, version, _, size, offset, length, checksum, flags = _MDA.unpack_from(head)
    if magic != _MDA_MAGIC or version != 1 or crc != _crc(head[4:]) or not max(offset, length) < size <= _LARGEST:
        raise LayoutError("the metadata area of an LVM physical volume is damaged")
    if flags & 1 or not length:  # RAW_LOCN_IGNORED
        return ""
    whole = read(area, -(-size // sector_size) * sector_size)[:size]
    text = (whole[offset : offset + length] + whole[SECTOR:])[:length]
    if _crc(text) != checksum:
        raise LayoutError("the description of an LVM volume group is damaged")
    return text.rstrip(b"\0").decode("utf-8", "replace")


def _hyphens(ident: str) -> str:
    """LVM's way to write a UUID: 6-4-4-4-4-4-6."""
    cuts = (0, 6, 10, 14, 18, 22, 26, 32)
    return "-".join(ident[first:last] for first, last in pairwise(cuts))


def _crc(data: bytes) -> int:
    """LVM's CRC-32: another start, and no inversion at the end."""
    return zlib.crc32(data, _CRC_START ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
