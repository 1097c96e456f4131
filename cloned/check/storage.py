"""What lies on the server's disk: the state, the databases, the images, the live system and boot files."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from cloned import live
from cloned.check.findings import Said, ok, skipped, warned
from cloned.config import LEDGER_FILE, Config
from cloned.errors import ClonedError, MissingError, UsageError
from cloned.images.scrub import kept
from cloned.images.store import ImageStore
from cloned.live import pack
from cloned.netboot.files import is_complete
from cloned.processes import run
from cloned.safekeeping import not_newer
from cloned.saying import Phrase

ROOM_BYTES = 2 * 10**9
"""Bytes that should be free for the state."""
OLD_SECONDS = 180 * 86400
"""Seconds after which a live system lacks drivers and mends that exist by then."""
UNPROVEN_DAYS = 8
"""Days after which an image that nobody read is told: as long as the alert waits (systemd/monitoring)."""
ACCOUNT = "cloned"
"""Whom the unit runs the daemon as."""
SECRETS = ("pin", "people.json", "page.key", "journal.sqlite", LEDGER_FILE)
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})
"""Where SQLite's locks cannot be relied on."""
MOUNTS = Path("/proc/self/mounts")


def state(config: Config) -> Iterator[Said | ClonedError]:
    """The state directory: there, ours, writable, on a local disk, with room; secrets closed to others."""
    folder = config.workshop.state
    if not folder.is_dir():
        yield MissingError(
            Phrase("there is no {folder}", folder=folder),
            "it is made at the first start; or name another [workshop] state",
        )
        return
    yield from _read_or_written(folder)
    if (stranger := _not_the_services(folder)) is not None:
        yield stranger
    kind = file_system(folder)
    if kind in NETWORK_FILE_SYSTEMS:
        yield ClonedError(
            Phrase("{folder} is on {kind}", folder=folder, kind=kind),
            "databases need a local disk: set [workshop] state to one",
        )
    free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES:
        yield MissingError(
            Phrase("only {free} GB are free under {folder}", free=f"{free / 1e9:.1f}", folder=folder), "free some space"
        )
    yield ok(Phrase("{folder}: {free} GB free", folder=folder, free=f"{free / 1e9:.0f}"))
    for path in (folder / name for name in SECRETS):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO and not _closed(folder):
            yield warned(
                Phrase("everybody on this machine may read {path}", path=path), Phrase("chmod o= {path}", path=path)
            )


def _read_or_written(folder: Path) -> Iterator[ClonedError]:
    """What keeps a daemon of this version from working in a state directory."""
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        yield MissingError(
            Phrase("{folder} is on a file system that is mounted read-only", folder=folder),
            "the kernel does so after an error of the disk: see `dmesg`, and mount it for writing",
        )
    elif not os.access(folder, os.W_OK):
        yield ClonedError(
            Phrase("{folder} cannot be written by this user", folder=folder),
            Phrase("chown or chmod it; it belongs to {folder}", folder=_owner(folder)),
        )
    try:
        not_newer(folder)
    except UsageError as error:
        yield error


def _closed(folder: Path) -> bool:
    """Whether others cannot even enter the folder."""
    return not stat.S_IMODE(folder.stat().st_mode) & stat.S_IXOTH


def _not_the_services(folder: Path) -> Said | None:
    """Root may write everywhere, but the daemon is seldom root: a folder that its account does not own."""
    try:
        account = pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None
    if os.geteuid() != 0 or folder.stat().st_uid == account.pw_uid:
        return None
    said = Phrase(
        "{folder} belongs to {owner}, and the service runs as {user}", folder=folder, owner=_owner(folder), user=ACCOUNT
    )
    return warned(said, Phrase("chown -R {user}: {folder}", user=ACCOUNT, folder=folder))


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return str(path.stat().st_uid)


def file_system(path: Path) -> str:
    """The type of the file system a path is on, as /proc/self/mounts names it; "" if it is not found there."""
    best, kind = "", ""
    for line in MOUNTS.read_text().splitlines():
        _, mount, what, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        inside = str(path.resolve()) == mount or str(path.resolve()).startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, what
    return kind


def live_system(config: Config) -> Iterator[Said | ClonedError]:
    """What laptops boot, whole and not too old."""
    live.info(config.boot.live)
    built = (config.boot.live / "live.json").stat().st_mtime
    days = (time.time() - built) / 86400
    yield ok(Phrase("built {days} {days:day|days} ago", days=f"{days:.0f}"))
    if days * 86400 > OLD_SECONDS:
        yield warned(
            Phrase("the live system is {days} {days:day|days} old", days=f"{days:.0f}"), "run `cloned live build`"
        )
    if config.tests.wanted() and (why := _pack_lacks(config.boot.live)):
        yield warned(why, "run `cloned live build`")


def _pack_lacks(folder: Path) -> str:
    """Why laptops cannot be tested with what lies beside the live system; empty where they can."""
    try:
        kernel = pack.info(folder).kernel
    except MissingError:
        return Phrase("there is no test pack in {folder}", folder=folder)
    return "" if kernel == live.info(folder).kernel else Phrase("the test pack is for kernel {kernel}", kernel=kernel)


def boot_files(config: Config) -> Iterator[Said | ClonedError]:
    """The first files that firmware asks for."""
    if is_complete(config.boot.files):
        yield ok(str(config.boot.files))
    else:
        yield MissingError(
            Phrase("there are no boot files in {files}", files=config.boot.files), "run `cloned live build`"
        )


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
            yield _proven(store, name, config.images.verify_hours)
    wanted = {rule.image for rule in config.images.rule} | {config.sessions.image} - {""}
    for name in sorted(wanted - set(names)):
        yield ClonedError(
            Phrase("the configuration names the image {name}, which is not there", name=name),
            "import it, or mend the rule",
        )


def _proven(store: ImageStore, name: str, hours: float) -> Said | ClonedError:
    """When an image was read and proven last; one that was only taken in was proven by that."""
    proof = kept(store, name)
    if proof is not None and (proof.damaged or proof.why):
        return ClonedError(Phrase("image {name}: {why}", name=name, why=proof.why), "import the image again")
    at = proof.at if proof is not None else store.written(name) / 1e9
    days = int(max(0.0, time.time() - at) // 86400)
    if days >= max(UNPROVEN_DAYS, 2 * hours / 24):
        return warned(
            Phrase("image {name} was read and proven last {days} {days:day|days} ago", name=name, days=days),
            Phrase("leave the server on for a night, or: cloned image verify {name}", name=name),
        )
    return ok(Phrase("{name}, proven {days} {days:day|days} ago", name=name, days=days))


def room(config: Config) -> Iterator[Said | ClonedError]:
    """Room where images lie: one more must fit."""
    folder = config.workshop.state / "images"
    if not folder.is_dir():
        yield skipped("no images yet")
        return
    if not os.access(folder, os.W_OK):
        yield warned(
            Phrase("{folder} cannot be written by this user", folder=folder.resolve()),
            Phrase("chown or chmod it; it belongs to {folder}", folder=_owner(folder)),
        )
    free = shutil.disk_usage(folder).free
    if free < 10 * ROOM_BYTES:
        yield warned(
            Phrase("{free} GB are free for images", free=f"{free / 1e9:.1f}"), "remove an image, or add a disk"
        )
    else:
        yield ok(Phrase("{free} GB free for images", free=f"{free / 1e9:.0f}"))


def disk_health(config: Config) -> Iterator[Said | ClonedError]:
    """What the server's own disk says of itself, where smartctl is installed and may ask."""
    if shutil.which("smartctl") is None:
        yield skipped("smartctl is not installed", "apt-get install smartmontools has the server's disk watched")
        return
    # -v: the device alone; of a mounted folder, as a service's state is, or a subvolume it would be DEVICE[FOLDER]
    source = (
        run(["findmnt", "-n", "-v", "-o", "SOURCE", "-T", config.workshop.state], check=False).stdout.decode().strip()
    )
    if not source.startswith("/dev/"):
        yield skipped(
            Phrase(
                "{state} is on {source}",
                state=config.workshop.state,
                source=source or Phrase("no disk that can be asked"),
            )
        )
        return
    done = run(["smartctl", "-H", source], check=False, timeout=8)
    words = done.stdout.decode(errors="replace")
    if "FAILED" in words:
        yield ClonedError(
            Phrase("{source} says that it is failing", source=source),
            "make a backup (`cloned backup`) and replace the disk",
        )
    elif "PASSED" in words or ": OK" in words:
        yield ok(Phrase("{source} is well", source=source))
    else:
        yield skipped(Phrase("{source} does not tell", source=source))
