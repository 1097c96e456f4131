"""The ledger: what is recorded, owed to sinks and told, and what it does where its file is not as it should be."""

import asyncio
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloned.errors import MissingError
from cloned.inventory.database import LedgerError
from cloned.inventory.ledger import Ledger
from tests.unit.inventory.ledgers import drain, empty, next_owed
from tests.waiting import until


async def test_the_same_report_twice_is_one_row_and_one_delivery(ledger, make_row):
    await ledger.register(["hook"])
    for _ in range(3):
        await ledger.record(make_row())
    assert [row["serial"] for row in await ledger.rows()] == ["B5TO023"]
    assert len(await drain(ledger, "hook")) == 1


async def test_another_report_under_the_same_key_is_a_revision(ledger, make_row):
    await ledger.register(["hook"])
    first, second = make_row(state="finishing"), make_row(state="done")
    for row in (first, second, first, second):  # a replayed journal repeats both
        await ledger.record(row)
    [row] = await ledger.rows()
    assert (row["state"], row["revision"]) == ("done", 2)
    assert [(attempt, revision) for attempt, revision, _ in await drain(ledger, "hook")] == [(1, 1), (1, 2)]


async def test_a_new_sink_is_owed_the_whole_ledger_once(ledger, make_row):
    for attempt in (1, 2):
        await ledger.record(make_row(attempt=attempt))
    await ledger.register(["late"])
    await ledger.register(["late"])
    assert [attempt for attempt, _, _ in await drain(ledger, "late")] == [1, 2]


async def test_a_dead_letter_is_shown_retried_and_forgotten_once_superseded(ledger, make_row):
    await ledger.register(["hook"])
    await ledger.record(make_row(state="aside"))
    await ledger.refused(await next_owed(ledger, "hook"), "it answered 422")
    [status] = await ledger.backlog()
    assert (status["refused"], status["dead"][0]["reason"]) == (1, "it answered 422")
    assert await ledger.retry() == 1
    await ledger.refused(await next_owed(ledger, "hook"), "it answered 422")
    await ledger.record(make_row(state="done"))
    await drain(ledger, "hook")
    [status] = await ledger.backlog()
    assert (status["refused"], status["dead"], status["sent"]) == (0, [], 1)
    assert await ledger.retry() == 0


async def test_what_waits_for_its_next_try_counts_among_what_is_sent_again(ledger, clock, make_row):
    await ledger.register(["hook"])
    await ledger.record(make_row(laptop="l1"))
    await ledger.record(make_row(laptop="l2"))
    owed = await next_owed(ledger, "hook")
    await ledger.failed(owed, "wrong password", clock.now + 3600)
    assert await ledger.retry() == 1, "nobody has tried the other yet"
    assert [each.laptop for each in await ledger.due("hook", 9)] == ["l1", "l2"]
    assert await ledger.retry() == 0


async def test_totals_count_laptops_done_since_midnight(ledger, clock, make_row):
    for attempt, at in enumerate(
        ("2026-11-18T09:00:00+00:00", "2026-11-18T10:00:00+00:00", "2026-11-01T10:00:00+00:00")
    ):
        await ledger.record(make_row(attempt=attempt, at=at))
    await ledger.record(make_row("ffff0000", at="2026-11-18T11:00:00+00:00", verdict="differs", state="aside"))
    clock.now = 1_795_003_200.0  # 2026-11-18 12:00 UTC
    told = await ledger.totals()
    assert told == {"rows": 4, "verdicts": {"verified": 3, "differs": 1}, "done_today": 1}


async def test_rows_of_one_laptop_and_the_newest_few(ledger, make_row):
    for attempt in range(1, 5):
        await ledger.record(make_row(attempt=attempt, at=f"2026-11-18T19:0{attempt}:00+00:00"))
    await ledger.record(make_row("ffff0000"))
    assert [row["attempt"] for row in await ledger.rows(laptop="a1b2c3d4", limit=2)] == [3, 4]


async def test_what_was_recorded_is_there_after_a_restart(tmp_path, make_row):
    first = await Ledger.open(empty(tmp_path / "l.sqlite"))
    await first.register(["hook"])
    await first.record(make_row())
    key = (await next_owed(first, "hook")).key
    await first.close()
    second = await Ledger.open(tmp_path / "l.sqlite", create=False)
    assert (await next_owed(second, "hook")).key == key
    await second.close()


async def test_no_ledger_is_not_made_by_looking(tmp_path):
    with pytest.raises(MissingError, match="there is no ledger"):
        await Ledger.open(tmp_path / "l.sqlite", create=False)
    assert not list(tmp_path.iterdir())


async def test_a_ledger_of_a_newer_version_is_left_alone(tmp_path):
    path = tmp_path / "l.sqlite"
    empty(path)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    for create in (True, False):
        with pytest.raises(LedgerError, match="version"):
            await Ledger.open(path, create=create)


async def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "l.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(LedgerError, match=r"l\.sqlite.*not a database"):
        await Ledger.open(path)


async def fill(ledger, make_row):
    for attempt in range(200):
        await ledger.record(make_row(attempt=attempt))


async def test_a_full_disk_is_an_error_that_leaves_nothing_half_done(ledger, make_row, tmp_path):
    await ledger.register(["hook"])
    with ledger._writes.engine.connect() as connection:  # sqlite's own way to be full
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(LedgerError, match="full"):
        await fill(ledger, make_row)
    rows, owed = await ledger.rows(), (await ledger.backlog())[0]["waiting"]
    assert len(rows) == owed > 0


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.integers(1, 3), st.sampled_from(["aside", "done"])),
        st.tuples(st.just("sent"), st.none(), st.none()),
        st.tuples(st.just("refused"), st.none(), st.none()),
        st.tuples(st.just("retry"), st.none(), st.none()),
    ),
    max_size=14,
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(OPERATIONS)
async def test_nothing_recorded_is_ever_unaccounted_for(tmp_path_factory, make_row, operations):
    ledger = await Ledger.open(empty(tmp_path_factory.mktemp("l") / "ledger.sqlite"))
    await ledger.register(["hook"])
    try:
        for what, attempt, state in operations:
            owed = await next_owed(ledger, "hook")
            if what == "record":
                await ledger.record(make_row(attempt=attempt, state=state))
            elif what == "retry":
                await ledger.retry()
            elif owed:
                await (ledger.sent(owed, "hook") if what == "sent" else ledger.refused(owed, "no"))
        seen = {(attempt, state) for what, attempt, state in operations if what == "record"}
        [status] = await ledger.backlog()
        counted = status["waiting"] + status["sent"] + status["refused"]
        assert len(await ledger.rows()) == len({attempt for attempt, _ in seen})
        assert counted <= len(seen)
        await ledger.retry()
        await drain(ledger, "hook")
        [status] = await ledger.backlog()
        assert (status["waiting"], status["refused"]) == (0, 0)
    finally:
        await ledger.close()


async def test_what_was_tried_in_vain_is_told_before_what_waits_longer(ledger, make_row, clock):
    await ledger.register(["hook"])
    for name in ("one", "two", "three"):
        await ledger.record(make_row(name))
        clock.now += 10
    second = (await ledger.due("hook", 3))[1]
    await ledger.failed(second, "it is away", clock.now + 5)
    (told,) = await ledger.backlog()
    assert (told["waiting"], told["reason"], told["tries"], told["oldest_seconds"]) == (3, "it is away", 1, 30.0)


async def test_the_rows_are_told_page_by_page(ledger, make_row):
    for number in range(5):
        await ledger.record(make_row(f"l{number}", at=f"2026-11-18T10:0{number // 2}:00Z"))
    seen, before = [], None
    while page := await ledger.rows(limit=2, before=before):
        seen += [row["laptop"] for row in reversed(page)]
        before = (page[0]["at"], page[0]["laptop"], page[0]["attempt"])
    assert seen == ["l4", "l3", "l2", "l1", "l0"]


async def test_erasures_of_a_delivery_are_found_by_its_name_alone(ledger, make_row):
    names = ("Town hall", "town hall", 'O\'Brien "& co" €', "")
    for number, name in enumerate(names):
        told = {"disks": [], "donation": name, "result": "erased"}
        await ledger.record(
            make_row(
                f"l{number}", 1_000_001, kind="erasure", erasure=told, macs=[], at=f"2026-01-0{9 - number}T10:00:00Z"
            )
        )
        await ledger.record(make_row(f"l{number}", 1, donation=name, macs=[]))
    await ledger.record(make_row("old", 1_000_001, kind="erasure", erasure={"disks": []}, macs=[]))
    for number, name in enumerate(names):
        assert [row["laptop"] for row in await ledger.erased(name)] == [f"l{number}"]


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


async def test_who_looks_at_everything_holds_up_nobody_and_ends_where_nobody_waits_any_more(ledger, make_row):
    await ledger.record(make_row())

    def endless(connection):
        return connection.exec_driver_sql(ENDLESS).all()

    asked = [asyncio.create_task(ledger._survey(endless)) for _ in range(3)]
    await until(lambda: sum(len(each.waiting) for each in ledger._surveys.made) == 3)
    assert (await ledger.totals())["rows"] == 1
    await ledger.record(make_row(attempt=2))
    assert len(await ledger.rows()) == 2
    for each in asked:
        each.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await until(lambda: not any(each.waiting for each in ledger._surveys.made))
    assert len(await ledger.rows()) == 2
