"""The socket on which the command line speaks with the daemon: without PIN, for root and our group only."""

from __future__ import annotations

import grp
import logging
import os
import socket
from pathlib import Path

from aiohttp import web

from cloned.errors import MissingError
from cloned.saying import Phrase

log = logging.getLogger(__name__)


async def listen_socket(runner: web.AppRunner, path: Path, group: str) -> None:
    """Serve on a socket of ours at `path`, which may be opened by `group`; MissingError if it cannot be made."""
    try:
        _make_room(path)
        await web.SockSite(runner, _bound(path)).start()
        _give_to_group(path, group)
    except OSError as error:
        raise MissingError(
            Phrase("{path} cannot be made: {error}", path=path, error=error),
            "check [workshop] runtime and its rights",
        ) from error


def _make_room(path: Path) -> None:
    """The folder for it, without what the last daemon left there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)


def _bound(path: Path) -> socket.socket:
    """A socket at `path` that is ours alone from the first moment: on Linux its file gets the mode that it has itself.

    Not by umask(2), which is the whole process's: folders that threads make meanwhile could not even be entered.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(made.fileno(), 0o600)
        made.bind(str(path))
    except OSError:
        made.close()
        raise
    return made


def _give_to_group(path: Path, name: str) -> None:
    """Let a group use the socket, if there is such a group and we may; else it stays ours alone."""
    try:
        group = grp.getgrnam(name).gr_gid
        if path.stat().st_gid != group:  # the service's own group is ours already
            os.chown(path, -1, group)
        path.chmod(0o660)
    except KeyError:
        log.info("there is no group %s: only root and our own user may use %s", name, path)
    except PermissionError:  # its unit lets the service give no file away, and chown(2) none but to its own groups
        log.warning(
            "only root and our own user may use %s, as it cannot be given to the group %s: leave [workshop] group out, "
            "and put people into our own group: usermod -aG %s NAME",
            path, name, _called(os.getegid()),
        )  # fmt: skip


def _called(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
