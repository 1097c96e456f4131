"""Files that root makes in a folder of the service's: they belong to whoever the folder belongs to."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal


def hand_over(folder: Path) -> int:
    """Give what root owns under `folder` to the folder's owner; returns how many entries. For root alone.

    Links are changed themselves, never what they lead to. Nothing is done where the folder is root's own.
    """
    if os.geteuid() != 0 or not folder.is_dir():
        return 0
    owner = folder.stat()
    return sum(_give(Path(where) / name, owner) for where, *names in os.walk(folder) for part in names for name in part)


def take_back(folders: Iterable[Path], uid: int) -> None:
    """Give root what that user owns under these folders: root without its rights over files reads its own alone."""
    for folder in folders:
        for where, *names in os.walk(folder):
            for path in (Path(where) / name for part in names for name in part):
                if path.lstat().st_uid == uid:
                    os.chown(path, 0, 0, follow_symlinks=False)


@contextmanager
def handing_over(folder: Path) -> Iterator[None]:
    """What root does meanwhile leaves nothing of root's in `folder`, also where it fails halfway."""
    try:
        yield
    finally:
        hand_over(folder)


def _give(path: Path, owner: os.stat_result) -> bool:
    if owner.st_uid == 0 or path.lstat().st_uid != 0:
        return False
    os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    return True


def to_owner(handle: int, folder: Path) -> None:
    """Give a file that is being made in `folder` to the folder's owner, before anybody else may look for it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)


def works_in(folder: Path) -> tuple[int, int]:
    """Who works in a folder, user and group: we; as root whoever it, or the first above it that is there, is of."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    there = next(each for each in (folder, *folder.absolute().parents) if each.is_dir()).stat()
    return there.st_uid, there.st_gid


Access = Literal["read", "write", "execute"]
"""What a user may do with a file; to enter a directory is `execute`."""
_ASKED = {"read": (os.R_OK, "-r"), "write": (os.W_OK, "-w"), "execute": (os.X_OK, "-x")}
_ASKS = 'for each do if [ "$0" "$each" ]; then printf 1; else printf 0; fi; done'


def closed_to(
    user: tuple[int, int],
    paths: Iterable[Path],
    access: Access = "read",
    *,
    groups: Sequence[int] | None = None,
    wherever: bool = False,
) -> list[Path]:
    """Which of these, as far as they are there, a user (uid and gid) may not read, write or execute.

    The kernel says it: as root, test(1) is asked as that user, of whom access lists and what lies above the file count
    too; who is not root can only tell of themselves. `groups`: its others, else those of its account; `wherever`: what
    lies above does not count.
    """
    there, (mode, option) = [path for path in paths if path.exists()], _ASKED[access]
    if user[0] == os.geteuid() or not there:
        return [path for path in there if not os.access(path, mode)]
    with ExitStack() as stack:
        handles = [_held(path, stack) for path in there] if wherever else []
        names = [f"/proc/self/fd/{handle}" for handle in handles] or [str(path) for path in there]
        more = _groups(user) if groups is None else groups
        asked = subprocess.run(
            ["sh", "-c", _ASKS, option, *names], user=user[0], group=user[1], extra_groups=more, pass_fds=handles,
            stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
    return [path for path, answer in zip(there, asked.stdout.decode(), strict=True) if answer == "0"]


def _held(path: Path, stack: ExitStack) -> int:
    """Its place, without the way there."""
    handle = os.open(path, os.O_PATH)
    stack.callback(os.close, handle)
    return handle


def _groups(user: tuple[int, int]) -> list[int]:
    """None but its own where the machine has no account of that number."""
    try:
        return os.getgrouplist(pwd.getpwuid(user[0]).pw_name, user[1])
    except KeyError:
        return []


def open_again(home: Path) -> None:
    """Folders of our home that we made and may not enter: earlier versions made some so, now and then, while it
    opened its socket, and scapy, which keeps its own there, then keeps the daemon from starting."""
    for folder in (home / name for name in (".cache", ".cache/scapy", ".config", ".config/scapy")):
        with suppress(OSError):
            seen = folder.lstat()
            if stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid() and not seen.st_mode & stat.S_IXUSR:
                folder.chmod(0o700)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, as far as they are not there, each of the owner of the one above. OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        _give(folder, folder.parent.stat())
