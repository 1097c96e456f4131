"""`step`: one event in, the next state and what must be done out. The only place state changes."""

from __future__ import annotations

from cloned.core import classic_sessions as classics
from cloned.core import clocks, tags
from cloned.core.effects import admit, effects, end_sessions, resume
from cloned.core.events import Effect, Event
from cloned.core.handlers import handle
from cloned.core.workshop import Workshop

__all__ = ["resume", "step"]


def step(workshop: Workshop, event: Event, now: float, entropy: str) -> tuple[Workshop, tuple[Effect, ...]]:
    """The state after `event` at `now` (seconds since 1970), and the effects it calls for.

    `entropy` is random hex, drawn and journalled with the event: every new id derives from it.

    Events that no longer apply (a session that is over, a laptop nobody knows) change nothing.
    """
    before = workshop
    workshop = handle(clocks.at(workshop, now), event, now, entropy)
    workshop = tags.after(before, workshop, now)
    workshop = admit(workshop, entropy, now)
    workshop = classics.advance(workshop, now)
    workshop = end_sessions(workshop, now)
    return effects(before, workshop, now)
