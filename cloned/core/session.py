"""A session: one image going to several laptops at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cloned.core.ids import LaptopId, SessionId

Kind = Literal["pieces", "classic", "guests"]
"""pieces: laptops come and go. classic: who is there when the stream starts gets it, through Clonezilla's own
programs. guests: the same for stock Clonezilla clients, of which we know nothing but their addresses."""


@dataclass(frozen=True)
class Session:
    """A stream of one image."""

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
    kind: Kind = "pieces"
    port: int = 0
    """Port base of a classic session's first stream; each of its `streams` is two above the one before."""
    streams: int = 0
    guests: int = 0
    joined: float = 0.0
    """When the last one joined."""
    go: bool = False
    """Somebody said that a classic session shall not wait for more laptops."""
    started: float | None = None
    """When a classic session's members were settled; nobody joins after that."""
    receivers: tuple[LaptopId, ...] = ()
    """Members of a started classic session that are still to get its stream."""
    sent: float | None = None
    """When a classic session's last stream was over."""
    broke_off: bool = False
    """Whether it was over too soon, so that its laptops go on in another session."""
    ejected: tuple[str, ...] = ()
    """Addresses that were taken out of a classic session."""

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return self.ended is None

    @property
    def joinable(self) -> bool:
        """Whether laptops may join."""
        return self.open and self.kind != "guests" and self.started is None

    @property
    def classic(self) -> bool:
        """Whether udpcast sends it."""
        return self.kind != "pieces"
