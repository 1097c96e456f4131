"""How a laptop is reached: when it was heard, through which card, and where its cable ends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contact:
    """How and when a laptop was heard; times in seconds since 1970."""

    address: str = ""
    came_by: str = ""
    """The card that its boot script was fetched through: what the firmware calls it, not what Linux does."""
    booted_at: float | None = None
    hellos: int = 0
    last_hello: float = 0.0
    cards: tuple[str, ...] = ()
    """Those that it had at its last hello, dongles and docks among them: `Facts.identity` holds all it ever had."""

    @property
    def running(self) -> bool:
        """Whether its agent spoke since it booted last."""
        return self.hellos > 0 and self.last_hello >= (self.booted_at or 0.0)


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where its cable ends, and how fast that is: as the switch says, else the laptop."""

    port: str = ""
    speed_mbps: int | None = None
    half_duplex: bool = False
    """Whether its link sends one way at a time."""
    card: str = ""
    """Its card's power saving, since that held it back in this boot: "off", or "on" where it stayed so."""
