"""What each laptop asked for and what it got: bounded, for `cloned netboot log` and the page."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from cloned.core.answer_data import BootLogEntry
from cloned.quoting import quoted

PER_MAC = 60
"""Entries kept of one MAC: a boot makes about twenty."""
MACS = 1024
"""MACs kept; the one heard of longest ago goes first."""
_SAME = 64
"""Characters of an answer that are compared to merge repeats."""


@dataclass
class BootRecord:
    """One thing asked and what came of it."""

    at: float
    """Seconds since the epoch, of the last of `times` equal ones."""
    asked: str
    got: str
    why: str
    """In words, where it was refused or not answered; else empty."""
    address: str = ""
    interface: str = ""
    times: int = 1


def logged(mac: str, entry: BootRecord) -> BootLogEntry:
    """An entry as plain data, with whose it is."""
    return {
        "mac": mac,
        "at": entry.at,
        "asked": entry.asked,
        "got": entry.got,
        "why": entry.why,
        "address": entry.address,
        "interface": entry.interface,
        "times": entry.times,
    }


class History:
    """The last things each MAC asked. Equal neighbours are counted, so that a loop can't flush the rest."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._macs: OrderedDict[str, deque[BootRecord]] = OrderedDict()
        self._addresses: OrderedDict[str, str] = OrderedDict()
        self._last = float("-inf")

    def add(
        self, mac: str, asked: str, got: str = "", why: str = "", *, address: str = "", interface: str = ""
    ) -> None:
        """Write down that `mac` asked for something."""
        self._last = self._clock()
        asked, got, why = quoted(asked, 200), quoted(got, 200), quoted(why, 300)
        entries = self._macs.setdefault(mac, deque(maxlen=PER_MAC))
        self._macs.move_to_end(mac)
        if len(self._macs) > MACS:
            self._macs.popitem(last=False)
        last = entries[-1] if entries else None
        if last is not None and (last.asked[:_SAME], last.got[:_SAME], last.why[:_SAME]) == (
            asked[:_SAME],
            got[:_SAME],
            why[:_SAME],
        ):
            last.at, last.times = self._clock(), last.times + 1
            return
        entries.append(BootRecord(self._clock(), asked, got, why, address, interface))

    def quiet(self) -> float:
        """Seconds since anybody asked for anything."""
        return self._clock() - self._last

    def knows(self, mac: str) -> bool:
        """Whether `mac` has asked for anything yet."""
        return mac in self._macs

    def place(self, mac: str, address: str) -> None:
        """Remember that `mac` was seen using `address`."""
        self._addresses[address] = mac
        self._addresses.move_to_end(address)
        if len(self._addresses) > 4 * MACS:
            self._addresses.popitem(last=False)

    def mac_of(self, address: str) -> str:
        """The MAC last seen at `address`, or nothing."""
        return self._addresses.get(address, "")

    def entries(self, mac: str) -> list[BootRecord]:
        """What `mac` asked, oldest first."""
        return list(self._macs.get(mac, ()))

    def log(self, mac: str = "") -> list[BootLogEntry]:
        """All entries (or those of one MAC), oldest first, as plain data with the key `mac`."""
        chosen = [mac] if mac else list(self._macs)
        rows = [logged(one, entry) for one in chosen for entry in self._macs.get(one, ())]
        return sorted(rows, key=lambda row: row["at"])
