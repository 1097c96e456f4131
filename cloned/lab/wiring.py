"""Namespaces, cables and the switch's bridge, made by netlink: no program is started for them.

Everything happens in a thread that has entered the namespace: pyroute2's sockets belong to where they were opened.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Protocol

from pyroute2 import IPRoute, netns
from pyroute2.netlink.exceptions import NetlinkError

from cloned.errors import ClonedError
from cloned.lab import kernel

NETNS = Path("/run/netns")
LOOPBACK = 1
"""Index of `lo` in every namespace."""
MULTICAST = "224.0.0.0/4"


class Route(Protocol):
    """IPRoute of pyroute2, as far as the lab needs it."""

    def link(self, command: str, **about: object) -> object:
        """Add or change an interface."""

    def addr(self, command: str, **about: object) -> object:
        """Give an interface an address."""

    def route(self, command: str, **about: object) -> object:
        """Say where packets go."""

    def tc(self, command: str, kind: str, index: int, **about: object) -> object:
        """Shape what an interface sends."""

    def link_lookup(self, *, ifname: str) -> Sequence[int]:
        """Numbers of the interfaces of this name."""


def create(name: str, *, quiet: bool) -> None:
    """Make a namespace, as `ip netns add` does, its loopback up; a `quiet` one speaks no IPv6. ClonedError."""
    path = NETNS / name
    errors: list[BaseException] = []

    def body() -> None:
        try:
            kernel.unshare(kernel.CLONE_NEWNET)
            kernel.mount("/proc/thread-self/ns/net", path, flags=kernel.MS_BIND)
            if quiet:
                _no_ipv6()
            with IPRoute() as route:
                route.link("set", index=LOOPBACK, state="up")
        except BaseException as error:
            errors.append(error)

    with _clearly(f"namespace {name}"):
        _share(NETNS)
        path.touch(mode=0o444, exist_ok=False)
        thread = threading.Thread(target=body, name=f"make {name}")
        thread.start()
        thread.join()
        if errors:
            remove(name)
            raise errors[0]


def remove(name: str) -> None:
    """Remove a namespace, and with it all that is in it; nothing if it is gone."""
    with suppress(OSError):
        netns.remove(name)


def work(name: str, change: Callable[[Route], object]) -> None:
    """Let `change` alter what is in a namespace, through an IPRoute of pyroute2; ClonedError in the kernel's words."""

    def body() -> None:
        with IPRoute() as route:
            change(route)

    with _clearly(f"namespace {name}"):
        kernel.in_namespace(NETNS / name, body)


def index(route: Route, name: str) -> int:
    """Number of an interface; OSError if it is not there."""
    found = route.link_lookup(ifname=name)
    if not found:
        raise OSError(errno.ENODEV, f"there is no interface {name}")
    return int(found[0])


def bridge(route: Route, name: str, address: IPv4Interface) -> None:
    """A bridge that snoops and forwards at once, with an address of its own."""
    route.link("add", ifname=name, kind="bridge", br_mcast_snooping=1, br_stp_state=0, br_forward_delay=0)
    give(route, name, address)


def give(route: Route, name: str, address: IPv4Interface) -> None:
    """An address with its broadcast address, which udpcast needs, and the link up."""
    number, network = index(route, name), address.network
    route.addr(
        "add",
        index=number,
        address=str(address.ip),
        prefixlen=network.prefixlen,
        broadcast=str(network.broadcast_address),
    )
    route.link("set", index=number, state="up")


def cable(switch: str, bridge_name: str, port: str, far: tuple[str, str, str], rate: int | None) -> None:
    """A veth pair from `far` (namespace, name, MAC) to the socket `port` of a switch, both ends shaped to `rate`."""
    namespace, name, mac = far
    descriptor = os.open(NETNS / namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        peer = {"ifname": name, "address": mac, "net_ns_fd": descriptor}

        def plug(route: Route) -> None:
            route.link("add", ifname=port, kind="veth", peer=peer)
            route.link("set", index=index(route, port), master=index(route, bridge_name), state="up")
            shape(route, port, rate)

        work(switch, plug)
    finally:
        os.close(descriptor)
    work(namespace, lambda route: shape(route, name, rate))


def pair(near: tuple[str, str], far: tuple[str, str]) -> None:
    """A veth pair between two namespaces; each end is its namespace and its name there."""
    descriptor = os.open(NETNS / far[0], os.O_RDONLY | os.O_CLOEXEC)
    try:
        peer = {"ifname": far[1], "net_ns_fd": descriptor}
        work(near[0], lambda route: route.link("add", ifname=near[1], kind="veth", peer=peer))
    finally:
        os.close(descriptor)


def shape(route: Route, name: str, rate: int | None) -> None:
    """A token bucket of `rate` bits a second on an interface's way out; nothing for None."""
    if rate is not None:
        route.tc("add", "tbf", index(route, name), handle="1:0", rate=f"{rate}bit", burst=burst(rate), latency=LATENCY)


LATENCY = "20ms"
"""Of a port's queue: what the shared buffer of a small switch can hold."""


def burst(rate: int) -> int:
    """Bytes in the bucket: 2 ms, and never less than two 64 KiB segments of offloaded sending."""
    return max(131_072, rate // 8 // 500)


def _no_ipv6() -> None:
    """A switch and a laptop that is off say nothing by themselves. In this thread's namespace."""
    for which in ("all", "default"):
        with suppress(FileNotFoundError):  # a kernel without IPv6
            Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6").write_text("1")


def _share(folder: Path) -> None:
    """Mounts below it are seen, and removed, in namespaces of mounts too, as iproute2 arranges it."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:
        kernel.mount("", folder, flags=kernel.MS_SHARED | kernel.MS_REC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        kernel.mount(str(folder), folder, flags=kernel.MS_BIND | kernel.MS_REC)
        kernel.mount("", folder, flags=kernel.MS_SHARED | kernel.MS_REC)


@contextmanager
def _clearly(where: str) -> Iterator[None]:
    """Netlink's errors as our own."""
    try:
        yield
    except NetlinkError as error:
        raise ClonedError(
            f"{where}: {error.args[-1]}", "run the lab as root, on a kernel with veth, bridge and tbf"
        ) from error
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ClonedError(f"{where}: {what}", "run the lab as root") from error
