"""What a lab says while it runs: lines, and on a terminal a table that stays where it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from cloned.lab.watching import LaptopSeen

_STEP = 25
"""Percent between two lines about one laptop, where there is no terminal."""


class Display:
    """Calm progress. All of it goes to standard error where standard output is for JSON."""

    def __init__(self, *, to_stderr: bool) -> None:
        self.console = Console(file=sys.stderr if to_stderr else sys.stdout, highlight=False, soft_wrap=True)
        if not self.console.is_terminal:
            self.console.width = 130
        self._live: Live | None = None
        self._said: dict[int, tuple[str, int]] = {}
        self._began = time.monotonic()

    def say(self, line: str) -> None:
        """One line, with the seconds since the beginning."""
        self.console.print(f"[dim]{time.monotonic() - self._began:6.1f} s[/dim]  {_plain(line)}", markup=True)

    def show(self, sights: Sequence[LaptopSeen]) -> None:
        """Where every laptop stands."""
        if self._live is not None:
            self._live.update(_table(sights))
            return
        for sight in sights:
            news = (sight.state, int(sight.received) // _STEP if sight.receiving else 0)
            if news != self._said.get(sight.number, ("off", 0)):
                self._said[sight.number] = news
                self.say(f"laptop {sight.number}: {_words(sight)}")

    def __enter__(self) -> Display:
        """On a terminal, begin the table."""
        if self.console.is_terminal:
            self._live = Live(console=self.console, transient=True, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the table away."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def _table(sights: Sequence[LaptopSeen]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for sight in sights:
        filled = int(sight.received / 5)
        bar = f"{'█' * filled}{'·' * (20 - filled)}" if sight.data is not None else ""
        table.add_row(f"laptop {sight.number}", sight.state, bar, _plain(_why(sight)))
    return table


def _words(sight: LaptopSeen) -> str:
    if sight.receiving and sight.received:
        return f"receiving, {sight.received:.0f} %"
    why = _why(sight)
    return f"{sight.state}: {why}" if why else sight.state


def _why(sight: LaptopSeen) -> str:
    return "" if sight.data is None else str(sight.data.get("why") or "")


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
