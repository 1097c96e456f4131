"""How a sink is asked, whoever asks: what comes of it is its answer, `Unavailable` or `SinkRefused`, and nothing else.

What the other side answers may be JSON and have another form than any that was recorded: a list for an object, no
number where one belongs. That shows wherever it is used, and is one clear sentence here: a person may have to see to
it, and neither the daemon nor anybody else's results may suffer from it.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable
from typing import TypeVar

from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Unavailable
from cloned.inventory.sinks.told import Expectation
from cloned.saying import Phrase

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


async def understood(name: str, asked: Awaitable[Answer]) -> Answer:
    """What the sink called `name` gives. Raises Unavailable, SinkRefused or TimeoutError."""
    try:
        return await asked
    except (Unavailable, SinkRefused, TimeoutError):
        raise
    except Exception as error:  # the boundary: whatever the other side made of its answer
        log.error("sink %s: its answer led to %s at %s", name, type(error).__name__, _way_to(error))
        raise Unavailable(
            Phrase(
                "its answer has another form than expected ({fault}): check `url` and its version; the log says where",
                fault=type(error).__name__,
            )
        ) from error


def _way_to(error: Exception) -> str:
    """Where it was raised and who called there; not what it says, which may hold what was answered."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " < ".join(f"{each.filename.rpartition('/')[2]}:{each.lineno}" for each in reversed(frames))


async def rehearsed(sink: Sink, delivery: Delivery | None) -> list[Expectation]:
    """As `Sink.rehearse`; a line that says so where it could not be done, or not in time."""
    try:
        async with asyncio.timeout(sink.seconds):
            return await understood(sink.name, sink.rehearse(delivery))
    except TimeoutError:
        return [Expectation(Phrase("inventory"), "missing", Phrase("it did not answer in time"))]
    except (Unavailable, SinkRefused) as error:
        return [Expectation(Phrase("inventory"), "missing", str(error))]
