"""Which result of a laptop a sink gets next that keeps a state: the newest, and no older one after it. Pure.

Clones go by attempt and revision. An erasure, and a lending, has a number of its own (core/erasure.py, lending.py), so
kinds are compared by when they were recorded: one is old once one of another kind that came after it was sent. Until
then both are sent, in order: an erasure has a certificate that nothing else brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloned.core.attempts import ATTEMPTS
from cloned.inventory.schema import DROPPED, SENT, SKIPPED, SUPERSEDED, WAITING


@dataclass(frozen=True)
class Queued:
    """One delivery of a laptop to a sink, as far as order goes."""

    id: int
    """Grows with the time at which it was recorded."""
    attempt: int
    revision: int
    state: str

    @property
    def kind(self) -> int:
        """What it tells of: 0 a clone, 1 an erasure, 2 a lending, 3 an evening."""
        return self.attempt // ATTEMPTS

    @property
    def position(self) -> tuple[int, int]:
        """Among those of its kind."""
        return self.attempt, self.revision


@dataclass(frozen=True)
class NextOfLaptop:
    """What is to be sent now, if anything, and what no longer matters."""

    send: int | None
    superseded: tuple[int, ...]


def newest(queued: Sequence[Queued]) -> NextOfLaptop:
    """What of all deliveries of one laptop to one sink is sent next: the oldest that nothing newer made old."""
    alive = [each for each in queued if each.state not in (DROPPED, SKIPPED, SUPERSEDED)]
    waiting = sorted((each for each in alive if each.state == WAITING), key=lambda each: each.id)
    old = [each for each in waiting if any(_makes_old(other, each) for other in alive)]
    fresh = [each for each in waiting if each not in old]
    return NextOfLaptop(fresh[0].id if fresh else None, tuple(each.id for each in old))


def _makes_old(other: Queued, each: Queued) -> bool:
    if other.kind == each.kind:
        return other.position > each.position
    return other.id > each.id and other.state == SENT
