"""Changes that no test can notice, or need not: each was looked at, and looked_at.toml says why.

It is held against the source: an entry whose condition is not there any more, or one that a test does notice, is an error.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.mutate.changes import Change

TABLE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class LookedAt:
    """A condition by its words, as line numbers move; `now` is what it is changed to, `within` the function or class."""

    path: str
    within: str
    was: str
    now: str
    why: str

    def means(self, change: Change) -> bool:
        return (self.path, self.within, self.was, self.now) == (change.path, change.within, change.was, change.now)


def table(path: Path = TABLE) -> list[LookedAt]:
    """All entries. A mistyped key or one too many is a TypeError."""
    return [LookedAt(**entry) for entry in tomllib.loads(path.read_text()).get("change", [])]


def why(change: Change, entries: list[LookedAt]) -> str:
    """Why nobody need notice this change; "" where the table does not have it."""
    return next((entry.why for entry in entries if entry.means(change)), "")


def stale(changes: list[Change], entries: list[LookedAt]) -> list[LookedAt]:
    """Entries whose condition is not in the source any more."""
    return [entry for entry in entries if not any(map(entry.means, changes))]
