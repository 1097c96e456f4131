import asyncio
import sqlite3
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloned.core.derived import first_ids
from cloned.core.disks import Disk
from cloned.core.evidence import Evidence
from cloned.core.ids import clean
from cloned.core.known import KnownToLedger
from cloned.effect_parts import AnothersRow
from cloned.errors import MissingError
from cloned.inventory.database import LedgerError
from cloned.inventory.deliveries import Outcome
from cloned.inventory.ledger import PRUNED_AT_ONCE, Ledger
from tests.unit.inventory.ledgers import empty, next_owed
from tests.waiting import until


async def drain(ledger, sink):
    """Take everything owed to `sink`, as the outbox does; returns (attempt, revision, key)."""
    got = []
    while owed := await next_owed(ledger, sink):
        got.append((owed.attempt, owed.revision, owed.key))
        await ledger.sent(owed, sink)
    return got


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


DISK = Disk("/dev/sda", 256060514304, serial="S3Z9", wwn="eui.0025")
CARD = "d8:9e:f3:00:00:01"


def sight(*macs, disks=(), dongles=(), serial="b5to023 ", **said):
    """A machine that says the same as the row of `make_row`, with other cards and disks."""
    return Evidence(clean(serial=serial, vendor="Dell Inc.", macs=macs, **said), disks, frozenset(dongles))


async def test_who_is_who_is_found_by_evidence(ledger, make_row):
    await ledger.record(make_row("drawn-by-chance", 1))
    await ledger.record(make_row("drawn-by-chance", 2))
    await ledger.record(make_row("drawn-by-chance", 1_000_003, kind="erasure", erasure={"disks": []}))
    for seen in (sight(CARD), sight("02:00:00:00:00:01", disks=(DISK,))):
        known = await ledger.known(seen)
        assert (known.laptop, known.jobs, known.erasures, known.tag) == ("drawn-by-chance", 2, 3, "0042")
        assert not known.namesake
    known = await ledger.known(sight(CARD, disks=(replace(DISK, serial="X9"),)))
    assert (known.laptop, known.jobs, known.namesake) == ("", 0, "0042"), "that card may be a dock's"
    assert known.perhaps is not None
    assert (known.perhaps.laptop, known.perhaps.jobs, known.perhaps.tag) == ("drawn-by-chance", 2, "0042")
    second = "d8:9e:f3:00:00:0f"
    await ledger.record(make_row("drawn-by-chance", 3, macs=[CARD, second]))
    assert (await ledger.known(sight(CARD, second, disks=(replace(DISK, serial="X9"),)))).laptop == "drawn-by-chance"


async def test_no_row_is_of_two_machines(ledger, make_row):
    """Two sites may give one id to two machines before either has a result: the second must have one of its own."""
    await ledger.record(make_row("same", 1))
    other = {"macs": ["d8:9e:f3:00:00:02"], "disk": {"serial": "S3Z8", "size": 256060514304}}
    for attempt in (1, 2):
        with pytest.raises(AnothersRow):
            await ledger.record(make_row("same", attempt, **other))
    with pytest.raises(AnothersRow):
        await ledger.record(make_row("same", 2, serial="PF77AB2", macs=["d8:9e:f3:00:00:02"], disk=None))
    assert [(row["attempt"], row["revision"]) for row in await ledger.rows()] == [(1, 1)]
    assert (await ledger.known(sight("d8:9e:f3:00:00:02"))).laptop == ""
    await ledger.record(make_row("same", 2, macs=["d8:9e:f3:00:00:02"]))  # by its disk
    await ledger.record(make_row("same", 3, macs=["d8:9e:f3:00:00:03", CARD], disk={"serial": "NEW1", "size": 1}))
    await ledger.record(make_row("same", 2_000_001, kind="lending", macs=["d8:9e:f3:00:00:09"], disk=None))


async def test_words_alone_make_no_machine_one_of_the_ledgers(ledger, make_row):
    """One that says the same with other cards and disks is another, gets another id, and is asked about."""
    twin = sight("02:00:00:00:00:01", disks=(replace(DISK, serial="OTHER7"),))
    await ledger.record(make_row(first_ids(twin.identity)[0], 1))
    known = await ledger.known(twin)
    assert (known.laptop, known.jobs, known.tag) == ("", 0, "")
    assert known.taken == first_ids(twin.identity)[:1]
    assert known.namesake == "0042"
    unlike = await ledger.known(sight("02:00:00:00:00:01", serial="PF77AB2"))
    assert unlike == KnownToLedger(weighed=True)
    other_serial = await ledger.known(sight(CARD, disks=(DISK,), serial="PF77AB2"))
    assert (other_serial.laptop, other_serial.namesake) == ("", ""), "its serial number is another: no twin, no repair"


async def test_cards_that_go_from_hand_to_hand_prove_nothing_to_the_ledger(ledger, make_row):
    dongle, dock = "00:e0:4c:68:01:02", "a4:ae:12:68:01:01"
    await ledger.record(make_row("one", 1, macs=[dongle, dock, CARD], dongles=[dongle]))
    await ledger.record(make_row("two", 1, macs=[dock, "d8:9e:f3:00:00:02"], tag="0043"))
    for seen in (sight(dongle), sight(dock), sight(dock, dongle, disks=(replace(DISK, serial="OTHER7"),))):
        assert (await ledger.known(seen)).laptop == ""
    assert (await ledger.known(sight(CARD, dongles=(CARD,)))).laptop == "", "it is a dongle now, whatever it was"
    assert (await ledger.known(sight(dongle, CARD))).laptop == "one"


async def test_a_machine_that_had_two_ids_is_no_twin_of_itself(ledger, make_row):
    """A lost journal gave it another, before ids were derived; the newest counts."""
    await ledger.record(make_row("older", 3, at="2025-11-18T19:04:05+00:00"))
    await ledger.record(make_row("newer", 1))
    known = await ledger.known(sight(CARD, disks=(DISK,)))
    assert (known.laptop, known.jobs, known.namesake) == ("newer", 1, "")


async def test_of_two_that_say_the_same_each_is_found_by_what_is_its_own(ledger, make_row):
    """A batch with one UUID and one serial number: the newest word on each is its own."""
    cards = [f"d8:9e:f3:00:01:{n:02x}" for n in range(40)]
    for n, card in enumerate(cards):
        disk = {"serial": f"S3Z9{n}K", "wwn": "", "size": 256060514304}
        await ledger.record(make_row(f"l{n}", 1 + n % 3, macs=[card], disk=disk, tag=f"1{n:03}"))
    for n, card in enumerate(cards):
        known = await ledger.known(sight(card))
        assert (known.laptop, known.jobs, known.tag) == (f"l{n}", 1 + n % 3, f"1{n:03}")
        assert known.namesake
    assert (await ledger.known(sight("02:00:00:00:00:09"))).namesake


async def test_what_is_lent_out_or_came_back_is_known_again(ledger, make_row):
    await ledger.record(make_row(attempt=2_000_001, kind="lending", state="lent", verdict="none", disk=None))
    assert (known := await ledger.known(sight(CARD))).lent
    assert (known.jobs, known.lendings) == (0, 1)
    back = {"kind": "lending", "state": "back", "verdict": "none", "disk": None}
    await ledger.record(make_row(attempt=2_000_002, at="2026-11-19T10:00:00+00:00", **back))
    known = await ledger.known(sight(CARD))
    assert (known.lent, known.came_back, known.lendings) == (False, True, 2)
    await ledger.record(make_row(attempt=1, at="2026-11-20T10:00:00+00:00"))
    assert not (await ledger.known(sight(CARD))).came_back


async def test_one_that_is_at_work_hears_of_its_own_rows_alone(ledger, make_row):
    await ledger.record(make_row("mine", 4))
    await ledger.record(make_row("twin", 7, macs=["d8:9e:f3:00:00:02"], disk={"serial": "S3Z8"}))
    known = await ledger.known(sight(CARD), "mine")
    assert (known.laptop, known.jobs, known.namesake, known.taken) == ("mine", 4, "", ())
    assert await ledger.known(sight(CARD), "another") == KnownToLedger(weighed=True)


async def test_what_is_taken_away_is_known_no_more(ledger, make_row):
    await ledger.record(make_row("old", 1))
    await ledger.record(make_row("kept", 1, macs=["d8:9e:f3:00:00:02"], disk={"serial": "S3Z8"}, serial="X1Y2Z3K"))
    assert await ledger.ids(CARD.upper()) == ["old"]
    assert await ledger.prune({"done": "2027-01-01T00:00:00+00:00"}) == 2
    assert await ledger.known(sight(CARD, disks=(DISK,))) == KnownToLedger(weighed=True)
    await ledger.record(make_row("old", 2))
    await ledger.forget("old")
    assert await ledger.known(sight(CARD, disks=(DISK,))) == KnownToLedger(weighed=True)
    assert await ledger.ids(CARD) == []


async def test_a_laptop_is_found_by_any_of_its_names_in_any_letters_and_no_longer_by_one_that_went(ledger, make_row):
    await ledger.record(make_row(tag="DM-1", macs=["d8:9e:f3:00:00:01", "02:00:00:00:00:0a"]))
    await ledger.record(make_row("other", tag="dm-1", serial="STRASSE", macs=["02:00:00:00:00:0b"]))
    assert [await ledger.ids(name) for name in ("02:00:00:00:00:0A", "D8:9E:F3:00:00:01", "b5to023")] == [
        ["a1b2c3d4"], ["a1b2c3d4"], ["a1b2c3d4"],
    ]  # fmt: skip
    assert (await ledger.ids("dm-1"), await ledger.ids("Dm-1")) == (["other"], ["a1b2c3d4", "other"])
    assert (await ledger.ids("straße"), await ledger.ids("02:00:00:00:00"), await ledger.ids("%")) == (
        ["other"],
        [],
        [],
    )
    await ledger.record(make_row(tag="DM-2", macs=["d8:9e:f3:00:00:01"]))  # a typing error was put right, a dock left
    assert [await ledger.ids(name) for name in ("02:00:00:00:00:0a", "Dm-1", "dm-2")] == [[], ["other"], ["a1b2c3d4"]]
    await ledger.forget("a1b2c3d4")
    assert await ledger.ids("D8:9E:F3:00:00:01") == []
    await ledger.prune({"done": "2999"})
    assert await ledger.ids("strasse") == []


async def test_what_is_forgotten_leaves_its_number_and_the_counts(ledger, make_row):
    await ledger.register(["hook"])
    await ledger.record(make_row())
    await ledger.record(make_row("other", tag="0043"))
    assert await ledger.forget("a1b2c3d4") == 1
    assert [row["laptop"] for row in await ledger.rows()] == ["other"]
    assert (await ledger.totals())["rows"] == 2
    assert {each.tag: each.laptop for each in await ledger.tags()} == {"0042": "", "0043": "other"}
    assert (await next_owed(ledger, "hook")).laptop == "other"


async def test_numbers_that_are_known_already_are_not_read_again(ledger, make_row):
    await ledger.record(make_row("one", tag="DM-1", at="2026-02-01T10:00:00Z"))
    await ledger.record(make_row("two", tag="DM-2"))
    await ledger.record(make_row("three", tag="DM-1", at="2026-01-01T10:00:00Z"))
    await ledger.forget("two")
    assert [(each.tag, each.laptop) for each in await ledger.tags({"dm-2"})] == [("DM-1", "three"), ("DM-1", "one")]
    assert await ledger.tags({"dm-1", "dm-2"}) == []


async def test_what_was_tried_in_vain_is_told_before_what_waits_longer(ledger, make_row, clock):
    await ledger.register(["hook"])
    for name in ("one", "two", "three"):
        await ledger.record(make_row(name))
        clock.now += 10
    second = (await ledger.due("hook", 3))[1]
    await ledger.failed(second, "it is away", clock.now + 5)
    (told,) = await ledger.backlog()
    assert (told["waiting"], told["reason"], told["tries"], told["oldest_seconds"]) == (3, "it is away", 1, 30.0)


async def test_what_is_old_goes_but_no_erasure_and_nothing_that_is_owed(ledger, make_row):
    await ledger.record(make_row("done-old", at="2020-01-01T10:00:00Z", tag="1"))
    await ledger.record(make_row("failed-old", at="2025-01-01T10:00:00Z", state="aside", tag="2"))
    await ledger.record(make_row("failed-new", at="2026-01-01T10:00:00Z", state="aside"))
    await ledger.record(make_row("erased", 1_000_001, at="2020-01-01T10:00:00Z", kind="erasure", erasure={"disks": []}))
    await ledger.register(["hook"])
    limits = {"done": "2021-11-18T10:00:00Z", "failed": "2025-11-18T10:00:00Z"}
    assert await ledger.prune(limits) == 0
    await drain(ledger, "hook")
    assert await ledger.prune(limits) == 2
    assert {row["laptop"] for row in await ledger.rows()} == {"failed-new", "erased"}
    assert await ledger.prune({"erasure": "2020-01-01T09:59:59Z"}) == 0
    assert (await ledger.totals())["rows"] == 3
    assert {each.tag for each in await ledger.tags()} == {"1", "2", "0042"}


async def test_what_waits_for_a_sink_that_nobody_has_any_more_keeps_nothing_from_going(ledger, make_row):
    await ledger.register(["hook", "gone"])
    for name in ("one", "two", "three"):
        await ledger.record(make_row(name, at="2020-01-01T10:00:00Z"))
    await drain(ledger, "hook")
    assert await ledger.prune({"done": "2021"}) == 0
    assert await ledger.prune({"done": "2021"}, ["hook", "gone"]) == 0
    assert await ledger.prune({"done": "2021"}, ["hook"]) == 3


async def test_more_than_go_at_once_go_and_those_between_that_are_owed_stay(ledger, make_row):
    await ledger.register(["hook"])
    many = 2 * PRUNED_AT_ONCE + 7
    for number in range(many):  # all of one second: which follows which is told by the laptop
        await ledger.record(make_row(f"l{number:03}", at="2020-01-01T10:00:00Z", macs=[], tag=f"DM-{number}"))
    owed = await ledger.due("hook", many)
    await ledger.settle("hook", [Outcome(each, "sent") for each in owed[1::2]])
    assert await ledger.prune({"done": "2021"}, ["hook"]) == many // 2
    left = await ledger.rows()
    assert len(left) == many - many // 2
    assert len(await ledger.tags()) == many


async def test_erasures_go_only_where_that_was_asked_for(ledger, make_row):
    await ledger.record(make_row("erased", 1_000_001, at="2020-01-01T10:00:00Z", kind="erasure", erasure={"disks": []}))
    await ledger.record(make_row("cloned", at="2020-01-01T10:00:00Z"))
    assert await ledger.prune({"erasure": "2021-01-01T10:00:00Z"}) == 1
    assert [row["laptop"] for row in await ledger.rows()] == ["cloned"]


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
