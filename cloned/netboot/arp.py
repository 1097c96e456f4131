"""Keeps a stock of addresses that ARP found nobody at, and notices who uses one of ours unasked.

Checks run ahead of the offers, so that an answer never waits for one; each address is asked for again at the
moment it is offered, and if somebody answers before the laptop takes it, the laptop gets a NAK and another one.
The stock grows with the number of new laptops that came in the last seconds, and shrinks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable

from cloned.netboot.frames import ETH_ARP, packet_socket
from cloned.netboot.leases import Pool

STOCK, MOST = 256, 4096
"""Addresses kept checked: more laptops than are ever switched on in one second; and where they come by the thousand."""
ANSWER_SECONDS = 0.3
"""How long an answer may take: RFC 5227 waits 1 to 2 s, on a wire of one switch it comes within milliseconds."""
_ASKED_SECONDS = 3.0
"""For which a question that nobody answered counts: asking once more for each offer would cost as much as the offer."""
_BURST = 256
"""Questions sent at once."""
_TICK, _IDLE = 0.05, 1.0
"""Seconds between two looks while answers are awaited, and else."""
_TARGET = slice(38, 42)
"""Where an ARP frame has the address that is asked for."""


class ArpChecker:
    """Checks the addresses of `pool` on `interface`; `conflict(address, mac)` is told of a foreign user."""

    def __init__(self, interface: str, mac: str, pool: Pool, conflict: Callable[[str, str], None]) -> None:
        self._mac, self._pool, self._conflict = mac, pool, conflict
        self._waiting: OrderedDict[str, float] = OrderedDict()
        """Addresses asked for, and when (monotonic)."""
        self._probe = b""
        self._asked: OrderedDict[str, float] = OrderedDict()
        """When each was asked for last."""
        self._stock, self._seen, self._adapted = STOCK, 0, 0.0
        self._sock = packet_socket(interface, ETH_ARP)
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._sock, self._readable)

    def close(self) -> None:
        """Stop listening."""
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()

    def ask(self, address: str) -> None:
        """Ask who has `address`, without waiting for the answer; not again within a few seconds."""
        now = time.monotonic()
        if self._probe and self._asked.get(address, float("-inf")) + _ASKED_SECONDS <= now:
            self._asked[address] = now
            self._asked.move_to_end(address)
            if len(self._asked) > MOST:
                self._asked.popitem(last=False)
            frame = bytearray(self._probe)
            frame[_TARGET] = bytes(map(int, address.split(".")))
            with contextlib.suppress(OSError):  # the link is down: nobody to ask
                self._sock.send(frame)

    @property
    def asking(self) -> bool:
        """Whether checks are under way; not yet in the first moments, while scapy is being loaded."""
        return bool(self._probe)

    def hurry(self) -> None:
        """The stock is used up: check more now."""
        self._more.set()

    async def run(self) -> None:
        """Keep the stock filled, for ever."""
        self._probe = await asyncio.to_thread(_probe, self._mac)
        while True:
            self._settle()
            self._ask_more()
            self._more.clear()
            if self._waiting:
                await asyncio.sleep(_TICK)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), _IDLE)

    def _settle(self) -> None:
        """Those that nobody claimed in time are ready to be offered."""
        due, now = time.monotonic() - ANSWER_SECONDS, time.time()
        while self._waiting:
            address, asked = next(iter(self._waiting.items()))
            if asked > due:
                return
            del self._waiting[address]
            self._pool.checked(address, now)

    def _ask_more(self) -> None:
        self._adapt(time.monotonic())
        for address in self._pool.to_check(self._stock, time.time(), _BURST):
            if address not in self._waiting:
                self.ask(address)
                self._waiting[address] = time.monotonic()

    def _adapt(self, now: float) -> None:
        """Once a second: twice as many as that second took, but no sudden fall."""
        if now < self._adapted + 1:
            return
        drawn, self._seen = self._pool.drawn - self._seen, self._pool.drawn
        self._stock, self._adapted = max(STOCK, min(MOST, 2 * drawn), self._stock // 2), now

    def _readable(self) -> None:
        for _ in range(64):
            try:
                frame = self._sock.recv(128)
            except OSError:
                return
            if not self._probe:  # nobody was asked yet, and scapy is not there yet
                continue
            from cloned.netboot.raw_packets import read_arp, sender

            address = sender(frame)
            if address is None or not self._pool.covers(address):
                continue
            said = read_arp(frame)
            if said is not None and said.mac != self._mac:
                self._claimed(said.address, said.mac)

    def _claimed(self, address: str, mac: str) -> None:
        """Somebody says it is at `address`: fine if we gave it to that MAC."""
        if self._pool.used(mac, address):
            self._waiting.pop(address, None)
        elif self._pool.taken(address, time.time(), mac):
            self._pool.flush()
            self._waiting.pop(address, None)
            self._conflict(address, mac)


def _probe(mac: str) -> bytes:
    """A question with the address left open; in a thread, for the import's sake."""
    from cloned.netboot.raw_packets import arp_probe

    return arp_probe(mac, "0.0.0.0")  # noqa: S104 - a place to be filled in
