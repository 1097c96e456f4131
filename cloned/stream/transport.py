"""By which way a receiver gets its pieces: multicast, or one by one where that brings nothing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

REJOIN_SECONDS = 1.0
"""Seconds without a packet, while there is room, after which the group is joined anew, and so again and again.

A switch that snoops may have missed the first report: with IGMPv2 hosts hold theirs back when they hear
another's (RFC 2236 §3), and what it then forgets, it learns only by the next query, up to 125 s later.
"""

SILENT_SECONDS = 4.0
"""Seconds without a packet, while there is room, after which pieces are fetched one by one."""

HOPELESS, CERTAIN = 0.3, 0.6
"""Shares of lost packets above which a receiver that is not alone leaves the group and fetches one by one.

Above the second at once, above the first when it was so twice running: the sender that begins too fast for most
has slowed down by then. A port of 100 Mb/s loses nine packets in ten.
"""

JUDGED_OVER_SECONDS = 3.0
"""Seconds over which that share is taken."""

AWAY, LONGEST_AWAY = 20.0, 320.0
"""Seconds after which a receiver that has left tries the group again; twice as long each time that was in vain."""

BACK = 50
"""Packets between two looks that show that multicast has come back."""


class TransportStep(Enum):
    """What to do now."""

    GO_ON = "go on"
    REJOIN = "join the group anew"
    FETCH = "fetch one by one, and listen whether multicast comes back"
    LEAVE = "leave the group and fetch one by one"
    RETURN = "take what is multicast again"
    COME_BACK = "join the group again and see whether it is better now"


@dataclass(frozen=True)
class Seen:
    """What a receiver knows when it looks."""

    received: int
    lost: int
    through: int
    room: int
    others: int
    """Receivers of the same session beside this one."""


class Transport:
    """Decides, look by look."""

    def __init__(self, now: float, *, can_fetch: bool) -> None:
        self.can_fetch = can_fetch
        self.fetching = False
        self.left = False
        self._heard = now
        self._joined = now
        self._before: Seen | None = None
        self._judged = now, 0, 0
        self._suspect = False
        """Whether too much was lost the last time that this was looked at."""
        self._away = AWAY
        self._left_at = 0.0

    def silent(self, now: float) -> bool:
        """Whether multicast brings nothing."""
        return now - self._heard > SILENT_SECONDS

    def look(self, seen: Seen, now: float) -> TransportStep:
        """What to do now, given what came since the last look."""
        before, self._before = self._before, seen
        new = seen.received - before.received if before else seen.received
        changed = before is None or new > 0 or seen.through != before.through
        if changed or seen.room <= 0:
            self._heard = now
        hopeless = self._hopeless(seen, now)
        if self.left and seen.others > 0 and now - self._left_at >= self._away:  # alone it shares with nobody
            return self._come_back(now)
        if self.fetching:
            return self._return() if not self.left and new > BACK else self._rejoin(now)
        if self.can_fetch and (hopeless or self.silent(now)):
            self.fetching, self.left, self._left_at = True, hopeless, now
            return TransportStep.LEAVE if hopeless else TransportStep.FETCH
        return self._rejoin(now)

    def _return(self) -> TransportStep:
        self.fetching = False
        return TransportStep.RETURN

    def _come_back(self, now: float) -> TransportStep:
        self.fetching = self.left = self._suspect = False
        self._heard, self._away = now, min(2 * self._away, LONGEST_AWAY)
        return TransportStep.COME_BACK

    def _rejoin(self, now: float) -> TransportStep:
        if self.left or now - max(self._heard, self._joined) < REJOIN_SECONDS:
            return TransportStep.GO_ON
        self._joined = now
        return TransportStep.REJOIN

    def _hopeless(self, seen: Seen, now: float) -> bool:
        since, received, lost = self._judged
        if now - since < JUDGED_OVER_SECONDS:
            return False
        new, gone = seen.received - received, seen.lost - lost
        self._judged = now, seen.received, seen.lost
        suspect, all_ = self._suspect, new + gone
        self._suspect = seen.others > 0 and gone > 300 and gone > HOPELESS * all_
        return self._suspect and (suspect or gone > CERTAIN * all_)
