"""The server's clock may be set back: what holds for a time must not hold longer because of it."""

from __future__ import annotations

from dataclasses import replace

from cloned.core.laptop import Confirmation
from cloned.core.workshop import Workshop

SLACK_SECONDS = 60.0
"""Seconds by which two clocks, or one clock and itself, may differ without anything being meant by it."""


def at(workshop: Workshop, now: float) -> Workshop:
    """The workshop at `now`: where the clock was set back, what was given for a time moves with it."""
    back = workshop.latest - now
    if back > 0 and workshop.settings.judging:
        workshop = _moved(workshop, back)
    return replace(workshop, latest=now)


def _moved(workshop: Workshop, back: float) -> Workshop:
    laptops = {
        ident: replace(laptop, goal=replace(laptop.goal, confirmation=_earlier(laptop.goal.confirmation, back)))
        for ident, laptop in workshop.laptops.items()
        if laptop.goal.confirmation is not None
    }
    batches = {ident: replace(batch, until=batch.until - back) for ident, batch in workshop.batches.items()}
    return replace(workshop, laptops={**workshop.laptops, **laptops}, batches=batches)


def _earlier(given: Confirmation, back: float) -> Confirmation:
    return replace(given, given=given.given and given.given - back, until=given.until - back)


def over(given: Confirmation, now: float) -> bool:
    """Whether a confirmation ran out, or the clock stands before it was given (0: nobody knows when)."""
    return now >= given.until or now < given.given - SLACK_SECONDS
