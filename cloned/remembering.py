"""What the ledger knows of machines that come: asked with little patience, for firmware waits meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from cloned.core.evidence import Evidence, passing_cards
from cloned.core.ids import LaptopId
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Laptop
from cloned.core.workshop import Workshop
from cloned.errors import ClonedError
from cloned.tasks import at_most

log = logging.getLogger(__name__)

Recall = Callable[[Evidence, LaptopId | None], Awaitable[KnownToLedger]]
"""What the ledger knows of a sight; with an id, of the laptop that has that, whoever else says the same."""

RECALL_SECONDS = 1.0
"""How long firmware waits because of a ledger that does not answer."""


class Remembering:
    """Asks the ledger, beside what the workshop knows now."""

    def __init__(self, recall: Recall | None, workshop: Callable[[], Workshop]) -> None:
        self._recall, self._workshop = recall, workshop

    async def of(self, sight: Evidence, here: Laptop | None = None) -> KnownToLedger | None:
        """What the ledger knows of a machine, or that it is `away`; None where there is no ledger.

        `here`: what the workshop takes it for. One that only saw a boot menu, or whose id was given while the ledger
        was away, may still be another.
        """
        if here is None or here.unheard:
            return await self.weighed(sight)
        return await (self.weighed(sight, here.id) if here.unweighed else self._asked(sight, here.id))

    async def weighed(self, sight: Evidence, given: LaptopId | None = None) -> KnownToLedger | None:
        """The same of one that is nobody's for certain; `given`: the id it goes by, maybe another's there."""
        known = await self._asked(sight, None)
        if given is None or known is None or not known.weighed or known.laptop == given:
            return known
        there = await self._asked(sight, given)
        if there is None or there.away:
            return there
        return replace(known, taken=(*known.taken, given)) if there.laptop else known

    async def _asked(self, sight: Evidence, own: LaptopId | None) -> KnownToLedger | None:
        if self._recall is None:
            return None
        passing = passing_cards(self._workshop().laptops.values(), sight.identity.macs)
        try:
            asked = self._recall(replace(sight, passing=sight.passing | passing), own)
            return await at_most(RECALL_SECONDS, asked, "recall")
        except (ClonedError, TimeoutError) as error:
            log.warning("the ledger could not be asked about a newcomer: %s", error or "it did not answer in time")
            return KnownToLedger(away=True)
