"""What lies on the server's disk: the state, the databases, the images, the live system and boot files."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from cloned import live
from cloned.check.findings import Said, ok, skipped, warning
from cloned.config import LEDGER_FILE, Config
from cloned.errors import ClonedError, MissingError
from cloned.images.store import ImageStore
from cloned.inventory.ledger import Ledger
from cloned.netboot.files import is_complete
from cloned.processes import run

ROOM = 2 * 10**9
"""Bytes that should be free for the state."""
OLD = 180 * 86400
"""Seconds after which a live system lacks drivers and mends that exist by then."""
SECRETS = ("pin", "people.json", "page.key", "journal.sqlite", LEDGER_FILE)
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})
"""Where SQLite's locks cannot be relied on."""


def state(config: Config) -> Iterator[Said | ClonedError]:
    """The state directory: there, ours, writable, on a local disk, with room; secrets closed to others."""
    folder = config.workshop.state
    if not folder.is_dir():
        yield MissingError(f"there is no {folder}", "it is made at the first start; or name another [workshop] state")
        return
    if not os.access(folder, os.W_OK):
        yield ClonedError(
            f"{folder} cannot be written by this user", f"chown or chmod it; it belongs to {_owner(folder)}"
        )
    kind = file_system(folder)
    if kind in NETWORK_FILE_SYSTEMS:
        yield ClonedError(f"{folder} is on {kind}", "databases need a local disk: set [workshop] state to one")
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        yield MissingError(f"only {free / 1e9:.1f} GB are free under {folder}", "free some space")
    yield ok(f"{folder}: {free / 1e9:.0f} GB free")
    for path in (folder / name for name in SECRETS):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO and not _closed(folder):
            yield warning(f"everybody on this machine may read {path}", f"chmod o= {path}")


def _closed(folder: Path) -> bool:
    """Whether others cannot even enter the folder."""
    return not stat.S_IMODE(folder.stat().st_mode) & stat.S_IXOTH


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return str(path.stat().st_uid)


def file_system(path: Path) -> str:
    """The type of the file system a path is on, as /proc/self/mounts names it; "" if it is not found there."""
    best, kind = "", ""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, what, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        inside = str(path.resolve()) == mount or str(path.resolve()).startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, what
    return kind


def journal(config: Config) -> Iterator[Said | ClonedError]:
    """The journal's pages, read without changing anything."""
    path = config.workshop.state / "journal.sqlite"
    if not path.exists():
        yield skipped("no journal yet", "it is made at the first start")
        return
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as database:
            (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
            (count,) = database.execute("SELECT count(*) FROM journal").fetchone()
    except sqlite3.Error as error:
        yield MissingError(f"{path} cannot be read: {error}", "stop the daemon, move it away and restore a backup")
        return
    if verdict != "ok":
        yield MissingError(f"{path} is damaged: {verdict}", "stop the daemon, move it away and restore a backup")
    else:
        yield ok(f"{count} events, {path.stat().st_size / 1e6:.1f} MB")


def ledger(config: Config) -> Iterator[Said | ClonedError]:
    """The ledger opens, and is of this version."""
    place = config.ledger_place
    if isinstance(place, Path) and not place.exists():
        yield skipped("no ledger yet", "it is made at the first start")
        return

    async def rows() -> int:
        opened = await Ledger.open(place, create=False)
        try:
            return int((await opened.totals())["rows"])
        finally:
            await opened.close()

    yield ok(f"{asyncio.run(rows())} results")


def live_system(config: Config) -> Iterator[Said | ClonedError]:
    """What laptops boot, whole and not too old."""
    live.info(config.boot.live)
    built = (config.boot.live / "live.json").stat().st_mtime
    days = (time.time() - built) / 86400
    yield ok(f"built {days:.0f} days ago")
    if days * 86400 > OLD:
        yield warning(f"the live system is {days:.0f} days old", "run `cloned live build`")


def boot_files(config: Config) -> Iterator[Said | ClonedError]:
    """The first files that firmware asks for."""
    if is_complete(config.boot.files):
        yield ok(str(config.boot.files))
    else:
        yield MissingError(f"there are no boot files in {config.boot.files}", "run `cloned live build`")


def images(config: Config) -> Iterator[Said | ClonedError]:
    """Each image is whole; rules name images that are there."""
    store = ImageStore(config.workshop.state / "images")
    names = store.names()
    if not names:
        yield MissingError("there is no image", "run `cloned image import DIRECTORY`")
    for name in names:
        try:
            store.check(name)
        except ClonedError as error:
            yield error
        else:
            yield ok(name)
    wanted = {rule.image for rule in config.images.rule} | {config.sessions.image} - {""}
    for name in sorted(wanted - set(names)):
        yield ClonedError(
            f"the configuration names the image {name}, which is not there", "import it, or mend the rule"
        )


def room(config: Config) -> Iterator[Said | ClonedError]:
    """Room where images lie: one more must fit."""
    folder = config.workshop.state / "images"
    if not folder.is_dir():
        yield skipped("no images yet")
        return
    free = shutil.disk_usage(folder).free
    if free < 10 * ROOM:
        yield warning(f"{free / 1e9:.1f} GB are free for images", "remove an image, or add a disk")
    else:
        yield ok(f"{free / 1e9:.0f} GB free for images")


def disk_health(config: Config) -> Iterator[Said | ClonedError]:
    """What the server's own disk says of itself, where smartctl is installed and may ask."""
    if shutil.which("smartctl") is None:
        yield skipped("smartctl is not installed", "apt-get install smartmontools has the server's disk watched")
        return
    source = run(["findmnt", "-n", "-o", "SOURCE", "-T", config.workshop.state], check=False).stdout.decode().strip()
    if not source.startswith("/dev/"):
        yield skipped(f"{config.workshop.state} is on {source or 'no disk that can be asked'}")
        return
    done = run(["smartctl", "-H", source], check=False, timeout=8)
    words = done.stdout.decode(errors="replace")
    if "FAILED" in words:
        yield ClonedError(f"{source} says that it is failing", "make a backup (`cloned backup`) and replace the disk")
    elif "PASSED" in words or ": OK" in words:
        yield ok(f"{source} is well")
    else:
        yield skipped(f"{source} does not tell")
