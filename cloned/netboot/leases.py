"""The addresses of one interface: who holds which, and which are known to be free.

Pure apart from `LeaseFile`. Time comes in as seconds since the epoch. A lease belongs to a MAC, not to a DHCP
client identifier: boot ROM, iPXE and the live system of one laptop send different identifiers (RFC 2131 §4.2
would give them three addresses) and a boot script's token is bound to one address.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

OFFER_SECONDS = 60
"""How long an address is kept for a client that was offered it and has not asked for it."""
DECLINED_SECONDS = 3600
"""How long an address is left alone that a client declined or that answered ARP for somebody else."""
FRESH_SECONDS = 300
"""How long an ARP check that found nobody holds. Whoever comes later shows himself by his first ARP request, and
is asked for once more at the moment of the offer."""


@dataclass(frozen=True)
class Lease:
    """An address that is not free before `until`."""

    address: str
    mac: str
    """Empty where it is not ours to give: declined, or used by somebody we did not give it to."""
    until: float
    bound: bool = True
    """False for an offer that was not taken yet."""


class LeaseStore(Protocol):
    """Where leases outlive the daemon."""

    def load(self) -> Iterable[Lease]:
        """Every lease saved, the newest of an address last."""

    def save(self, lease: Lease) -> None:
        """Keep `lease` in place of an older one of that address; must not take long."""


class LeaseFile:
    """Leases as lines of JSON in one file; written without fsync: after a power cut the ARP check decides."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> list[Lease]:
        """What the file holds; a line cut short by a power cut is passed over. Rewrites it without repeats."""
        newest: dict[str, Lease] = {}
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        for line in lines:
            try:
                lease = _lease(json.loads(line))
                newest[lease.address] = lease
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
        fresh = self._path.with_suffix(".new")
        fresh.write_text("".join(json.dumps(asdict(lease)) + "\n" for lease in newest.values()), encoding="utf-8")
        fresh.replace(self._path)
        return list(newest.values())

    def save(self, lease: Lease) -> None:
        """Append one line."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(lease)) + "\n")


def _lease(data: dict[str, Any]) -> Lease:
    """A lease as it was saved; ValueError, TypeError or KeyError if it is none."""
    until = float(data["until"])
    if not (isinstance(data["mac"], str) and isinstance(data["bound"], bool) and math.isfinite(until)):
        raise ValueError(data)
    return Lease(str(IPv4Address(str(data["address"]))), data["mac"], until, data["bound"])


class Pool:
    """The addresses `first … last` without `reserved`; never given twice at a time."""

    def __init__(
        self,
        first: IPv4Address,
        last: IPv4Address,
        seconds: int,
        store: LeaseStore,
        reserved: Iterable[IPv4Address] = (),
    ) -> None:
        self._first, self._last, self.seconds = int(first), int(last), seconds
        self._store = store
        self._reserved = {int(address) for address in reserved}
        self._held: OrderedDict[str, Lease] = OrderedDict()
        self._of_mac: dict[str, str] = {}
        self._checked: OrderedDict[str, float] = OrderedDict()
        for lease in store.load():
            if self.covers(lease.address):
                self._put(lease)

    @property
    def size(self) -> int:
        """Addresses that could be given."""
        inside = sum(self._first <= address <= self._last for address in self._reserved)
        return self._last - self._first + 1 - inside

    def covers(self, address: str | IPv4Address) -> bool:
        """Whether `address` is ours to give."""
        number = int(IPv4Address(address))
        return self._first <= number <= self._last and number not in self._reserved

    def lease_of(self, mac: str) -> Lease | None:
        """The last lease or offer of `mac`, also one that has run out."""
        return self._held.get(self._of_mac.get(mac, ""))

    def in_use(self, now: float) -> int:
        """Addresses that are not free."""
        return sum(lease.until > now for lease in self._held.values())

    def offer(self, mac: str, wanted: IPv4Address | None, now: float) -> str:
        """Put an address aside for `mac` and return it; empty if none is free and checked.

        Its own last address, else the one it asks for, else one that nobody had, else the one free for longest.
        """
        own = self.lease_of(mac)
        if own is not None:
            address = own.address
            until = max(own.until, now + OFFER_SECONDS) if own.bound and own.until > now else now + OFFER_SECONDS
            self._put(Lease(address, mac, until, own.bound and own.until > now))
            return address
        asked = str(wanted) if wanted is not None else ""
        address = asked if asked in self._checked and self._ready(asked, now) else self._next_ready(now)
        if address:
            self._put(Lease(address, mac, now + OFFER_SECONDS, bound=False))
        return address

    def bind(self, mac: str, address: IPv4Address, now: float) -> bool:
        """Give `address` to `mac` for the lease time; False if it is not its to have.

        One that it never had from us must be free, and found free by ARP, as any that is offered.
        """
        text = str(address)
        held = self._held.get(text)
        own = held is not None and held.mac == mac
        if not self.covers(address) or not (own or (text in self._checked and self._ready(text, now))):
            return False
        self._keep(Lease(text, mac, now + self.seconds))
        return True

    def release(self, mac: str, address: IPv4Address, now: float) -> None:
        """`mac` is done with `address`; it gets the same one again while nobody else needs it."""
        held = self._held.get(str(address))
        if held is not None and held.mac == mac and mac:
            self._keep(Lease(held.address, mac, now))

    def withdraw(self, mac: str) -> None:
        """`mac` took another server's offer: what was put aside for it is free."""
        lease = self.lease_of(mac)
        if lease is not None and not lease.bound:
            self._drop(lease)

    def taken(self, address: str, now: float) -> bool:
        """Somebody else uses `address` (ARP, or a client declined it): leave it alone for an hour.

        True if this was not known already.
        """
        held = self._held.get(address)
        known = held is not None and not held.mac and held.until > now
        if self.covers(address) and not known:
            self._keep(Lease(address, "", now + DECLINED_SECONDS))
        return not known

    def checked(self, address: str, now: float) -> None:
        """An ARP check found nobody at `address`."""
        self._checked[address] = now
        self._checked.move_to_end(address)

    def to_check(self, stock: int, now: float) -> list[str]:
        """Free addresses that want an ARP check so that `stock` of them are ready to be offered."""
        for address in [one for one in self._checked if not self._ready(one, now)]:
            del self._checked[address]
        young = {address for address, at in self._checked.items() if at + FRESH_SECONDS / 2 >= now}
        old = (address for address in self._candidates(now) if address not in young)
        return list(islice(old, max(stock - len(young), 0)))

    def exhausted(self, now: float) -> bool:
        """Whether not one address is free."""
        return next(self._candidates(now), None) is None

    def _candidates(self, now: float) -> Iterator[str]:
        """Free addresses in the order they are given: those nobody had, then those free for longest."""
        for number in range(self._first, self._last + 1):
            address = str(IPv4Address(number))
            if number not in self._reserved and address not in self._held:
                yield address
        for address, lease in list(self._held.items()):
            if lease.until <= now:
                yield address

    def _free(self, address: str, now: float) -> bool:
        held = self._held.get(address)
        return held is None or held.until <= now

    def _ready(self, address: str, now: float) -> bool:
        return self._free(address, now) and self._checked[address] + FRESH_SECONDS >= now

    def _next_ready(self, now: float) -> str:
        used = ""
        for address in self._checked:
            if self._ready(address, now):
                if address not in self._held:
                    return address
                used = used or address
        return used

    def _keep(self, lease: Lease) -> None:
        self._put(lease)
        self._store.save(lease)

    def _put(self, lease: Lease) -> None:
        """Hold `lease`; a MAC has one address, an address one lease."""
        old = self._held.get(lease.address)
        if old is not None:
            self._drop(old)
        earlier = self.lease_of(lease.mac) if lease.mac else None
        if earlier is not None:
            self._drop(earlier)
        self._held[lease.address] = lease
        self._checked.pop(lease.address, None)
        if lease.mac:
            self._of_mac[lease.mac] = lease.address

    def _drop(self, lease: Lease) -> None:
        self._held.pop(lease.address, None)
        if self._of_mac.get(lease.mac) == lease.address:
            del self._of_mac[lease.mac]
