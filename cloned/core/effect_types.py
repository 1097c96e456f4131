"""What must be done outside because of what happened: the engine carries it out, effects.py says when."""

from __future__ import annotations

from dataclasses import dataclass

from cloned.core.ids import SessionId


@dataclass(frozen=True)
class OpenStream:
    """Have this session's pieces sent to whoever asks; doing it twice is the same as once."""

    session: SessionId
    number: int
    image: str
    stream: str
    kind: str = "pieces"
    """As `Session.kind`."""
    port: int = 0
    guests: int = 0
    interrupted: bool = False
    """A classic session's stream was under way when the daemon ended; it cannot be taken up again."""


@dataclass(frozen=True)
class SetReceivers:
    """Have a classic session's streams go to exactly these addresses; the first one of a session starts them."""

    session: SessionId
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Rates:
    """How fast streams may be, in Mbit/s of the links they go over."""

    link: int
    """All of them together."""
    sessions: tuple[tuple[SessionId, int], ...]
    """Each open one."""


@dataclass(frozen=True)
class CloseStream:
    """Nobody needs this session's pieces any more."""

    session: SessionId


@dataclass(frozen=True)
class Record:
    """Enter a result in the ledger; keyed by laptop and attempt."""

    row: dict[str, object]


Effect = OpenStream | SetReceivers | Rates | CloseStream | Record
