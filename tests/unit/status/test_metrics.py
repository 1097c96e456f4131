import pytest
from prometheus_client.parser import text_string_to_metric_families

from cloned.assets import root
from cloned.core.laptop import VerdictKind
from cloned.measures import Gathered
from cloned.netboot.counters import BootCounters
from cloned.status import families, metrics
from cloned.status.needs import Buckets
from cloned.tally import Tally
from tests.unit.status.fakes import FakeRecords, FakeWorkshop
from tests.unit.status.workshops import empty


async def text(workshop, measures=None):
    return (await metrics.render(workshop, FakeRecords(), measures, 3)).decode()


async def scrape(workshop, measures=None):
    found = text_string_to_metric_families(await text(workshop, measures))
    return {(s.name, *s.labels.values()): s.value for f in found for s in f.samples}


async def test_figures_of_a_busy_evening():
    found = await scrape(FakeWorkshop(), lambda: {"cloned_verdicts": {"verified": 12}})
    assert found["cloned_laptops", "receiving"] == 7
    assert found["cloned_laptops", "done"] == 11
    assert found["cloned_ledger_results", "verified"] == 209
    assert found["cloned_ledger_results", "unreadable"] == 0
    assert found["cloned_sink_waiting", "snipe-it"] == 12
    assert found["cloned_sink_failing", "snipe-it"] == 1
    assert found["cloned_ledger_rows",] == 214
    assert found["cloned_switch_ports", "up", "10.20.0.2"] == 23
    assert sum(count for key, count in found.items() if key[0] == "cloned_switch_ports_by_speed") == 23
    assert found["cloned_switch_answers", "10.20.0.2"] == 1
    assert found["cloned_places", "all"] == 22
    assert found["cloned_session_bytes_per_second", "school-2026"] == pytest.approx(671.4e6 / 8)
    assert found["cloned_engine_queue",] == 0
    assert found["cloned_verdicts_total", "verified"] == 12
    assert found["cloned_page_watchers",] == 3


async def test_requests_have_a_kind_and_an_outcome():
    found = await scrape(FakeWorkshop(), lambda: {"cloned_tftp_requests": {("loader", "complete"): 4}})
    assert found["cloned_tftp_requests_total", "loader", "complete"] == 4


async def test_steps_are_histograms():
    buckets = Buckets([("1.0", 1), ("+Inf", 3)], 80.5)
    found = await scrape(FakeWorkshop(), lambda: {"cloned_step_seconds": {"verify": buckets}})
    assert found["cloned_step_seconds_bucket", "+Inf", "verify"] == 3
    assert found["cloned_step_seconds_sum", "verify"] == 80.5


async def test_an_empty_workshop_has_every_state_at_nought():
    found = await scrape(FakeWorkshop(empty()))
    assert {found["cloned_laptops", state] for state in metrics.STATES} == {0}


async def test_names_have_our_prefix_and_help_and_the_process_is_there():
    found = list(text_string_to_metric_families(await text(FakeWorkshop())))
    assert all(family.name.startswith(("cloned_", "process_", "python_gc_")) for family in found)
    assert all(family.documentation for family in found)
    assert {"process_resident_memory_bytes", "python_gc_collections"} <= {family.name for family in found}


def test_every_family_has_one_place_and_the_page_shows_it():
    names = [each.name for each in families.FAMILIES]
    assert len(set(names)) == len(names)
    assert (root("systemd").parent / "METRICS.md").read_text() == families.page()


async def test_every_family_is_told(tmp_path):
    gathered = Gathered(
        tally=Tally(),
        sent=dict,
        received=dict,
        requests=BootCounters().figures,
        images=dict,
        state=tmp_path,
        certificate=lambda: None,
        checked=lambda: (1.0, {}),
    )
    found = text_string_to_metric_families(await text(FakeWorkshop(), gathered.figures))
    assert {each.name for each in families.FAMILIES} - {each.name for each in found} == set()


def test_every_verdict_is_a_verdict():
    assert set(metrics.VERDICTS) == set(VerdictKind)
