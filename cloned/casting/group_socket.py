"""Sends bursts of packets to a multicast group: one system call for all where the kernel cuts them up."""

from __future__ import annotations

import errno
import logging
import socket
import struct
from collections.abc import Iterator, Sequence

from cloned.stream.packets import PACKET

log = logging.getLogger(__name__)

UDP_SEGMENT = 103
"""udp(7): the kernel cuts one large datagram into packets of this size (Linux 4.18)."""

NO_OFFLOAD = {errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.EMSGSIZE}
LINK_TROUBLE = {errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH, errno.EPERM, errno.ENOBUFS, errno.ENODEV}

SEND_BUFFER_BYTES = 1 << 20
"""Bytes that may wait in the kernel: 8 ms at a gigabit, so that a slower link is felt at once."""


class GroupSocket:
    """A multicast group, reached from one network card and never past a router (TTL 1)."""

    def __init__(self, interface: str, group: str, port: int) -> None:
        """`interface`: the card's IPv4 address."""
        self.trouble = ""
        """Why the last burst was not sent."""
        self._interface, self._to = interface, (group, port)
        self._segmenting = True
        self._ancillary = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", PACKET))]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._socket.bind((interface, 0))

    def send(self, parts: Sequence[bytes | memoryview], count: int) -> bool:
        """Send `count` packets, of PACKET bytes each but for the last; False if the link can't take them now."""
        try:
            self._send(parts, count)
        except OSError as error:
            return self._not_sent(error, parts, count)
        self.trouble = ""
        return True

    def _send(self, parts: Sequence[bytes | memoryview], count: int) -> None:
        if count == 1 or self._segmenting:
            self._socket.sendmsg(parts, self._ancillary if count > 1 else [], 0, self._to)
        else:
            for packet in _singly(parts):
                self._socket.sendto(packet, self._to)

    def _not_sent(self, error: OSError, parts: Sequence[bytes | memoryview], count: int) -> bool:
        """Do without segmentation where there is none; a link that is down may come back."""
        if count > 1 and self._segmenting and error.errno in NO_OFFLOAD:
            log.info("no UDP segmentation on %s (%s): sending packet by packet", self._interface, error)
            self._segmenting = False
            return self.send(parts, count)
        if error.errno not in LINK_TROUBLE:
            raise error
        if not self.trouble:
            log.warning("cannot multicast from %s: %s", self._interface, error)
        self.trouble = str(error)
        return False

    def close(self) -> None:
        """Leave."""
        self._socket.close()


def _singly(parts: Sequence[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """The packets one by one."""
    for part in parts:
        for start in range(0, len(part), PACKET):
            yield part[start : start + PACKET]
