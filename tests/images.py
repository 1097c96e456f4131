"""Clonezilla directories made for tests: small, with every kind of content, by our own writer of partclone streams."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import zstandard

from cloned.disk.layout import Layout, Partition, Swap, ebr_writes, read_layout, sfdisk_script, swap_areas, table_writes
from cloned.disk.lvm_map import placed, read_groups
from cloned.disk.manifest import Plan, ReadBack
from cloned.images.export import partclone_stream
from cloned.images.partclone import MAGIC, Header
from cloned.images.store import ImageStore

MIB = 1024 * 1024
BIG = ((0, 4), (100, 1100), (2040, 8))
"""Used blocks that make two pieces."""
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
GUID = "5CDD1561-6279-48C7-8390-76E30AA0361{}"

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, 1, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    "uncomp": lambda data: data,
}


def read_back(plan: Plan, disk: Path) -> ReadBack:
    """What a disk's file holds, as an agent would report it."""
    with disk.open("rb") as file:

        def at(offset: int, length: int) -> bytes:
            file.seek(offset)
            return file.read(length)

        def sha(offset: int, data: bytes | None) -> bytes | None:
            return None if data is None else hashlib.sha256(at(offset, len(data))).digest()

        wanted, where = Layout.parse(plan.layout), placed(plan)
        size, code = disk.stat().st_size, bool(wanted.ebr_code)
        layout = read_layout(at, size, plan.sector_size, wanted.swaps, ebr_code=code)
        layout = replace(layout, groups=read_groups(at, layout, wanted.groups))
        pieces = []
        for piece in range(plan.map.count):
            data = b"".join(at(*extent) for extent in where.map.place(piece).ranges())
            pieces.append(hashlib.sha256(data).digest())
        return ReadBack(layout.text(), sha(0, plan.boot_code), sha(512, plan.gap), tuple(pieces))


def put(store: ImageStore, name: str, disk: Path, size: int) -> None:
    """Write an image to a file, as an agent would to a disk."""
    manifest = store.manifest(name)
    plan = manifest.plan
    layout = Layout.parse(plan.layout)
    writes = table_writes(layout, size) + ebr_writes(layout, plan.ebr_code) + swap_areas(layout)
    writes += [(0, plan.boot_code)] if plan.boot_code else []
    writes += [(512, plan.gap)] if plan.gap else []
    with disk.open("wb") as file:
        file.truncate(size)
        for piece, digest in enumerate(manifest.pieces):
            data = store.pieces.data(digest)
            for offset, length in plan.map.place(piece).ranges():
                writes.append((offset, data[:length]))
                data = data[length:]
        for offset, data in writes:
            file.seek(offset)
            file.write(data)


@dataclass
class Part:
    """A partition to save: which blocks are used, and how it is written."""

    number: int
    blocks: int = 2048
    block_size: int = 4096
    used: Sequence[tuple[int, int]] = ((0, 4), (100, 150), (2040, 8))
    comp: str = "zst"
    split: int | None = None
    kind: str = "v2"
    strip: int = 256
    fs: str = "ext4"
    seed: int = 1

    @property
    def data(self) -> bytes:
        """The used bytes: half of it compresses, so that pieces differ."""
        size = sum(count for _, count in self.used) * self.block_size
        return (random.Random(self.seed).randbytes(size // 2 + 5) + b"clone" * (size // 5))[:size]

    def stream(self) -> bytes:
        """What partclone or dd would have written."""
        if self.kind == "dd":
            return random.Random(self.seed).randbytes(self.blocks * self.block_size)
        if self.kind == "v1":
            return self._v1(wide=False)
        if self.kind == "v1-wide":
            return self._v1(wide=True)
        checksum = 0 if self.kind == "v2-plain" else 32
        used = sum(count for _, count in self.used)
        header = Header(
            2,
            "0.3.23",
            "EXTFS",
            self.blocks * self.block_size,
            self.blocks,
            used,
            used,
            self.block_size,
            checksum,
            4 if checksum else 0,
            self.strip if checksum else 0,
            bool(checksum),
            1,
        )
        extents = [(first * self.block_size, count * self.block_size) for first, count in self.used]
        return b"".join(partclone_stream(header, extents, [self.data]))

    def _v1(self, *, wide: bool) -> bytes:
        used = sum(count for _, count in self.used)
        head = struct.pack(
            "<15s15s4s2xIQQQ",
            MAGIC,
            b"EXTFS",
            b"0001",
            self.block_size,
            self.blocks * self.block_size,
            self.blocks,
            used,
        ).ljust(4160, b"\0")
        bitmap = bytearray(self.blocks)
        for first, count in self.used:
            bitmap[first : first + count] = b"\1" * count
        out, crc = [head, bytes(bitmap), b"BiTmAgIc"], 0
        data = self.data
        for at in range(0, len(data), self.block_size):
            block = data[at : at + self.block_size]
            crc = zlib.crc32(block[:1] * len(block), crc)
            out += [block, struct.pack("<I", crc ^ 0xFFFFFFFF), bytes(4 if wide else 0)]
        return b"".join(out)


@dataclass
class Disk:
    """A Clonezilla image of one disk `sda`."""

    parts: list[Part] = field(default_factory=lambda: [Part(1), Part(2, kind="dd", blocks=600, comp="gz", fs="dd")])
    label: str = "gpt"
    sums: tuple[tuple[str, str], ...] = (("MD5SUMS", "md5"),)
    swap: bool = True

    @property
    def layout(self) -> Layout:
        """Partitions from 1 MiB on, 16 MiB apart, and a swap partition after them."""
        gpt = self.label == "gpt"
        parts = [
            Partition(
                part.number,
                2048 + 32768 * index,
                part.blocks * part.block_size // 512,
                LINUX if gpt else "83",
                GUID.format(part.number) if gpt else "",
            )
            for index, part in enumerate(self.parts)
        ]
        if self.swap:
            swap = Swap("806b6356-742b-4168-9791-ce1c1eecefe8", "swp")
            parts.append(
                Partition(
                    4, 2048 + 32768 * len(parts), 2048, LINUX if gpt else "82", GUID.format(4) if gpt else "", swap=swap
                )
            )
        ident = "2077A0EF-FDAF-4799-9C9F-3D760BE2651B" if gpt else "0xc10edc10"
        return Layout(self.label, ident, 512, tuple(parts))

    def write(self, path: Path) -> Path:
        """Make the directory."""
        path.mkdir()
        (path / "disk").write_text("sda\n")
        (path / "parts").write_text(" ".join(f"sda{part.number}" for part in self.parts) + "\n")
        (path / "sda-pt.sf").write_text(sfdisk_script(self.layout).replace("/dev/disk", "/dev/sda"))
        (path / "sda-pt.parted").write_text("Disk /dev/sda: 204800s\nSector size (logical/physical): 512B/512B\n")
        (path / "sda-mbr").write_bytes(b"\xebboot".ljust(512, b"\x90"))
        (path / "clonezilla-img").write_text("the log\n")
        if self.label == "dos":
            (path / "sda-hidden-data-after-mbr").write_bytes(b"stage 1.5".ljust(62 * 512, b"\0"))
        if self.swap:
            (path / "swappt-sda4.info").write_text('UUID="806b6356-742b-4168-9791-ce1c1eecefe8"\nLABEL="swp"\n')
        for part in self.parts:
            self._data(path, part)
        self._sums(path)
        return path

    def _data(self, path: Path, part: Part) -> None:
        packed = PACK[part.comp](part.stream())
        stem = f"sda{part.number}.{part.fs}-ptcl-img.{part.comp}"
        if part.split is None:
            (path / stem).write_bytes(packed)
            return
        for index, at in enumerate(range(0, len(packed), part.split)):
            suffix = f"{chr(97 + index // 26)}{chr(97 + index % 26)}"
            (path / f"{stem}.{suffix}").write_bytes(packed[at : at + part.split])

    def _sums(self, path: Path) -> None:
        names = sorted(one.name for one in path.iterdir() if one.name != "clonezilla-img")
        for file, kind in self.sums:
            lines = [f"{hashlib.new(kind, (path / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
            (path / file).write_text("".join(lines))
