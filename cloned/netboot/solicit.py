"""Spares iPXE a wait of 13 s: it solicits IPv6 routers and waits, also where there is no IPv6 at all.

Only a MAC that just asked for an address as iPXE is told, and it alone, that there is no router here; nothing
on the wire gets an address, a route or a server from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from cloned.netboot.frames import ETH_IPV6, SOLICITATIONS, no_router, packet_socket, read_solicitation

_IPXE_SECONDS = 60
"""How long after its last DHCP request a MAC counts as iPXE that is starting."""
_MOST = 1024


class StartingIpxe:
    """MACs that asked for an address as iPXE of late; times in seconds since the epoch."""

    def __init__(self) -> None:
        self._asked: dict[str, float] = {}

    def asked(self, mac: str, now: float) -> None:
        """It did just now."""
        self._asked[mac] = now
        if len(self._asked) > _MOST:
            self._asked.pop(next(iter(self._asked)))

    def starts(self, mac: str) -> bool:
        """Whether it is starting."""
        return self._asked.get(mac, 0.0) + _IPXE_SECONDS > time.time()


class NoRouter:
    """Answers router solicitations on `interface` of the MACs that `wanted` names."""

    def __init__(self, interface: str, mac: str, wanted: Callable[[str], bool]) -> None:
        self._mac, self._wanted = mac, wanted
        self._sock = packet_socket(interface, ETH_IPV6, SOLICITATIONS)
        asyncio.get_running_loop().add_reader(self._sock, self._readable)

    def close(self) -> None:
        """Stop listening."""
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()

    def _readable(self) -> None:
        for _ in range(16):
            try:
                frame = self._sock.recv(256)
            except OSError:
                return
            mac = read_solicitation(frame)
            if mac is not None and self._wanted(mac):
                with contextlib.suppress(OSError):
                    self._sock.send(no_router(self._mac, mac, frame[22:38]))
