import pytest
from prometheus_client.parser import text_string_to_metric_families

from cloned.status import metrics
from tests.unit.status.workshops import FakeRecords, FakeWorkshop, empty


async def scrape(workshop, counters=None):
    text = (await metrics.render(workshop, FakeRecords(), counters, 3)).decode()
    return {(s.name, *s.labels.values()): s.value for f in text_string_to_metric_families(text) for s in f.samples}


async def test_figures_of_a_busy_evening():
    found = await scrape(FakeWorkshop(), lambda: {"dhcp_packets": {"offer": 12}})
    assert found["cloned_laptops", "receiving"] == 7
    assert found["cloned_laptops", "done"] == 11
    assert found["cloned_verdicts_total", "verified"] == 209
    assert found["cloned_verdicts_total", "unreadable"] == 0
    assert found["cloned_sink_waiting", "snipe-it"] == 12
    assert found["cloned_sink_failing", "snipe-it"] == 1
    assert found["cloned_ledger_rows",] == 214
    assert found["cloned_switch_ports", "up", "10.20.0.2"] == 23
    assert found["cloned_places", "all"] == 22
    assert found["cloned_session_bytes_per_second", "school-2026"] == pytest.approx(671.4e6 / 8)
    assert found["cloned_engine_queue",] == 0
    assert found["cloned_dhcp_packets_total", "offer"] == 12
    assert found["cloned_page_watchers",] == 3


async def test_requests_have_a_kind_and_an_outcome():
    found = await scrape(FakeWorkshop(), lambda: {"tftp_requests": {("loader", "complete"): 4}})
    assert found["cloned_tftp_requests_total", "loader", "complete"] == 4


async def test_an_empty_workshop_has_every_state_at_nought():
    found = await scrape(FakeWorkshop(empty()))
    assert {found["cloned_laptops", state] for state in metrics.STATES} == {0}


async def test_names_have_our_prefix_and_help():
    text = (await metrics.render(FakeWorkshop(), FakeRecords(), None, 0)).decode()
    families = list(text_string_to_metric_families(text))
    assert all(family.name.startswith("cloned_") and family.documentation for family in families)
