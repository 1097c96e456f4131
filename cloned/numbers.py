"""What is used without the journal knowing, told to the core when the daemon starts: numbers on stickers, and those of
results, where a backup was brought back or the ledger is another site's too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from cloned.backup import RESTORED
from cloned.core.ids import LaptopId
from cloned.core.known import KnownToLedger
from cloned.core.ledger_events import LedgerAhead, TagsUsed
from cloned.core.overtaken import ahead
from cloned.core.tagged import TagGiven
from cloned.engine import Engine
from cloned.inventory.database import LedgerError
from cloned.tasks import TaskOwner

A_DAY = 100
"""Numbers that are left out for each day since the backup: more than any workshop gives in one."""
MOST = 1000
LEDGER_AGAIN_SECONDS = 5.0
"""Seconds until a ledger that is away is asked again."""


class NumbersKnown(Protocol):
    """The ledger, as this needs it."""

    async def tags(self, known: Container[str]) -> list[TagGiven]:
        """Every number that a result was entered under, but those whose case-folded text is known."""

    async def last_numbers(self, laptops: Sequence[str]) -> Mapping[str, tuple[int, int, int]]:
        """Of each of these laptops the numbers of its last clone, erasure and lending."""

    async def counted(self, laptop: str) -> KnownToLedger:
        """What there is of a laptop."""


async def recall(engine: Engine, known: NumbersKnown, state: Path) -> None:
    """Tell the core what the ledger knows, and after a restore how many numbers may have been given since.

    LedgerError where the ledger is away: to be done again then. What a restore asks for was done by then.
    """
    marker = state / RESTORED
    if skip := _left_out(marker):
        await engine.submit(TagsUsed((), skip))
        await engine.submit(LedgerAhead((), restored=True))
    marker.unlink(missing_ok=True)
    if more := await _overtaken(engine, known):
        await engine.submit(LedgerAhead(more))
    if used := await known.tags(frozenset(engine.workshop.tags)):
        await engine.submit(TagsUsed(tuple({each.tag.casefold(): each for each in reversed(used)}.values())))


async def _overtaken(engine: Engine, known: NumbersKnown) -> tuple[KnownToLedger, ...]:
    """What the ledger has of laptops of which it has more than the journal."""
    found = []
    for name, numbers in (await known.last_numbers([*engine.workshop.laptops])).items():
        laptop = engine.workshop.laptops.get(LaptopId(name))
        if laptop is not None and ahead(laptop, *numbers):
            found.append(await known.counted(name))
    return tuple(found)


async def recall_when_there(
    engine: Engine, known: NumbersKnown, state: Path, tasks: TaskOwner, away: Callable[[str], None]
) -> None:
    """The same now, or in `tasks` as soon as the ledger is there; `away` hears why it is not."""

    async def later() -> None:
        await asyncio.sleep(LEDGER_AGAIN_SECONDS)
        await recall_when_there(engine, known, state, tasks, away)

    try:
        await recall(engine, known, state)
    except LedgerError as error:
        away(str(error))
        tasks.start(later(), "numbers")


def _left_out(marker: Path) -> int:
    """How many numbers to leave out; 0 where nothing was restored."""
    try:
        days = float(json.loads(marker.read_text(encoding="utf-8"))["days"])
    except FileNotFoundError:
        return 0
    except (ValueError, KeyError, TypeError):
        return MOST
    return min(MOST, int(A_DAY * (1 + max(0.0, days))))
