"""The ledger and its outbox on Debian's PostgreSQL: the same tests as on SQLite, and what is brought there and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloned.errors import UsageError
from cloned.inventory import offline, schema
from cloned.inventory.database import VERSION, LedgerError, connect
from cloned.inventory.ledger import Ledger
from cloned.inventory.transfer import copy
from cloned.lab import postgresql
from tests.unit.inventory.outboxes import quick  # noqa: F401 - a fixture
from tests.unit.inventory.test_ledger import (  # noqa: F401 - the same on both
    test_a_dead_letter_is_shown_retried_and_forgotten_once_superseded,
    test_a_new_sink_is_owed_the_whole_ledger_once,
    test_another_report_under_the_same_key_is_a_revision,
    test_erasures_of_a_delivery_are_found_by_its_name_alone,
    test_rows_of_one_laptop_and_the_newest_few,
    test_the_same_report_twice_is_one_row_and_one_delivery,
    test_totals_count_laptops_done_since_midnight,
)
from tests.unit.inventory.test_ledger_kept import (  # noqa: F401
    test_more_than_go_at_once_go_and_those_between_that_are_owed_stay,
    test_what_is_forgotten_leaves_its_number_and_the_counts,
    test_what_is_old_goes_but_no_erasure_and_nothing_that_is_owed,
    test_what_waits_for_a_sink_that_nobody_has_any_more_keeps_nothing_from_going,
)
from tests.unit.inventory.test_ledger_known import (  # noqa: F401
    test_a_laptop_is_found_by_any_of_its_names_in_any_letters_and_no_longer_by_one_that_went,
    test_a_machine_that_had_two_ids_is_no_twin_of_itself,
    test_cards_that_go_from_hand_to_hand_prove_nothing_to_the_ledger,
    test_no_row_is_of_two_machines,
    test_of_two_that_say_the_same_each_is_found_by_what_is_its_own,
    test_one_that_is_at_work_hears_of_its_own_rows_alone,
    test_what_is_lent_out_or_came_back_is_known_again,
    test_what_is_taken_away_is_known_no_more,
    test_who_is_who_is_found_by_evidence,
    test_words_alone_make_no_machine_one_of_the_ledgers,
)
from tests.unit.inventory.test_outbox import (  # noqa: F401
    test_a_dead_letter_can_be_sent_again_alone_or_dropped_with_a_reason,
    test_a_sink_that_is_down_is_not_knocked_at_by_every_laptop,
    test_one_laptop_that_is_always_refused_with_503_holds_up_nobody_else,
    test_results_arrive_in_order,
    test_the_age_of_the_oldest_is_told,
)
from tests.unit.inventory.test_outbox_owed import (  # noqa: F401
    test_a_new_sink_gets_of_what_is_there_what_was_asked_for,
    test_a_new_sink_that_asks_gets_nothing_before_a_person_says_what,
    test_a_sink_that_keeps_a_state_gets_the_newest_and_never_an_older_one_after_it,
    test_an_erasure_is_neither_newer_than_a_later_clone_nor_older_than_an_earlier_one,
    test_retry_sends_no_older_result_after_a_newer_one,
    test_what_is_nothing_for_a_sink_is_skipped_and_counts_as_nothing,
    test_what_is_told_again_of_a_result_from_before_is_not_sent_either,
)

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(postgresql.programs() is None, reason="PostgreSQL is not installed"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[postgresql.PostgreSql]:
    with postgresql.running() as server:
        yield server


@pytest.fixture
def place(server: postgresql.PostgreSql) -> str:
    return server.database()


@pytest.fixture
async def ledger(place: str, clock: Any) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(place, clock=clock)
    yield ledger
    await ledger.close()


def test_the_steps_lead_to_the_tables_that_the_code_knows(place: str) -> None:
    engine = connect(place, create=True)

    def compare(connection: Any) -> Any:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, schema.metadata), context.get_current_revision()

    with engine.connect() as connection:
        assert compare(connection) == ([], VERSION)
    engine.dispose()


async def test_a_result_can_be_looked_up_with_psql(ledger: Ledger, place: str, server: Any, make_row: Any) -> None:
    await ledger.record(make_row(product="Ünïcode\x00 \ud800 €"))
    database = place.removeprefix("postgresql://postgres@/").partition("?")[0]
    assert server.psql(database, "SELECT serial, state, row->>'product' FROM results") == "B5TO023|done|Ünïcode  ? €"


async def test_the_command_line_works_beside_the_daemon(ledger: Ledger, place: str, make_row: Any) -> None:
    await ledger.register(["hook"])
    await ledger.record(make_row())
    told = await offline.status(place, ["hook"])
    assert (told["rows"], told["sinks"][0]["waiting"]) == (1, 1)
    assert [each["state"] for each in await offline.log(place, "0042")] == ["waiting"]


async def test_a_ledger_goes_into_a_backup_and_comes_back(
    ledger: Ledger,
    place: str,
    server: Any,
    make_row: Any,
    tmp_path: Path,
) -> None:
    await ledger.register(["hook"])
    for attempt in range(1, 40):
        await ledger.record(make_row(attempt=attempt))
    assert copy(place, tmp_path / "ledger.sqlite") == 39
    again = server.database()
    assert copy(tmp_path / "ledger.sqlite", again) == 39
    with pytest.raises(UsageError, match="holds results already"):
        copy(tmp_path / "ledger.sqlite", again)
    other = await Ledger.open(again)
    assert await other.rows() == await ledger.rows()
    await other.record(make_row(attempt=40))
    assert (await other.backlog())[0]["waiting"] == 40
    await other.close()


def test_a_restore_whose_server_goes_away_leaves_nothing_half_done_and_can_be_done_again(
    tmp_path: Path, make_row: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First it is away from the beginning, then from the moment on at which the ledger is to be brought there."""
    from click.testing import CliRunner

    from cloned.backup import backup
    from cloned.cli import serve
    from cloned.journal import Journal

    old, state, file = tmp_path / "old", tmp_path / "state", tmp_path / "backup.tar.gz"
    Journal(old / "journal.sqlite").close()
    asyncio.run(_with_a_result(old / "ledger.sqlite", make_row()))
    backup(old, file)
    with postgresql.running() as server:
        place = server.database()
        config = tmp_path / "cloned.toml"
        config.write_text(f'[workshop]\nstate = "{state}"\n[ledger]\nurl = "{place}"\n')
        asyncio.run(_with_a_result(place, None))  # its tables are there
        server.kill()
        call = ["--config", str(config), str(file)]
        told = CliRunner().invoke(serve.restore, call).exception
        assert (isinstance(told, LedgerError), state.exists()) == (True, False)
        server.start()
        bring = serve._into_postgresql
        monkeypatch.setattr(serve, "_into_postgresql", lambda *given: (server.kill(), bring(*given)))
        told = CliRunner().invoke(serve.restore, call).exception
        assert (isinstance(told, LedgerError), list(state.rglob("*"))) == (True, [])
        monkeypatch.undo()
        server.start()
        assert CliRunner().invoke(serve.restore, call, catch_exceptions=False).exit_code == 0
        assert sorted(path.name for path in state.iterdir()) == ["journal.sqlite", "restored.json"]
        assert len(asyncio.run(_with_a_result(place, None))) == 1


def test_a_restore_beside_results_that_came_since_says_what_to_do_and_can_keep_them(
    tmp_path: Path, server: Any, make_row: Any
) -> None:
    from cloned.backup import backup
    from cloned.journal import Journal
    from tests.unit.cli.test_restore import asked, recorded, refusal

    Journal(tmp_path / "old" / "journal.sqlite").close()
    asyncio.run(recorded(tmp_path / "old" / "ledger.sqlite", make_row(attempt=1)))
    backup(tmp_path / "old", tmp_path / "backup.tar.gz")
    place, state, file = server.database(), tmp_path / "state", str(tmp_path / "backup.tar.gz")
    asyncio.run(recorded(place, make_row(attempt=1), make_row(attempt=2)))
    told = str(refusal(asked(state, file, url=place)))
    assert "holds results already (2, the last of 2026-11-18)" in told
    assert "cloned restore FILE --keep-ledger" in told
    assert "name an empty database in [ledger] url" in told
    assert not state.exists()
    done = asked(state, file, "--keep-ledger", url=place)
    assert (done.exit_code, "restored: journal.sqlite" in done.output) == (0, True)
    assert sorted(path.name for path in state.iterdir()) == ["journal.sqlite", "restored.json"]
    assert asyncio.run(recorded(place)) == [1, 2]
    empty = server.database()
    assert "restore without --keep-ledger" in str(refusal(asked(tmp_path / "new", file, "--keep-ledger", url=empty)))
    assert asked(tmp_path / "new", file, url=empty).exit_code == 0
    assert asyncio.run(recorded(empty)) == [1]


async def test_a_journal_restored_alone_beside_postgresql_gives_no_number_twice(tmp_path: Path, server: Any) -> None:
    from cloned.backup import restore
    from tests.wire.engine.test_lost_journal import old_journal_beside_a_ledger

    ledger = await Ledger.open(server.database())
    await old_journal_beside_a_ledger(
        tmp_path, ledger, lambda file: restore(tmp_path / "state", file, keep_ledger=True)
    )
    await ledger.close()


async def _with_a_result(place: Path | str, row: Any) -> list[dict[str, Any]]:
    """What a ledger holds, after this too was recorded."""
    ledger = await Ledger.open(place)
    if row is not None:
        await ledger.record(row)
    found = await ledger.rows()
    await ledger.close()
    return found


async def test_what_no_waiting_mends_ends_a_start(server: Any) -> None:
    place = server.database()
    with pytest.raises(LedgerError, match="does not exist"):
        await Ledger.open(place.replace("/ledger", "/nothing"), wait=True)
