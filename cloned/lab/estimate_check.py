"""Whether the daemon's estimates came true. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from cloned.core.estimate import right
from cloned.lab.watching import LaptopSeen


class EstimatesRight(TypedDict):
    """The share of what was said that was right within 20 %, or 2 s; and how often something was said."""

    right: float
    of: int


class EstimateCheck:
    """Notes what was said of each laptop, and how long it then took."""

    def __init__(self) -> None:
        self._said: dict[int, list[tuple[float, float]]] = {}
        self._ended: dict[int, float] = {}

    def look(self, seen: Sequence[LaptopSeen], now: float) -> None:
        """Take in one look at the laptops."""
        for sight in seen:
            left = sight.data.get("left_seconds") if sight.data is not None else None
            if sight.state == "done":
                self._ended.setdefault(sight.number, now)
            elif left is not None and sight.state in ("waiting", "receiving", "verifying"):
                self._said.setdefault(sight.number, []).append((now, float(left)))

    def to_json(self) -> EstimatesRight:
        """`right`: the share of what was said that was right within 20 %, or 2 s; `of`: how often something was."""
        pairs = [
            (left, self._ended[number] - at)
            for number, said in self._said.items() if number in self._ended for at, left in said
        ]  # fmt: skip
        return {"right": round(right(pairs), 3), "of": len(pairs)}
