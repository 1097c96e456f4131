"""Who asks for multicast groups on a network: the election of RFC 2236 §3 and RFC 3376 §6.6.2. Pure.

A snooping switch forwards a group only to ports from which it heard a report, and hosts report when
they are asked: without a querier the switch forgets every group after a few minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Literal

Version = Literal[2, 3]
ALL_HOSTS = "224.0.0.1"
"""Who a general query is sent to."""


@dataclass(frozen=True)
class Timing:
    """The timers of RFC 2236 §8, in seconds; a workshop asks more often than the 125 s of the RFC."""

    query_interval: float = 30.0
    response: float = 5.0
    """How long hosts may take to answer."""
    robustness: int = 2

    @property
    def startup_interval(self) -> float:
        """Between the first queries (§8.6)."""
        return self.query_interval / 4

    @property
    def other_present(self) -> float:
        """How long another querier is believed in after its last query (§8.5), were its timers ours."""
        return self.robustness * self.query_interval + self.response / 2


RFC_TIMING = Timing(query_interval=125.0, response=10.0)
"""What other queriers use unless told otherwise: we wait so long for them before we take over."""


@dataclass(frozen=True)
class Query:
    """A membership query heard: who asked, in which version; `group` 0.0.0.0 is a general one."""

    source: IPv4Address
    version: int
    group: IPv4Address


@dataclass(frozen=True)
class Election:
    """Where we stand: `other` is the querier we gave way to. Times are monotonic seconds."""

    address: IPv4Address
    timing: Timing = Timing()
    patience: float = RFC_TIMING.other_present
    """How long the other one may be silent before we take over: its timers are not known to us."""
    other: IPv4Address | None = None
    other_until: float = 0.0
    next_query: float = 0.0
    startup_left: int = 0

    @property
    def asking(self) -> bool:
        """Whether we are the querier."""
        return self.other is None


def start(address: IPv4Address, now: float, timing: Timing, patience: float = RFC_TIMING.other_present) -> Election:
    """Begin as every router does: as querier, with a few queries in quick succession (RFC 2236 §3, §7)."""
    return Election(
        address=address,
        timing=timing,
        patience=patience,
        other=None,
        other_until=0.0,
        next_query=now,
        startup_left=timing.robustness,
    )


def heard(election: Election, query: Query, now: float) -> Election:
    """A query was heard: whoever has the lower address asks.

    0.0.0.0 is a snooping switch asking for itself: it takes no part (RFC 4541 §2.1.1).
    """
    if int(query.source) == 0 or query.source >= election.address:
        return election
    return replace(election, other=query.source, other_until=now + election.patience)


def tick(election: Election, now: float) -> tuple[Election, bool]:
    """The election at `now`, and whether a general query is due."""
    if election.other is not None:
        if now < election.other_until:
            return election, False
        election = replace(election, other=None, next_query=now, startup_left=election.timing.robustness)
    if now < election.next_query:
        return election, False
    left = max(0, election.startup_left - 1)
    pause = election.timing.startup_interval if left else election.timing.query_interval
    return replace(election, next_query=now + pause, startup_left=left), True


def due(election: Election) -> float:
    """When `tick` has something to do again."""
    return election.next_query if election.other is None else election.other_until
