"""The ledger and its outbox on Debian's PostgreSQL: the same tests as on SQLite, and what only a server can do to us."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloned import ledger_questions
from cloned.errors import UsageError
from cloned.inventory import offline, schema
from cloned.inventory.database import VERSION, LedgerError, connect
from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import Outbox
from cloned.inventory.transfer import copy
from cloned.lab import postgresql
from cloned.numbers import recall
from tests.unit.inventory.test_ledger import (  # noqa: F401 - the same on both
    test_a_dead_letter_is_shown_retried_and_forgotten_once_superseded,
    test_a_laptop_is_found_by_any_of_its_names_in_any_letters_and_no_longer_by_one_that_went,
    test_a_machine_that_had_two_ids_is_no_twin_of_itself,
    test_a_new_sink_is_owed_the_whole_ledger_once,
    test_another_report_under_the_same_key_is_a_revision,
    test_cards_that_go_from_hand_to_hand_prove_nothing_to_the_ledger,
    test_erasures_of_a_delivery_are_found_by_its_name_alone,
    test_more_than_go_at_once_go_and_those_between_that_are_owed_stay,
    test_no_row_is_of_two_machines,
    test_of_two_that_say_the_same_each_is_found_by_what_is_its_own,
    test_one_that_is_at_work_hears_of_its_own_rows_alone,
    test_rows_of_one_laptop_and_the_newest_few,
    test_the_same_report_twice_is_one_row_and_one_delivery,
    test_totals_count_laptops_done_since_midnight,
    test_what_is_forgotten_leaves_its_number_and_the_counts,
    test_what_is_lent_out_or_came_back_is_known_again,
    test_what_is_old_goes_but_no_erasure_and_nothing_that_is_owed,
    test_what_is_taken_away_is_known_no_more,
    test_what_waits_for_a_sink_that_nobody_has_any_more_keeps_nothing_from_going,
    test_who_is_who_is_found_by_evidence,
    test_words_alone_make_no_machine_one_of_the_ledgers,
)
from tests.unit.inventory.test_outbox import (  # noqa: F401
    Keeper,
    Recorder,
    idle,
    quick,
    running,
    test_a_dead_letter_can_be_sent_again_alone_or_dropped_with_a_reason,
    test_a_new_sink_gets_of_what_is_there_what_was_asked_for,
    test_a_new_sink_that_asks_gets_nothing_before_a_person_says_what,
    test_a_sink_that_is_down_is_not_knocked_at_by_every_laptop,
    test_a_sink_that_keeps_a_state_gets_the_newest_and_never_an_older_one_after_it,
    test_an_erasure_is_neither_newer_than_a_later_clone_nor_older_than_an_earlier_one,
    test_one_laptop_that_is_always_refused_with_503_holds_up_nobody_else,
    test_results_arrive_in_order,
    test_retry_sends_no_older_result_after_a_newer_one,
    test_the_age_of_the_oldest_is_told,
    test_what_is_nothing_for_a_sink_is_skipped_and_counts_as_nothing,
    test_what_is_told_again_of_a_result_from_before_is_not_sent_either,
    until,
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


async def test_the_steps_lead_to_the_tables_that_the_code_knows(place: str) -> None:
    engine = await connect(place, create=True)

    def compare(connection: Any) -> Any:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, schema.metadata), context.get_current_revision()

    async with engine.connect() as connection:
        assert await connection.run_sync(compare) == ([], VERSION)
    await engine.dispose()


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
    assert await copy(place, tmp_path / "ledger.sqlite") == 39
    again = server.database()
    assert await copy(tmp_path / "ledger.sqlite", again) == 39
    with pytest.raises(UsageError, match="holds results already"):
        await copy(tmp_path / "ledger.sqlite", again)
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


async def test_a_server_that_is_killed_under_load_loses_nothing(place: str, make_row: Any) -> None:
    """Three times a power cut in the middle of recording and sending: every result is there once, all in order."""
    with postgresql.running() as server:
        place = server.database()
        ledger = await Ledger.open(place)
        sink = Recorder("hook")

        async def record() -> None:
            for attempt in range(1, 31):
                for laptop in range(4):
                    await _until_kept(ledger, make_row(f"l{laptop}", attempt))

        async with _patient(ledger, sink):
            recording = asyncio.create_task(record())
            for _ in range(3):
                before = len(sink.got)
                await until_more(sink, before + 15)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
            await asyncio.wait_for(recording, 120)
            await all_sent(ledger)
        rows = await ledger.rows()
        await ledger.close()
    assert len(rows) == len({(row["laptop"], row["attempt"]) for row in rows}) == 120
    for laptop in range(4):
        got = [attempt for name, attempt, _ in sink.got if name == f"l{laptop}"]
        assert list(dict.fromkeys(got)) == list(range(1, 31))


async def _until_kept(ledger: Ledger, row: dict[str, Any]) -> None:
    """As the engine does: a result that could not be written is written again."""
    while True:
        try:
            return await ledger.record(row)
        except LedgerError:
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _patient(ledger: Ledger, sink: Recorder) -> AsyncIterator[None]:
    """The outbox as the daemon runs it: started again where its database is gone."""
    from cloned.inventory import outbox as module
    from cloned.tasks import TaskOwner

    before, module.LEDGER_WAIT_SECONDS = module.LEDGER_WAIT_SECONDS, 0.1
    owner = TaskOwner("test")
    owner.supervise(Outbox(ledger, [sink]).run, "outbox")
    try:
        yield
    finally:
        module.LEDGER_WAIT_SECONDS = before
        await owner.close()


async def until_more(sink: Recorder, count: int) -> None:
    async with asyncio.timeout(120):
        while len(sink.got) < count:
            await asyncio.sleep(0.01)


async def all_sent(ledger: Ledger) -> None:
    async with asyncio.timeout(120):
        while True:
            with contextlib.suppress(LedgerError):
                if (await ledger.backlog())[0]["sent"] == 120:
                    return
            await asyncio.sleep(0.05)


async def test_a_server_that_accepts_and_never_answers_is_told_and_nothing_waits_for_it(make_row: Any) -> None:
    """It is stopped as a whole: connections are accepted by the kernel, nothing else happens."""
    with postgresql.running() as server:
        ledger = await Ledger.open(server.database())
        ledger._patience = 0.5
        await ledger.record(make_row("l1", 1))
        service = service_of(ledger)
        assert (await service.totals())["rows"] == 1
        server.freeze()
        loop = asyncio.get_running_loop()
        with pytest.raises(LedgerError, match="PostgreSQL did not answer within") as told:
            await ledger.record(make_row("l1", 2))
        assert "start it again: nothing is lost" in told.value.hint
        begun = loop.time()
        assert (await service.totals())["rows"] == 1  # what was true last
        assert await service.rows(limit=5) == []
        assert loop.time() - begun < 60
        assert [each["code"] for each in service.warnings()] == ["ledger-away"]
        server.thaw()
        await _until_kept(ledger, make_row("l1", 2))
        async with asyncio.timeout(60):
            while (await service.totals())["rows"] != 2 or service.away:
                await asyncio.sleep(0.05)
        await ledger.close()


async def test_nobody_who_has_given_up_a_silent_server_waits_for_it_at_the_end(make_row: Any) -> None:
    """The command line ends, and so does a daemon; and what was given up is not done behind anybody's back."""
    with postgresql.running() as server:
        place = server.database()
        ledger = await Ledger.open(place)
        await ledger.record(make_row("l1", 1))
        ledger._patience = 0.5
        server.freeze()
        for asked in (ledger.record(make_row("l1", 2)), ledger.totals(), ledger.rows()):
            with pytest.raises(LedgerError, match="did not answer"):
                await asked
        async with asyncio.timeout(30):
            await ledger.close()
        server.thaw()
        again = await Ledger.open(place)
        assert [row["attempt"] for row in await again.rows()] == [1]
        await again.close()


async def test_an_evening_goes_on_while_the_server_is_gone_and_every_result_is_there_afterwards(tmp_path: Path) -> None:
    """Laptops are done, a daemon is killed and started again, all without a ledger; then it comes back."""
    from cloned.core.events import Command
    from tests.unit.test_engine import Streams, prepared, verified

    with postgresql.running() as server:
        ledger = await Ledger.open(server.database())
        ledger._patience = 0.5
        server.kill()
        async with _engine(tmp_path, ledger) as engine:
            laptop = await prepared(engine)
            await verified(engine, laptop)
            assert str(engine.laptop(laptop.id).state) == "done"
            assert len(engine.workshop.held) == 1, "its id may be another's: who knows, while the ledger is away"
        async with _engine(tmp_path, ledger) as engine:
            assert len(engine.workshop.held) == 1
            await engine.submit(Command("lent", "page", laptop.id, checked=True))
            assert len(engine.workshop.held) == 2
            assert isinstance(engine._casting, Streams)
            server.start()
            async with asyncio.timeout(120):
                while engine.workshop.unrecorded or engine.workshop.held:
                    await asyncio.sleep(0.05)
        assert [row["state"] for row in await ledger.rows()] == ["done", "lent"]
        await ledger.close()


async def test_a_twin_that_comes_while_journal_and_server_are_gone_writes_on_nobodys_row(tmp_path: Path) -> None:
    """The batch's words give both one id; cards and disks tell them apart as soon as the server is there again."""
    from tests.wire.engine.test_lost_journal import twins_without_a_ledger

    with postgresql.running() as server:
        ledger = await Ledger.open(server.database())
        ledger._patience = 0.5
        await twins_without_a_ledger(tmp_path, ledger, server.kill, server.start)
        await ledger.close()


def service_of(ledger: Ledger) -> Any:
    from cloned.config import Config
    from cloned.inventory.service import InventoryService
    from cloned.inventory.sinks.base import Surroundings

    return InventoryService(Config(), ledger, Surroundings())


def ready_with(ledger: Ledger, folder: Path) -> Any:
    from cloned.readiness import Readiness

    nothing = folder / "nothing"
    return Readiness(
        journal=lambda: "", ledger=ledger.totals, listeners=lambda: (), live=lambda: nothing, files=lambda: nothing,
        state=folder,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def _engine(folder: Path, ledger: Ledger) -> AsyncIterator[Any]:
    from cloned.engine import Engine
    from cloned.journal import Journal
    from cloned.tasks import TaskOwner
    from tests.unit.test_engine import Streams

    journal, tasks = Journal(folder / "journal"), TaskOwner("test")
    engine = Engine(journal, Streams(), ledger, recall=ledger.known)
    engine.replay()
    tasks.start(engine.run(), "engine", service=True)
    tasks.start(engine.run_effects(), "effects", service=True)
    tasks.start(ledger_questions.run(engine, 0.05), "weighing", service=True)
    try:
        yield engine
    finally:
        await tasks.close()
        journal.close()


async def test_a_daemon_that_starts_before_its_server_goes_on_once_that_is_there(tmp_path: Path, make_row: Any) -> None:
    """Nothing of it is there at the start, not even tables; what was recorded meanwhile waits in the engine."""
    from tests.unit.test_engine import prepared, verified

    with postgresql.running() as server:
        place = server.database()
        server.kill()
        ledger = await Ledger.open(place, wait=True)
        with pytest.raises(LedgerError):
            await ledger.totals()
        service, ready = service_of(ledger), ready_with(ledger, tmp_path)
        assert any("ledger" in each for each in await ready.wrong())
        assert await service.totals() == {"rows": 0, "verdicts": {}, "done_today": 0}
        assert [each["code"] for each in service.warnings()] == ["ledger-away"]
        async with _engine(tmp_path, ledger) as engine:
            with pytest.raises(LedgerError):
                await recall(engine, ledger, tmp_path)
            await verified(engine, await prepared(engine))
            server.start()
            async with asyncio.timeout(120):
                while engine.workshop.unrecorded or engine.workshop.held:
                    await asyncio.sleep(0.05)
            await recall(engine, ledger, tmp_path)
        assert [row["state"] for row in await ledger.rows()] == ["done"]
        assert (await service.totals())["rows"] == 1
        assert service.warnings() == []
        ready._last = (float("-inf"), [])  # what was found a second ago is believed
        assert not any("ledger" in each for each in await ready.wrong())
        await ledger.close()


async def test_what_no_waiting_mends_ends_a_start(server: Any) -> None:
    place = server.database()
    with pytest.raises(LedgerError, match="does not exist"):
        await Ledger.open(place.replace("/ledger", "/nothing"), wait=True)
