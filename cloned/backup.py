"""`cloned backup` and `cloned restore`: what the workshop knows, in one file.

Images are not in it, only what each must hash to: a restore says which are missing, and by which hash they are known.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import tarfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cloned.errors import ClonedError, UnreadableError, UsageError
from cloned.saying import Phrase
from cloned.scratch import scratch

DATABASES = ("journal.sqlite", "ledger.sqlite")
SECRETS = ("imported.json", "pin", "people.json", "tokens.json", "page.key", "site.key")
REMEMBERED = "sinks"
"""A folder of small files: what inventories elsewhere must find the same for ever (inventory/sinks/memory.py)."""
MANIFESTS = "manifests"
"""In a backup, and after a restore: the manifest of each image that there was."""
NEEDED = {
    "site.key": (
        Phrase("the site's key is not in the backup"),
        Phrase("new papers are signed by another: keep the old public key for the old ones"),
    ),
    "page.key": (Phrase("the page's key is not in the backup"), Phrase("whoever was signed in signs in again")),
    "people.json": (
        Phrase("names and passwords are not in the backup"),
        Phrase("a new PIN is made at the start; `cloned user add` makes people known"),
    ),
}
"""What a workshop has beside its databases: what it is, and what follows where it is gone."""
EMPTIED_NOTE = "journal-emptied"
"""What lies in the state directory while the journal lacks what the ledger knows, and nobody said that he saw it."""
RESTORED = "restored.json"
"""What a restore leaves in the state directory, until the daemon has taken it in: how old the backup was, in days."""


def backup(state: Path, file: Path, ledger: Path | None = None) -> list[str]:
    """Write journal, ledger, leases, PIN and key into a new .tar.gz; safe while the daemon runs.

    `ledger`: a SQLite copy of one that is kept elsewhere. Returns the names that went in. UsageError if `file` exists
    or there is nothing to save.
    """
    there = {name: state / name for name in DATABASES if (state / name).exists()}
    names = [*(there | ({DATABASES[1]: ledger} if ledger else {}))]
    if not names:
        raise UsageError(
            Phrase("there is nothing to save in {state}", state=state), "name the daemon's configuration with --config"
        )
    small = [path.name for path in sorted(state.glob("leases-*.jsonl"))]
    small += sorted(str(path.relative_to(state)) for path in (state / REMEMBERED).glob("*/*") if _whole(path))
    names += [name for name in (*SECRETS, *small) if (state / name).exists()]
    manifests = {f"{MANIFESTS}/{path.parent.name}.json": path for path in sorted(state.glob("images/*/manifest.json"))}
    try:
        with file.open("xb") as out, scratch("backup") as folder:
            file.chmod(0o600)
            with tarfile.open(fileobj=out, mode="w:gz") as tar:
                for name in names:
                    elsewhere = ledger if ledger is not None and name == DATABASES[1] else state / name
                    tar.add(_copy(elsewhere, folder), name)
                for name, path in manifests.items():
                    tar.add(path, name)
    except FileExistsError as error:
        raise UsageError(Phrase("{file} exists already", file=file), "name another file") from error
    except (OSError, sqlite3.Error) as error:
        file.unlink(missing_ok=True)
        raise ClonedError(
            Phrase("the backup {file} could not be written: {error}", file=file, error=error),
            "check its place and free space",
        ) from error
    return [*names, *manifests]


def _copy(path: Path, folder: Path) -> Path:
    """A consistent copy of a database; other files as they are."""
    if path.name not in DATABASES:
        return path
    copy = folder / path.name
    with (
        _damage_told(path),
        sqlite3.connect(f"file:{path}?mode=ro", uri=True) as source,
        sqlite3.connect(copy) as target,
    ):
        source.backup(target)
    source.close()
    target.close()
    return copy


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """UnreadableError where a database is none any more; a disk that is full or refuses is another matter."""
    try:
        yield
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise UnreadableError(
            Phrase("{path} is damaged ({error})", path=path, error=error),
            "stop the daemon, move the state directory away and restore a backup: cloned restore FILE",
        ) from error


def restore(state: Path, file: Path, *, keep_ledger: bool = False) -> list[str]:
    """Bring a backup back into an empty state directory; returns the names.

    `keep_ledger`: all but its ledger, beside the one that is there. UsageError if there is a workshop in `state`
    already: nothing is ever overwritten.
    """
    there = [name for name in DATABASES if (state / name).exists() and not (keep_ledger and name == DATABASES[1])]
    if there:
        raise UsageError(
            Phrase("{state} holds a workshop already ({there})", state=state, there=", ".join(there)),
            "move it away first; stop the daemon",
        )
    with _members(file) as (tar, members):
        if keep_ledger:
            members = [each for each in members if each.name != DATABASES[1]]
        state.mkdir(parents=True, exist_ok=True, mode=0o750)
        tar.extractall(state, members, filter="data")
        (state / EMPTIED_NOTE).unlink(missing_ok=True)
        _note_the_restore(state / RESTORED, time.time() - max(each.mtime for each in members))
    return [each.name for each in members]


def ledger_of(file: Path, folder: Path) -> Path | None:
    """The ledger of a backup, unpacked into `folder`; None where it has none. Raises as `restore` does."""
    with _members(file) as (tar, members):
        found = [each for each in members if each.name == DATABASES[1]]
        tar.extractall(folder, found, filter="data")
    return folder / DATABASES[1] if found else None


@contextmanager
def _members(file: Path) -> Iterator[tuple[tarfile.TarFile, list[tarfile.TarInfo]]]:
    """A backup, and what of it is ours. UsageError where it is none, ClonedError where it cannot be read."""
    try:
        with tarfile.open(file, "r:gz") as tar:
            members = [_for_us_alone(each) for each in tar.getmembers() if _ours(each)]
            if not any(each.name in DATABASES for each in members):
                raise UsageError(Phrase("{file} is no backup of a workshop", file=file), "see `cloned backup`")
            yield tar, members
    except (OSError, tarfile.TarError) as error:
        raise ClonedError(
            Phrase("the backup {file} could not be read: {error}", file=file, error=error), "use another copy of it"
        ) from error


def take_back(state: Path, names: Iterable[str]) -> None:
    """Remove what `restore` had brought: as if it had not been."""
    for name in (*names, RESTORED, *(f"{each}{more}" for each in DATABASES for more in ("-wal", "-shm"))):
        (state / name).unlink(missing_ok=True)


def missing(state: Path) -> list[tuple[Phrase, Phrase]]:
    """What a restored workshop lacks, each with what to do: images, keys, people."""
    found = []
    for path in sorted((state / MANIFESTS).glob("*.json")):
        known, there = _hash_of(path), _hash_of(state / "images" / path.stem / "manifest.json")
        if known != there:
            text = Phrase("image {name} is missing, of the hash {hash}", name=path.stem, hash=known or "?")
            found.append((text, Phrase("import it again, or capture it: `cloned image import`")))
    for name, told in NEEDED.items():
        if not (state / name).exists() and not (name == "people.json" and (state / "pin").exists()):
            found.append(told)
    return found


def _hash_of(manifest: Path) -> str:
    """The image hash that a manifest names; "" where there is none."""
    try:
        return str(json.loads(manifest.read_text(encoding="utf-8"))["image_hash"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _for_us_alone(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same file, which nobody else may read, whatever the backup says of it."""
    return member.replace(mode=0o600, uid=os.geteuid(), gid=os.getegid(), uname="", gname="", deep=False)


def _note_the_restore(note: Path, seconds: float) -> None:
    """Tell the daemon how old the backup was: numbers that were given since then are not in it."""
    note.touch(0o600)
    note.write_text(json.dumps({"days": round(seconds / 86400, 3)}), encoding="utf-8")


def _whole(path: Path) -> bool:
    """Whether it is a file that was written to its end."""
    return path.is_file() and not path.name.startswith(".")


def _ours(member: tarfile.TarInfo) -> bool:
    """Whether this is one of the files a backup has."""
    leases = member.name.startswith("leases-") and "/" not in member.name
    remembered = re.fullmatch(rf"{REMEMBERED}/[A-Za-z0-9_-]{{1,60}}/[A-Za-z0-9_-]{{1,60}}", member.name) is not None
    manifest = re.fullmatch(rf"{MANIFESTS}/[^/\\.][^/\\]{{0,200}}\.json", member.name) is not None
    return member.isfile() and (member.name in (*DATABASES, *SECRETS) or leases or remembered or manifest)
