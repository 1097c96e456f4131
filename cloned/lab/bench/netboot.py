"""How fast laptops get their boot files: ours beside dnsmasq, in the same run, by real clients.

Everything runs in network namespaces that are removed again. Each figure is the median of several turns, ours
and dnsmasq's taking turns, so that a busy machine hits both. For TFTP the clients run on other processors than both
servers, as laptops do: on the same one a client is woken without the wait that every network has, or takes the
server's time, as chance will have it.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloned import processes
from cloned.errors import ClonedError
from cloned.lab.bootlab import FOREIGN, LEASE, BootLab, boot_lab, server_address
from cloned.lab.network import NIC, ip, losses
from cloned.lab.stock import cache_root
from cloned.live import build as build_live
from cloned.netboot.files import build_boot_files

TFTP_FILE = "bench.bin"
_MIB = 1 << 20


@dataclass(frozen=True)
class BenchRow:
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
    "atftp, windows of 4 as firmware asks": lambda server, name: [
        "atftp", "--option", "blksize 1428", "--option", "windowsize 4", "--get", "-r", name, "-l", "/dev/null", server,
    ],
    "busybox": lambda server, name: ["busybox", "tftp", "-b", "1428", "-g", "-r", name, "-l", "/dev/null", server],
}  # fmt: skip


def tftp(boot_files: Path, live: Path, *, clients: int = 1, size: int = 32 * _MIB, turns: int = 3) -> list[BenchRow]:
    """MB/s over all clients at once, for each client program, ours and dnsmasq's."""
    rows: list[BenchRow] = []
    servers, laptops = _apart(sorted(os.sched_getaffinity(0)))
    start = ["taskset", "--cpu-list", ",".join(map(str, laptops))]
    with boot_lab(boot_files, live, laptops=clients + 1) as lab:
        folder = lab.folder / "files"
        folder.mkdir()
        for name in boot_files.iterdir():
            (folder / name.name).symlink_to(name)
        (folder / TFTP_FILE).write_bytes(os.urandom(size))
        lab.boot_files = folder
        lab.serve()
        lab.foreign("--enable-tftp", f"--tftp-root={folder}", "--tftp-max=100")
        lab.confine(set(servers))
        names = [_address(lab, number) for number in range(1, clients + 1)]
        for program, client in CLIENTS.items():
            speeds: dict[str, list[float]] = {server_address(): [], FOREIGN: []}
            for _ in range(turns):
                for server, found in speeds.items():
                    found.append(size * clients / together(names, [*start, *client(server, TFTP_FILE)]) / 1e6)
            ours, theirs = (statistics.median(found) for found in speeds.values())
            rows.append(BenchRow(f"TFTP to {clients}: {program}", ours, theirs, "MB/s (dnsmasq)"))
    return rows


def _apart(processors: list[int]) -> tuple[list[int], list[int]]:
    """Which processors are the servers', and which the clients'; a single one is everybody's."""
    half = len(processors) // 2
    return (processors[:half], processors[half:]) if half else (processors, processors)


def dhcp(boot_files: Path, live: Path, *, rate: int = 200, seconds: float = 5) -> list[BenchRow]:
    """Milliseconds from a laptop's DISCOVER to our OFFER at `rate` a second: median and the slowest of a hundred."""
    with boot_lab(boot_files, live, laptops=2) as lab:
        lab.serve(LEASE)
        client = _address(lab, 1)
        time.sleep(2)  # the first address checks
        command = [sys.executable, "-m", "cloned.lab.dhcpload", NIC, str(rate), str(seconds)]
        found = json.loads(processes.run(["ip", "netns", "exec", client, *command]).stdout)
    times = found["milliseconds"]
    if found["answered"] < found["asked"]:
        raise ClonedError(f"only {found['answered']} of {found['asked']} requests were answered")
    median, late = times[len(times) // 2], times[int(len(times) * 0.99)]
    what = f"DHCP at {rate}/s"
    return [BenchRow(f"{what}, median", median, None, "ms"), BenchRow(f"{what}, 99 of 100", late, None, "ms")]


def at_once(boot_files: Path, live: Path, *, clients: int = 24, rate: int = 10**9) -> list[BenchRow]:
    """Seconds until `clients` laptops, starting together, hold kernel and initramfs over one shared link.

    Beside it: one laptop alone, and what the link itself needs for the bytes of all.
    """
    size = sum((live / name).stat().st_size for name in ("vmlinuz", "initrd"))
    with boot_lab(boot_files, live, laptops=clients, rate=rate) as lab:
        lab.serve()
        names = [_address(lab, number) for number in range(1, clients + 1)]
        alone = statistics.median(together(names[:1], _fetch()) for _ in range(3))
        crowd = together(names, _fetch())
    link = clients * size * 8 / rate
    what = f"{size / 1e6:.0f} MB kernel and initramfs"
    return [
        BenchRow(f"{what}, 1 laptop", alone, size * 8 / rate, "s (link)"),
        BenchRow(f"{what}, {clients} laptops", crowd, link, "s (link)"),
    ]


def loss(boot_files: Path, live: Path, *, percent: float = 1.0, turns: int = 15) -> list[BenchRow]:
    """Seconds to fetch boot files with packets lost at random, beside the same without loss."""
    ways = {
        "HTTP, kernel and initramfs": _fetch(),
        "TFTP, shim, windows of 4": _atftp("shimx64.efi", 4),
        "TFTP, shim, block by block": CLIENTS["busybox"](server_address(), "shimx64.efi"),
        "TFTP, undionly, block by block": CLIENTS["busybox"](server_address(), "undionly.kpxe"),
    }
    rows: list[BenchRow] = []
    with boot_lab(boot_files, live, laptops=3, rate=10**9) as lab:
        lab.serve()
        lossless, lossy = _address(lab, 1), _address(lab, 2)
        lab.network.lossy(2, percent, thin=True)
        for what, command in ways.items():
            pairs = [(together([lossless], command), together([lossy], command)) for _ in range(turns)]
            clean, lost = (statistics.median(each) for each in zip(*pairs, strict=True))
            rows.append(BenchRow(f"{what}, {percent:g} % lost", lost, clean, "s (no loss)"))
        if not losses(lab.network.laptop(2)):
            raise ClonedError("no packet was lost, so nothing was measured")
    return rows


def _fetch() -> list[str]:
    base = f"http://{server_address()}:8069/live"
    return ["curl", "-sf", "-o", "/dev/null", f"{base}/vmlinuz", "-o", "/dev/null", f"{base}/initrd"]


def _atftp(name: str, window: int) -> list[str]:
    options = ["--option", f"windowsize {window}", "--option", "blksize 1428"]
    return ["atftp", *options, "--get", "-r", name, "-l", "/dev/null", server_address()]


def together(namespaces: Sequence[str], command: Sequence[str], timeout: float = 120) -> float:
    """Seconds until `command`, started in every namespace at once, has ended in all; ClonedError if one failed."""
    start = time.monotonic()
    running = [processes.spawn(["ip", "netns", "exec", name, *command]) for name in namespaces]
    try:
        if not all(_ended(child, start + timeout) for child in running):
            raise ClonedError(f"{command[0]} did not end within {timeout:g} s")
        taken = time.monotonic() - start
    finally:
        for child in running:
            if child.poll() is None:
                child.kill()
                child.wait()
    statuses = [child.returncode for child in running]
    if any(statuses):
        raise ClonedError(f"{' '.join(command[:2])} failed: {statuses}")
    return taken


def _ended(child: subprocess.Popen[bytes], deadline: float) -> bool:
    """Wait until `child` has ended; False at `deadline`.

    Not by Popen.wait(timeout), which looks every 50 ms after a while: as long as many a transfer takes.
    """
    waiter = os.pidfd_open(child.pid)
    try:
        select.select([waiter], (), (), max(0.0, deadline - time.monotonic()))
    finally:
        os.close(waiter)
    return child.poll() is not None


def _address(lab: BootLab, number: int) -> str:
    """A client with a fixed address; its namespace."""
    namespace = lab.client(number)
    ip(namespace, f"addr add 10.77.3.{number}/22 brd + dev {NIC}")
    return namespace


def main() -> None:
    """Measure everything and print it as a table."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5, help="of each TFTP client")
    turns: int = parser.parse_args().turns
    live, boot_files = cache_root() / "live", build_boot_files(cache_root() / "boot")
    build_live(live)
    table = Table(box=None, header_style="bold")
    for heading in ("boot", "ours", "beside it", "unit"):
        table.add_column(heading, justify="right" if heading in ("ours", "beside it") else "left")
    for row in [
        *tftp(boot_files, live, size=16 * _MIB, turns=turns),
        *tftp(boot_files, live, clients=16, size=2 * _MIB, turns=turns),
        *dhcp(boot_files, live),
        *at_once(boot_files, live),
        *loss(boot_files, live),
    ]:
        table.add_row(row.what, f"{row.ours:.3g}", "" if row.theirs is None else f"{row.theirs:.3g}", row.unit)
    Console().print(table)


if __name__ == "__main__":
    main()
