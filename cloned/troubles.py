"""What went wrong with the daemon itself, for the page: parts that failed, and a journal that somebody emptied."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cloned.backup import EMPTIED_NOTE
from cloned.casting.caster import Caster
from cloned.core.events import Command
from cloned.engine import Engine
from cloned.errors import UsageError
from cloned.inventory.ledger import Ledger
from cloned.saying import Phrase
from cloned.tasks import TaskOwner

log = logging.getLogger(__name__)

EMPTIED_CODE = "journal-empty"
EMPTIED = Phrase(
    "the journal is empty, but the ledger holds results: what was known of laptops and confirmations is gone"
)
EMPTIED_HINT = Phrase("stop the daemon and restore a backup, or go on: nothing in the ledger is lost")


@dataclass
class Troubles:
    """Asks those that start their parts again by themselves. `state`: the directory in which a notice is kept that
    stands until somebody has seen it, whatever the daemon does meanwhile."""

    tasks: TaskOwner
    caster: Caster
    state: Path
    emptied: bool = False
    """Whether the journal once began anew beside a ledger that knew more, and nobody has said that he saw it."""

    async def compare(self, events: int, engine: Engine, ledger: Ledger) -> None:
        """Say so where the journal, of so many events, holds nothing beside a ledger that does."""
        rows, note = (await ledger.totals())["rows"], self.state / EMPTIED_NOTE
        if not events and not engine.workshop.laptops and rows > 0:
            log.warning("the journal is empty, but the ledger holds %d results: %s", rows, EMPTIED_HINT)
            self.emptied = True
            with suppress(OSError):  # a full disk: then it is told until the daemon ends
                note.touch()
        elif note.exists():
            known = set(map(str, engine.workshop.laptops))
            self.emptied = not await ledger.laptops() <= known
            if not self.emptied:
                note.unlink()

    async def seen(self, asked: Command) -> Mapping[str, object]:
        """The command: a person has seen the notice, and it goes away."""
        if asked.text != EMPTIED_CODE or not self.emptied:
            raise UsageError(Phrase("there is no notice {code} to be seen", code=asked.text), "the page shows them")
        (self.state / EMPTIED_NOTE).unlink(missing_ok=True)
        self.emptied = False
        return {}

    def to_json(self) -> list[dict[str, str]]:
        """Code, text and hint of each."""
        found = [{"code": EMPTIED_CODE, "text": EMPTIED, "hint": EMPTIED_HINT}] if self.emptied else []
        for trouble in (*self.tasks.troubles(), *self.caster.troubles()):
            text = Phrase("{name} failed and was started again: {error}", name=trouble.name, error=trouble.error)
            found.append({"code": "service-failed", "text": text, "hint": Phrase("see the daemon's log if it goes on")})
        return found
