"""All that the inventory does in the daemon, put together: outbox, way in, hooks, retention, and what is shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from cloned.config import Config
from cloned.core.row_types import LedgerTotals, Row, SinkStatus
from cloned.destinations import SnipeItSettings
from cloned.errors import UsageError
from cloned.inventory.database import LedgerError
from cloned.inventory.hooks import Hooks
from cloned.inventory.imported import ImportedList
from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import Outbox
from cloned.inventory.sinks import make
from cloned.inventory.sinks.asked import rehearsed
from cloned.inventory.sinks.base import Sink, Surroundings, Unavailable
from cloned.inventory.sinks.told import Expectation
from cloned.saying import Phrase, headed
from cloned.tasks import at_most

if TYPE_CHECKING:
    from cloned.core.events import Command
    from cloned.core.settings import Settings
    from cloned.engine import Engine

log = logging.getLogger(__name__)

NUMBER_SECONDS = 60.0
"""How long a verified laptop waits for its number."""
A_DAY_SECONDS = 86400.0
LOOK_AGAIN_SECONDS = 300.0
"""Seconds after which an inventory that lacked something, or did not answer, is looked at again."""
SHOWN_WITHIN_SECONDS = 2.0
"""Seconds that a page waits for the ledger."""
ROWS_WITHIN = 20.0
"""And for all of its results."""
SILENT = Phrase("the ledger does not answer")
DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
Work = Callable[[], Coroutine[object, object, object]]
Told = TypeVar("Told")


@dataclass
class LastAnswer(Generic[Told]):
    """What the ledger said last to a question."""

    value: Told


class InventoryService:
    """What the daemon runs of it. Raises UsageError for a sink that cannot be made."""

    def __init__(self, config: Config, ledger: Ledger, around: Surroundings) -> None:
        self.config, self.ledger, self._around = config, ledger, around
        self._made = [make(sink, around) for sink in config.sink]
        self.outbox = Outbox(ledger, self._made, past={sink.name: sink.past for sink in config.sink})
        self.imported = ImportedList(config.workshop.state)
        self.hooks = Hooks(config.hooks.folder, config.workshop.state / "hooks", config.hooks.seconds)
        self.faults: dict[str, list[Expectation]] = {}
        """What each sink lacked when it was looked at."""
        self.away = ""
        """Why the ledger cannot be asked, while it cannot."""
        self._totals = LastAnswer(LedgerTotals(rows=0, verdicts={}, done_today=0))
        self._sinks: LastAnswer[list[SinkStatus]] = LastAnswer([])

    def services(self, engine: Engine) -> list[tuple[Work, str]]:
        """What is to be supervised once there is an engine, each with its name."""
        from cloned.inventory.asking import WayIn  # what waits is sent before there is an engine
        from cloned.inventory.happenings import Happenings

        way_in = WayIn(engine, self._askable(), self.imported, self._numbers())
        happenings = Happenings(engine, self.hooks, self.config.workshop.name)
        return [
            (way_in.run, "way-in"),
            (happenings.run, "hooks"),
            (self._prune, "retention"),
            (self._look, "inventories"),
        ]

    def _askable(self) -> list[Sink]:
        names = {sink.name for sink in self.config.sink if sink.can_be_asked}
        return [sink for sink in self._made if sink.name in names]

    def _numbers(self) -> Sink | None:
        """The inventory that gives numbers, if one does."""
        given = [each.name for each in self.config.sink if gives_numbers(each)]
        return next((sink for sink in self._made if sink.name in given), None)

    async def _look(self) -> None:
        """Hold fields and labels of the configuration against what each inventory has, at the start and where one lacks
        something again until it does not."""
        while True:
            for sink in self._askable():
                self.faults[sink.name] = [line for line in await rehearsed(sink, None) if not line.possible]
                for line in self.faults[sink.name]:
                    log.warning("sink %s: %s", sink.name, line.line())
            await asyncio.sleep(LOOK_AGAIN_SECONDS if any(self.faults.values()) else A_DAY_SECONDS)

    def warnings(self) -> list[dict[str, str]]:
        """What an inventory lacks that the configuration names."""
        away = (
            [{"code": "ledger-away", "text": self.away, "hint": Phrase("results wait; nothing is lost")}]
            if self.away
            else []
        )
        return away + [
            {
                "code": "sink-lacks",
                "text": headed(name, headed(line.what, line.said)),
                "hint": line.next
                or Phrase(
                    "put it right there or in the configuration; `cloned inventory test {name}` tells", name=name
                ),
            }
            for name, lines in self.faults.items()
            for line in lines
        ]

    async def _prune(self) -> None:
        """Once a day take away what `[ledger.keep]` lets go."""
        while True:
            limits = limits_of(self.config, datetime.now(UTC))
            if limits and (count := await self.ledger.prune(limits, [sink.name for sink in self.config.sink])):
                log.info("%d results are older than [ledger.keep] says and were taken away", count)
            await asyncio.sleep(A_DAY_SECONDS)

    # What people ask for.

    async def retry(self, command: Command) -> Mapping[str, object]:
        """`inventory-retry SINK`, of one laptop where `text` names it."""
        return {"retried": await self.outbox.retry(command.target or None, await self._laptop(command.text))}

    async def forget(self, command: Command) -> Mapping[str, object]:
        """With `everywhere` also what ledger and sinks remember of a laptop; its numbers stay used, the counts stay."""
        from cloned.core.laptop_commands import EVERYWHERE  # what waits is sent before there are commands

        if command.text != EVERYWHERE:
            return {}
        known = await self.ledger.ids(command.target)
        if len(known) > 1:
            raise UsageError(
                Phrase("several laptops are called {target}: {known}", target=command.target, known=", ".join(known)),
                "name one of these",
            )
        ident = known[0] if known else command.target
        lines = await self._out_of_files(ident)
        await self._around.memory.forget(ident)
        results = await self.ledger.forget(ident)
        await self.outbox.let_go(ident)
        again = await self._out_of_files(ident)  # what was on its way meanwhile; nothing more is owed
        stays = sorted(name for name, count in again.items() if count is None)
        gone = sum(count or 0 for each in (lines, again) for count in each.values())
        return {"laptop": ident, "results": results, "lines": gone, "stays": stays}

    async def _out_of_files(self, ident: str) -> dict[str, int | None]:
        """By sink, how many lines of a laptop went; None for one that keeps what it got elsewhere."""
        try:
            return {sink.name: await sink.forget(ident) for sink in self._made}
        except Unavailable as error:
            raise UsageError(str(error), "then forget it once more: its results are still there") from error

    async def _laptop(self, name: str) -> str | None:
        if not name:
            return None
        found = await self.ledger.ids(name)
        if len(found) != 1:
            raise UsageError(Phrase("the ledger has no result of a laptop {name}", name=name), "see `cloned laptops`")
        return found[0]

    # What is shown: a ledger that is away takes no page from anybody.

    async def totals(self) -> LedgerTotals:
        """As `Ledger.totals`; what was true last where the ledger is away."""
        return {**await self._or_last("totals", self.ledger.totals, self._totals)}

    async def sinks(self) -> list[SinkStatus]:
        """As `Outbox.status`; what was true last where the ledger is away."""
        known = await self._or_last("sinks", self.outbox.status, self._sinks)
        return list(known)

    async def rows(
        self,
        *,
        laptop: str | None = None,
        limit: int | None = None,
        before: tuple[str, str, int] | None = None,
        erasures: bool = False,
    ) -> list[Row]:
        """As `Ledger.rows`; none where the ledger is away."""
        seconds = ROWS_WITHIN if limit is None else SHOWN_WITHIN_SECONDS
        asked = self.ledger.rows(laptop=laptop, limit=limit, before=before, erasures=erasures)
        try:
            return await at_most(seconds, asked, "rows")
        except (LedgerError, TimeoutError) as error:
            self.ledger_away(str(error))
            return []

    def ledger_away(self, why: str) -> None:
        """The ledger cannot be asked: `why` is shown until it can."""
        self.away = why or SILENT

    async def _or_last(
        self, name: str, ask: Callable[[], Coroutine[object, object, Told]], last: LastAnswer[Told]
    ) -> Told:
        try:
            last.value = await at_most(SHOWN_WITHIN_SECONDS, ask(), name)
            self.away = ""
        except (LedgerError, TimeoutError) as error:
            self.ledger_away(str(error))
        return last.value


def settings(config: Config) -> Settings:
    """What decisions depend on: the configuration's, and what can be asked of inventories."""
    return replace(
        config.settings(),
        inventories=any(sink.can_be_asked for sink in config.sink) or ImportedList(config.workshop.state).there,
        number_seconds=NUMBER_SECONDS if any(map(gives_numbers, config.sink)) else 0.0,
    )


def gives_numbers(sink: object) -> bool:
    """Whether a `[[sink]]` says that the numbers of new laptops come from there."""
    return isinstance(sink, SnipeItSettings) and sink.numbers == "server"


def limits_of(config: Config, now: datetime) -> dict[str, str]:
    """Before when results may go, by `done`, `failed` and `erasure`, ISO 8601."""
    keep = config.ledger.keep
    lengths = {"done": keep.done, "failed": keep.failed, "erasure": keep.erasure.removesuffix("ever")}
    return {
        kind: (now - timedelta(days=int(text[:-1]) * DAYS[text[-1]])).isoformat()[:19]
        for kind, text in lengths.items()
        if text
    }
