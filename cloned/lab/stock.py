"""What every lab needs and none should build twice: live system, boot files, sample images; kept in a cache."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cloned import assets, live, processes
from cloned.disk.manifest import Manifest
from cloned.errors import ImageError, MissingError, UsageError
from cloned.images import samples
from cloned.images.store import ImageStore
from cloned.live import full as clonezilla
from cloned.live import pack
from cloned.netboot.files import build_boot_files

Say = Callable[[str], None]


def cache_root() -> Path:
    """`CLONED_CACHE`, else `var` of a checkout, else ~/.cache/cloned."""
    if given := os.environ.get("CLONED_CACHE"):
        return Path(given).absolute()
    checkout = assets.root("pxe").parent
    if (checkout / "pyproject.toml").is_file():
        return checkout / "var"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cloned"


@dataclass(frozen=True)
class Stock:
    """Where it all is."""

    live: Path
    boot: Path
    store: ImageStore
    manifest: Manifest
    """Of the image that this lab sends."""


def prepare(image: str, say: Say, *, classic: bool = False, tests: bool = False) -> Stock:
    """Build what is missing and return where it is. `image`: a name in the lab's store, or a Clonezilla directory.

    Raises UsageError for an image that is not known, MissingError or ImageError with the next step otherwise.
    """
    root = cache_root()
    with _locked(root):
        _remove_half_built(root / "clonezilla")
        stock = root / "live", root / "boot", ImageStore(root / "images")
        say("live system")
        system = live.build(stock[0], progress=say)
        if tests:
            say("test pack")
            pack.build(system, progress=say)
        say("boot files")
        build_boot_files(stock[1])
        say(f"image {image}")
        manifest = _image(stock[2], root / "clonezilla", image, say)
        if classic or manifest.plan.classic:
            say("Clonezilla")
            clonezilla.build(stock[0], progress=say)
    return Stock(*stock, manifest)


def _image(store: ImageStore, saved: Path, image: str, say: Say) -> Manifest:
    if image in samples.NAMES:
        return _sample(store, saved, image, say)
    if ("/" in image and Path(image).is_dir()) or (Path(image) / "parts").is_file():
        return _directory(store, saved / ".directories.json", Path(image).resolve(), say)
    if image not in store.names():
        known = ", ".join(dict.fromkeys((*samples.NAMES, *store.names())))
        raise UsageError(f"there is no image {image}", f"the lab has {known}; or give a directory by its path")
    store.check(image)
    return store.manifest(image)


def _directory(store: ImageStore, notes: Path, path: Path, say: Say) -> Manifest:
    """The image that a Clonezilla directory holds: known by its hash, not by what the directory is called."""
    mark, known = _fingerprint(path), _read_notes(notes)
    name, digest = known.get(mark, ("", ""))
    if name not in store.names() or store.manifest(name).image_hash != digest:
        manifest = _import(store, path, mark, say)
        name = manifest.name
        notes.parent.mkdir(parents=True, exist_ok=True)
        notes.write_text(json.dumps({**known, mark: (name, manifest.image_hash)}))
    store.check(name)
    return store.manifest(name)


def _import(store: ImageStore, path: Path, mark: str, say: Say) -> Manifest:
    """Take a directory in, under another name where its own is taken by another image."""
    say(f"importing {path.name}")
    if path.name not in store.names():
        return store.import_image(path)
    taken = store.manifest(path.name)
    made = store.import_image(path, f"{path.name[:50]}-{mark[:8]}")
    if made.image_hash == taken.image_hash:
        store.remove(made.name)
        return taken
    say(f"the lab has another image called {taken.name} ({taken.image_hash[:12]}); this one is called {made.name}")
    return made


def _fingerprint(path: Path) -> str:
    """Changes when any file of the directory does: nobody reads gigabytes again to see that they are the same."""
    kept = ((each.name, each.stat()) for each in path.iterdir())
    # when its inode changed too: what a file was copied over with may bring its own date
    files = sorted((name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in kept)
    return hashlib.sha256(json.dumps([str(path), files]).encode()).hexdigest()


def _read_notes(notes: Path) -> dict[str, tuple[str, str]]:
    """What each directory that was taken in before became: name and image hash."""
    try:
        return {mark: (str(name), str(digest)) for mark, (name, digest) in json.loads(notes.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _sample(store: ImageStore, saved: Path, name: str, say: Say) -> Manifest:
    """A sample image, built and imported again when its recipe has changed."""
    directory = samples.build(name, saved)
    _opened(directory)
    imported, digest = saved / f".{name}.imported", samples.recipe_digest(name)
    if name in store.names():
        if imported.is_file() and imported.read_text() == digest:
            store.check(name)
            return store.manifest(name)
        store.remove(name)
    say(f"importing {name}")
    try:
        manifest = store.import_image(directory, name)
    except ImageError:
        shutil.rmtree(directory, ignore_errors=True)  # it is built again next time
        raise
    imported.write_text(digest)
    return manifest


def _opened(directory: Path) -> None:
    """Let others read what ocs-sr made for its user alone: classic sessions send it, and the daemon is not root."""
    for path in directory.iterdir():
        path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o044)


def check_room(folder: Path, manifest: Manifest, laptops: int) -> None:
    """Raise MissingError if the disks of so many laptops will not fit where `folder` is."""
    wanted = manifest.plan.map.used * laptops + (64 << 20)
    free = shutil.disk_usage(folder).free
    if free < wanted:
        hint = f"{wanted >> 20} MiB are needed for {laptops} laptops: set CLONED_CACHE to a larger disk"
        raise MissingError(f"only {free >> 20} MiB are free in {folder}", hint)


def tidy(root: Path) -> None:
    """Remove what a builder that was killed left in the cache, unless somebody builds there right now."""
    with suppress(BlockingIOError), _locked(root, wait=False):
        _remove_half_built(root / "clonezilla")


def _remove_half_built(saved: Path) -> None:
    for note in Path("/sys/block").glob("loop*/loop/backing_file"):
        with suppress(OSError):
            if note.read_text().startswith(f"{saved}/."):
                device = f"/dev/{note.parent.parent.name}"
                processes.run(["partx", "--delete", device], check=False)
                processes.run(["losetup", "--detach", device], check=False)
    for folder in saved.glob(".*-*"):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(root: Path, *, wait: bool = True) -> Iterator[None]:
    """One builder at a time: the second finds everything there. BlockingIOError if it shall not wait and must."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        file = (root / ".lock").open("a")
    except OSError as error:
        raise MissingError(f"cannot write to the cache {root}: {error.strerror}", "set CLONED_CACHE") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
