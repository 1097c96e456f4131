"""Taking a Clonezilla directory into the store: packed, noted as it goes, published at one stroke."""

from __future__ import annotations

import ctypes
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol

from cloned.core.warnings import Warn
from cloned.disk.manifest import GAP_LAYER, Manifest
from cloned.errors import ImageError, UsageError
from cloned.images.classic_files import unsendable
from cloned.images.contents import content_doubts
from cloned.images.doubts import classic_doubts
from cloned.images.folder import open_file
from cloned.images.manifest import (
    OriginData,
    Packed,
    Packer,
    SavedPartData,
    StoppedError,
    WorkProgress,
    frame_sizes,
    make_manifest,
    manifest_to_json,
    without_newer,
)
from cloned.images.parts import Saved
from cloned.images.pieces import Pieces
from cloned.images.saved import SavedImage
from cloned.images.system import find_system
from cloned.images.underway import noted
from cloned.saying import Phrase

log = logging.getLogger(__name__)

OnProgress = Callable[[WorkProgress], None]
Keep = Literal["reference", "copy", "link"]
_libc = ctypes.CDLL(None, use_errno=True)


class ImportStore(Protocol):
    """What an import needs of the store it goes into."""

    root: Path
    pieces: Pieces

    def names(self) -> list[str]:
        """Names of all whole images."""

    def manifest(self, name: str) -> Manifest:
        """The manifest of one."""


class Import:
    """One import: partitions one after the other, noted as they are done, published at the end."""

    def __init__(
        self,
        store: ImportStore,
        image: SavedImage,
        name: str,
        keep: Keep,
        progress: OnProgress,
        should_stop: Callable[[], bool],
    ) -> None:
        self._store, self._image, self._name, self._keep, self._report = store, image, name, keep, progress
        self._draft = store.root / ".incoming" / name
        self._read = 0
        self._total = sum(part.bytes for part in image.parts)
        self._part = ""
        self._packer = Packer(store.pieces, on_read=self._on_read, should_stop=should_stop)

    def run(self) -> Manifest:
        """Pack, note, publish."""
        self._draft.mkdir(parents=True, exist_ok=True)
        with noted(self._draft, self._report) as self._report:
            return self._noted()

    def _noted(self) -> Manifest:
        try:
            self._check_small_files()
            packed = [self._one(part) for part in self._image.parts]
            warnings = (*self._image.warnings, *content_doubts(packed, self._store.pieces), *self._classic())
            for warning in warnings:
                log.warning("image %s: %s", self._name, warning)
            manifest = make_manifest(self._name, self._image, packed)
            manifest = replace(manifest, os=manifest.os or find_system(packed, self._store.pieces))
            self._publish(manifest, packed, warnings)
        except StoppedError:
            raise
        except BaseException:
            self._undo()
            raise
        return manifest

    def _classic(self) -> tuple[Warn, ...]:
        """Whether classic sessions could send it; ImageError where nothing else can."""
        trouble = unsendable(self._image)
        if trouble and self._image.classic:
            what = Phrase(
                "{path}: only a classic session can clone it, and none can send it: {trouble}",
                path=self._image.path,
                trouble=trouble,
            )
            raise ImageError(what, "mend that and import it again")
        large_gap = any(part.name == GAP_LAYER for part in self._image.parts)
        if large_gap:
            trouble = trouble or Phrase("its gap after the MBR is too large to go along")
        return tuple(classic_doubts(trouble))

    def _one(self, part: Saved) -> Packed:
        note = self._draft / f"{part.name.replace('/', '-')}.json"
        stamp = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in part.files]
        self._part = part.name
        with suppress(OSError, ValueError, KeyError):
            data = json.loads(note.read_bytes())
            before = Packed.from_json(data)
            if data["files"] == stamp and all(self._store.pieces.path(digest).exists() for digest in before.digests):
                self._on_read(part.bytes)
                return before
        packed = self._packer.pack(part, self._image)
        _write_json(note, {"files": stamp, "new": b"".join(packed.new).hex(), **packed.to_json()})
        return packed

    def _on_read(self, count: int) -> None:
        self._read += count
        self._report(WorkProgress(self._part, self._read, self._total))

    def _check_small_files(self) -> None:
        """Checksums of everything that was not streamed."""
        streamed = {path.name for part in self._image.parts for path in part.files}
        for file, sums in self._image.sums.items():
            if file not in streamed:
                _check_sums(self._image.path / file, sums)

    def _publish(self, manifest: Manifest, packed: list[Packed], warnings: Sequence[Warn]) -> None:
        final = self._store.root / self._name
        self._refuse_other(manifest, final)
        made = self._draft / "made"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        _keep_files(self._image, made, self._keep)
        (made / "frames").write_bytes(frame_sizes(packed).tobytes())
        _write_json(made / "origin.json", _origin(self._image, packed))
        _write_json(made / "warnings.json", [warning.kept() for warning in warnings])
        _write_json(made / "manifest.json", manifest_to_json(manifest))
        _sync(made)
        if final.exists():
            _exchange(made, final)
        else:
            made.rename(final)
        shutil.rmtree(self._draft)

    def _refuse_other(self, manifest: Manifest, final: Path) -> None:
        """A name that is taken: fine if it is the same image again, which repairs it."""
        if not final.exists():
            return
        with suppress(ImageError):
            known = self._store.manifest(self._name).image_hash
            if known not in (manifest.image_hash, without_newer(manifest)):
                raise UsageError(
                    Phrase("there is another image called {name}", name=repr(self._name)),
                    "remove it first or import under another name",
                )

    def _undo(self) -> None:
        """Take out what this import brought in, unless an image uses it by now."""
        new: set[bytes] = set()
        for note in self._draft.glob("*.json"):
            with suppress(OSError, ValueError, KeyError):
                raw = bytes.fromhex(json.loads(note.read_bytes())["new"])
                new |= {raw[at : at + 32] for at in range(0, len(raw), 32)}
        for name in self._store.names():
            with suppress(ImageError):
                new -= set(self._store.manifest(name).pieces)
        self._store.pieces.remove(new)
        shutil.rmtree(self._draft, ignore_errors=True)


def _origin(image: SavedImage, packed: list[Packed]) -> OriginData:
    parts: list[SavedPartData] = [
        {
            "name": part.name,
            "number": part.number,
            "fs": part.fs,
            "raw": part.raw,
            "compressor": part.compressor,
            "files": [path.name for path in part.files],
            "header": done.to_json()["header"],
        }
        for part, done in zip(image.parts, packed, strict=True)
    ]
    return {"path": str(image.path.resolve()), "disk": image.disk, "parts": parts, "sums": image.sums}


def _keep_files(image: SavedImage, made: Path, keep: Keep) -> None:
    """The small files always, for export; those with data as `keep` says."""
    big = {path.name for part in image.parts for path in part.files}
    (made / "saved").mkdir()
    if keep != "reference":
        (made / "clonezilla").mkdir()
    for path in sorted(image.path.iterdir()):
        if not path.is_file():
            continue
        if path.name not in big:
            _copy(path, made / "saved" / path.name)
        if keep == "copy":
            _copy(path, made / "clonezilla" / path.name)
        elif keep == "link":
            _link(path, made / "clonezilla" / path.name)


def _copy(source: Path, target: Path) -> None:
    with open_file(source) as file, target.open("wb") as out:
        shutil.copyfileobj(file, out, 1 << 20)


def _link(source: Path, target: Path) -> None:
    """A second name for the very file that was opened: what the first one leads to by now does not count."""
    try:
        with open_file(source) as file:
            os.link(f"/proc/self/fd/{file.fileno()}", target, src_dir_fd=file.fileno(), follow_symlinks=True)
    except OSError as error:
        what = Phrase("{source} cannot be hard-linked into the store: {strerror}", source=source, strerror=error)
        raise ImageError(what, "copy it instead") from error


def _check_sums(path: Path, sums: Sequence[tuple[str, str]]) -> None:
    for kind, digest in sums:
        with open_file(path) as file:
            if hashlib.file_digest(file, kind).hexdigest() != digest:
                raise ImageError(
                    Phrase("{path} does not have the checksum it should have", path=path), "copy the image again"
                )


def _write_json(path: Path, data: object) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(data, separators=(",", ":")))
    draft.rename(path)


def _sync(path: Path) -> None:
    """Everything written so far is on the disk before the image appears (syncfs(2))."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _libc.syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)


def _exchange(one: Path, other: Path) -> None:
    """Let two directories change places at one stroke (renameat2(2), RENAME_EXCHANGE)."""
    at_cwd, exchange = -100, 2
    if _libc.renameat2(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), exchange):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))
