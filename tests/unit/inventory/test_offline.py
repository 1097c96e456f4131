"""What the command line does with the ledger, beside a daemon or without one."""

import pytest

from cloned.errors import UsageError
from cloned.inventory import offline
from tests.unit.inventory.ledgers import next_owed


@pytest.fixture
async def place(ledger, make_row, tmp_path):
    await ledger.register(["hook"])
    await ledger.record(make_row("one", tag="DM-1"))
    await ledger.record(make_row("two", tag="DM-2", serial="OTHER", macs=["02:00:00:00:00:02"]))
    return tmp_path / "ledger.sqlite"


async def test_a_delivery_is_dropped_with_its_reason_and_stands_in_the_log(place, ledger):
    assert await offline.drop(place, "hook", "dm-1", "sold  for parts") == 1
    [line] = await offline.log(place, "DM-1")
    assert (line["state"], line["reason"], line["recorded"], line["sent"]) == (
        "dropped", "sold for parts", "2026-11-18T11:06:40.000Z", None,
    )  # fmt: skip
    assert (await next_owed(ledger, "hook")).laptop == "two"


async def test_one_laptop_is_sent_again(place, ledger):
    for _ in range(2):
        await ledger.refused(await next_owed(ledger, "hook"), "no")
    assert await offline.retry(place, "hook", "02:00:00:00:00:02") == 1
    assert (await next_owed(ledger, "hook")).laptop == "two"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda place: offline.retry(place, "snipe"), "there are: hook"),
        (lambda place: offline.retry(place, "hook", "DM-3"), "no result of a laptop DM-3"),
        (lambda place: offline.drop(place, "hook", "DM-1", "  "), "no reason"),
        (lambda place: offline.begin(place, "hook", "all"), "does not ask"),
    ],
)
async def test_what_cannot_be_done_is_said_with_what_to_do(place, call, said):
    with pytest.raises(UsageError, match=said):
        await call(place)


async def test_a_name_that_two_laptops_have_is_asked_back(place, ledger, make_row):
    await ledger.record(make_row("three", tag="DM-1"))
    with pytest.raises(UsageError, match="one, three"):
        await offline.log(place, "DM-1")
