"""The daemon's own `cloned check`: at start, daily, and when somebody asks; kept for page, API and metrics."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from cloned.config import Config
from cloned.core.answer_data import CheckedData, CheckLine
from cloned.core.events import Command
from cloned.errors import ClonedError
from cloned.saying import Phrase

log = logging.getLogger(__name__)

DAILY_SECONDS = 86400.0
PATIENCE_SECONDS = 15.0
"""Seconds that whoever asked waits at most."""
Examine = Callable[[Config], Awaitable[Sequence[CheckLine]]]
"""Runs every look; gives what `cloned check --json` prints."""


class Rounds:
    """`examine` is `cloned.check`'s; `config` gives the configuration in force."""

    def __init__(self, examine: Examine | None, config: Callable[[], Config]) -> None:
        self._examine, self._config = examine, config
        self._asked = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        """Those who asked: the next round that ends is theirs."""
        self.at = 0.0
        """When the last one ended, seconds since 1970; 0 before the first."""
        self.findings: Sequence[CheckLine] = ()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._asked.clear()
            await self._look()
            with suppress(TimeoutError):
                async with asyncio.timeout(DAILY_SECONDS):
                    await self._asked.wait()

    async def now(self, patience: float = PATIENCE_SECONDS) -> Sequence[CheckLine]:
        """Look over everything; for many who ask at once, once. ClonedError where that takes longer than `patience`
        seconds: it goes on, and the page shows it."""
        waits: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waits)
        self._asked.set()
        try:
            async with asyncio.timeout(patience):
                await waits
        except TimeoutError as error:
            words = Phrase("not every look was through after {seconds} s", seconds=f"{patience:.0f}")
            raise ClonedError(words, "see /check in a moment") from error
        return self.findings

    async def _look(self) -> None:
        try:
            if self._examine is not None:
                self.findings = await self._examine(self._config())
                self.at = time.time()
                self._tell()
        except ClonedError as error:
            self._end(error)
            raise
        self._end(None)

    def _end(self, error: ClonedError | None) -> None:
        self._asked.clear()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if each.done():
                continue
            if error is None:
                each.set_result(None)
            else:
                each.set_exception(error)

    async def recheck(self, _: Command) -> Mapping[str, object]:
        """The command: look over everything, and say how much is not well."""
        counts = Counter(each["state"] for each in await self.now())
        by_state = {state: counts[state] for state in ("ok", "warning", "wrong", "skipped")}
        said = Phrase("{ok} well, {warning} to look at, {wrong} wrong, {skipped} left out", **by_state)
        return {"state": said, "findings": sum(counts.values())}

    def _tell(self) -> None:
        for each in self.findings:
            if each["state"] == "wrong":
                log.warning("check: %s: %s; %s", each["name"], each["said"], each["next"])

    def counted(self) -> tuple[float, Mapping[str, int]] | None:
        """When it was and how many findings of each state there were; None before the first."""
        return (self.at, Counter(str(each["state"]) for each in self.findings)) if self.at else None

    def to_json(self) -> CheckedData:
        """For page and API: `{"at": ISO 8601 or null, "findings": […]}`."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.at)) if self.at else None
        return {"at": at, "findings": [{**each} for each in self.findings]}
