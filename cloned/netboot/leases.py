"""The addresses of one interface: who holds which, and which are known to be free. Pure.

Time comes in as seconds since the epoch. A lease belongs to a MAC, not to a DHCP client identifier: boot ROM, iPXE and
the live system of one laptop send different identifiers (RFC 2131 §4.2 would give them three addresses) and a boot
script's token is bound to one address.

Every request costs the same, however many addresses there are and however many are taken: each address is in exactly
one place (`_active`, `_returned`, `_free`, `_asked`, `_ready`, or not reached by `_next` yet).
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Protocol

from cloned.netboot.blame import Blame
from cloned.netboot.packet import address_in, address_of

OFFER_SECONDS = 60
"""How long an address is kept for a client that was offered it and has not asked for it."""
OFFER_SECONDS_AT_LEAST = 4
"""How long it is kept where nothing else is left: who invents clients must not hold every address for a minute."""
QUIET_SECONDS = 10
"""How long an address is kept for a client that took it and then never asked by ARP for anybody, where nothing else is
left. Whoever uses an address does so at once: it wants a boot file, or its router."""
DECLINED_SECONDS = 3600
"""How long an address is left alone that a client declined or that answered ARP for somebody else."""
FRESH_SECONDS = 300
"""How long an ARP check that found nobody holds. Whoever comes later shows himself by his first ARP request, and
is asked for once more at the moment of the offer."""
ASKED_SECONDS = 5
"""How long an ARP check may take before the address is asked for again."""
BLAMED_MOST, BLAMED_SECONDS = 4, 600
"""How many addresses one MAC may decline in that time: a client that finds its address taken gets another one."""
CLAIMED_MOST = 16
"""How many addresses one MAC may claim by ARP without being given them, in an hour: a machine has a few, not all."""


@dataclass(slots=True)
class Lease:
    """An address that is not free before `until`. Nobody changes one (see `Packet`)."""

    address: str
    mac: str
    """Empty where it is not ours to give: declined, or used by somebody we did not give it to."""
    until: float
    bound: bool = True
    """False for an offer that was not taken yet."""


class LeaseStore(Protocol):
    """Where leases outlive the daemon."""

    problem: str
    """Why leases cannot be saved, while they cannot."""

    def load(self) -> Iterable[Lease]:
        """Every lease saved, the newest of an address last."""

    def save(self, lease: Lease) -> None:
        """Keep `lease` in place of an older one of that address; must not take long, and not raise."""

    def flush(self) -> None:
        """Have on its way to the disk what was saved; the same holds. Nobody is told of a lease before."""


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
        self.size = self._last - self._first + 1 - sum(self._first <= one <= self._last for one in self._reserved)
        """Addresses that could be given."""
        self.drawn = 0
        """How many addresses went to somebody who had none before: how fast the stock is used up."""
        self._held: dict[str, Lease] = {}
        self._of_mac: dict[str, str] = {}
        self._active: set[str] = set()
        """Held, and not run out as far as anybody has looked."""
        self._ends: list[tuple[float, str]] = []
        """A heap of when to look at an address again; `_ending` has the earliest of each."""
        self._ending: dict[str, float] = {}
        self._next = self._first
        """Addresses from here on were never given nor checked."""
        self._returned: OrderedDict[str, None] = OrderedDict()
        """Free, and nobody had them, or they were given back unused."""
        self._free: OrderedDict[str, None] = OrderedDict()
        """Held once, and run out: the longest ago first."""
        self._asked: OrderedDict[str, float] = OrderedDict()
        """Being asked for by ARP, since when."""
        self._ready: tuple[OrderedDict[str, float], OrderedDict[str, float]] = OrderedDict(), OrderedDict()
        """Found free by ARP, and when: those nobody had, those that were held once."""
        self._offers: OrderedDict[str, float] = OrderedDict()
        """Offered and not taken yet, and when."""
        self._quiet: OrderedDict[str, float] = OrderedDict()
        """Taken by somebody who had none before and was not seen using it, and when."""
        self._declined: OrderedDict[str, None] = OrderedDict()
        self._decliners, self._claimers = Blame(BLAMED_MOST, BLAMED_SECONDS), Blame(CLAIMED_MOST, DECLINED_SECONDS)
        for lease in sorted(store.load(), key=lambda lease: lease.until):  # the last one of a MAC counts
            if self.covers(lease.address):
                self._put(lease)

    @property
    def problem(self) -> str:
        """Why leases cannot be saved, while they cannot."""
        return self._store.problem

    def flush(self) -> None:
        """Write down what was given since the last time; nobody is told of a lease before."""
        self._store.flush()

    def covers(self, address: str | IPv4Address) -> bool:
        """Whether `address` is ours to give."""
        number = int(address if isinstance(address, IPv4Address) else address_in(address))
        return self._first <= number <= self._last and number not in self._reserved

    def lease_of(self, mac: str) -> Lease | None:
        """The last lease or offer of `mac`, also one that has run out."""
        return self._held.get(self._of_mac.get(mac, ""))

    def knows(self, mac: str) -> bool:
        """Whether `lease_of` has one."""
        return mac in self._of_mac

    def in_use(self, now: float) -> int:
        """Addresses that are not free."""
        self._expire(now)
        return len(self._active)

    def exhausted(self, now: float) -> bool:
        """Whether not one address is free."""
        return self.in_use(now) >= self.size

    def offer(self, mac: str, wanted: IPv4Address | None, now: float) -> str:
        """Put an address aside for `mac` and return it; empty if none is free and checked.

        Its own last address, else the one it asks for, else one that nobody had, else the one free for longest, else
        one that was offered to somebody who has not come back for it, else one that was taken and is not used.
        """
        self._expire(now)
        own = self.lease_of(mac)
        if own is not None:
            bound = own.bound and own.until > now
            self._offered(Lease(own.address, mac, max(own.until if bound else 0, now + OFFER_SECONDS), bound), now)
            return own.address
        asked = str(wanted) if wanted is not None else ""
        address = asked if self._is_ready(asked, now) else self._next_ready(now) or self._abandoned(now)
        if address:
            self.drawn += 1
            self._offered(Lease(address, mac, now + OFFER_SECONDS, bound=False), now)
        return address

    def bind(self, mac: str, address: IPv4Address, now: float) -> bool:
        """Give `address` to `mac` for the lease time; False if it is not its to have.

        One that it never had from us must be free, and found free by ARP, as any that is offered.
        """
        self._expire(now)
        text = str(address)
        held = self._held.get(text)
        own = held is not None and held.mac == mac
        if not (own or self._is_ready(text, now)) or not self.covers(address):
            return False
        renewed = own and held is not None and held.bound and held.until > now
        self._keep(Lease(text, mac, now + self.seconds))
        if not renewed:  # and a renewal is no use of it: that costs whoever invents clients no more than another
            self._quiet[text] = now
        return True

    def used(self, mac: str, address: str) -> bool:
        """`mac` was seen using `address` (ARP). False if that is not its own."""
        lease = self.lease_of(mac)
        if lease is None or lease.address != address:
            return False
        self._quiet.pop(address, None)
        return True

    def seen_using(self, mac: str, now: float) -> bool:
        """Whether `mac` has an address and was seen using it (ARP): whoever declines it then is somebody else."""
        lease = self.lease_of(mac)
        return lease is not None and lease.bound and lease.until > now and lease.address not in self._quiet

    def release(self, mac: str, address: IPv4Address, now: float) -> None:
        """`mac` is done with `address`; it gets the same one again while nobody else needs it."""
        held = self._held.get(str(address))
        if held is not None and held.mac == mac and mac and held.until > now:
            self._end(Lease(held.address, mac, now))

    def withdraw(self, mac: str) -> None:
        """`mac` took another server's offer: what was put aside for it is free."""
        lease = self.lease_of(mac)
        if lease is not None and not lease.bound:
            self._drop(lease)

    def declined(self, mac: str, address: str, now: float) -> bool:
        """`mac` found somebody else at `address`, which was its own: leave it alone for an hour.

        False if that is not believed any more: one MAC may say so a few times, and all together of an eighth of the
        addresses; whoever said so first is forgotten then, and ARP asked again.
        """
        if not self._decliners.allows(mac, now):
            return False
        self._keep(Lease(address, "", now + DECLINED_SECONDS))
        self._declined[address] = None
        while len(self._declined) > max(2, self.size // 8):
            oldest, _ = self._declined.popitem(last=False)
            self._end(Lease(oldest, "", now))
        return True

    def taken(self, address: str, now: float, by: str = "") -> bool:
        """Somebody else uses `address` (ARP): leave it alone for an hour. False if not believed, or known already."""
        held = self._held.get(address)
        if held is not None and not held.mac and held.until > now:
            return False
        if not self.covers(address) or (by and not self._claimers.allows(by, now)):
            return False
        self._keep(Lease(address, "", now + DECLINED_SECONDS))
        return True

    def checked(self, address: str, now: float) -> None:
        """An ARP check found nobody at `address`."""
        if address in self._active or not self.covers(address):
            return
        self._take_out(address)
        self._ready[address in self._held][address] = now

    def to_check(self, stock: int, now: float, most: int = 4096) -> list[str]:
        """Free addresses that want an ARP check so that `stock` of them are ready to be offered; at most `most`.

        They count as asked for from now on: `checked` or `taken` is to follow.
        """
        self._expire(now)
        self._come_back(now)
        old = [one for ready in self._ready for one in _older(ready, now - FRESH_SECONDS / 2)]
        missing = stock - sum(map(len, self._ready)) - len(self._asked)
        wanted = old[: max(0, min(missing + len(old), most))]
        for _ in range(min(missing, most - len(wanted))):
            address = self._unchecked()
            if not address:
                break
            self._asked[address] = now
            wanted.append(address)
        return wanted

    def _come_back(self, now: float) -> None:
        """Checks that were never answered, and those that are too old."""
        for address in _older(self._asked, now - ASKED_SECONDS):
            self._set_free(address)
        for ready in self._ready:
            for address in _older(ready, now - FRESH_SECONDS):
                self._set_free(address)

    def _unchecked(self) -> str:
        """The next free address that nobody asked for, taken from its place; nothing if there is none."""
        if self._returned:
            return self._returned.popitem(last=False)[0]
        while self._next <= self._last:
            number, self._next = self._next, self._next + 1
            address = str(address_of(number.to_bytes(4)))
            if number not in self._reserved and not self._placed(address):
                return address
        return self._free.popitem(last=False)[0] if self._free else ""

    def _placed(self, address: str) -> bool:
        return address in self._held or address in self._asked or address in self._ready[0]

    def _expire(self, now: float) -> None:
        """Set free what has run out. Each lease is looked at once, when its time is over."""
        while self._ends and self._ends[0][0] <= now:
            until, address = heapq.heappop(self._ends)
            if self._ending.get(address) == until:
                del self._ending[address]
            lease = self._held.get(address)
            if lease is None or address not in self._active:
                continue
            if lease.until > now:
                self._look_at(lease)
            else:
                self._set_free(address)

    def _look_at(self, lease: Lease) -> None:
        """Have `_expire` look at it in time: a renewal needs no entry of its own, and those left over are swept."""
        if self._ending.get(lease.address, float("inf")) <= lease.until:
            return
        self._ending[lease.address] = lease.until
        heapq.heappush(self._ends, (lease.until, lease.address))
        if len(self._ends) > 2 * len(self._held) + 1024:
            self._ends = [(until, address) for address, until in self._ending.items()]
            heapq.heapify(self._ends)

    def _is_ready(self, address: str, now: float) -> bool:
        return any(address in ready and ready[address] + FRESH_SECONDS >= now for ready in self._ready)

    def _next_ready(self, now: float) -> str:
        for ready in self._ready:
            for address in _older(ready, now - FRESH_SECONDS):
                self._set_free(address)
            if ready:
                return next(iter(ready))
        return ""

    def _abandoned(self, now: float) -> str:
        """The address that was offered longest ago, if its client had time enough to ask for it; else one not used."""
        for waiting, patience in ((self._offers, OFFER_SECONDS_AT_LEAST), (self._quiet, QUIET_SECONDS)):
            for address, at in waiting.items():
                if at + patience <= now:
                    return address
                break
        return ""

    def _offered(self, lease: Lease, now: float) -> None:
        self._put(lease)
        if not lease.bound:
            self._offers[lease.address] = now

    def _keep(self, lease: Lease) -> None:
        self._put(lease)
        self._store.save(lease)

    def _end(self, lease: Lease) -> None:
        """Set free what was held, and remember who had it."""
        self._held[lease.address] = lease
        self._set_free(lease.address)
        self._store.save(lease)

    def _put(self, lease: Lease) -> None:
        """Hold `lease`; a MAC has one address, an address one lease."""
        if self._is_renewed(lease):
            return
        old = self._held.get(lease.address)
        if old is not None and self._of_mac.get(old.mac) == old.address:
            del self._of_mac[old.mac]
        earlier = self.lease_of(lease.mac) if lease.mac else None
        if earlier is not None:
            self._drop(earlier)
        self._take_out(lease.address)
        if old is None or old.mac != lease.mac:
            self._quiet.pop(lease.address, None)
        self._held[lease.address] = lease
        self._active.add(lease.address)
        self._look_at(lease)
        if lease.mac:
            self._of_mac[lease.mac] = lease.address

    def _is_renewed(self, lease: Lease) -> bool:
        """The same machine has it as before, and for longer: then nothing changes its place. Else False, and nothing
        was done."""
        if lease.address not in self._active or self._of_mac.get(lease.mac) != lease.address:
            return False
        self._held[lease.address] = lease
        self._offers.pop(lease.address, None)
        self._look_at(lease)
        return True

    def _drop(self, lease: Lease) -> None:
        """As if nobody ever had it. It is the one of its MAC."""
        self._held.pop(lease.address, None)
        self._of_mac.pop(lease.mac, None)
        self._set_free(lease.address)

    def _set_free(self, address: str) -> None:
        self._take_out(address)
        self._quiet.pop(address, None)
        (self._free if address in self._held else self._returned)[address] = None

    def _take_out(self, address: str) -> None:
        """Out of whatever place it is in, but for `_quiet`: its holder stays there until it is seen."""
        self._active.discard(address)
        for place in (self._returned, self._free, self._asked, *self._ready, self._offers, self._declined):
            place.pop(address, None)


def _older(times: OrderedDict[str, float], than: float) -> list[str]:
    """The keys at the front whose time lies before `than`; the rest is not looked at."""
    found = []
    for key, at in times.items():
        if at >= than:
            break
        found.append(key)
    return found
