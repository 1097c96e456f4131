"""How fast laptops get their boot files: ours beside dnsmasq, in the same run, by real clients.

Everything runs in network namespaces that are removed again. Each figure is the median of several turns, ours
and dnsmasq's taking turns, so that a busy machine hits both.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloned import processes
from cloned.errors import ClonedError
from cloned.lab.bootlab import FOREIGN, BootLab, boot_lab, server_address
from cloned.lab.network import NIC, ip

TFTP_FILE = "bench.bin"
_MIB = 1 << 20


@dataclass(frozen=True)
class Row:
    """One figure of the table."""

    what: str
    ours: float
    theirs: float | None
    unit: str


Client = Callable[[str, str], list[str]]
"""(server, file) → the command that fetches it and throws it away."""

CLIENTS: dict[str, Client] = {
    "curl": lambda server, name: [
        "curl", "-s", "--tftp-blksize", "1428", "-o", "/dev/null", f"tftp://{server}/{name}",
    ],
    "atftp": lambda server, name: [
        "atftp", "--option", "blksize 1428", "--get", "-r", name, "-l", "/dev/null", server,
    ],
    "busybox": lambda server, name: ["busybox", "tftp", "-b", "1428", "-g", "-r", name, "-l", "/dev/null", server],
}  # fmt: skip


def tftp(boot_files: Path, live: Path, *, clients: int = 1, size: int = 32 * _MIB, turns: int = 3) -> list[Row]:
    """MB/s over all clients at once, for each client program, ours and dnsmasq's."""
    rows: list[Row] = []
    with boot_lab(boot_files, live, laptops=clients + 1) as lab:
        folder = lab.folder / "files"
        folder.mkdir()
        for name in boot_files.iterdir():
            (folder / name.name).symlink_to(name)
        (folder / TFTP_FILE).write_bytes(os.urandom(size))
        lab.boot_files = folder
        lab.serve()
        lab.foreign("--enable-tftp", f"--tftp-root={folder}", "--tftp-max=100")
        names = [_address(lab, number) for number in range(1, clients + 1)]
        for program, client in CLIENTS.items():
            speeds: dict[str, list[float]] = {server_address(): [], FOREIGN: []}
            for _ in range(turns):
                for server, found in speeds.items():
                    found.append(size * clients / together(names, client(server, TFTP_FILE)) / 1e6)
            ours, theirs = (statistics.median(found) for found in speeds.values())
            rows.append(Row(f"TFTP, {clients} {program}", ours, theirs, "MB/s"))
    return rows


def together(namespaces: Sequence[str], command: Sequence[str], timeout: float = 120) -> float:
    """Seconds until `command`, started in every namespace at once, has ended in all; ClonedError if one failed."""
    start = time.monotonic()
    running = [processes.spawn(["ip", "netns", "exec", name, *command]) for name in namespaces]
    try:
        statuses = [child.wait(timeout) for child in running]
    except subprocess.TimeoutExpired as error:
        raise ClonedError(f"{command[0]} did not end within {timeout:g} s") from error
    finally:
        for child in running:
            if child.poll() is None:
                child.kill()
                child.wait()
    if any(statuses):
        raise ClonedError(f"{' '.join(command[:2])} failed: {statuses}")
    return time.monotonic() - start


def _address(lab: BootLab, number: int) -> str:
    """A client with a fixed address; its namespace."""
    namespace = lab.client(number)
    ip(namespace, f"addr add 10.77.3.{number}/22 brd + dev {NIC}")
    return namespace
