"""A session: one image going to several laptops at once."""

from __future__ import annotations

from dataclasses import dataclass

from cloned.core.ids import LaptopId, SessionId


@dataclass(frozen=True)
class Session:
    """A stream of one image; laptops come and go while it is open."""

    id: SessionId
    number: int
    image: str
    image_hash: str
    stream: str
    """Hex digits of the stream's random bits: its addresses and packet number derive from them."""
    opened: float
    members: tuple[LaptopId, ...] = ()
    """Every laptop that ever joined, in order."""
    first_ready: float | None = None
    last_verdict: float | None = None
    idle_since: float | None = None
    ended: float | None = None
    bytes: int = 0
    """Image bytes that members received."""

    @property
    def open(self) -> bool:
        """Whether laptops may join."""
        return self.ended is None
