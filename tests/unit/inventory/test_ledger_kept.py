"""How long the ledger keeps what: forgetting a laptop, and what goes once it is old."""

from cloned.inventory.deliveries import Outcome
from cloned.inventory.ledger import PRUNED_AT_ONCE
from tests.unit.inventory.ledgers import drain, next_owed


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
