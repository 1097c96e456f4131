"""Laptops whose clock stands far back: the coin cell that keeps it going is empty."""

from __future__ import annotations

from collections.abc import Iterable

from cloned.core.laptop import Laptop, State, named
from cloned.core.warnings import Warn
from cloned.saying import Phrase

SLACK_DAYS = 180
"""A clock that stands no further back may only have been set wrong."""
_DAY = 86400
_HINT = Phrase("the coin cell on its board is probably empty: replace it, and set the clock in the firmware's setup")


def days_back(laptop: Laptop) -> int:
    """Days that its own clock was behind ours when its agent said hello; 0 where that is not worth a word."""
    clock = laptop.facts.clock
    days = int(laptop.contact.last_hello - clock) // _DAY if clock else 0
    return days if days > SLACK_DAYS else 0


def warnings(laptops: Iterable[Laptop]) -> list[Warn]:
    """What to tell of those that are here."""
    found = [(laptop, days_back(laptop)) for laptop in laptops if laptop.state is not State.GONE]
    return [
        Warn(
            "coin-cell",
            Phrase("{named}: its clock stands {days} {days:day|days} back", named=named(laptop), days=days),
            _HINT,
        )
        for laptop, days in found
        if days
    ]
