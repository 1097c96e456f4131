"""What went wrong with the daemon itself, for the page: parts that failed, and a journal that somebody emptied."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from cloned.casting.caster import Caster
from cloned.engine import Engine
from cloned.inventory.ledger import Ledger
from cloned.saying import Phrase
from cloned.tasks import TaskOwner

log = logging.getLogger(__name__)

EMPTIED = "the journal is empty, but the ledger holds results: what was known of laptops and confirmations is gone"
EMPTIED_HINT = "stop the daemon and restore a backup, or go on: nothing in the ledger is lost"


@dataclass
class Troubles:
    """Asks those that start their parts again by themselves."""

    tasks: TaskOwner
    caster: Caster
    emptied: bool = False
    """Whether the ledger knows more than a journal that begins anew."""

    async def compare(self, events: int, engine: Engine, ledger: Ledger) -> None:
        """Say so where the journal, of so many events, holds nothing beside a ledger that does."""
        rows = (await ledger.totals())["rows"]
        self.emptied = not events and not engine.workshop.laptops and rows > 0
        if self.emptied:
            log.warning("the journal is empty, but the ledger holds %d results: %s", rows, EMPTIED_HINT)

    def told(self) -> list[dict[str, str]]:
        """Code, text and hint of each."""
        found = [{"code": "journal-empty", "text": EMPTIED, "hint": EMPTIED_HINT}] if self.emptied else []
        for trouble in (*self.tasks.troubles(), *self.caster.troubles()):
            text = Phrase("{name} failed and was started again: {error}", name=trouble.name, error=trouble.error)
            found.append({"code": "service-failed", "text": text, "hint": "see the daemon's log if it goes on"})
        return found
