"""A Clonezilla directory again, from the store: what stock Clonezilla restores."""

from __future__ import annotations

import hashlib
import shutil
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Protocol

import zstandard

from cloned.disk.extents import Extents
from cloned.disk.manifest import GAP_LAYER, Layer
from cloned.errors import ImageError, UsageError
from cloned.images.bitmap import bitmap_of
from cloned.images.folder import SUM_FILES
from cloned.images.manifest import OriginData, SavedPartData, WorkProgress
from cloned.images.partclone import CHECKSUM_CRC32, Header, pack_header
from cloned.images.store import ImageStore
from cloned.saying import Phrase

_SPLIT_BYTES = 4096 * 10**6
"""Bytes of a file, as Clonezilla's `-i 4096` splits."""
_STRIP_BYTES = 10485760
"""Bytes of a strip, from Clonezilla's `-z 10485760`."""
_UNSUMMED = ("Info-", "clonezilla-img", *SUM_FILES)


def export(store: ImageStore, name: str, into: Path, progress: Callable[[WorkProgress], None] = lambda _: None) -> Path:
    """Write image `name` as the Clonezilla directory `into` (blocking), and return it.

    UsageError if `into` is there already; ImageError if the image is damaged, `into` is then removed again.
    """
    if into.exists():
        raise UsageError(Phrase("{into} is there already", into=into), "name a directory that is not")
    draft = into.with_name(f".{into.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        kept = store.root / name / "clonezilla"
        if kept.is_dir():
            shutil.copytree(kept, draft, dirs_exist_ok=True)
        else:
            _rebuild(store, name, draft, progress)
        draft.rename(into)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return into


def _rebuild(store: ImageStore, name: str, into: Path, progress: Callable[[WorkProgress], None]) -> None:
    manifest, origin = store.manifest(name), store.origin(name)
    for path in sorted((store.root / name / "saved").iterdir()):
        if path.name not in SUM_FILES:
            shutil.copyfile(path, into / path.name)
    done, first, total = 0, 0, manifest.plan.map.used
    for layer, part in zip(manifest.plan.layers, origin["parts"], strict=True):
        digests = manifest.pieces[first : first + layer.piece_count]
        first += layer.piece_count
        with _sink(into, layer, part) as out:
            for chunk in stream_of(layer, part["header"], map(store.pieces.data, digests)):
                out.write(chunk)
                done = min(done + len(chunk), total)
                progress(WorkProgress(layer.name, done, total))
    _write_sums(into, origin)


def _sink(into: Path, layer: Layer, part: SavedPartData) -> AbstractContextManager[_Writable]:
    """Where a saved partition goes: compressed and split; a large gap as it was."""
    if layer.name == GAP_LAYER:
        return Path(into, part["files"][0]).open("wb")
    return SplitFile(into / f"{layer.name.replace('/', '-')}.{part['fs']}-ptcl-img.zst")


class _Writable(Protocol):
    def write(self, data: bytes, /) -> object:
        """Add bytes."""


def stream_of(layer: Layer, header: Mapping[str, Any] | None, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The uncompressed stream of a saved partition: as partclone wrote it, or plain for what dd saved."""
    if header is None:
        yield from pieces
        return
    made = _modern(Header(**header))
    yield from partclone_stream(made, layer.extents, pieces)


def _modern(header: Header) -> Header:
    """Format 0001, which only old partclones write, becomes 0002; every partclone since 2016 reads that."""
    if header.version == 2 and header.checksum in (0, CHECKSUM_CRC32) and header.bitmap_mode == 1:
        return header
    return replace(
        header,
        version=2,
        tool=header.tool or "0.3.0",
        checksum=CHECKSUM_CRC32,
        checksum_size=4,
        strip=max(1, _STRIP_BYTES // header.block_size),
        reseed=True,
        bitmap_mode=1,
    )


def partclone_stream(header: Header, extents: Iterable[tuple[int, int]], pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A format 0002 image: header, bitmap and its CRC, strips and theirs."""
    yield pack_header(header)
    bitmap = bitmap_of(Extents(extents), header.blocks, header.block_size)
    yield bitmap
    yield struct.pack("<I", zlib.crc32(bitmap) ^ 0xFFFFFFFF)
    if header.checksum != CHECKSUM_CRC32:
        yield from pieces
        return
    size, filled, crc = header.strip * header.block_size, 0, 0
    for piece in pieces:
        view = memoryview(piece)
        while view:
            part, view = view[: size - filled], view[size - filled :]
            yield bytes(part)
            filled, crc = filled + len(part), zlib.crc32(part, crc)
            if filled == size:
                yield struct.pack("<I", crc ^ 0xFFFFFFFF)
                filled, crc = 0, 0 if header.reseed else crc
    if filled:
        yield struct.pack("<I", crc ^ 0xFFFFFFFF)


class SplitFile:
    """zstd-compressed output in files `STEM.aa`, `STEM.ab` … of a set size. A context manager."""

    def __init__(self, stem: Path, size: int = _SPLIT_BYTES) -> None:
        self._stem, self._size = stem, size
        self._count = 0
        self._left = 0
        self._file: IO[bytes] | None = None
        self._packer = zstandard.ZstdCompressor(level=3, threads=-1, write_checksum=True).compressobj()

    def __enter__(self) -> SplitFile:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._put(self._packer.flush())
        if self._file:
            self._file.close()

    def write(self, data: bytes) -> None:
        """Add to the uncompressed stream."""
        self._put(self._packer.compress(data))

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if not self._left:
                self._next()
            assert self._file is not None
            part, view = view[: self._left], view[self._left :]
            self._file.write(part)
            self._left -= len(part)

    def _next(self) -> None:
        if self._file:
            self._file.close()
        first, second = divmod(self._count, 26)
        if first > 25:
            raise ImageError(
                Phrase("{name} would need more than 676 files", name=self._stem.name), "export it with larger ones"
            )
        self._file = Path(f"{self._stem}.{chr(97 + first)}{chr(97 + second)}").open("wb")  # noqa: SIM115
        self._count, self._left = self._count + 1, self._size


def _write_sums(into: Path, origin: OriginData) -> None:
    """The checksum files that the image had, over the files as they are now."""
    kinds = {kind for sums in origin["sums"].values() for kind, _ in sums}
    for name, (kind, _) in SUM_FILES.items():
        if kind in kinds:
            lines = [f"{_digest(path, kind)}  {path.name}\n" for path in sorted(into.iterdir()) if _summed(path.name)]
            (into / name).write_text("".join(lines))


def _summed(name: str) -> bool:
    return not name.startswith(_UNSUMMED)


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
