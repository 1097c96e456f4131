import pytest

from cloned.destinations import FileSettings, OcsSettings
from cloned.errors import UsageError
from cloned.inventory.rehearsal import newest, rehearse, unknown
from cloned.inventory.sinks import make
from cloned.inventory.sinks.base import Delivery
from tests.unit.inventory.ledgers import next_owed


@pytest.fixture
async def place(ledger, make_row, tmp_path):
    await ledger.record(make_row())
    await ledger.record(make_row(attempt=2, at="2026-11-19T10:00:00+00:00"))
    return tmp_path / "ledger.sqlite"


@pytest.mark.parametrize("name", ["a1b2c3d4", "0042", "B5TO023", "b5to023", "D8:9E:F3:00:00:01"])
async def test_a_laptop_is_found_by_any_of_its_names(place, name):
    delivery = await newest(place, name)
    assert (delivery.laptop, delivery.attempt) == ("a1b2c3d4", 2)


async def test_the_key_is_the_one_that_the_outbox_sends(place, ledger, make_row):
    await ledger.register(["hook"])
    await next_owed(ledger, "hook")
    await ledger.sent(await next_owed(ledger, "hook"), "hook")
    assert (await newest(place, "0042")).key == (await next_owed(ledger, "hook")).key


async def test_what_is_not_there_is_said(place, tmp_path):
    sinks = [FileSettings(name="list", type="csv", path=tmp_path / "r.csv")]
    assert [line.line() for line in await rehearse(sinks, "list", "0042", place)] == [
        f"would create: file: {tmp_path / 'r.csv'}"
    ]
    with pytest.raises(UsageError, match="there are: list"):
        await rehearse(sinks, "other", None, place)
    with pytest.raises(UsageError, match="no result of a laptop 0043"):
        await rehearse(sinks, "list", "0043", place)


async def test_a_word_that_a_result_does_not_know_is_named_beforehand(make_row):
    """Its first part is one of ours, so the configuration is right as far as that can be told; nothing would come."""
    fields = {"fields_1": "{battery.healthiness} %", "fields_2": "{verdict}", "fields_3": "{disk.model} {disk.colour}"}
    settings = OcsSettings(name="ocs", type="ocs", url="http://127.0.0.1:9/", fields=fields)
    sink = make(settings)
    delivery = Delivery("k", "a1b2c3d4", 1, 1, make_row())
    assert [line.line() for line in unknown(sink, fields, delivery)] == [
        "ok: field fields_1: left as it is: of this result nothing is known of battery.healthiness",
        "ok: field fields_3: left as it is: of this result nothing is known of disk.colour",
    ]
    assert unknown(sink, fields, None) == []
    await sink.close()
