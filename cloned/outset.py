"""What a daemon begins with, before the rest of it is even imported: the ledger, and what waits in it going its way.

A daemon that is started has results that wait for an inventory, where it was killed or the inventory was away. Sending
them takes a small part of what a daemon is, so it does not wait for the rest.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from cloned.config import Config
from cloned.inventory.database import LedgerError
from cloned.inventory.ledger import Ledger
from cloned.inventory.service import InventoryService
from cloned.inventory.sinks.base import Delivery, SheetMaker, Surroundings
from cloned.inventory.sinks.memory import FolderMemory
from cloned.tasks import TaskOwner

QUICK_TURN_SECONDS = 0.0005
"""How long a thread that imports or compiles may keep the loop, which sends, waiting for its turn while we start
(sys.setswitchinterval; 5 ms else, and each answer takes several turns)."""


class LatePaper:
    """A paper that a sink may ask for before there is anybody who draws it: then it waits for `drawn_by`."""

    def __init__(self) -> None:
        self._there: asyncio.Event = asyncio.Event()
        self._make: SheetMaker | None = None

    def drawn_by(self, make: SheetMaker) -> None:
        """From now on `make` draws it."""
        self._make = make
        self._there.set()

    async def __call__(self, of: Delivery) -> bytes | None:
        """The PDF, as `SheetMaker` says."""
        await self._there.wait()
        assert self._make is not None
        return await self._make(of)


class Outset:
    """Ledger, inventory and the daemon's tasks. `begin` may be called twice; `close` lets go of all of it."""

    ledger: Ledger
    inventory: InventoryService

    def __init__(self, config: Config) -> None:
        self._config, self._begun, self._turn_seconds = config, False, sys.getswitchinterval()
        self.tasks = TaskOwner("cloned")
        self.sheet, self.certificate = LatePaper(), LatePaper()

    async def begin_early(self) -> bool:
        """Begin where there is a ledger and something to send it to; returns whether something of it waits.

        Where there is none yet nothing is made: whoever is told that the configuration is wrong has an empty state.
        """
        place = self._config.ledger_place
        if not self._config.sink or (isinstance(place, Path) and not place.exists()):
            return False
        await self.begin()
        with suppress(LedgerError):  # it was told that the ledger is away
            return await self.ledger.waits({sink.name for sink in self._config.sink})
        return False

    async def begin(self) -> None:
        """Open the ledger and have sent what waits in it. Raises LedgerError, UsageError."""
        if self._begun:
            return
        sys.setswitchinterval(QUICK_TURN_SECONDS)
        self.ledger = await Ledger.open(self._config.ledger_place, wait=True)
        self._begun = True
        workshop = self._config.workshop
        memory = FolderMemory(workshop.state / "sinks")
        page, told = self._config.page.url, self.ledger.told
        around = Surroundings(workshop.name, page, self.sheet, self.certificate, memory, told)
        self.inventory = InventoryService(self._config, self.ledger, around)
        self.tasks.supervise(self.inventory.outbox.run, "outbox")

    def settled(self) -> None:
        """The daemon has all it needs: from now on threads have turns as long as is usual."""
        sys.setswitchinterval(self._turn_seconds)

    async def close(self) -> None:
        """End what runs and let go of the ledger; a second time there is nothing to do."""
        self.settled()
        await self.tasks.close()
        if self._begun:
            self._begun = False
            await self.ledger.close()
