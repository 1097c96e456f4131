"""What the kernel knows of links, addresses and neighbours, and when that changes (rtnetlink(7)), by pyroute2.

`NetlinkWatch` follows the changes on pyroute2's asynchronous socket. Questions that cannot wait for a loop are put by
`ask`, in one exchange of some 0.2 ms: the codec is pyroute2's, the socket a plain one.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import Any

from cloned.rooms_of import entered

with entered("pyroute2"):
    from pyroute2.iproute.linux import AsyncIPRoute
    from pyroute2.netlink import NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR
    from pyroute2.netlink.exceptions import NetlinkError
    from pyroute2.netlink.rtnl import (
        RTM_DELADDR,
        RTM_DELLINK,
        RTM_DELNEIGH,
        RTM_GETADDR,
        RTM_GETLINK,
        RTM_GETNEIGH,
        RTM_NEWADDR,
        RTM_NEWLINK,
        RTM_NEWNEIGH,
        RTMGRP_IPV4_IFADDR,
        RTMGRP_LINK,
        RTMGRP_NEIGH,
    )
    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
    from pyroute2.netlink.rtnl.marshal import MarshalRtnl
    from pyroute2.netlink.rtnl.ndmsg import ndmsg

log = logging.getLogger(__name__)

ETHERNET = 1
"""ARPHRD_ETHER."""
_ANSWERED = 0x02 | 0x04 | 0x08 | 0x10 | 0x80
"""NUD_REACHABLE, STALE, DELAY, PROBE, PERMANENT: it answered once."""
_ASKED_IN_VAIN = 0x01 | 0x20
"""NUD_INCOMPLETE, FAILED."""
_GROUPS = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_NEIGH
_MOST_NEIGHBOURS = 16384
_ROOM = 1 << 17
AGAIN_SECONDS = 1.0
"""Seconds until everything is asked again after the kernel dropped messages."""


NetlinkMessage = Any
"""A message of pyroute2's codec, which has no types; `_link`, `_address` and `_neighbour` make ours of it."""


@dataclass(frozen=True)
class Link:
    """A network interface."""

    index: int
    name: str
    mac: str
    mtu: int
    ethernet: bool
    carrier: bool


def ask(message: NetlinkMessage, kind: int, *, every: bool = False) -> list[NetlinkMessage]:
    """Put one question and read the kernel's answer; OSError with its error number (ENODEV, ENOENT)."""
    message["header"]["type"] = kind
    message["header"]["flags"] = NLM_F_REQUEST | (NLM_F_DUMP if every else 0)
    message.encode()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as sock:
        sock.settimeout(5)
        sock.sendall(message.data)
        return list(_answers(sock, every))


def _answers(sock: socket.socket, every: bool) -> Iterator[NetlinkMessage]:
    codec = MarshalRtnl()
    while True:
        for answer in codec.parse(sock.recv(_ROOM)):
            kind = answer["header"]["type"]
            if kind == NLMSG_ERROR:
                raise OSError(*answer["header"]["error"].args[:2])
            if kind == NLMSG_DONE:
                return
            yield answer
            if not every:
                return


def links() -> list[Link]:
    """Every interface of this network namespace."""
    return [_link(each) for each in ask(ifinfmsg(), RTM_GETLINK, every=True)]


def link(name: str) -> Link:
    """One interface; OSError (ENODEV) if there is none of this name."""
    message = ifinfmsg()
    message["attrs"].append(("IFLA_IFNAME", name))
    return _link(ask(message, RTM_GETLINK)[0])


def addresses(index: int) -> list[IPv4Interface]:
    """IPv4 addresses of an interface, the primary one first."""
    found = filter(None, map(_address, ask(ifaddrmsg(), RTM_GETADDR, every=True)))
    return [address for owner, address in found if owner == index]


def neighbour(address: str, among: Iterable[int] = ()) -> bool | str | None:
    """The MAC at an IPv4 address; False if it was asked in vain, None if the kernel never spoke with it.

    `among`: indexes of the interfaces to look at, where they are known; else all.
    """
    for index in among or [each.index for each in links()]:
        message = ndmsg()
        message["family"], message["ifindex"] = socket.AF_INET, index
        message["attrs"].append(("NDA_DST", address))
        with suppress(OSError):
            return _neighbour(ask(message, RTM_GETNEIGH)[0])[1]
    return None


def _link(message: NetlinkMessage) -> Link:
    mac, mtu = message.get_attr("IFLA_ADDRESS") or "", message.get_attr("IFLA_MTU") or 0
    carrier = bool(message.get_attr("IFLA_CARRIER"))
    name, ethernet = message.get_attr("IFLA_IFNAME") or "", message["ifi_type"] == ETHERNET
    return Link(message["index"], name, mac.lower(), mtu, ethernet, carrier)


def _address(message: NetlinkMessage) -> tuple[int, IPv4Interface] | None:
    local = message.get_attr("IFA_LOCAL")
    if message["family"] != socket.AF_INET or not local:
        return None
    return message["index"], IPv4Interface(f"{local}/{message['prefixlen']}")


def _neighbour(message: NetlinkMessage) -> tuple[str, bool | str | None]:
    address, mac = message.get_attr("NDA_DST") or "", message.get_attr("NDA_LLADDR") or ""
    if message["state"] & _ANSWERED and mac.strip("0:"):
        return address, mac.lower()
    return address, False if message["state"] & _ASKED_IN_VAIN else None


class NetlinkWatch:
    """Links, addresses and neighbours of this namespace, as they change. `changed` hears of links and addresses."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._changed = changed
        self.links: dict[int, Link] = {}
        self.addresses: dict[int, set[IPv4Interface]] = {}
        self._neighbours: dict[str, str] = {}
        self._socket: AsyncIPRoute | None = None

    async def start(self) -> None:
        """Listen, then ask for everything that is there already."""
        self._socket = AsyncIPRoute()
        await self._socket.bind(groups=_GROUPS)
        self.links, self.addresses, self._neighbours = {}, {}, {}
        links, family = self._socket.get_links, {"family": socket.AF_INET}
        for question, of in ((links, {}), (self._socket.get_addr, family), (self._socket.get_neighbours, family)):
            async for message in await question(**of):  # to its end: the kernel answers no two at once
                self._take(message)

    async def run(self) -> None:
        """Follow the changes until cancelled. Messages that the kernel had to drop make it ask for everything again."""
        while True:
            try:
                if self._socket is None:
                    await self.start()
                assert self._socket is not None, "just opened"
                async for message in self._socket.get():
                    self._take(message)
            except (OSError, NetlinkError) as error:
                log.warning("netlink: %s; asking for everything again", error)
                await self.close()
                await asyncio.sleep(AGAIN_SECONDS)

    async def close(self) -> None:
        """Stop listening; what is known stays."""
        made, self._socket = self._socket, None
        if made is not None:
            made.close()
            await asyncio.sleep(0)  # the loop lets go of its transport

    def mac_at(self, address: str) -> str:
        """The MAC at an IPv4 address, or nothing: what was followed, else what the kernel says when asked."""
        known = self._neighbours.get(address)
        if known:
            return known
        if self._ours(address):  # no neighbour of ourselves
            return ""
        try:
            found = neighbour(address, self.links)
        except OSError:
            return ""
        return found if isinstance(found, str) else ""

    def _ours(self, address: str) -> bool:
        return any(str(each.ip) == address for known in self.addresses.values() for each in known)

    def now_at(self, address: str) -> str:
        """As `mac_at`, but asked of the kernel at this moment: changes are followed a little later than they happen."""
        with suppress(OSError):
            found = neighbour(address)
            if isinstance(found, str):
                return found
        return self._neighbours.get(address, "")

    def link(self, name: str) -> Link | None:
        """What is known of an interface; None if it is gone."""
        return next((each for each in self.links.values() if each.name == name), None)

    def has(self, name: str, address: str) -> bool:
        """Whether an interface has this address."""
        found = self.link(name)
        known = self.addresses.get(found.index, set()) if found is not None else set()
        return any(str(each.ip) == address for each in known)

    def _take(self, message: NetlinkMessage) -> None:
        kind = message["header"]["type"]
        if kind in (RTM_NEWNEIGH, RTM_DELNEIGH):
            self._take_neighbour(message, gone=kind == RTM_DELNEIGH)
        elif kind in (RTM_NEWLINK, RTM_DELLINK):
            self._take_link(_link(message), gone=kind == RTM_DELLINK)
        elif kind in (RTM_NEWADDR, RTM_DELADDR):
            self._take_address(_address(message), gone=kind == RTM_DELADDR)

    def _take_neighbour(self, message: NetlinkMessage, *, gone: bool) -> None:
        if message["family"] != socket.AF_INET:
            return
        address, mac = _neighbour(message)
        if gone or not isinstance(mac, str):
            self._neighbours.pop(address, None)
        elif address in self._neighbours or len(self._neighbours) < _MOST_NEIGHBOURS:
            self._neighbours[address] = mac

    def _take_link(self, found: Link, *, gone: bool) -> None:
        before = self.links.pop(found.index, None)
        if not gone:
            self.links[found.index] = found
        if gone or before != found:
            self._changed()

    def _take_address(self, found: tuple[int, IPv4Interface] | None, *, gone: bool) -> None:
        if found is None:
            return
        known = self.addresses.setdefault(found[0], set())
        (known.discard if gone else known.add)(found[1])
        self._changed()
