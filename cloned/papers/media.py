"""What labels are printed on: sizes in millimetres, and where on a label what stands."""

from __future__ import annotations

from dataclasses import dataclass

from cloned.errors import UsageError
from cloned.saying import Phrase

A4 = (210.0, 297.0)


@dataclass(frozen=True)
class Box:
    """A place on a paper in mm, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def moved(self, x: float, y: float) -> Box:
        """The same box further right and down."""
        return Box(self.x + x, self.y + y, self.width, self.height)


@dataclass(frozen=True)
class Design:
    """Places on one label: the tag's figures, its bar code, the QR code, and some words."""

    tag: Box
    bars: Box
    words: Box
    qr: Box
    lines: int


@dataclass(frozen=True)
class Media:
    """A kind of label; on sheets, `columns` by `rows` of them, the first at (`left`, `top`)."""

    name: str
    width: float
    height: float
    design: Design
    columns: int = 1
    rows: int = 1
    left: float = 0.0
    top: float = 0.0
    across: float = 0.0
    """From one label to the next one to the right."""
    down: float = 0.0

    @property
    def page(self) -> tuple[float, float]:
        """Size of what goes through the printer."""
        return A4 if self.places > 1 else (self.width, self.height)

    @property
    def places(self) -> int:
        """Labels on one page."""
        return self.columns * self.rows

    def corner(self, place: int) -> tuple[float, float]:
        """Where label number `place` (from 1, row by row) begins on its page."""
        row, column = divmod(place - 1, self.columns)
        return self.left + column * self.across, self.top + row * self.down


_ROLL = Design(Box(2, 3.2, 58, 10.5), Box(1.6, 14.6, 58.8, 8), Box(3, 25.4, 37, 16), Box(42, 23.4, 18.4, 18.4), 5)
_DIE_CUT = Design(Box(2, 3.1, 58, 8.2), Box(1.6, 12.5, 44, 6.8), Box(3, 20, 42, 6.4), Box(46, 11.6, 14.8, 14.8), 2)
_PAPER = Design(Box(2.5, 2.8, 58.5, 10), Box(2, 13.6, 59.5, 7.2), Box(3.2, 22.6, 39, 13), Box(43.5, 20.9, 17, 17), 5)
_FOIL = Design(Box(1.8, 1.1, 42.2, 5.4), Box(1.2, 7, 43.3, 3), Box(2, 11.6, 30.5, 7.4), Box(33.3, 9.9, 11.2, 11.2), 2)

MEDIA = {
    each.name: each
    for each in (
        Media("62", 62, 45, _ROLL),
        Media("62x29", 62, 29, _DIE_CUT),
        Media("L7160", 63.5, 38.1, _PAPER, 3, 7, 7.21, 15.15, 66.04, 38.1),
        Media("L6009", 45.7, 21.2, _FOIL, 4, 12, 9.8, 21.3, 48.26, 21.2),
    )
}
"""By name: a continuous roll of 62 mm and a die-cut one (thermal: they fade within years), sheets of paper, of foil."""


def media(name: str) -> Media:
    """The media of this name. Raises UsageError."""
    if name not in MEDIA:
        raise UsageError(
            Phrase("there is no label media {name}", name=name), Phrase("there are: {media}", media=", ".join(MEDIA))
        )
    return MEDIA[name]
