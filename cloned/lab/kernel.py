"""The few Linux calls that Python 3.11 has no function for: namespaces, mounts, parent-death signal."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SHARED = 1 << 20
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave namespaces (unshare(2)); for CLONE_NEWPID only children born later are in the new one."""
    _check(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Enter the namespace behind an open file (setns(2)); for the network: this thread only."""
    _check(_libc.setns(descriptor, kind), "setns")


def mount(source: str, target: str | Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount (mount(2)); OSError where the kernel refuses."""
    result = _libc.mount(
        source.encode(), os.fsencode(target), kind.encode() or None, ctypes.c_ulong(flags), data.encode() or None
    )
    _check(result, f"mount {target}")


def private_mounts() -> None:
    """Give this process mounts of its own: nothing mounted from now on is seen outside, or outlives it."""
    unshare(CLONE_NEWNS)
    mount("none", "/", flags=MS_REC | MS_PRIVATE)


def outlive_parent() -> None:
    """Take back the parent-death signal that `cloned.processes` gave us."""
    _libc.prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)


def in_namespace(path: Path, work: Callable[[], T]) -> T:
    """Call `work` inside the network namespace bound at `path`.

    A thread of its own does it, since the namespace of the network belongs to a thread; sockets
    opened there stay there, whoever uses them later.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            with path.open() as namespace:
                setns(namespace.fileno(), CLONE_NEWNET)
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, name=f"in {path.name}")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def listening_socket(namespace: Path, address: str, port: int) -> socket.socket:
    """A TCP socket that listens in another network namespace; port 0 takes a free one."""
    return in_namespace(namespace, lambda: socket.create_server((address, port), backlog=64))


def start_time(pid: int) -> int | None:
    """Clock ticks after boot at which process `pid` began (proc(5), field 22), or None if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])
