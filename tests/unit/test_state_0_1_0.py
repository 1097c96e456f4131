"""What 0.1.0 left behind is still understood: the same journal gives the same state, the same ledger the same rows."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cloned.core.reducer import step
from cloned.core.snapshot import snapshot
from cloned.core.workshop import Workshop
from cloned.inventory.ledger import Ledger
from cloned.journal import Journal
from cloned.status.schema import plain

STATE = Path(__file__).parents[1] / "data" / "state-0.1.0"
OWN_TO_THE_MOMENT = {
    "now",
    "workshop",
    "backlog",
    "loop_lag",
    "loop_held",
    "loop_busy",
    "switches",
    "warnings",
    "ledger",
    "sinks",
    "multicast",
    "left_seconds",
}
"""What the daemon put beside the core's snapshot, from the network of that evening."""


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(Path(shutil.copy(STATE / "journal.sqlite", tmp_path)))


def replayed(journal: Journal) -> Workshop:
    workshop = Workshop()
    for entry in journal.entries():
        workshop, _ = step(workshop, entry.event, entry.at, entry.entropy)
    return workshop


def lacking(before: Any, now: Any, where: str = "") -> list[str]:
    """Where `now` is not what `before` was; more keys are welcome."""
    if isinstance(before, dict) and isinstance(now, dict):
        return [words for key, value in before.items() for words in lacking(value, now.get(key), f"{where}.{key}")]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [
            words for i, pair in enumerate(zip(before, now, strict=True)) for words in lacking(*pair, f"{where}[{i}]")
        ]
    return [] if before == now else [f"{where}: {before!r} became {now!r}"]


def test_the_journal_replays_to_the_state_that_the_api_told(journal: Journal) -> None:
    told = json.loads((STATE / "state.json").read_text())
    at = datetime.fromisoformat(told["now"]).timestamp()
    now = plain(snapshot(replayed(journal), {}, at))
    core = {key: value for key, value in told.items() if key in now and key not in OWN_TO_THE_MOMENT}
    for session in core["sessions"]:
        del session["sender"]  # the stream's own figures, which are not in the journal
    assert {"laptops", "sessions", "images", "confirmations", "batches"} <= set(core)
    assert lacking(core, now) == []


async def test_the_ledger_holds_the_same_rows(tmp_path: Path) -> None:
    ledger = await Ledger.open(Path(shutil.copy(STATE / "ledger.sqlite", tmp_path)))
    try:
        rows = await ledger.rows()
    finally:
        await ledger.close()
    assert lacking(json.loads((STATE / "ledger.json").read_text()), json.loads(json.dumps(rows))) == []
