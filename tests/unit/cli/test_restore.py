"""`cloned restore` beside a ledger that holds results: refused in plain words, or kept with all that came since."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cloned.backup import backup
from cloned.cli.serve import restore
from cloned.errors import ClonedError, UsageError
from cloned.inventory.ledger import Ledger
from cloned.journal import Journal
from cloned.safekeeping import alone
from tests.unit.inventory.conftest import make_row
from tests.unit.inventory.ledgers import empty

__all__ = ["make_row"]


async def recorded(place: Path | str, *rows: Any) -> list[int]:
    """The attempts that a ledger holds, after these too were recorded."""
    ledger = await Ledger.open(empty(place) if isinstance(place, Path) and not place.exists() else place)
    for row in rows:
        await ledger.record(row)
    found = [row["attempt"] for row in await ledger.rows()]
    await ledger.close()
    return found


@pytest.fixture
def saved(tmp_path: Path, make_row: Any) -> Path:
    """A backup with two results."""
    Journal(tmp_path / "old" / "journal.sqlite").close()
    asyncio.run(recorded(tmp_path / "old" / "ledger.sqlite", make_row(attempt=1), make_row(attempt=2)))
    backup(tmp_path / "old", tmp_path / "backup.tar.gz")
    return tmp_path / "backup.tar.gz"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def asked(state: Path, *more: str, url: str = "") -> Result:
    config = state.parent / "cloned.toml"
    ledger = f'[ledger]\nurl = "{url}"\n' if url else ""
    config.write_text(f'[workshop]\nstate = "{state}"\n{ledger}')
    return CliRunner().invoke(restore, ["--config", str(config), *more])


def refusal(result: Result) -> ClonedError:
    assert isinstance(result.exception, ClonedError)
    return result.exception


def test_results_that_are_there_are_not_overwritten_and_it_says_how_to_keep_them(
    state: Path, saved: Path, make_row: Any
) -> None:
    there = state / "ledger.sqlite"
    asyncio.run(recorded(there, make_row(attempt=2), make_row(attempt=3, at="2026-11-20T10:00:00+00:00")))
    told = refusal(asked(state, str(saved)))
    assert (type(told), str(told)) == (
        UsageError,
        "the ledger holds results already (2, the last of 2026-11-20): the backup's own would take their place, and what "
        "came since would be lost: to keep them and bring back all else: cloned restore FILE --keep-ledger; to go back to "
        f"the backup's: move {there} away",
    )
    assert not (state / "journal.sqlite").exists()
    done = asked(state, str(saved), "--keep-ledger")
    assert (done.exit_code, done.output.splitlines()[:2]) == (
        0, ["restored: journal.sqlite", "results of the backup that the kept ledger lacks: 1"],
    )  # fmt: skip
    assert asyncio.run(recorded(there)) == [2, 3]


def test_a_ledger_that_holds_nothing_of_the_backup_is_another_workshops(
    state: Path, saved: Path, make_row: Any
) -> None:
    asyncio.run(recorded(state / "ledger.sqlite", make_row("zzzz9999", 7)))
    assert "another workshop's" in str(refusal(asked(state, str(saved), "--keep-ledger")))
    assert [path.name for path in state.iterdir() if not path.name.startswith("ledger")] == []


def test_where_there_is_nothing_to_keep_it_says_so(state: Path, saved: Path) -> None:
    assert "restore without --keep-ledger" in str(refusal(asked(state, str(saved), "--keep-ledger")))
    assert list(state.iterdir()) == []
    assert asked(state, str(saved)).exit_code == 0
    assert asyncio.run(recorded(state / "ledger.sqlite")) == [1, 2]


def test_nothing_is_restored_over_a_journal_or_under_a_daemon(state: Path, saved: Path, make_row: Any) -> None:
    asyncio.run(recorded(state / "ledger.sqlite", make_row(attempt=2)))
    with alone(state):
        assert "another daemon runs over" in str(refusal(asked(state, str(saved), "--keep-ledger")))
    Journal(state / "journal.sqlite").close()
    told = refusal(asked(state, str(saved), "--keep-ledger"))
    assert "holds a workshop already (journal.sqlite)" in str(told)
