"""How fast to send: pure decisions from what receivers report (casting/PROTOCOL.md, "Pace")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TOLERATED = 0.03
"""Loss that is repaired rather than avoided: a bad cable or a busy radio, not a queue that is full."""

MOST_TOLERATED = 0.35
FLOOR = 8e6
"""Bit/s below which the pace never falls: who can't take that needs unicast."""

STEP = 0.25
"""Seconds between two looks at the rate."""

SETTLE = 0.5
"""Seconds after a decrease in which what is queued on the way drains and proves nothing."""

LATE = 0.3
"""Seconds a receiver may be behind on what was sent before it counts as overrun."""


@dataclass(frozen=True)
class Sample:
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
        self._settled = 0.0
        self._before: tuple[float, float] | None = None
        """Rate and loss when slowing down began."""

    def set_ceiling(self, ceiling: float) -> None:
        """Follow a new limit at once."""
        self.ceiling = ceiling
        self.rate = min(self.rate, ceiling)

    def update(self, samples: Sequence[Sample], now: float) -> float:
        """Return the rate from now on; call it every STEP seconds with all receivers that take part."""
        if not samples or now < self._settled:
            return self.rate
        loss = common([sample.loss for sample in samples])
        if loss > self.tolerated:
            self._slow_down(loss, now)
        elif common([sample.lag for sample in samples]) > LATE:
            self._lower(self.rate * 0.9, now)
        else:
            self._before = None
            self._speed_up()
        return self.rate

    def _slow_down(self, loss: float, now: float) -> None:
        """Go to what got through; if loss stays as it was at a much lower rate, it is not ours to avoid."""
        if self._before is None:
            self._before = self.rate, loss
        began, first = self._before
        if self.rate < 0.75 * began and loss > 0.7 * first:
            self.tolerated = min(MOST_TOLERATED, 1.3 * max(loss, first))
            self.rate, self._before = began, None
            return
        self._lower(self.rate * max(0.1, 0.98 * (1 - loss)), now)

    def _lower(self, rate: float, now: float) -> None:
        self._knee = self.rate
        self.rate = min(self.ceiling, max(FLOOR, rate))
        self._settled = now + SETTLE

    def _speed_up(self) -> None:
        """Fast while well below the rate that was too much, slowly around it."""
        factor = 1.08 if self.rate < 0.9 * self._knee else 1.01
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
