"""Numbers on stickers that are used without the journal knowing: told to the core when the daemon starts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Container
from pathlib import Path
from typing import Protocol

from cloned.backup import RESTORED
from cloned.core.events import TagsUsed
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


async def recall(engine: Engine, known: NumbersKnown, state: Path) -> None:
    """Tell the core what the ledger knows, and after a restore how many numbers may have been given since.

    LedgerError where the ledger is away: to be done again then. What a restore asks for was done by then.
    """
    marker = state / RESTORED
    if skip := _left_out(marker):
        await engine.submit(TagsUsed((), skip))
    marker.unlink(missing_ok=True)
    if used := await known.tags(frozenset(engine.workshop.tags)):
        await engine.submit(TagsUsed(tuple({each.tag.casefold(): each for each in reversed(used)}.values())))


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
