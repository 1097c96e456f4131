"""The server itself: rights, clock, kernel, memory, and the programs that are run."""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cloned.check.databases import newest_event
from cloned.check.findings import Said, ok, skipped, warned
from cloned.client import SOCKET
from cloned.config import Config
from cloned.errors import ClonedError, MissingError
from cloned.processes import need, run
from cloned.saying import Phrase
from cloned.wallclock import synchronised

CAPABILITIES = {"CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}
"""capabilities(7), by the number of their bit."""
TOOLS = ("udp-sender", "partclone.dd", "zstd", "gzip", "sfdisk", "sgdisk", "ip")
"""Programs that the daemon runs while it works."""
VERSION_FLAGS = dict.fromkeys(("partclone.dd", "zstd", "gzip", "sfdisk", "sgdisk"), "--version") | {"ip": "-V"}
LEAST_VERSIONS = {"partclone.dd": (0, 3, 13), "zstd": (1, 4, 8), "sfdisk": (2, 36), "sgdisk": (1, 0, 6), "ip": (5, 10)}
"""Debian 11's. Images, recordings and tests are of Debian 12's and later ones; of older ones nothing is known."""
BUILD_TOOLS = ("mmdebstrap", "xz")
"""Programs that `cloned live build` needs."""
EARLIEST = 1_767_225_600
"""2026-01-01: no clock that is right stands before."""
MODULES = Path("/lib/modules")
YEAR_SECONDS = 365.25 * 86400
FAR_SECONDS = 8 * YEAR_SECONDS
"""Seconds after which this program is hardly still in use: rather a clock that runs ahead."""
BACK_SECONDS = 60.0
LEAST_MEMORY = 512 * 2**20


PARTS = ("/proc/net/igmp", "/proc/net/packet")
"""Where it shows that a kernel has multicast and raw packets, which one made for containers or routers may lack."""


def rights(config: Config) -> Iterator[Said | ClonedError]:
    """Root, or the three capabilities that DHCP, raw packets and the neighbour table need: the daemon's that runs,
    whoever looks, else those of whoever looks."""
    pid, user = _daemon(config) or (os.getpid(), os.geteuid())
    held = _capabilities(pid)
    missing = [name for name, bit in CAPABILITIES.items() if not held >> bit & 1]
    if missing:
        words = (
            Phrase("this user lacks {missing}", missing=", ".join(missing))
            if pid == os.getpid()
            else Phrase("the daemon that runs lacks {missing}", missing=", ".join(missing))
        )
        yield MissingError(words, "use sudo, or the systemd service")
    else:
        yield ok(
            "root"
            if user == 0
            else Phrase("user {geteuid} with {capabilities}", geteuid=user, capabilities=", ".join(CAPABILITIES))
        )


def _daemon(config: Config) -> tuple[int, int] | None:
    """Process and user of the daemon that runs (SO_PEERCRED of unix(7)); None where there is none that we may ask."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked, suppress(OSError):
        asked.settimeout(1)
        asked.connect(str(config.workshop.runtime / SOCKET))
        pid, uid, _ = struct.unpack("3i", asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if pid:  # 0: it is in another pid namespace
            return pid, uid
    return None


def _capabilities(pid: int) -> int:
    """A process's effective capabilities, as a bit set (proc(5): CapEff); none where it is gone."""
    with suppress(OSError):
        found = re.search(r"^CapEff:\s*([0-9a-f]+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        return int(found[1], 16) if found else 0
    return 0


def clock(config: Config) -> Iterator[Said | ClonedError]:
    """Whether the clock is plausible and kept right by the network; results and confirmations carry its time."""
    now = time.time()
    if now < EARLIEST:
        yield ClonedError(
            Phrase("the clock says {value}", value=_day(now)),
            "set it: timedatectl",
        )
        return
    yield ok(time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(now)))
    yield from _held_against(config, now)
    if not synchronised():
        yield warned("the clock is not set by the network", "enable systemd-timesyncd or chrony")
    if time.localtime(now).tm_zone == "UTC":
        yield warned(
            "the time zone is UTC: page and papers do not say the time on the wall",
            "timedatectl set-timezone Europe/Brussels",
        )


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(at))


def _held_against(config: Config, now: float) -> Iterator[Said]:
    """A clock that runs ahead, or was set back: what the journal holds was written by it too."""
    if now > EARLIEST + FAR_SECONDS:
        yield warned(
            Phrase("the clock says {value}, long after this program was made", value=_day(now)),
            "if that is not so, set it: timedatectl",
        )
    newest = newest_event(config.workshop.state / "journal.sqlite")
    if newest is not None and newest > now + BACK_SECONDS:
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(newest))
        yield warned(
            Phrase("the newest event of the journal is of {at}: the clock was set back, or ran ahead", at=at),
            "see that it is right: timedatectl; until then confirmations last no longer than they should",
        )


def kernel(config: Config) -> Iterator[Said | ClonedError]:
    """Version, and room in memory."""
    yield ok(" ".join((platform.system(), platform.release())))
    running = MODULES / platform.release()
    if MODULES.is_dir() and any(MODULES.iterdir()) and not running.is_dir():
        yield warned(
            Phrase("the modules of the kernel that runs are gone ({path})", path=running),
            "another kernel was installed: restart the server",
        )
    for path in PARTS:
        if not Path(path).exists():
            yield MissingError(
                Phrase("this kernel has no {path}: it lacks multicast or raw packets", path=path),
                "start Debian's own kernel, or build it in",
            )
    found = re.search(r"^MemAvailable:\s*(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    available = int(found[1]) * 1024 if found else 0
    if found and available < LEAST_MEMORY:
        yield warned(
            Phrase("only {available} MiB of memory are available", available=available >> 20),
            "end other programs, or add memory",
        )


def programs(config: Config) -> Iterator[Said | ClonedError]:
    """Every program that is run, with its version where it tells one."""
    found = []
    for tool in TOOLS:
        try:
            need(tool)
        except MissingError as error:
            yield error
        else:
            found.append(tool)
    for tool in BUILD_TOOLS:
        if shutil.which(tool) is None:
            yield skipped(Phrase("{tool} is not installed", tool=tool), "only `cloned live build` needs it")
    versions = {tool: _version(tool) for tool in found}
    for tool, least in LEAST_VERSIONS.items():
        version = versions.get(tool, "")
        if version and tuple(map(int, version.split("."))) < least:
            wanted = ".".join(map(str, least))
            words = Phrase(
                "{tool} {version} is older than {wanted}, with which nobody tried it",
                tool=tool, version=version, wanted=wanted,
            )  # fmt: skip
            yield warned(words, "install the one of Debian 12")
    yield ok(", ".join(f"{tool} {version}".strip() for tool, version in versions.items()))


def _version(tool: str) -> str:
    """What it says of its version, the number alone; "" where it says none."""
    if tool not in VERSION_FLAGS:
        return ""
    try:
        done = run([tool, VERSION_FLAGS[tool]], timeout=5, check=False)
    except ClonedError:
        return ""
    found = re.search(rb"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0].decode() if found else ""
