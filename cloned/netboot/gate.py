"""Who may have a boot script made: each one that the engine decides on revokes a laptop's older token.

MAC addresses are no secret, they stand on the page: so a request that comes from elsewhere than where that laptop is
being heard changes nothing, and requests are counted against whoever sends them. What proves a request is the kernel's
own neighbour table: the MAC that asks really is at that address (as far as a wire proves anything, see SECURITY.md).
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import TypeVar

from cloned.buckets import Bucket
from cloned.core.boot import BootRequest
from cloned.errors import ClonedError
from cloned.saying import Phrase

AT_ONCE, PER_SECOND = 8, 1 / 10
"""Scripts for one laptop: a loop of firmware that restarts every 15 s never meets this."""
ADDRESS_AT_ONCE, ADDRESS_PER_SECOND = 24, 1 / 5
"""Scripts for one address, whichever laptops they are for."""
log = logging.getLogger(__name__)
K = TypeVar("K", bound=Hashable)
_KEPT = 4096
"""Laptops and addresses remembered; the one heard of longest ago goes first."""


HeardAt = Callable[[BootRequest], tuple[str, bool]]


class BootGate:
    """Lets boot requests through to the engine, or raises ClonedError with what the person in front of it may read.

    `heard_at(request)`: the address where the laptop that the engine would take it for is being heard, or nothing,
    and whether the MAC that asks is one of its own; `mac_at(address)`: the MAC that is at an address, or nothing;
    `clock` in monotonic seconds.
    """

    def __init__(
        self,
        heard_at: HeardAt,
        mac_at: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._heard_at, self._mac_at, self._clock = heard_at, mac_at, clock
        self._laptops: OrderedDict[tuple[str, bool], Bucket] = OrderedDict()
        self._addresses: OrderedDict[str, Bucket] = OrderedDict()

    def admit(self, request: BootRequest) -> BootRequest:
        """Count a request and let it through, with whether it is proven; what is not let through changes nothing.

        A stranger who asks for somebody's MAC uses up only what is there for requests that nothing proves.
        """
        there = self._mac_at(request.address)
        proven = there == request.mac
        address = _bucket(
            self._addresses, request.address, lambda: Bucket(ADDRESS_AT_ONCE, ADDRESS_PER_SECOND, self._clock)
        )
        laptop = _bucket(self._laptops, (request.mac, proven), lambda: Bucket(AT_ONCE, PER_SECOND, self._clock))
        if wait := address.take():
            raise _too_often(Phrase("{address} asked for boot scripts too often", address=request.address), wait)
        if wait := laptop.take():
            log.info(
                "%s asked for the script of %s too often; at its address is %s", request.address, request.mac, there
            )
            said = Phrase("this laptop asked for its script too often, from where nothing shows that it is")
            raise _too_often(Phrase("this laptop asked for its script too often") if proven else said, wait)
        at, own = self._heard_at(request)
        if at and at != request.address and not (proven and own):
            raise ClonedError(
                Phrase(
                    "this laptop, by its {own}, is running at {at}",
                    own="MAC address" if own else "serial number or UUID",
                    at=at,
                ),
                "if that is this one, switch it off and on again",
            )
        return replace(request, proven=proven)


def _too_often(said: str | Phrase, wait: float) -> ClonedError:
    return ClonedError(said, Phrase("try again in {wait} s", wait=f"{wait:.0f}"))


def _bucket(kept: OrderedDict[K, Bucket], key: K, make: Callable[[], Bucket]) -> Bucket:
    found = kept.get(key)
    if found is None:
        found = kept[key] = make()
    kept.move_to_end(key)
    if len(kept) > _KEPT:
        kept.popitem(last=False)
    return found
