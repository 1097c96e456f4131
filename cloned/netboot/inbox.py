"""DHCP requests that wait for their turn: what a laptop is in the middle of comes before what somebody begins. Pure.

Where more comes than can be answered, it is the beginnings that are left out, and the oldest of them first: each will
be repeated, and an answer to one that is a second old helps nobody. So the number of laptops that get all the way
never falls with the number of those that ask.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from cloned.netboot.packet import MessageType

MOST = 1024, 256, 256
"""Requests that wait at most: those that go on, beginnings of laptops that have an address of ours, of others."""
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
    """A queue for each sort. `known(mac)`: whether that laptop has an address of ours (its six bytes)."""

    def __init__(self, known: Callable[[bytes], bool]) -> None:
        self._known = known
        self._queues: tuple[deque[DhcpDatagram], ...] = tuple(deque() for _ in MOST)
        self._turn = 0

    def __len__(self) -> int:
        return sum(map(len, self._queues))

    def put(self, datagram: DhcpDatagram) -> bool:
        """Let one in; False if one had to be left out for it."""
        sort = (1 if self._known(datagram.data[28:34]) else 2) if begins(datagram.data) else 0
        queue = self._queues[sort]
        if len(queue) < MOST[sort]:
            queue.append(datagram)
            return True
        if sort:  # the client of a newer one still waits
            queue.popleft()
            queue.append(datagram)
        return False

    def take(self) -> DhcpDatagram:
        """The next one; IndexError if there is none."""
        self._turn += 1
        first = 2 if self._turn % (_TURN * _TURN) == 0 else 1 if self._turn % _TURN == 0 else 0
        queues = (self._queues[first], *self._queues)
        return next((queue for queue in queues if queue), self._queues[0]).popleft()


def begins(data: bytes) -> bool:
    """Whether it is a DISCOVER, by the place where every client has its type: first among the options."""
    return data[240:243] == bytes((53, 1, MessageType.DISCOVER))
