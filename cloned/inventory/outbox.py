"""The way from the ledger to the sinks: at least once, in order, each sink by itself.

The oldest result that a sink has not got is sent until it is taken or refused for good. While the
sink is down it is tried again after 1, 2, 4 … 300 s (each time shortened at random by up to half, so that
several workshops don't knock together); a daemon that starts tries at once. What the database says is what counts:
nothing is kept in memory that a crash could lose, so a result may be sent twice, with one key, and never not at all.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from cloned.errors import UsageError
from cloned.inventory.database import LedgerError
from cloned.inventory.ledger import Ledger, Owed
from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Unavailable
from cloned.inventory.sinks.told import Receipt
from cloned.tasks import TaskOwner

log = logging.getLogger(__name__)

FIRST_WAIT = 1.0
LONGEST_WAIT = 300.0
LONGEST_ASKED = 3600.0
"""The longest wait that a sink may ask for (Retry-After)."""
LEDGER_WAIT = 30.0
"""Seconds to wait where the ledger itself cannot be used (a full disk, say): nothing is lost meanwhile."""
LOOK_AGAIN = 2.0
"""Seconds between looks at the database, for what another process (`cloned inventory retry`) changed."""


def wait_after(tries: int, chance: float, asked: float | None = None) -> float:
    """Seconds until the next try, after `tries` failed ones; `chance` is random in [0, 1)."""
    if asked is not None:
        return min(max(asked, FIRST_WAIT), LONGEST_ASKED)
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(tries - 1, 30))
    return longest * (1 - chance / 2)


class Outbox:
    """Delivers to `sinks` for as long as `run` runs. Raises UsageError where two share a name."""

    def __init__(
        self,
        ledger: Ledger,
        sinks: Sequence[Sink],
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        names = [sink.name for sink in sinks]
        if len(set(names)) < len(names):
            raise UsageError(f"two sinks have one name: {', '.join(sorted(names))}", "give each [[sink]] its own name")
        self._ledger, self._sinks, self._clock, self._chance = ledger, tuple(sinks), clock, chance
        self._wake = {sink.name: asyncio.Event() for sink in sinks}
        ledger.on_recorded(self.wake)

    def wake(self) -> None:
        """Look now whether there is something to send."""
        for event in self._wake.values():
            event.set()

    async def run(self) -> None:
        """Make the sinks known to the ledger, then deliver until cancelled; a service for `tasks.TaskOwner`."""
        await self._ledger.register([sink.name for sink in self._sinks])
        owner = TaskOwner("outbox")
        try:
            for sink in self._sinks:
                await sink.open()
                owner.start(self._serve(sink), sink.name, service=True)
            await owner.wait()
        finally:
            await owner.close()
            for sink in self._sinks:
                await sink.close()

    async def status(self) -> list[dict[str, Any]]:
        """`Ledger.backlog` with `"state"`: idle, sending, failing, or unused (no longer configured)."""
        known = {sink.name for sink in self._sinks}
        return [{**entry, "state": state_of(entry, known)} for entry in await self._ledger.backlog()]

    async def retry(self, sink: str | None = None) -> int:
        """Send dead letters again, and what waits without further waiting; returns how many dead letters."""
        count = await self._ledger.retry(sink)
        self.wake()
        return count

    async def _serve(self, sink: Sink) -> None:
        fresh = True
        while True:
            self._wake[sink.name].clear()
            try:
                await self._step(sink, fresh)
            except LedgerError as error:
                log.error("sink %s: %s", sink.name, error)
                await self._rest(sink, LEDGER_WAIT)
            fresh = False

    async def _step(self, sink: Sink, fresh: bool) -> None:
        """Deliver the oldest result, or wait a little where there is none or none is due; `fresh`: all are due."""
        owed = await self._ledger.next_owed(sink.name)
        if owed is None:
            await self._rest(sink, LOOK_AGAIN)
        elif not fresh and (left := self._left(owed)) > 0:
            await self._rest(sink, min(left, LOOK_AGAIN))
        else:
            await self._deliver(sink, owed)

    def _left(self, owed: Owed) -> float:
        """Seconds until it is due; a clock that was set back makes nothing wait longer than it ever should."""
        left = owed.due - self._clock()
        return left if left <= LONGEST_ASKED else 0.0

    async def _rest(self, sink: Sink, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake[sink.name].wait()
        except TimeoutError:
            return

    async def _deliver(self, sink: Sink, owed: Owed) -> None:
        delivery = Delivery(owed.key, owed.laptop, owed.attempt, owed.revision, owed.row)
        try:
            async with asyncio.timeout(sink.seconds):
                receipt = await sink.send(delivery) if sink.takes(owed.row) else Receipt()
        except SinkRefused as refusal:
            log.warning("sink %s refused laptop %s, attempt %d: %s", sink.name, owed.laptop, owed.attempt, refusal)
            await self._ledger.refused(owed, str(refusal))
        except Unavailable as trouble:
            await self._later(sink, owed, str(trouble), trouble.after)
        except TimeoutError:
            await self._later(sink, owed, f"it did not answer within {sink.seconds:.0f} s", None)
        except Exception as error:  # the boundary: a fault in one sink must not stop the others
            log.exception("sink %s failed", sink.name)
            await self._later(sink, owed, f"a fault in the sink: {type(error).__name__}", None)
        else:
            for said in receipt.said:
                log.info("sink %s: laptop %s, attempt %d: %s", sink.name, owed.laptop, owed.attempt, said)
            await self._ledger.sent(owed, sink.name)

    async def _later(self, sink: Sink, owed: Owed, reason: str, asked: float | None) -> None:
        wait = wait_after(owed.tries + 1, self._chance(), asked)
        log.info("sink %s: %s; next try in %.0f s", sink.name, reason, wait)
        await self._ledger.failed(owed, reason, self._clock() + wait)


def state_of(entry: dict[str, Any], configured: set[str]) -> str:
    """One word for a sink: idle, sending, failing or unused."""
    if entry["sink"] not in configured:
        return "unused"
    if not entry["waiting"]:
        return "idle"
    return "failing" if entry["tries"] else "sending"
