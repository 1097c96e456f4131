"""The image store: manifests by name, pieces by content. An image is whole or it is not there."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import re
import shutil
import threading
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cloned.clonezilla.nvram import BootEntry, boot_entries
from cloned.core.secure_boot import BootLoader
from cloned.core.warnings import Warn
from cloned.disk.manifest import Manifest
from cloned.errors import ClonedError, ImageError, MissingError, UsageError
from cloned.images import classic_files as classic
from cloned.images.loaders import find_loaders
from cloned.images.manifest import ImageDetails, OriginData, Packed, StoppedError, WorkProgress, manifest_from_json
from cloned.images.pieces import REPAIR, Pieces
from cloned.images.saved import read_image
from cloned.ownership import hand_over, make_folder
from cloned.processes import come_with_others
from cloned.saying import Phrase

if TYPE_CHECKING:
    from cloned.images.importing import Keep, OnProgress

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,62}[A-Za-z0-9])?")


def check_name(name: str) -> str:
    """`name`, if it may be an image's name; UsageError otherwise."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            Phrase("{name} cannot be the name of an image", name=repr(name)),
            "use up to 64 letters, digits and the signs . _ + -, beginning and ending with a letter or digit",
        )
    return name


class ImageStore:
    """Images under `root`. Blocking methods say so; everything may be called from any thread."""

    def __init__(self, root: Path, level: int = 3) -> None:
        self.root = root
        self.pieces = Pieces(root / ".pieces", level)
        self._incoming = root / ".incoming"
        self._cache: dict[str, tuple[int, Manifest]] = {}

    def names(self) -> list[str]:
        """Names of all whole images, in order."""
        if not self.root.is_dir():
            return []
        found = (path.parent.name for path in self.root.glob("*/manifest.json"))
        return sorted(name for name in found if _NAME.fullmatch(name))

    def manifest(self, name: str) -> Manifest:
        """The manifest of an image (cached); ImageError if there is none or it is damaged."""
        path = self._directory(name) / "manifest.json"
        try:
            stamp = path.stat().st_mtime_ns
            cached = self._cache.get(name)
            if cached and cached[0] == stamp:
                return cached[1]
            manifest = manifest_from_json(json.loads(path.read_bytes()), name)
        except FileNotFoundError as error:
            raise ImageError(Phrase("there is no image {name}", name=repr(name)), "see: cloned image list") from error
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise ImageError(Phrase("{path} is damaged: {error}", path=path, error=error), REPAIR) from error
        self._cache[name] = (stamp, manifest)
        return manifest

    def written(self, name: str) -> int:
        """When the manifest of an image was written, in ns since 1970; 0 if it is not there any more."""
        try:
            return (self._directory(name) / "manifest.json").stat().st_mtime_ns
        except OSError:
            return 0

    def piece_frame(self, name: str, piece: int) -> bytes:
        """The zstd frame of one piece (blocking, one small file); ImageError if it is missing."""
        return self.pieces.frame(self.manifest(name).pieces[piece])

    def frame_sizes(self, name: str) -> array[int]:
        """Bytes of every piece's frame; their sum is what a session sends."""
        path = self._directory(name) / "frames"
        manifest = self.manifest(name)
        sizes = array("I")
        try:
            sizes.frombytes(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ImageError(Phrase("{path} is damaged: {error}", path=path, error=error), REPAIR) from error
        if len(sizes) != len(manifest.pieces):
            raise ImageError(Phrase("{path} is damaged", path=path), REPAIR)
        return sizes

    def check(self, name: str) -> None:
        """Cheap, before a session: everything is there and has its size; ImageError names the file."""
        manifest = self.manifest(name)
        for digest, size in zip(manifest.pieces, self.frame_sizes(name), strict=True):
            path = self.pieces.path(digest)
            try:
                found = path.stat().st_size
            except OSError as error:
                raise ImageError(Phrase("image {name}: {path} is missing", name=name, path=path), REPAIR) from error
            if found != size:
                raise ImageError(
                    Phrase(
                        "image {name}: {path} has {found} bytes instead of {size}",
                        name=name,
                        path=path,
                        found=found,
                        size=size,
                    ),
                    REPAIR,
                )

    async def import_directory(
        self,
        path: Path,
        name: str | None = None,
        progress: OnProgress | None = None,
        keep: Keep = "reference",
    ) -> Manifest:
        """Take in a Clonezilla directory without blocking the loop; cancelling stops it, and it can be taken up again.

        `progress` is called from other threads. See `import_image` for the rest.
        """
        return await _stoppable(lambda stop: self.import_image(path, name, progress, keep, stop))

    def import_image(
        self,
        path: Path,
        name: str | None = None,
        progress: OnProgress | None = None,
        keep: Keep = "reference",
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Manifest:
        """Blocking import. `keep` says what becomes of the Clonezilla files, which classic sessions send:

        left where they are, copied, or hard-linked into the store. ImageError if the image is damaged or not
        supported, UsageError if the name is taken by another image, MissingError without space; the store is then
        unchanged.
        """
        name = check_name(name if name is not None else path.resolve().name)
        image = read_image(path)
        with self._writing(), self._space():
            from cloned.images.importing import Import  # most evenings take no image in

            return Import(self, image, name, keep, progress or (lambda _: None), should_stop).run()

    async def verify(self, name: str, progress: OnProgress | None = None) -> list[int]:
        """Numbers of the pieces that are missing or damaged; empty for a sound image. Reads everything.

        Cancelling stops it within a piece or two.
        """
        return await _stoppable(lambda stop: self.verify_image(name, progress, stop))

    def verify_image(
        self, name: str, progress: OnProgress | None = None, should_stop: Callable[[], bool] = lambda: False
    ) -> list[int]:
        """Blocking `verify`, on all cores; StoppedError."""
        manifest, sizes = self.manifest(name), self.frame_sizes(name)
        done, total, wrong = 0, sum(sizes), []

        def sound(digest: bytes) -> bool:
            if should_stop():
                raise StoppedError(Phrase("stopped proving {name}", name=name), "start it again")
            try:
                self.pieces.data(digest)
            except ImageError:
                return False
            return True

        pool = ThreadPoolExecutor(os.cpu_count() or 1, "verify", initializer=come_with_others)
        try:
            for piece, good in enumerate(pool.map(sound, manifest.pieces)):
                done += sizes[piece]
                wrong += [] if good else [piece]
                if progress:
                    progress(WorkProgress(name, done, total))
        finally:
            pool.shutdown(cancel_futures=True)
        return wrong

    def damaged_files(self, name: str, pieces: list[int]) -> list[Path]:
        """The files of pieces that `verify` found damaged."""
        digests = self.manifest(name).pieces
        return sorted({self.pieces.path(digests[piece]) for piece in pieces})

    def discard(self, name: str, pieces: list[int]) -> list[Path]:
        """Take damaged pieces out, so that `check` refuses the image until it is imported again; their files."""
        files = self.damaged_files(name, pieces)
        for path in files:
            path.unlink(missing_ok=True)
        return files

    def remove(self, name: str) -> int:
        """Remove an image; pieces that others use stay. Bytes that became free; ImageError if there is none.

        Of an import that was stopped and never taken up again, it removes what is there.
        """
        directory = self._directory(name)
        if not directory.exists() and (self._incoming / name).exists():
            return self.abandon(name)
        with self._writing():
            mine = set(self.manifest(name).pieces)
            for other in self.names():
                if other != name:
                    mine -= set(self.manifest(other).pieces)
            grave = self._incoming / f"removed-{os.getpid()}-{name}"
            self._incoming.mkdir(exist_ok=True)
            directory.rename(grave)
            self._cache.pop(name, None)
            shutil.rmtree(grave)
            return self.pieces.remove(mine)

    def abandon(self, name: str) -> int:
        """Give a stopped import up: its notes, and pieces that no image has and no other stopped import noted.

        Bytes that became free; ClonedError if somebody writes to the store now.
        """
        with self._writing():
            shutil.rmtree(self._incoming / check_name(name), ignore_errors=True)
            used = {digest for each in self.names() for digest in self.manifest(each).pieces}
            for note in self._incoming.glob("*/*.json"):
                with suppress(OSError, ValueError, KeyError):
                    used |= set(Packed.from_json(json.loads(note.read_bytes())).digests)
            return self.pieces.remove({digest for digest in self.pieces.all() if digest not in used})

    def tidy(self) -> int:
        """Remove pieces that no image uses and what interrupted imports left; bytes that became free."""
        with self._writing():
            used = {digest for name in self.names() for digest in self.manifest(name).pieces}
            shutil.rmtree(self._incoming, ignore_errors=True)
            for draft in self.pieces.root.glob("*/.*"):
                draft.unlink(missing_ok=True)
            return self.pieces.remove({digest for digest in self.pieces.all() if digest not in used})

    def details(self, name: str) -> ImageDetails:
        """What `cloned image list` shows, as plain data."""
        manifest = self.manifest(name)
        plan = manifest.plan
        return {
            "name": name,
            "image_hash": manifest.image_hash,
            "used": plan.map.used,
            "pieces": len(manifest.pieces),
            "stored": sum(self.frame_sizes(name)),
            "disk_size": manifest.disk_size,
            "min_size": plan.min_size,
            "sector_size": plan.sector_size,
            "firmware": list(manifest.firmware),
            "os": manifest.os,
            "source": dict(manifest.source),
            "classic": plan.classic,
            "path": str(self.original(name) or ""),
            "warnings": [asdict(each) for each in self.warnings(name)],
            "partitions": [
                {"name": layer.name, "number": layer.number, "fs": layer.fs, "size": layer.size, "used": layer.used}
                for layer in plan.layers
            ],
        }

    def original(self, name: str) -> Path | None:
        """The Clonezilla directory an image was made from, if it is still there: classic sessions send its files."""
        directory = self._directory(name)
        if (directory / "clonezilla").is_dir():
            return directory / "clonezilla"
        path = Path(self.origin(name)["path"])
        return path if (path / "parts").is_file() else None

    def saved_parts(self, name: str) -> list[tuple[str, list[Path]]]:
        """Partitions with the files Clonezilla saved them in, in its order (blocking); ImageError if they are gone."""
        return classic.saved_parts(classic.original(self.original(name), name))

    def unsendable(self, name: str) -> str:
        """Why a classic session could not send an image (blocking); empty if it can. ImageError if it is gone."""
        return classic.unsendable(read_image(classic.original(self.original(name), name)))

    def pseudo_image(self, name: str, disk: str) -> bytes:
        """A tar with what ocs-sr needs to restore by multicast onto `disk` (blocking); ImageError, ValueError."""
        return classic.pseudo_image(classic.original(self.original(name), name), name, disk)

    def warnings(self, name: str) -> list[Warn]:
        """What a person should know of an image, as it was found when it was taken in."""
        path = self._directory(name) / "warnings.json"
        try:
            return [Warn.read(each) for each in json.loads(path.read_bytes())]
        except (OSError, ValueError, TypeError, KeyError):  # an image of an older version, which kept none
            return []

    def boot_entries(self, name: str) -> tuple[BootEntry, ...]:
        """What the firmware of the laptop started that an image was saved from."""
        try:
            text = (self._directory(name) / "saved" / "efi-nvram.dat").read_bytes()
        except OSError:
            return ()
        return boot_entries(text.decode("utf-8", "replace"))

    def loaders(self, name: str) -> tuple[BootLoader, ...]:
        """The boot loaders of an image and who signed them (blocking: some files of its EFI system partition)."""
        return find_loaders(self.manifest(name), self.pieces, self.boot_entries(name))

    def origin(self, name: str) -> OriginData:
        """How an image was saved: `path`, `disk`, `parts` (partclone headers, file names), for export."""
        path = self._directory(name) / "origin.json"
        try:
            data: OriginData = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ImageError(Phrase("{path} is damaged: {error}", path=path, error=error), REPAIR) from error
        return data

    def _directory(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ImageError(Phrase("there is no image {name}", name=repr(name)), "see: cloned image list")
        return self.root / name

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One writer at a time, over all processes; what root leaves, also halfway, is the service's to go on with."""
        try:
            make_folder(self.root)
            lock = os.open(self.root / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            hint = Phrase("run as the user that cloned runs as")
            raise MissingError(
                Phrase("{root} cannot be written: {error}", root=self.root, error=error), hint
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise ClonedError("another import or removal is running", "wait for it and try again") from error
        finally:
            hand_over(self.root)
            os.close(lock)

    @contextmanager
    def _space(self) -> Iterator[None]:
        """Turn a full or failing disk into one clear line."""
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise MissingError(
                    Phrase("no space left on {root}", root=self.root), "free some and import again"
                ) from error
            raise ClonedError(
                Phrase("{filename}: {error}", filename=error.filename or self.root, error=error),
                "check the server's disk",
            ) from error


async def _stoppable(work: Callable[[Callable[[], bool]], T]) -> T:
    """Call `work` in a thread; what it is given says True once we are cancelled; we return only when it has ended."""
    stop = threading.Event()
    task = asyncio.create_task(asyncio.to_thread(work, stop.is_set))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        with suppress(ClonedError):
            await task
        raise
