"""What an image is made of: streams, extents, pieces, and the hash that names it all.

The text that the image hash is taken over is defined, to the byte, in images/FORMAT.md.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import NotRequired, TypedDict

from cloned.disk.extents import Extent, Extents

PIECE = 4 * 1024 * 1024
"""Used bytes in a piece; the last piece of a stream may be shorter."""

GAP_LAYER = "gap"
"""Name of the layer that holds a gap too large to go along with the plan; its number is 0."""

BOOT_CODE_BYTES = 440
"""Bytes of boot code at the start of a disk, before the disk signature and the partition table."""

DIGEST_BYTES = 32
"""Bytes of a SHA-256."""


class LayerData(TypedDict):
    """A layer as plain data; extents as a flat list offset, length, offset, length …"""

    number: int
    name: str
    fs: str
    start: int | None
    size: int
    extents: list[int]


class PlanData(TypedDict):
    """A plan as plain data; bytes in hex."""

    layout: str
    sector_size: int
    min_size: int
    boot_code: str | None
    gap: str | None
    classic: bool
    ebr_code: NotRequired[str | None]
    layers: list[LayerData]


@dataclass(frozen=True)
class Layer:
    """A data stream's place: one partition (or, with no `start`, a logical volume) and its used bytes."""

    number: int
    """Partition number; 0 for a logical volume."""
    name: str
    """For a logical volume `VG/LV`, else what the source called it, e.g. `sda1` (not hashed)."""
    fs: str
    """File system as Clonezilla names it: ext4, ntfs, vfat, dd … (not hashed)."""
    start: int | None
    """Byte offset on the disk; None for a logical volume."""
    size: int
    """Device size in bytes."""
    extents: Sequence[Extent]
    """Used byte ranges: ascending, not touching, not empty. `Extents`, or a tuple of pairs."""

    @cached_property
    def used(self) -> int:
        """Used bytes."""
        return self._before[-1]

    @property
    def piece_count(self) -> int:
        """Number of pieces the used bytes make."""
        return -(-self.used // PIECE)

    @cached_property
    def _before(self) -> Sequence[int]:
        """Used bytes before each extent, and all of them."""
        return array("Q", accumulate((length for _, length in self.extents), initial=0))

    def ranges(self, offset: int, length: int) -> Iterator[Extent]:
        """Yield the (device offset, length) that hold used bytes `offset … offset+length`."""
        index = bisect_right(self._before, offset) - 1
        while length > 0:
            start, size = self.extents[index]
            skip = offset - self._before[index]
            take = min(size - skip, length)
            yield start + skip, take
            offset, length, index = offset + take, length - take, index + 1

    def to_json(self) -> LayerData:
        """As plain data; extents as a flat list offset, length, offset, length …"""
        flat = [number for extent in self.extents for number in extent]
        return {
            "number": self.number,
            "name": self.name,
            "fs": self.fs,
            "start": self.start,
            "size": self.size,
            "extents": flat,
        }

    @classmethod
    def from_json(cls, data: LayerData) -> Layer:
        """The inverse of `to_json`."""
        flat = data["extents"]
        extents = Extents.from_flat(flat)
        return cls(data["number"], data["name"], data["fs"], data["start"], data["size"], extents)


@dataclass(frozen=True)
class PieceExtents:
    """Where one piece lives."""

    layer: Layer
    offset: int
    """Offset within the layer's concatenated used bytes."""
    length: int

    def ranges(self) -> list[Extent]:
        """(offset, length) on the disk for a partition, on the volume for a logical volume."""
        base = self.layer.start or 0
        return [(base + offset, length) for offset, length in self.layer.ranges(self.offset, self.length)]


@dataclass(frozen=True)
class PieceMap:
    """Numbers the pieces of an image: 0 … count-1, layer after layer in the order given."""

    layers: tuple[Layer, ...]

    @cached_property
    def _first(self) -> list[int]:
        return [0, *accumulate(layer.piece_count for layer in self.layers)]

    @property
    def count(self) -> int:
        """Number of pieces."""
        return self._first[-1]

    @property
    def used(self) -> int:
        """Used bytes of all layers."""
        return sum(layer.used for layer in self.layers)

    def place(self, piece: int) -> PieceExtents:
        """Where piece number `piece` lives; IndexError if there is no such piece."""
        if not 0 <= piece < self.count:
            raise IndexError(piece)
        index = bisect_right(self._first, piece) - 1
        layer = self.layers[index]
        offset = (piece - self._first[index]) * PIECE
        return PieceExtents(layer, offset, min(PIECE, layer.used - offset))


@dataclass(frozen=True)
class Plan:
    """All an agent needs to put an image on a disk, without the hashes it must arrive at."""

    layout: str
    """Canonical layout text (disk/layout.py; images/FORMAT.md)."""
    sector_size: int
    """Bytes per logical sector of the source disk: 512 or 4096."""
    min_size: int
    """Bytes of the smallest disk the image fits on."""
    boot_code: bytes | None
    """The 440 bytes at the start of the disk, or None to leave them alone."""
    gap: bytes | None
    """MBR disks: what lies between the MBR and the first partition, from byte 512 on."""
    layers: tuple[Layer, ...]
    classic: bool = False
    """True where the agent cannot lay the image out itself (LVM): a classic session is needed."""
    ebr_code: bytes | None = None
    """MBR disks: the 446 bytes of boot code at the start of the extended partition, where there are any."""

    @cached_property
    def map(self) -> PieceMap:
        """The numbering of the pieces."""
        return PieceMap(self.layers)

    def to_json(self) -> PlanData:
        """As plain data; bytes in hex."""
        return {
            "layout": self.layout,
            "sector_size": self.sector_size,
            "min_size": self.min_size,
            "boot_code": _hex(self.boot_code),
            "gap": _hex(self.gap),
            "classic": self.classic,
            "ebr_code": _hex(self.ebr_code),
            "layers": [layer.to_json() for layer in self.layers],
        }

    @classmethod
    def from_json(cls, data: PlanData) -> Plan:
        """The inverse of `to_json`."""
        return cls(
            layout=data["layout"],
            sector_size=data["sector_size"],
            min_size=data["min_size"],
            boot_code=_bytes(data["boot_code"]),
            gap=_bytes(data["gap"]),
            layers=tuple(Layer.from_json(layer) for layer in data["layers"]),
            classic=data["classic"],
            ebr_code=_bytes(data.get("ebr_code")),
        )


@dataclass(frozen=True)
class ReadBack:
    """What reading a disk gave: everything an image hash is made of."""

    layout: str
    boot_code: bytes | None
    """SHA-256 of the first 440 bytes, where the plan has boot code."""
    gap: bytes | None
    """SHA-256 of the gap, where the plan has one."""
    pieces: tuple[bytes, ...]
    """SHA-256 of each piece in order; empty bytes where a piece could not be read."""


@dataclass(frozen=True)
class Manifest:
    """An image's plan, what every piece must hash to, and where it came from."""

    name: str
    plan: Plan
    pieces: tuple[bytes, ...]
    """SHA-256 of each piece, in the order of `plan.map`."""
    disk_size: int
    """Bytes of the disk it was saved from."""
    firmware: tuple[str, ...] = ("bios", "uefi")
    """What it can boot on."""
    os: str = ""
    source: Mapping[str, str] = field(default_factory=dict)
    """What is known of the master: vendor, product, …"""

    @cached_property
    def expected(self) -> ReadBack:
        """What a perfect copy reads back as."""
        plan = self.plan
        return ReadBack(plan.layout, _sha(plan.boot_code), _sha(plan.gap), self.pieces)

    @cached_property
    def image_hash(self) -> str:
        """64 hex digits."""
        return image_hash(self.plan, self.expected)


def image_hash(plan: Plan, read: ReadBack) -> str:
    """SHA-256, in hex, over the text that images/FORMAT.md defines, for what was read through `plan`."""
    lines = ["cloned image 1", f"layout {_sha_hex(read.layout.encode())}"]
    lines.append(f"boot-code {read.boot_code.hex() if read.boot_code else '-'}")
    lines.append(f"gap {read.gap.hex() if read.gap else '-'}")
    first = 0
    for layer in plan.layers:
        last = first + layer.piece_count
        lines.append(_layer_line(layer, read.pieces[first:last]))
        first = last
    return _sha_hex("".join(f"{line}\n" for line in lines).encode())


def _layer_line(layer: Layer, pieces: Sequence[bytes]) -> str:
    """One line a stream: its place, size, and the hashes of its extent list and piece list."""
    where = str(layer.number) if layer.number else layer.name
    extents = hashlib.sha256()
    for offset, length in layer.extents:
        extents.update(b"%d %d\n" % (offset, length))
    digests = "".join(f"{piece.hex()}\n" for piece in pieces)
    return f"stream {where} {layer.size} {extents.hexdigest()} {_sha_hex(digests.encode())}"


def _sha_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha(data: bytes | None) -> bytes | None:
    return None if data is None else hashlib.sha256(data).digest()


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
