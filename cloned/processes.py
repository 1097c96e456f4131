"""The one module that starts other programs. Children die with us, also when we are killed."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from cloned.errors import ClonedError, MissingError
from cloned.saying import Phrase

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

_TOOLS = {
    "qemu-system-x86": ("qemu-system-x86_64",),
    "qemu-utils": ("qemu-img",),
    "udpcast": ("udp-sender", "udp-receiver"),
    "iproute2": ("ip", "tc"),
    "acpica-tools": ("iasl",),
    "nftables": ("nft",),
    "procps": ("sysctl",),
    "cups-client": ("lp",),
    "fdisk": ("sfdisk",),
    "gdisk": ("sgdisk",),
    "mtools": ("mcopy",),
    "dosfstools": ("mkfs.vfat",),
    "clonezilla": ("ocs-sr",),
    "dnsmasq-base": ("dnsmasq",),
    "util-linux": ("unshare", "setpriv", "losetup", "partx", "blkid", "lsblk", "wipefs"),
    "mount": ("mount", "umount"),
    "xz-utils": ("xz",),
    "e2fsprogs": ("mke2fs", "e2fsck", "resize2fs"),
    "snmp": ("snmpget", "snmpbulkwalk"),
}
PACKAGES = {tool: package for package, tools in _TOOLS.items() for tool in tools}
"""Debian package of each program that is not in one of its own name."""


def need(tool: str) -> str:
    """Return the path of `tool`, or raise MissingError naming the Debian package that has it."""
    path = shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        package = PACKAGES.get(tool, tool)
        raise MissingError(
            Phrase("{tool} is not installed", tool=tool), Phrase("apt-get install {package}", package=package)
        )
    return path


OURS = -10
"""How nice the daemon is: thirty laptops wait for its answers, which are short."""
AUTOGROUP = Path("/proc/self/autogroup")
STEP_BACK = 10
"""By how much whoever works for long is nicer than we are, also where we were started as nice as we want to be."""
_others: list[int] = []
"""How nice the others are, since `come_first`."""


def come_first() -> None:
    """Have this thread, and those it starts, get a processor before ordinary programs (setpriority(2)).

    Without the permission (RLIMIT_NICE, CAP_SYS_NICE) they come when the others do.
    """
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(OSError):
        ours = min(nice, OURS)
        os.setpriority(os.PRIO_PROCESS, 0, ours)
        _others.append(max(nice, ours + STEP_BACK))
    if os.getsid(0) == os.getpid():  # else others are in it, such as the shell that started us
        session_nice(OURS)


def session_nice(nice: int) -> None:
    """How nice all of our session is among the others (sched(7), autogroup): where each session has its share of the
    processors, a process's own niceness counts within it alone. Nothing where the kernel has no such groups."""
    with suppress(OSError):
        AUTOGROUP.write_text(str(nice), encoding="ascii")


def come_with_others() -> None:
    """In a thread that works for long, or in a child before exec: be as nice as we were started, or as is usual."""
    if _others:
        os.setpriority(os.PRIO_PROCESS, 0, _others[0])


def die_with_parent() -> None:
    """In a child before exec: ask the kernel for SIGKILL when the parent ends (prctl(2)); our precedence ends here."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    come_with_others()


def run(
    args: Sequence[str | Path],
    *,
    stdin: bytes | None = None,
    timeout: float | None = None,
    check: bool = True,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; raise ClonedError with the last lines of its stderr if it failed."""
    command = [need(str(args[0])), *map(str, args[1:])]
    try:
        done = subprocess.run(
            command,
            input=stdin if stdin is not None else b"",
            capture_output=True,
            timeout=timeout,
            cwd=cwd,
            env=env,
            preexec_fn=die_with_parent,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ClonedError(
            Phrase("{program} did not end within {timeout} s", program=args[0], timeout=f"{timeout:.0f}")
        ) from error
    if check and done.returncode != 0:
        raise ClonedError(
            Phrase("{program} failed ({returncode})", program=" ".join(map(str, args[:3])), returncode=done.returncode),
            _tail(done.stderr or done.stdout),
        )
    return done


def spawn(
    args: Sequence[str | Path],
    *,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = subprocess.DEVNULL,
    stderr: int | IO[bytes] | None = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    new_session: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a long-running program in its own session; the caller ends and reaps it.

    PR_SET_PDEATHSIG follows the thread that forked: call this from a thread that lives as long
    as the child should.
    """
    command = [need(str(args[0])), *map(str, args[1:])]
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=env,
        pass_fds=pass_fds,
        start_new_session=new_session,
        preexec_fn=die_with_parent,
    )


async def spawn_piped(args: Sequence[str | Path]) -> asyncio.subprocess.Process:
    """Start a long-running program that is talked to by its standard input and output; the caller ends it.

    It shares our standard error, and is in a session of its own, so that Ctrl-C reaches us alone.
    """
    return await asyncio.create_subprocess_exec(
        need(str(args[0])),
        *map(str, args[1:]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


HOOK_SUPERVISOR = Path(__file__).with_name("hook_supervisor.py")
ENDING_SECONDS = 5.0
"""In which the supervisor of a hook has ended all that is below it, unless some of it hangs in the kernel."""


async def hook_process(
    program: Path, argument: str, folder: Path, mark: str, largest_file: int, user: tuple[int, int]
) -> asyncio.subprocess.Process:
    """Start a program that is not ours: no shell, no capabilities, no open files of ours, its errors in its output.

    It runs below hook_supervisor.py, which is the process returned, and ends with `end_hook`. `mark`: a `NAME=value`
    for its environment, by which `kill_marked` finds what it started; `user`: who it runs as, uid and gid, which only
    root can choose.
    """
    name, _, value = mark.partition("=")
    us = map(str, (os.getpid(), *user, largest_file))
    made = asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(HOOK_SUPERVISOR), *us, str(program), argument),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder), name: value},
        start_new_session=True,
        preexec_fn=come_with_others,
    )
    starting = asyncio.ensure_future(made)
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:  # else asyncio kills the supervisor alone, and waits for whoever has its output
        with suppress(OSError):  # it could not be started
            await end_hook(await starting, mark)
        raise


def output_over(process: asyncio.subprocess.Process) -> None:
    """Tell the supervisor of a hook that nobody writes any more: what still runs once that has ended is ended too."""
    _signal(process, signal.SIGUSR1)


async def end_hook(process: asyncio.subprocess.Process, mark: str) -> int:
    """End what `hook_process` started, and whatever that started, and return its exit status."""
    _signal(process, signal.SIGTERM)
    _close_pipes(process)
    try:
        async with asyncio.timeout(ENDING_SECONDS):
            await process.wait()
    except TimeoutError:
        await end_process(process)
    assert process.returncode is not None
    if process.returncode < 0:  # the supervisor was ended itself, and what it watched may be anybody's child
        await asyncio.to_thread(kill_marked, mark)
    return process.returncode


async def end_process(process: asyncio.subprocess.Process) -> int:
    """Kill a program that `spawn_piped` or `hook_process` started, if it still runs, and return its exit status."""
    _signal(process, signal.SIGKILL)
    _close_pipes(process)
    return await process.wait()


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    """Without `Popen.send_signal`, which looks first whether it has ended: then asyncio never hears of its status."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _close_pipes(process: asyncio.subprocess.Process) -> None:
    """`wait` of asyncio returns only when they are closed, which is never where we stopped reading in the middle, or
    where something that it started still holds their other end."""
    for descriptor in range(3):
        pipe = process._transport.get_pipe_transport(descriptor)  # type: ignore[attr-defined]  # the only way to them
        if pipe is not None:
            pipe.close()


def kill_marked(mark: str) -> int:
    """End every process whose environment has this mark, also those that left their session; how many there were.

    One that forks while it is looked for is found the next time round.
    """
    wanted, ended = mark.encode(), 0
    for _ in range(50):
        found = [pid for pid in _pids() if wanted in _environment(pid)]
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        ended += len(found)
        if not found:
            break
    return ended


def _pids() -> list[int]:
    numbers = (path.name for path in Path("/proc").iterdir())
    return [int(name) for name in numbers if name.isdecimal() and int(name) != os.getpid()]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _tail(output: bytes, lines: int = 4) -> str:
    """The last lines of a program's output, on one line."""
    text = output.decode("utf-8", "replace").strip().splitlines()
    return " / ".join(line.strip() for line in text[-lines:])
