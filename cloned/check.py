"""`cloned check`: what would go wrong, before it does."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cloned import live
from cloned.config import Config
from cloned.errors import ClonedError, MissingError
from cloned.images.store import ImageStore
from cloned.netboot.files import is_complete
from cloned.netboot.interfaces import describe
from cloned.netboot.service import check_pools, choose_interfaces
from cloned.status.auth import read_pin
from cloned.switch.once import read_all
from cloned.switch.server import server_macs

ROOM = 2 * 10**9
"""Bytes that should be free for the state."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `error` is None where it is well."""

    what: str
    error: ClonedError | None


def check(config: Config) -> Iterator[Finding]:
    """Look at everything `cloned serve` needs, in the order it would need it."""
    looks: dict[str, Callable[[Config], object]] = {
        "permission": _permission,
        "state directory": _state,
        "network": _network,
        "ports": _ports,
        "live system": _live,
        "boot files": _boot_files,
        "images": _images,
        **({"switch": _switches} if config.switch else {}),
    }
    for what, look in looks.items():
        try:
            look(config)
        except ClonedError as error:
            yield Finding(what, error)
        else:
            yield Finding(what, None)


def _permission(config: Config) -> None:
    if os.geteuid() != 0:
        raise MissingError("DHCP, TFTP and the laptops' names need root", "use sudo, or the systemd service")


def _state(config: Config) -> None:
    read_pin(config.workshop.state)
    free = shutil.disk_usage(config.workshop.state).free
    if free < ROOM:
        raise MissingError(f"only {free / 1e9:.1f} GB are free under {config.workshop.state}", "free some space")


def _network(config: Config) -> None:
    check_pools(
        [describe(name) for name in choose_interfaces(config)], {pool.interface: pool for pool in config.dhcp.lease}
    )


def _ports(config: Config) -> None:
    """Every port that will be listened on can be had now."""
    for kind, port, what in (
        (socket.SOCK_DGRAM, 67, "DHCP"),
        (socket.SOCK_DGRAM, 69, "TFTP"),
        (socket.SOCK_DGRAM, 4011, "proxyDHCP"),
        (socket.SOCK_STREAM, config.network.boot_port, "network.boot_port"),
        (socket.SOCK_STREAM, config.page.port, "page.port"),
    ):
        with socket.socket(socket.AF_INET, kind) as sock:
            if kind is socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("", port))
            except OSError as error:
                hint = f"see what uses it: ss -lnp 'sport = :{port}' (a running cloned does)"
                raise MissingError(f"port {port} ({what}) cannot be used: {error.strerror}", hint) from error


def _live(config: Config) -> None:
    live.info(config.boot.live)


def _boot_files(config: Config) -> None:
    if not is_complete(config.boot.files):
        raise MissingError(f"there are no boot files in {config.boot.files}", "run `cloned live build`")


def _images(config: Config) -> None:
    store = ImageStore(Path(config.workshop.state) / "images")
    if not store.names():
        raise MissingError("there is no image", "run `cloned image import DIRECTORY`")
    for name in store.names():
        store.check(name)


def _switches(config: Config) -> None:
    """Every configured switch answers; the first that does not is told, `cloned switch show` tells of all."""
    for result in asyncio.run(read_all(config.switch, server_macs())):
        if isinstance(result, ClonedError):
            raise result
