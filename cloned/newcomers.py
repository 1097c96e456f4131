"""How many laptops that nobody has seen before may turn up: a program that invents them must not fill the workshop.

A laptop has its address to itself, and one dongle goes from laptop to laptop by hand: a dozen new ones at one
address is a bench that was emptied quickly. Four dozen can be switched on in the same second, at as many addresses.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from cloned.buckets import Bucket
from cloned.errors import ClonedError
from cloned.saying import Phrase

AT_ONCE, PER_SECOND = 12, 1 / 30
"""New laptops at one address."""
ALL_AT_ONCE, ALL_PER_SECOND = 200, 0.5
"""New laptops altogether."""
ADDRESSES = 4096
"""Addresses remembered; the one heard of longest ago goes first."""


class Newcomers:
    """Admits laptops that nobody has seen before; `clock` in monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = Bucket(ALL_AT_ONCE, ALL_PER_SECOND, clock)
        self._addresses: OrderedDict[str, Bucket] = OrderedDict()

    def admit(self, address: str) -> None:
        """Let one in that asks from `address`; ClonedError where there have been too many."""
        wait = self._of(address).take()
        if wait:
            raise ClonedError(
                Phrase("too many new laptops at {address}", address=address),
                Phrase("try again in {wait} s", wait=f"{wait:.0f}"),
            )
        wait = self._all.take()
        if wait:
            raise ClonedError("too many new laptops at once", Phrase("try again in {wait} s", wait=f"{wait:.0f}"))

    def _of(self, address: str) -> Bucket:
        bucket = self._addresses.setdefault(address, Bucket(AT_ONCE, PER_SECOND, self._clock))
        self._addresses.move_to_end(address)
        if len(self._addresses) > ADDRESSES:
            self._addresses.popitem(last=False)
        return bucket
