"""One pass over a saved image: every piece, its hash and its place, while each goes into the store."""

from __future__ import annotations

import os
import queue
import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypedDict

from cloned.disk.layout import Layout, min_disk_size
from cloned.disk.manifest import GAP_LAYER, PIECE, Layer, LayerData, Manifest, Plan, PlanData
from cloned.errors import ClonedError
from cloned.images.partclone import DdReader, Header, PartcloneReader
from cloned.images.parts import Saved
from cloned.images.pieces import Pieces, Stored
from cloned.images.saved import SavedImage
from cloned.images.streams import ImageStream
from cloned.processes import come_with_others

SLACK_BYTES = 64 * 1024 * 1024
"""Bytes that a stream may have beyond what its partition and its checksums account for."""


@dataclass(frozen=True)
class WorkProgress:
    """How far a long piece of work is; sizes in bytes."""

    part: str
    """What it is at, e.g. `sda2`."""
    done: int
    total: int


class StoppedError(ClonedError):
    """Asked to stop; what was done so far is kept and the work can be taken up again."""


class PackedData(TypedDict):
    """A saved partition, in pieces, as plain data; digests in hex, one after the other."""

    layer: LayerData
    digests: str
    sizes: list[int]
    header: dict[str, Any] | None


class SavedPartData(TypedDict):
    """A partition as it was saved: its partclone header (None for what dd saved) and the names of its files."""

    name: str
    number: int
    fs: str
    raw: bool
    compressor: str
    files: list[str]
    header: dict[str, Any] | None


class OriginData(TypedDict):
    """How an image was saved, for export; sums by file name: kind and hex digits."""

    path: str
    disk: str
    parts: list[SavedPartData]
    sums: Mapping[str, Sequence[tuple[str, str]]]


class LayerDetails(TypedDict):
    """A partition or volume of an image; bytes."""

    name: str
    number: int
    fs: str
    size: int
    used: int


class ImageDetails(TypedDict):
    """What `cloned image list` shows; bytes."""

    name: str
    image_hash: str
    used: int
    pieces: int
    stored: int
    disk_size: int
    min_size: int
    sector_size: int
    firmware: list[str]
    os: str
    source: dict[str, str]
    classic: bool
    path: str
    warnings: list[dict[str, str]]
    partitions: list[LayerDetails]


class ManifestData(TypedDict):
    """A manifest as plain data; pieces in hex, one after the other."""

    format: int
    name: str
    image_hash: str
    plan: PlanData
    pieces: str
    disk_size: int
    os: str
    firmware: list[str]
    source: dict[str, str]


@dataclass(frozen=True)
class Packed:
    """One saved partition, in pieces."""

    layer: Layer
    digests: tuple[bytes, ...]
    sizes: tuple[int, ...]
    """Bytes of each piece's frame."""
    header: Header | None
    """Its partclone header; None for what dd saved."""
    new: tuple[bytes, ...] = ()
    """Pieces that were not in the store before."""

    def to_json(self) -> PackedData:
        """As plain data."""
        header = asdict(self.header) if self.header else None
        digests = b"".join(self.digests).hex()
        return {"layer": self.layer.to_json(), "digests": digests, "sizes": list(self.sizes), "header": header}

    @classmethod
    def from_json(cls, data: PackedData) -> Packed:
        """The inverse of `to_json`, without `new`."""
        raw = bytes.fromhex(data["digests"])
        digests = tuple(raw[at : at + 32] for at in range(0, len(raw), 32))
        header = Header(**data["header"]) if data["header"] else None
        return cls(Layer.from_json(data["layer"]), digests, tuple(data["sizes"]), header)


@dataclass
class Packer:
    """Packs saved partitions into a store's pieces; memory is bounded by one buffer a core and a few more."""

    pieces: Pieces
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    on_read: Callable[[int], None] = lambda count: None
    should_stop: Callable[[], bool] = lambda: False

    def pack(self, part: Saved, image: SavedImage) -> Packed:
        """One partition. ImageError if anything about it is damaged, OSError if the store's disk is full."""
        limit = part.size + part.size // 32 + SLACK_BYTES  # checksums and bitmap come on top
        with ImageStream(part.files, part.compressor, image.sums, self.on_read, limit) as stream:
            reader = DdReader(stream, part.size) if part.raw else PartcloneReader(stream, part.size, part.name)
            stored = self._drain(reader)
        layer = Layer(part.number, part.name, part.fs, part.start, part.size, reader.extents)
        new = tuple(one.digest for one in stored if one.new)
        digests, sizes = tuple(one.digest for one in stored), tuple(one.size for one in stored)
        return Packed(layer, digests, sizes, reader.header, new)

    def _drain(self, reader: DdReader | PartcloneReader) -> list[Stored]:
        buffers: queue.SimpleQueue[bytearray | None] = queue.SimpleQueue()
        for _ in range(self.workers + 2):
            buffers.put(None)  # made when it is needed: a small partition takes one
        futures: list[Future[Stored]] = []
        failed = threading.Event()
        with ThreadPoolExecutor(self.workers, "pack", initializer=come_with_others) as pool:
            try:
                self._read(reader, pool, buffers, futures, failed)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                self._forget(futures)
                raise
        try:
            return [future.result() for future in futures]
        except BaseException:
            self._forget(futures)
            raise

    def _read(
        self,
        reader: DdReader | PartcloneReader,
        pool: ThreadPoolExecutor,
        buffers: queue.SimpleQueue[bytearray | None],
        futures: list[Future[Stored]],
        failed: threading.Event,
    ) -> None:
        def work(buffer: bytearray, count: int) -> Stored:
            try:
                return self.pieces.add(memoryview(buffer)[:count])
            except BaseException:
                failed.set()
                raise
            finally:
                buffers.put(buffer)

        while not failed.is_set():
            if self.should_stop():
                raise StoppedError("stopped", "import it again to carry on")
            buffer = buffers.get() or bytearray(PIECE)
            count = reader.fill(memoryview(buffer))
            if not count:
                break
            futures.append(pool.submit(work, buffer, count))
        else:
            return
        reader.finish()

    def _forget(self, futures: list[Future[Stored]]) -> None:
        """After a failure: what this partition brought into the store leaves it again; a stop keeps it for later."""
        if self.should_stop():
            return
        done = [future for future in futures if future.done() and not future.cancelled() and not future.exception()]
        self.pieces.remove({future.result().digest for future in done if future.result().new})


def make_manifest(name: str, image: SavedImage, packed: list[Packed]) -> Manifest:
    """Put together what one pass found."""
    plan = Plan(
        layout=image.layout.text(),
        sector_size=image.layout.sector_size,
        min_size=min_disk_size(image.layout),
        boot_code=image.boot_code,
        gap=image.gap,
        layers=tuple(part.layer for part in packed),
        classic=image.classic,
        ebr_code=image.extended_code,
    )
    pieces = tuple(digest for part in packed for digest in part.digests)
    return Manifest(
        name=name,
        plan=plan,
        pieces=pieces,
        disk_size=image.disk_size,
        firmware=image.firmware,
        os=image.os,
        source=image.source,
    )


def manifest_to_json(manifest: Manifest) -> ManifestData:
    """As plain data, with the image hash."""
    return {
        "format": 2 if _newer(manifest) else 1,
        "name": manifest.name,
        "image_hash": manifest.image_hash,
        "plan": manifest.plan.to_json(),
        "pieces": b"".join(manifest.pieces).hex(),
        "disk_size": manifest.disk_size,
        "os": manifest.os,
        "firmware": list(manifest.firmware),
        "source": dict(manifest.source),
    }


def _newer(manifest: Manifest) -> bool:
    """Whether the image has what format 1 knew nothing of (images/FORMAT.md)."""
    layout = Layout.parse(manifest.plan.layout)
    return bool(layout.mbr or layout.ebr_code or any(layer.name == GAP_LAYER for layer in manifest.plan.layers))


def without_newer(manifest: Manifest) -> str:
    """The image hash that the same image had in format 1, which left its MBR's flags and EBR's code out."""
    layout = replace(Layout.parse(manifest.plan.layout), mbr=(), mbr_id="", ebr_code="")
    return replace(manifest, plan=replace(manifest.plan, layout=layout.text())).image_hash


def manifest_from_json(data: ManifestData, name: str) -> Manifest:
    """The inverse of `manifest_to_json`; ValueError if the hash does not fit the rest."""
    raw = bytes.fromhex(data["pieces"])
    pieces = tuple(raw[at : at + 32] for at in range(0, len(raw), 32))
    plan, firmware = Plan.from_json(data["plan"]), tuple(data["firmware"])
    manifest = Manifest(
        name=name,
        plan=plan,
        pieces=pieces,
        disk_size=data["disk_size"],
        firmware=firmware,
        os=data["os"],
        source=data["source"],
    )
    if len(pieces) != manifest.plan.map.count or manifest.image_hash != data["image_hash"]:
        raise ValueError("the image hash does not fit")
    return manifest


def frame_sizes(packed: list[Packed]) -> array[int]:
    """Bytes of each piece's frame, in the order of the manifest."""
    return array("I", (size for part in packed for size in part.sizes))
