"""The boot files: collected from Debian's packages, and found again by name without leaving their folders."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cloned import processes
from cloned.errors import ClonedError, MissingError
from cloned.saying import Phrase

log = logging.getLogger(__name__)

SUITE = "trixie"
"""Debian 13: the signed GRUB of Debian 12 has no HTTP and fails under proxyDHCP. It loads Debian 12's kernel too."""
PACKAGES = ("grub-efi-amd64-signed", "shim-signed", "ipxe", "memtest86+")
SOURCES = {
    "shimx64.efi": "usr/lib/shim/shimx64.efi.signed",
    "mmx64.efi": "usr/lib/shim/mmx64.efi.signed",
    "grubx64.efi": "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed",
    "undionly.kpxe": "usr/lib/ipxe/undionly.kpxe",
    "snponly.efi": "usr/lib/ipxe/snponly.efi",
    "ipxe.efi": "usr/lib/ipxe/ipxe.efi",
    "memtest.efi": "boot/memtest86+x64.efi",
    "memtest.bin": "boot/memtest86+x64.bin",
}
"""Name that laptops ask for → path in Debian's packages."""
_INFO = "boot.json"
_RECIPE = hashlib.sha256(json.dumps([SUITE, PACKAGES, SOURCES]).encode()).hexdigest()
"""Changes with what is collected: files of an older build, by whatever name, are renewed."""
RENEW_SECONDS = 30 * 86400
"""After that they are fetched again, if the network lets them: Debian replaces a shim or GRUB that is revoked."""


def build_boot_files(into: Path, *, again: bool = False) -> Path:
    """Fill `into` with the boot files of `SOURCES`, unless current ones are there already; returns `into`.

    Downloads four packages and what they depend on (about 30 MB) and unpacks them in a temporary folder; nothing
    of this machine is changed. MissingError if a tool or the network is missing; `into` is then as it was. Where files
    are only old that is no error: they go on being served.
    """
    complete = not again and is_complete(into)
    if complete and age(into) < RENEW_SECONDS:
        return into
    try:
        _renew(into)
    except MissingError as error:
        if not complete:
            raise
        log.warning("the boot files in %s are %d days old and stay: %s", into, age(into) // 86400, error)
    return into


def age(folder: Path) -> float:
    """Seconds since the boot files in `folder` were fetched; infinite without any."""
    try:
        return max(0.0, time.time() - (folder / _INFO).stat().st_mtime)
    except OSError:
        return float("inf")


def _renew(into: Path) -> None:
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cloned-boot-") as scratch:
        root, fresh = Path(scratch) / "root", Path(scratch) / "boot"
        _extract(root)
        fresh.mkdir()
        for name, source in SOURCES.items():
            _copy(root, source, fresh / name)
        info = {"suite": SUITE, "recipe": _RECIPE, "files": _digests(fresh)}
        (fresh / _INFO).write_text(json.dumps(info, indent=1), encoding="utf-8")
        if into.is_symlink():
            into.unlink()  # to what the package cloned-live brought, which is not ours to write to
        into.mkdir(parents=True, exist_ok=True)
        for path in sorted(fresh.iterdir(), key=lambda path: path.name == _INFO):  # what says "complete" comes last
            target = into / path.name
            shutil.copyfile(path, target.with_suffix(".part"))
            target.with_suffix(".part").replace(target)


def is_complete(folder: Path) -> bool:
    """Whether `folder` holds every boot file, whole and of this build: not one that an older version collected."""
    try:
        info = json.loads((folder / _INFO).read_text(encoding="utf-8"))
        wanted: dict[str, str] = info["files"]
        return info["recipe"] == _RECIPE and set(wanted) == set(SOURCES) and wanted == _digests(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _extract(root: Path) -> None:
    """Unpack the packages below `root`, without running any script of theirs."""
    arguments = ["--mode=root", "--variant=extract", f"--include={','.join(PACKAGES)}", SUITE, str(root)]
    try:
        processes.run(["mmdebstrap", "--quiet", *arguments], timeout=600)
    except ClonedError as error:
        if isinstance(error, MissingError):
            raise
        raise MissingError(
            Phrase("the boot files could not be fetched from Debian {suite}: {error}", suite=SUITE, error=error),
            "see that this machine reaches a Debian mirror, and run it as root",
        ) from error


def _copy(root: Path, source: str, target: Path) -> None:
    """Copy a file out of `root`; a link is followed inside of it."""
    path = root / source
    if path.is_symlink():
        link = path.readlink()
        path = root / link.relative_to("/") if link.is_absolute() else path.parent / link
    if not path.is_file():
        raise MissingError(
            Phrase("Debian {suite} has no {source} any more", suite=SUITE, source=source),
            "this version of cloned is too old for it",
        )
    shutil.copyfile(path, target)


def _digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sorted(SOURCES)}


@dataclass(frozen=True)
class Shelf:
    """Folders whose files laptops may read: `boot/` at the top, others below their name."""

    folders: dict[str, Path]
    """First part of the name → folder; the key "" is the top."""

    def find(self, name: str) -> Path | None:
        """The file called `name`, or None: no such file, not a regular one, or outside of its folder.

        Slashes may come twice, in front, or as backslashes (old boot ROMs); `..` never gets anywhere.
        """
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        if not parts or ".." in parts or any("\0" in part for part in parts):
            return None
        folder, rest = (
            (self.folders.get(parts[0]), parts[1:]) if parts[0] in self.folders else (self.folders.get(""), parts)
        )
        if folder is None or not rest:
            return None
        try:
            root = folder.resolve(strict=True)
            path = root.joinpath(*rest).resolve(strict=True)
            return path if path.is_relative_to(root) and path.is_file() else None
        except (OSError, ValueError, RuntimeError):  # absent, a name too long, a loop of links
            return None

    def leads_out(self, name: str) -> bool:
        """Whether `name` points outside of what laptops may read, by `..` or by a link."""
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        if ".." in parts:
            return True
        inside = self.folders.get(parts[0]) if parts else None
        folder, rest = (inside, parts[1:]) if inside is not None else (self.folders.get(""), parts)
        try:
            return folder is not None and not folder.joinpath(*rest).resolve().is_relative_to(folder.resolve())
        except (OSError, ValueError, RuntimeError):
            return False


def normal(name: str) -> str:
    """`name` with single slashes and none in front: what two ways of writing one name have in common."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


class Digests:
    """SHA-256 of files, taken once for each state of a file (path, size, time of change). Blocking."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], bytes] = {}

    def known(self, path: Path) -> bytes | None:
        """The digest, if it was taken since the file last changed."""
        return self._known.get(_state(path))

    def take(self, path: Path) -> bytes:
        """The digest; reads the file if it has to."""
        state = _state(path)
        if state not in self._known:
            with path.open("rb") as file:
                self._known[state] = hashlib.file_digest(file, "sha256").digest()
            if len(self._known) > 64:
                self._known.pop(next(iter(self._known)))
        return self._known[state]


def _state(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns
