"""How fast to send: pure decisions from what receivers report (casting/PROTOCOL.md, "Pace").

An example at a ceiling of 900 Mbit/s: five receivers lose 0, 0, 20, 20 and 21 %. Most have at least 20 %, so 720
Mbit/s get through, and the rate goes to 0.98 of that, 706. Next look: nothing is lost, and 706 is above 0.8 of what
got through last, so it rises by a percent or two, faster after each calm second. Had the loss stayed at 20 % although
the rate had fallen by a quarter, it would not be ours (a bad uplink): the rate goes back to 900 and up to 26 % are
repaired from then on. One receiver alone with 50 % slows nobody down: most do not lose that much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TOLERATED = 0.03
"""Loss that is repaired rather than avoided: a bad cable or a busy radio, not a queue that is full."""

MOST_TOLERATED = 0.35
FLOOR = 8e6
"""Bit/s below which the pace never falls: who can't take that needs unicast."""

STEP_SECONDS = 0.25
"""Seconds between two looks at the rate."""

LATE_SECONDS = 0.3
"""Seconds a receiver may be behind on what was sent before it counts as overrun."""


@dataclass(frozen=True)
class ReceiverSample:
    """What one receiver reported since the last look."""

    loss: float
    """Share of the packets that passed it by."""
    lag: float
    """Seconds since the newest packet it has seen was sent."""


def common(values: Sequence[float]) -> float:
    """The value that most have at least: one alone is most of one, and both of two."""
    return sorted(values)[(len(values) - 1) // 2] if values else 0.0


class Pace:
    """A rate in bit/s on the wire between FLOOR and a ceiling that the switch or the operator set."""

    def __init__(self, ceiling: float) -> None:
        self.ceiling = ceiling
        self.rate = ceiling
        self.tolerated = TOLERATED
        self._knee = ceiling
        """What got through the last time that it was too much."""
        self._calm = 0
        """Looks in a row that gave no reason to slow down."""
        self._lag = 0.0
        self._before: tuple[float, float] | None = None
        """Rate and loss when slowing down began."""

    def set_ceiling(self, ceiling: float) -> None:
        """Follow a new limit at once: a rate that nothing but the old limit kept down rises with it."""
        unhindered = self.rate >= self.ceiling
        self.ceiling = ceiling
        self.rate = ceiling if unhindered else min(self.rate, ceiling)
        self._knee = ceiling if unhindered else min(self._knee, ceiling)

    def update(self, samples: Sequence[ReceiverSample]) -> bool:
        """Look at all receivers that take part, every STEP seconds; whether the rate was lowered.

        If it was, samples of what was sent before say nothing about the new rate and must not come in here.
        """
        if not samples:
            return False
        before = self.rate
        loss, lag = common([sample.loss for sample in samples]), common([sample.lag for sample in samples])
        growing, self._lag = lag > 0.95 * self._lag, lag
        if loss > self.tolerated:
            self._slow_down(loss)
        elif lag > LATE_SECONDS and growing:
            self._lower(self.rate * 0.9, self.rate)
        else:
            self._before = None
            self._speed_up()
        return self.rate < before

    def _slow_down(self, loss: float) -> None:
        """Go to what got through; if loss stays as it was at a much lower rate, it is not ours to avoid."""
        if self._before is None:
            self._before = self.rate, loss
        began, first = self._before
        if self.rate < 0.75 * began and loss > 0.7 * first:
            self.tolerated = min(MOST_TOLERATED, 1.3 * max(loss, first))
            self.rate, self._before = began, None
            return
        through = self.rate * max(0.1, 1 - loss)
        self._lower(0.98 * through, through)

    def _lower(self, rate: float, knee: float) -> None:
        self.rate, self._knee = min(self.ceiling, max(FLOOR, rate)), knee
        self._calm = 0

    def _speed_up(self) -> None:
        """Fast while well below what was too much; from there on by 1 %, and twice that after each calm second."""
        self._calm += 1
        probing = min(0.25, 0.01 * 2 ** (self._calm * STEP_SECONDS))
        factor = 1.25 if self.rate < 0.8 * self._knee else 1 + probing
        self.rate = min(self.ceiling, self.rate * factor)
        self.tolerated = max(TOLERATED, self.tolerated * 0.995)


def shares(total: float, wishes: Mapping[int, float]) -> dict[int, float]:
    """Divide `total` bit/s of the server's link: equal parts, and what one does not want goes to the others."""
    given: dict[int, float] = {}
    left = dict(wishes)
    while left:
        part = (total - sum(given.values())) / len(left)
        modest = {key: wish for key, wish in left.items() if wish <= part}
        if not modest:
            return given | dict.fromkeys(left, part)
        given |= modest
        left = {key: wish for key, wish in left.items() if key not in modest}
    return given
