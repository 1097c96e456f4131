"""Classic Clonezilla sessions: what udp-sender says and what to do about it. Pure.

udp-sender (udpcast 20120424) talks to a terminal: lines, and between them progress that a carriage
return writes over. Read from its output, not from a document: there is none.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

STALL_SECONDS = 8.0
"""Seconds without progress after which the receivers that udp-sender waits for are ejected."""

STALL_OF_ALL = 60.0
"""The same where nobody is held up, since all who are left stand still: a disk that empties its cache may take that
long. Who is gone for good is found out sooner, by its silence."""

DISCONNECT = b"\x00\x04\x00\x00"
"""udpcast's CMD_DISCONNECT: the sender forgets the receiver it comes from."""


@dataclass(frozen=True)
class Joined:
    """A receiver was let in."""

    address: str
    number: int


@dataclass(frozen=True)
class ReceiverLeft:
    """A receiver is out: it has all, was ejected, or was dropped."""

    address: str
    number: int


@dataclass(frozen=True)
class Dropped:
    """udp-sender itself gave a receiver up."""

    number: int


@dataclass(frozen=True)
class Started:
    """The data flows."""


@dataclass(frozen=True)
class Sent:
    """Bytes that all receivers have."""

    bytes: int


@dataclass(frozen=True)
class Waiting:
    """Receivers that have not answered for a while, by number."""

    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Complete:
    """All bytes went to all receivers that were left."""


SenderWord = Joined | ReceiverLeft | Dropped | Started | Sent | Waiting | Complete

_JOINED = re.compile(r"New connection from (\d+\.\d+\.\d+\.\d+)\s+\(#(\d+)\)")
_LEFT = re.compile(r"Disconnecting #(\d+) \((\d+\.\d+\.\d+\.\d+)\)")
_DROPPED = re.compile(r"Dropping client #(\d+)")
_SENT = re.compile(r"bytes=\s*([\d ]+?)\s*[KM]?\s+re-xmits")
_WAITING = re.compile(r"notAnswered=\[([\d,]*)\]")


def understand(line: str) -> SenderWord | None:
    """What one line of udp-sender's output means; None for what does not matter."""
    if found := _JOINED.search(line):
        return Joined(found[1], int(found[2]))
    if found := _LEFT.search(line):
        return ReceiverLeft(found[2], int(found[1]))
    if found := _DROPPED.search(line):
        return Dropped(int(found[1]))
    if found := _WAITING.search(line):
        return Waiting(tuple(int(number) for number in found[1].split(",") if number))
    if found := _SENT.search(line):
        return Sent(int(found[1].replace(" ", "")))
    if "Starting transfer" in line:
        return Started()
    return Complete() if "Transfer complete" in line else None


class Lines:
    """Cuts a terminal's output into lines: \\r and \\n both end one."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, output: bytes) -> list[str]:
        """The lines that are complete now."""
        *lines, self._rest = re.split(r"[\r\n\a]+", self._rest + output.decode("ascii", "replace"))
        self._rest = self._rest[-4096:]
        return [line for line in lines if line.strip()]


class Admission:
    """Whom the streams of a session are for; it changes while they run, and everybody looks at the same one."""

    def __init__(self, wanted: frozenset[str] | None, guests: int = 0) -> None:
        """`wanted`: IPv4 addresses, no more and no fewer; None for the first `guests` who come."""
        self._known: set[str] = set()
        self.wanted = wanted
        self.guests = guests

    @property
    def wanted(self) -> frozenset[str] | None:
        """Whom they are for now."""
        return self._wanted

    @wanted.setter
    def wanted(self, addresses: frozenset[str] | None) -> None:
        self._wanted = addresses
        self._known |= addresses or frozenset()

    @property
    def gone(self) -> bool:
        """Whether nobody is left."""
        return self.wanted is not None and not self.wanted

    def keep(self, addresses: Collection[str]) -> None:
        """Only these, as far as they are wanted, from now on."""
        self.wanted = frozenset(addresses) if self.wanted is None else self.wanted & frozenset(addresses)

    def complete(self, inside: Collection[str]) -> bool:
        """Whether just those are in who should be."""
        found = set(inside)
        return len(found) == self.guests if self.wanted is None else bool(found) and found == self.wanted

    def foreign(self, inside: Collection[str]) -> str | None:
        """Somebody who is in and was never wanted: whoever it is, it knows our port."""
        return next((each for each in inside if self.wanted is not None and each not in self._known), None)

    def stranger(self, inside: Collection[str]) -> str | None:
        """Somebody who is in and should not be."""
        return next((each for each in inside if self.wanted is not None and each not in self.wanted), None)


class ClassicStream:
    """One stream: who is in, whether to start, whom to eject."""

    def __init__(self, admission: Admission, now: float) -> None:
        self.admission = admission
        self.inside: dict[int, str] = {}
        self.finished: set[str] = set()
        self.dropped: set[str] = set()
        self.started = False
        self.complete = False
        self.sent = 0
        self._since = now
        self._progress = 0.0
        self._waiting: tuple[int, ...] = ()

    def ready(self) -> bool:
        """Whether exactly the wanted ones are in, so that the key may be pressed."""
        return not self.started and self.admission.complete(self.inside.values())

    def missing(self, now: float, patience: float) -> list[str]:
        """Who is wanted and did not come within `patience` seconds; guests that nobody knows are waited for."""
        wanted = self.admission.wanted
        if self.started or wanted is None or now - self._since < patience:
            return []
        return sorted(wanted - set(self.inside.values()))

    def take_in(self, said: SenderWord, now: float) -> None:
        """Note what udp-sender said."""
        match said:
            case Joined(address, number):
                self.inside[number] = address
                self.dropped.discard(address)
            case Started():
                self.started, self._progress = True, now
            case Sent(count) if count > self.sent:
                self.sent, self._progress, self._waiting = count, now, ()
            case Waiting(numbers):
                self._waiting = numbers
            case Dropped(number):
                self._out(number)
            case Complete():
                self.complete = True
                self.finished |= set(self.inside.values()) - self.dropped
            case ReceiverLeft(_, number) if not self.complete:
                self._out(number)

    def _out(self, number: int) -> None:
        address = self.inside.pop(number, None)
        if address is not None:
            self.dropped.add(address)

    def to_eject(self, now: float) -> list[str]:
        """Receivers that should not be in or hold the others up; each call names them again until they are out."""
        strangers = (
            [] if self.complete else [address for address in self.inside.values() if self.admission.stranger([address])]
        )
        slow = [self.inside[number] for number in self._waiting if number in self.inside]
        patience = STALL_SECONDS if len(slow) < len(self.inside) else STALL_OF_ALL
        if not self.started or self.complete or now - self._progress < patience:
            return strangers
        return strangers + slow
