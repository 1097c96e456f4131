"""The inventory in the daemon: what is shown while the ledger is away, what is looked at, what is taken away."""

from datetime import UTC, datetime

import pytest

from cloned.config import Config
from cloned.errors import UsageError
from cloned.inventory.database import LedgerError
from cloned.inventory.service import InventoryService, limits_of
from cloned.inventory.sinks.base import Surroundings
from cloned.inventory.sinks.told import Expectation

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def service(ledger, tmp_path):
    config = {"workshop": {"state": str(tmp_path)}, "ledger": {"keep": {"done": "5y", "failed": "2w"}}}
    return InventoryService(Config.model_validate(config), ledger, Surroundings())


async def test_a_ledger_that_is_away_takes_no_page_from_anybody(service, ledger, make_row, monkeypatch):
    await ledger.record(make_row())
    assert (await service.totals())["rows"] == 1

    async def away(*_args, **_more):
        raise LedgerError("the ledger cannot be used: connection refused", "see that PostgreSQL runs")

    for name in ("totals", "backlog", "rows"):
        monkeypatch.setattr(ledger, name, away)
    assert (await service.totals())["rows"] == 1
    assert await service.sinks() == []
    assert await service.rows(laptop="a1b2c3d4") == []
    [warning] = service.warnings()
    assert (warning["code"], "connection refused" in warning["text"]) == ("ledger-away", True)
    monkeypatch.undo()
    await service.totals()
    assert service.warnings() == []


def test_what_an_inventory_lacks_is_a_warning_with_what_to_do(service):
    service.faults["snipe"] = [Expectation("field Battery", "missing", "there is no such field", "make it")]
    [warning] = service.warnings()
    assert warning == {
        "code": "sink-lacks", "text": "snipe: field Battery: there is no such field", "hint": "make it",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("keep", "limits"),
    [
        ({}, {}), ({"erasure": "ever"}, {}), ({"done": "10d"}, {"done": "2026-11-19T12:00:00"}),
        ({"failed": "1w", "erasure": "2d"}, {"failed": "2026-11-22T12:00:00", "erasure": "2026-11-27T12:00:00"}),
    ],
)  # fmt: skip
def test_nothing_goes_but_what_the_configuration_lets_go_and_erasures_last(keep, limits):
    assert limits_of(Config.model_validate({"ledger": {"keep": keep}}), NOW) == limits


def test_a_length_that_is_none_is_refused():
    with pytest.raises((ValueError, UsageError)):
        Config.model_validate({"ledger": {"keep": {"erasure": "never"}}})
