"""DHCP requests that wait for their turn: what a laptop is in the middle of comes before what somebody begins. Pure.

Where more comes than can be answered, it is the beginnings that are left out, and the oldest of them first: each will
be repeated, and an answer to one that is a second old helps nobody. So the number of laptops that get all the way
never falls with the number of those that ask.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from cloned.netboot.packet import MessageType

MOST = 1024, 256, 256
"""Requests that wait at most: what laptops that have an address of ours go on with, begin, and what others say."""
_Key = tuple[str, int]
"""A laptop's MAC, and the port that it speaks to."""
_DISCOVER = bytes((53, 1, MessageType.DISCOVER))
_TURN = 8
"""After so many there is one of the next sort."""


class DhcpDatagram(NamedTuple):
    """What came to a socket."""

    data: bytes
    source: str
    port: int
    arrived: int
    """The port of ours that it came to."""


class Inbox:
    """A queue for each sort. `known(mac)`: whether that laptop has an address of ours.

    A laptop has one place in each queue, which goes to the latest it says: whoever repeats himself a thousand times a
    second waits for himself. `None`: we give no addresses here, so there is nobody to know.
    """

    def __init__(self, known: Callable[[str], bool] | None) -> None:
        self._known = known
        self._queues: tuple[OrderedDict[_Key, DhcpDatagram], ...] = tuple(OrderedDict() for _ in MOST)
        self._turn = 0

    def __len__(self) -> int:
        return sum(map(len, self._queues))

    def __bool__(self) -> bool:
        return any(self._queues)

    def put(self, datagram: DhcpDatagram) -> bool:
        """Let one in; False if one had to be left out for it."""
        key = datagram.data[28:34].hex(":"), datagram.arrived
        sort = self._sort(datagram, key[0])
        queue = self._queues[sort]
        if key in queue:
            queue[key] = datagram
            return False
        room = len(queue) < MOST[sort]
        if not room and sort:  # the client of a newer one still waits
            queue.popitem(last=False)
        if room or sort:
            queue[key] = datagram
        return room

    def take(self) -> DhcpDatagram:
        """The next one; IndexError if there is none."""
        self._turn += 1
        first = 2 if self._turn % (_TURN * _TURN) == 0 else 1 if self._turn % _TURN == 0 else 0
        for queue in (self._queues[first], *self._queues):
            if queue:
                return queue.popitem(last=False)[1]
        raise IndexError("nothing waits")

    def _sort(self, datagram: DhcpDatagram, mac: str) -> int:
        """What somebody goes on with who was offered nothing here is a beginning like any other, whatever it says."""
        if self._known is None:
            return 2 if begins(datagram.data) else 0
        if not self._known(mac):
            return 2
        return 1 if begins(datagram.data) else 0


def begins(data: bytes) -> bool:
    """Whether it is a DISCOVER, by the place where every client has its type: first among the options."""
    return data[240:243] == _DISCOVER
