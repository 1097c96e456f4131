"""Laptops of which the ledger knows more than the journal, which was restored from a backup without it. Pure.

What was recorded since is not done again under the same number, and nobody's word from before opens the way to a disk:
it may have been used up by then. Whoever shares a ledger with another site meets the same, and need only count on.
"""

from __future__ import annotations

from dataclasses import replace

from cloned.core import erasing
from cloned.core.happened import Happened, happened
from cloned.core.ids import LaptopId
from cloned.core.known import KnownToLedger
from cloned.core.laptop import CloneJob, Laptop, State, add_history, transition, unconfirmed
from cloned.core.ledger_events import LedgerAhead
from cloned.core.reasons import Reason
from cloned.core.workshop import Workshop


def ahead(laptop: Laptop, jobs: int, erasures: int, lendings: int) -> bool:
    """Whether the ledger, whose last numbers of this laptop these are, has something that is not known here."""
    job = laptop.job
    recorded = job.open and not job.given_up and jobs >= job.number > 0
    erased = erasing.under_way(laptop) and erasures >= laptop.erasures
    return recorded or erased or jobs > job.number or erasures > laptop.erasures or lendings > laptop.lendings


def told(workshop: Workshop, event: LedgerAhead, now: float) -> Workshop:
    """The workshop with these laptops counted on from there; where it was restored, nothing is confirmed any more."""
    for known in event.laptops:
        laptop = workshop.laptops.get(LaptopId(known.laptop))
        if laptop is not None and ahead(laptop, known.jobs, known.erasures, known.lendings):
            workshop = workshop.with_laptop(_overtaken(workshop, laptop, known, now))
    return _asks_again(workshop, now) if event.restored else workshop


def without_news(workshop: Workshop, event: LedgerAhead) -> Workshop:
    """The workshop as it was before, as far as the ledger need not be told: what it has is no news."""
    for known in event.laptops:
        laptop = workshop.laptops.get(LaptopId(known.laptop))
        if laptop is not None:
            lendings = max(laptop.lendings, known.lendings)
            workshop = workshop.with_laptop(replace(laptop, lendings=lendings, tag=_tag(workshop, laptop, known)))
    return workshop


def _tag(workshop: Workshop, laptop: Laptop, known: KnownToLedger) -> str:
    """The number that the ledger has for it, unless that is another laptop's here."""
    holder = workshop.tags.get(known.tag.casefold())
    return known.tag if known.tag and (holder is None or holder.laptop in ("", laptop.id)) else laptop.tag


def _overtaken(workshop: Workshop, laptop: Laptop, known: KnownToLedger, now: float) -> Laptop:
    laptop = replace(
        laptop,
        job=CloneJob(known.jobs) if known.jobs >= laptop.job.number else laptop.job,
        erasures=max(laptop.erasures, known.erasures),
        lendings=max(laptop.lendings, known.lendings),
        lent=known.lent,
        came_back=known.came_back,
        tag=_tag(workshop, laptop, known),
    )
    laptop = add_history(laptop, now, happened(Happened.IN_THE_LEDGER, jobs=known.jobs, erasures=known.erasures))
    return _stopped(laptop, now)


def _asks_again(workshop: Workshop, now: float) -> Workshop:
    """Confirmations and batches from before are void: they may have been used up, which nobody remembers."""
    for laptop in workshop.laptops.values():
        if laptop.goal.confirmation is not None or laptop.erase_first or _in_danger(laptop):
            workshop = workshop.with_laptop(_stopped(laptop, now))
    return replace(workshop, batches={})


def _in_danger(laptop: Laptop) -> bool:
    """Whether something is about to happen to its disk."""
    return laptop.active or laptop.state in (State.WAITING, State.ERASING)


def _stopped(laptop: Laptop, now: float) -> Laptop:
    """`laptop` with nobody's word, set aside from what it was at: without a row, the ledger may have one of that."""
    laptop = replace(unconfirmed(laptop), erase_first="", job=replace(laptop.job, open=False))
    if not _in_danger(laptop):
        return laptop
    laptop = replace(laptop, session=None, erasure=None if erasing.under_way(laptop) else laptop.erasure)
    return transition(laptop, State.ASIDE, now, reason=Reason.RESTORED)
