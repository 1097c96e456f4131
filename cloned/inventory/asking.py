"""The way in: what inventories know of a laptop is asked at its first hello; a verified one is asked its number.

Each inventory has 2 s, all are asked together and beside everything else. Whatever came of it, an `InventoryTold` goes
to the engine, so no laptop waits for ever. Of what they answer only what `KnownThere` names is kept.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence

from cloned.core.events import Command
from cloned.core.ids import LaptopId
from cloned.core.known import KnownElsewhere
from cloned.core.laptop import Laptop, State
from cloned.core.ledger import ledger_row
from cloned.core.ledger_events import InventoryTold, NoNumber
from cloned.core.tags import needs
from cloned.engine import Engine
from cloned.errors import ClonedError
from cloned.inventory import rows
from cloned.inventory.imported import ImportedList
from cloned.inventory.sinks.asked import understood
from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Unavailable
from cloned.inventory.sinks.record import usable
from cloned.saying import Phrase
from cloned.tasks import TaskOwner

log = logging.getLogger(__name__)

ANSWER_SECONDS = 2.0
"""What an inventory has for its answer: a volunteer stands in front of the laptop."""
AGAIN_SECONDS = 5.0
"""Between two tries to get a number."""
AT_ONCE = 8
"""Questions under way to one inventory."""
LIST = Phrase("the imported list")


class WayIn:
    """Asks `sinks`, and the list that was imported, of every laptop that comes; `numbers`: who gives them, if any."""

    def __init__(
        self,
        engine: Engine,
        sinks: Sequence[Sink],
        imported: ImportedList,
        numbers: Sink | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._sinks, self._imported = engine, sinks, imported
        self._numbers, self._clock = numbers, clock
        self._woken = asyncio.Event()
        self._busy: set[tuple[str, str]] = set()
        self._free = {sink.name: asyncio.Semaphore(AT_ONCE) for sink in sinks}
        """Of each its own: one that hangs keeps nobody from asking the others."""
        self._seen: object = None

    async def run(self) -> None:
        """Ask until cancelled."""
        owner = TaskOwner("way-in")
        leave = self._engine.subscribe(self._woken.set)
        try:
            while True:
                self._woken.clear()
                self._look(owner)
                await self._woken.wait()
        finally:
            leave()
            await owner.close()

    def _look(self, owner: TaskOwner) -> None:
        workshop = self._engine.workshop
        if workshop.laptops is self._seen:
            return
        self._seen = workshop.laptops
        for laptop in workshop.laptops.values():
            if workshop.settings.inventories and is_to_be_asked(laptop):
                self._begin(owner, "known", laptop, self._ask)
            if laptop.state is State.FINISHING and workshop.settings.number_seconds and needs(workshop, laptop):
                self._begin(owner, "number", laptop, self._number)

    def _begin(
        self, owner: TaskOwner, what: str, laptop: Laptop, work: Callable[[Laptop], Coroutine[object, object, None]]
    ) -> None:
        key = (what, str(laptop.id))
        if key in self._busy:
            return
        self._busy.add(key)

        async def guarded() -> None:
            try:
                await work(laptop)
            except Exception:  # the boundary: what one laptop met must not keep the others from being asked
                log.exception("laptop %s could not be asked for", laptop.id)
                await asyncio.sleep(AGAIN_SECONDS)  # what fails at once must not be tried without an end
            finally:
                self._busy.discard(key)
                self._seen = None
                self._woken.set()

        owner.start(guarded(), f"{what}.{laptop.id}")

    async def _ask(self, laptop: Laptop) -> None:
        answers = await asyncio.gather(*(self._one(sink, laptop) for sink in self._sinks))
        known = [each for each in answers if isinstance(each, KnownElsewhere)]
        if listed := self._imported.find(laptop.identity.serial, LIST):
            known.append(listed)
        away = tuple(sink.name for sink, answer in zip(self._sinks, answers, strict=True) if answer == "away")
        await self._engine.submit(InventoryTold(laptop.id, tuple(known), away))

    async def _one(self, sink: Sink, laptop: Laptop) -> KnownElsewhere | str:
        """What one of them knows; `away`, or empty where it cannot be asked about this laptop."""
        serial = usable(laptop.identity.serial)
        if not serial and not laptop.tag:
            return ""
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._free[sink.name]:  # who waits for a turn has waited too
                told = await understood(sink.name, sink.known(serial, laptop.tag))
        except (Unavailable, SinkRefused) as trouble:
            log.info("sink %s does not say what it knows of laptop %s: %s", sink.name, laptop.id, trouble)
            return "away"
        except TimeoutError:
            log.info(
                "sink %s did not say within %.0f s what it knows of laptop %s", sink.name, ANSWER_SECONDS, laptop.id
            )
            return "away"
        if told is None:
            return ""
        now = self._clock()
        return KnownElsewhere(
            sink=sink.name,
            at=now,
            found=told.found,
            tag=told.tag[:64],
            model=told.model[:128],
            status=told.status[:64],
            lent=told.lent,
            said=told.said[:5],
        )

    async def _number(self, laptop: Laptop) -> None:
        """Try until it has one or its time is over; a person who types the number is as good."""
        why: str = Phrase("no inventory gives numbers")
        seconds = self._engine.workshop.settings.number_seconds
        until = asyncio.get_running_loop().time() + max(0.0, seconds - (self._clock() - laptop.since))
        while self._still_waits(laptop.id) and self._numbers is not None:
            try:
                async with asyncio.timeout_at(until):
                    why = await self._one_number(self._numbers, laptop)
            except TimeoutError:
                why = Phrase("{name} did not answer in time", name=self._numbers.name)
            if not why or asyncio.get_running_loop().time() + AGAIN_SECONDS >= until:
                break
            await asyncio.sleep(AGAIN_SECONDS)
        if why and self._still_waits(laptop.id):
            await self._engine.submit(NoNumber(laptop.id, why))

    def _still_waits(self, ident: LaptopId) -> bool:
        workshop = self._engine.workshop
        laptop = workshop.laptops.get(ident)
        return laptop is not None and laptop.state is State.FINISHING and needs(workshop, laptop)

    async def _one_number(self, sink: Sink, laptop: Laptop) -> str:
        """Empty once the laptop has its number, else why not."""
        row = rows.clean(ledger_row(laptop, self._clock()))
        try:
            delivery = Delivery(row.key, row.laptop, row.attempt, 1, row.data)
            tag = await understood(sink.name, sink.number(delivery))
            if not tag:
                return Phrase("{name} has none for it", name=sink.name)
            await self._engine.command(Command("tag", sink.name, str(laptop.id), text=tag))
        except (Unavailable, SinkRefused, ClonedError) as trouble:
            return str(trouble)
        return ""


def is_to_be_asked(laptop: Laptop) -> bool:
    """Whether its agent spoke since it booted, and inventories were not asked since."""
    return laptop.contact.running and (laptop.contact.booted_at or 0.0) > laptop.asked_at
