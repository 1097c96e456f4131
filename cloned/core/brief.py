"""The workshop in figures: what metrics need, for a fraction of what drawing every laptop takes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloned.core.estimate import Estimate
from cloned.core.shown import ShownSession
from cloned.core.shown_data import SwitchData
from cloned.core.snapshot import shown_session
from cloned.core.workshop import Workshop

_NOBODY = Estimate({}, None)


@dataclass(frozen=True, kw_only=True)
class Brief:
    """Counts of the workshop, now."""

    states: Mapping[str, int]
    """Laptops by state; states without any are missing."""
    places: int
    taken: int
    sessions: tuple[ShownSession, ...]
    switches: Sequence[SwitchData] = ()
    warnings: int = 0
    backlog: int = 0
    loop_lag: float = 0.0
    loop_held: float = 0.0
    loop_busy: float = 0.0


def brief(workshop: Workshop, now: float) -> Brief:
    """What the core alone knows; the rest is filled in where the other rooms are known."""
    return Brief(
        states=Counter(str(laptop.state) for laptop in workshop.laptops.values()),
        places=workshop.places,
        taken=len(workshop.active()),
        sessions=tuple(shown_session(each, workshop, _NOBODY, now) for each in workshop.sessions.values()),
    )
