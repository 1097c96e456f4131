"""The way from the ledger to the sinks: at least once, in order for each laptop, each sink by itself.

Of each laptop the oldest result that a sink has not got is sent until it is taken or refused for good, several laptops
at once; a sink that keeps a state gets the newest alone. What one laptop meets holds up no other: it is tried again
after 1, 2, 4 … 300 s (each time shortened at random by up to half, so that several workshops don't knock together).
Where one laptop after the other fails, it is the sink that is down: then one at a time knocks. A daemon that starts
tries at once. What the database says is what counts: nothing is kept in memory that a crash could lose, so a result may
be sent twice, with one key, and never not at all.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from cloned.core.row_types import SinkBacklog, SinkStatus
from cloned.errors import UsageError
from cloned.inventory.database import LedgerError
from cloned.inventory.deliveries import Outcome, Which
from cloned.inventory.ledger import Ledger
from cloned.inventory.sinks.asked import understood
from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Unavailable
from cloned.inventory.waiting import Owed
from cloned.saying import Phrase, chained
from cloned.tasks import TaskOwner

log = logging.getLogger(__name__)

FIRST_WAIT = 1.0
LONGEST_WAIT = 300.0
LONGEST_ASKED = 3600.0
"""The longest wait that a sink may ask for (Retry-After)."""
LEDGER_WAIT_SECONDS = 30.0
"""Seconds to wait where the ledger itself cannot be used (a full disk, say): nothing is lost meanwhile."""
REGISTER_AGAIN = 5.0
"""And at the start."""
LET_GO_SECONDS = 10.0
"""Seconds that who forgets a laptop waits for what of it is on its way."""
LOOK_AGAIN_SECONDS = 2.0
"""Seconds between looks at the database, for what another process (`cloned inventory retry`) changed."""
DOWN_AFTER = 5
"""So many laptops one after the other without a success between them mean that the sink itself is down."""
MOST_UNNOTED = 200
"""So many may have come back without being noted; more wait until the ledger has caught up."""
AHEAD = 4
"""So many times as many as are sent at once are fetched from the database together."""


def wait_after(tries: int, chance: float, asked: float | None = None) -> float:
    """Seconds until the next try, after `tries` failed ones; `chance` is random in [0, 1)."""
    if asked is not None:
        return min(max(asked, FIRST_WAIT), LONGEST_ASKED)
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(tries - 1, 30))
    return longest * (1 - chance / 2)


class SinkLane:
    """What is on its way to one sink."""

    def __init__(
        self, ledger: Ledger, sink: Sink, clock: Callable[[], float], chance: Callable[[], float], at_once: int
    ) -> None:
        self.sink, self.woken = sink, asyncio.Event()
        self._ledger, self._clock, self._chance, self._at_once = ledger, clock, chance, at_once
        self._flying: set[str] = set()
        """Laptops of which something is on its way, or came back and is not noted yet."""
        self._under_way = 0
        self._ahead: list[Owed] = []
        self._done: list[Outcome] = []
        self._to_note, self._low = asyncio.Event(), asyncio.Event()
        self._turn = 0
        """Of what is ahead: another one where that was thrown away."""
        self._struck: set[str] = set()
        """Laptops that failed since the last success."""
        self._hurried = True
        """Whether what waits is due now: at the start, and where somebody said so."""
        self._resume = 0.0
        """When a sink that is down is asked again, by the loop's clock."""

    async def run(self) -> None:
        """Deliver until cancelled: what came of one try is noted while the next are under way."""
        owner = TaskOwner(f"outbox.{self.sink.name}")
        owner.start(self._for_ever(self._note, self._to_note, None), "note", service=True)
        owner.start(self._for_ever(self._fetch, self._low, LOOK_AGAIN_SECONDS), "fetch", service=True)
        try:
            await self._for_ever(lambda: self._begin(owner), self.woken, LOOK_AGAIN_SECONDS)
        finally:
            await owner.close()

    async def _for_ever(self, work: Callable[[], Awaitable[None]], woken: asyncio.Event, seconds: float | None) -> None:
        """Do it whenever somebody wakes us, at the latest after `seconds`; a ledger that is away is waited for."""
        while True:
            woken.clear()
            try:
                await work()
            except LedgerError as error:
                log.error("sink %s: %s", self.sink.name, error)
                await asyncio.sleep(LEDGER_WAIT_SECONDS)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await woken.wait()

    async def _note(self) -> None:
        """Write down what ended."""
        while self._done:
            group = self._done[:]
            await self._ledger.settle(self.sink.name, group)
            del self._done[: len(group)]
            self._flying -= {each.owed.laptop for each in group}
            self.woken.set()
        if self._hurried:  # after what had just failed was noted, so that this is tried too
            await self._ledger.hasten(self.sink.name)
            self._hurried = False
            self.woken.set()

    async def _begin(self, owner: TaskOwner) -> None:
        """Send what may be sent, and have more fetched while it is under way."""
        for owed in self._next():
            self._flying.add(owed.laptop)
            self._under_way += 1
            owner.start(self._deliver(owed), owed.laptop)
        if self._wanted():
            self._low.set()

    def _next(self) -> list[Owed]:
        """What to send now. One at a time, and not before its time, where the sink is down."""
        free = self._free()
        now, self._ahead = self._ahead[:free], self._ahead[free:]
        return now

    def _free(self) -> int:
        """How many more may be sent."""
        if self._hurried or len(self._done) > MOST_UNNOTED:
            return 0
        if self._down and asyncio.get_running_loop().time() < self._resume:
            return 0
        return max(0, (1 if self._down else self._at_once) - self._under_way)

    @property
    def _down(self) -> bool:
        return len(self._struck) >= DOWN_AFTER

    def _wanted(self) -> int:
        """How many more to fetch: ahead of need, but not where the newest counts, or nothing comes through."""
        if self.sink.keeps == "state" or self._down:
            return 0 if self._ahead else self._free()
        few = len(self._ahead) < self._at_once and not self._hurried and len(self._done) <= MOST_UNNOTED
        return self._at_once * AHEAD if few else 0

    async def _fetch(self) -> None:
        """Read what is owed next, of laptops of which nothing is on its way."""
        if not (many := self._wanted()):
            return
        find = self._ledger.due_newest if self.sink.keeps == "state" else self._ledger.due
        asked = self._turn
        found = await find(self.sink.name, many, self._flying | {each.laptop for each in self._ahead})
        if found and asked == self._turn:  # nothing was said meanwhile that makes it out of date
            self._ahead += found
            self.woken.set()

    async def _deliver(self, owed: Owed) -> None:
        try:
            outcome = await self._try(owed)
        except Exception as error:  # the boundary: a fault in one sink must not stop the others
            log.exception("sink %s failed", self.sink.name)
            outcome = self._later(owed, Phrase("a fault in the sink: {name}", name=type(error).__name__), None)
        finally:
            self._under_way -= 1
        if outcome.state != "waiting":
            self._struck.clear()
        self._done.append(outcome)
        self._to_note.set()
        self.woken.set()

    async def _try(self, owed: Owed) -> Outcome:
        if not self.sink.takes(owed.row):
            return Outcome(owed, "skipped")
        delivery = Delivery(owed.key, owed.laptop, owed.attempt, owed.revision, owed.row)
        try:
            async with asyncio.timeout(self.sink.seconds):
                receipt = await understood(self.sink.name, self.sink.send(delivery))
        except SinkRefused as refusal:
            log.warning("sink %s refused laptop %s, attempt %d: %s", self.sink.name, owed.laptop, owed.attempt, refusal)
            return Outcome(owed, "refused", str(refusal))
        except Unavailable as trouble:
            return self._later(owed, str(trouble), trouble.after)
        except TimeoutError:
            return self._later(
                owed, Phrase("it did not answer within {seconds} s", seconds=f"{self.sink.seconds:.0f}"), None
            )
        for said in receipt.said:
            log.info("sink %s: laptop %s, attempt %d: %s", self.sink.name, owed.laptop, owed.attempt, said)
        return Outcome(owed, "sent", chained(receipt.said))

    def _later(self, owed: Owed, reason: str, asked: float | None) -> Outcome:
        wait = wait_after(owed.tries + 1, self._chance(), asked)
        log.info("sink %s: laptop %s: %s; next try in %.0f s", self.sink.name, owed.laptop, reason, wait)
        self._struck.add(owed.laptop)
        loop = asyncio.get_running_loop()
        loop.call_later(wait, self.woken.set)
        if (over := len(self._struck) - DOWN_AFTER) >= 0:
            self._throw_away()
            pause = wait_after(over + 1, self._chance(), asked)
            self._resume = loop.time() + pause
            loop.call_later(pause, self.woken.set)
        return Outcome(owed, "waiting", reason, self._clock() + wait)

    def hurry(self) -> None:
        """Somebody said that it should be tried now."""
        self._hurried, self._resume = True, 0.0
        self._struck.clear()
        self._throw_away()
        self._to_note.set()

    def sends(self, laptop: str) -> bool:
        """Whether something of it is on its way."""
        return laptop in self._flying

    def _throw_away(self) -> None:
        """What was fetched ahead is not to be sent as it is."""
        self._ahead.clear()
        self._turn += 1


class Outbox:
    """Delivers to `sinks` for as long as `run` runs. Raises UsageError where two share a name."""

    def __init__(
        self,
        ledger: Ledger,
        sinks: Sequence[Sink],
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        past: Mapping[str, Which] | None = None,
    ) -> None:
        """`past`: what of the results that are there a sink gets that is new."""
        names = [sink.name for sink in sinks]
        if len(set(names)) < len(names):
            raise UsageError(
                Phrase("two sinks have one name: {names}", names=", ".join(sorted(names))),
                "give each [[sink]] its own name",
            )
        self._ledger, self._past = ledger, past or {}
        self._lanes = {sink.name: SinkLane(ledger, sink, clock, chance, sink.at_once) for sink in sinks}
        ledger.on_recorded(self.wake)

    def wake(self) -> None:
        """Look now whether there is something to send."""
        for lane in self._lanes.values():
            lane.woken.set()

    async def run(self) -> None:
        """Make the sinks known to the ledger, then deliver until cancelled; a service for `tasks.TaskOwner`."""
        await self._registered()
        owner = TaskOwner("outbox")
        try:
            for name, lane in self._lanes.items():
                await lane.sink.open()
                owner.start(lane.run(), name, service=True)
            await owner.wait()
        finally:
            await owner.close()
            for lane in self._lanes.values():
                await lane.sink.close()

    async def _registered(self) -> None:
        """The ledger knows its sinks; one that is not there yet is waited for."""
        while True:
            try:
                return await self._ledger.register(self._lanes, self._past)
            except LedgerError as error:
                log.error("no result is sent: %s", error)
                await asyncio.sleep(REGISTER_AGAIN)

    async def status(self) -> list[SinkStatus]:
        """`Ledger.backlog` with how each stands."""
        return [{**entry, "state": state_of(entry, set(self._lanes))} for entry in await self._ledger.backlog()]

    async def retry(self, sink: str | None = None, laptop: str | None = None) -> int:
        """Send dead letters again, and what waits without further waiting; returns how many dead letters."""
        count = await self._ledger.retry(sink, laptop)
        for lane in self._lanes.values():
            lane.hurry()
        return count

    async def drop(self, sink: str, laptop: str | None, reason: str) -> int:
        """Give up what a sink refused, or (of one laptop) has not taken yet; returns how many."""
        count = await self._ledger.drop(sink, laptop, reason)
        for lane in self._lanes.values():
            lane.hurry()
        return count

    async def let_go(self, laptop: str) -> None:
        """Send nothing more of one of which nothing is owed any more; what is on its way is waited for, for a while."""
        for lane in self._lanes.values():
            lane.hurry()
        with suppress(TimeoutError):
            async with asyncio.timeout(LET_GO_SECONDS):
                while any(lane.sends(laptop) for lane in self._lanes.values()):  # noqa: ASYNC110 - of any of several
                    await asyncio.sleep(0.05)


def state_of(entry: SinkBacklog, configured: set[str]) -> str:
    """One word for a sink: idle, sending, failing, asks (what of older results it gets) or unused."""
    if entry["sink"] not in configured:
        return "unused"
    if entry["past"] == "ask" and not entry["waiting"]:
        return "asks"
    if not entry["waiting"]:
        return "idle"
    return "failing" if entry["tries"] else "sending"
