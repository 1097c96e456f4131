"""The parts that carry out the engine's effects, as it needs them."""

from __future__ import annotations

from typing import Protocol

from cloned.core.effect_types import OpenStream, Rates, SetReceivers
from cloned.core.ids import SessionId
from cloned.errors import ClonedError
from cloned.json_data import JsonObject
from cloned.order_types import StreamPlace


class AnothersRow(ClonedError):  # noqa: N818 - named for what happened
    """What is recorded under a laptop's id is of another machine; nothing was written."""


class Casting(Protocol):
    """What sends an image, in pieces or as Clonezilla does."""

    async def open(self, opened: OpenStream) -> None:
        """Serve a session; the second call for one session does nothing."""

    async def settle(self, receivers: SetReceivers) -> None:
        """Have a classic session's streams go to these addresses; the first time, begin."""

    async def limit(self, rates: Rates) -> None:
        """Send no faster than the links of those who listen."""

    async def shut(self, session: SessionId) -> None:
        """Stop serving a session."""

    def address(self, session: SessionId) -> StreamPlace | None:
        """Where receivers find the stream, as plain data."""


class ResultStore(Protocol):
    """What keeps results."""

    async def record(self, row: JsonObject) -> None:
        """Store a row once for its (laptop, attempt), and queue it for the sinks.

        AnothersRow where the rows of that laptop there are of another machine.
        """
