"""The server's clock may be set back: what holds for a time must not hold longer because of it."""

from __future__ import annotations

from dataclasses import replace

from cloned.core.laptop import Confirmation
from cloned.core.workshop import Workshop

SLACK_SECONDS = 60.0
"""Seconds by which two clocks, or one clock and itself, may differ without anything being meant by it."""
LOOKED_AT_SECONDS = 600.0
"""Seconds after which the clock is noted where nothing happens meanwhile: by at most so much does a clock that is set
back lengthen what was given for a time."""


def at(workshop: Workshop, now: float) -> Workshop:
    """The workshop at `now`: where the clock was set back, what was given for a time moves with it."""
    back = workshop.latest - now
    if back > 0 and workshop.settings.judging:
        workshop = _moved(workshop, back)
    return replace(workshop, latest=now)


def unnoted(workshop: Workshop, now: float) -> bool:
    """Whether something was given for a time, and nobody has noted the clock for long."""
    if now - workshop.latest < LOOKED_AT_SECONDS:
        return False
    return bool(workshop.batches) or any(each.goal.confirmation is not None for each in workshop.waiting())


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
