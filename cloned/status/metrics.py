"""/metrics: what Prometheus and its like collect; every family stands in families.py, in a registry of our own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    Metric,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from cloned import __version__
from cloned.core.brief import Brief
from cloned.core.laptop import State, VerdictKind
from cloned.core.row_types import LedgerTotals, SinkStatus
from cloned.status.families import BY_NAME, Family
from cloned.status.needs import Buckets, FamilyFigures, Measures, ResultSource, WorkshopSource

CONTENT_TYPE = CONTENT_TYPE_LATEST
STATES = tuple(map(str, State))
VERDICTS = tuple(map(str, VerdictKind))


class Figures(Collector):
    """One scrape: metrics made from what was gathered for it."""

    def __init__(
        self,
        seen: Brief,
        totals: LedgerTotals,
        sinks: Sequence[SinkStatus],
        more: Mapping[str, FamilyFigures],
        watchers: int,
    ) -> None:
        self.seen, self.totals, self.sinks, self.more, self.watchers = seen, totals, sinks, more, watchers

    def collect(self) -> Iterable[Metric]:
        """All metric families."""
        for found in (self._laptops(), self._sessions(), self._ledger(), self._switches(), self.more):
            for name, values in found.items():
                yield family(BY_NAME[name], values)

    def _laptops(self) -> dict[str, FamilyFigures]:
        return {
            "cloned_build_info": {__version__: 1},
            "cloned_laptops": {state: self.seen.states.get(state, 0) for state in STATES},
            "cloned_places": {"all": self.seen.places, "taken": self.seen.taken},
            "cloned_loop_lag_seconds": {(): self.seen.loop_lag},
            "cloned_loop_held_seconds": {(): self.seen.loop_held},
            "cloned_loop_busy_seconds": {(): self.seen.loop_busy},
            "cloned_engine_queue": {(): self.seen.backlog},
            "cloned_page_watchers": {(): self.watchers},
            "cloned_warnings": {(): self.seen.warnings},
        }

    def _sessions(self) -> dict[str, FamilyFigures]:
        states = {"sending": 0, "idle": 0} | Counter(str(each.state) for each in self.seen.sessions)
        sent: Counter[str] = Counter()
        rates: Counter[str] = Counter()
        for each in self.seen.sessions:
            sent[each.image] += each.bytes * len(each.laptops)
            if each.state == "sending":
                rates[each.image] += each.mbit_s * 1e6 / 8  # type: ignore[assignment]
        return {
            "cloned_sessions": states,
            "cloned_session_bytes": sent,
            "cloned_session_bytes_per_second": rates,
        }

    def _ledger(self) -> dict[str, FamilyFigures]:
        verdicts = dict.fromkeys(VERDICTS, 0) | dict(self.totals.get("verdicts") or {})
        return {
            "cloned_ledger_results": verdicts,
            "cloned_ledger_rows": {(): self.totals.get("rows", 0)},
            "cloned_done_today": {(): self.totals.get("done_today", 0)},
            "cloned_sink_waiting": {sink["sink"]: sink["waiting"] for sink in self.sinks},
            "cloned_sink_refused": {sink["sink"]: sink["refused"] for sink in self.sinks},
            "cloned_sink_failing": {sink["sink"]: int(sink.get("state") == "failing") for sink in self.sinks},
            "cloned_sink_oldest_seconds": {sink["sink"]: sink.get("oldest_seconds") or 0 for sink in self.sinks},
        }

    def _switches(self) -> dict[str, FamilyFigures]:
        links: dict[tuple[str, str], int] = {}
        speeds: Counter[tuple[str, str]] = Counter()
        errors, answers = {}, {}
        for switch in self.seen.switches:
            name = str(switch.get("address") or "")
            links |= {(name, "up"): 0, (name, "down"): 0}
            for port in switch.get("ports") or []:
                up = port.get("oper") == "up"
                links[name, "up" if up else "down"] += 1
                if up:
                    speeds[name, str(port.get("speed_mbps") or "unknown")] += 1
            troubled = (each for each in switch.get("warnings") or [] if each.get("code") == "port-errors")
            errors[name] = sum(1 for _ in troubled)
            answers[name] = int(not switch.get("error"))
        return {
            "cloned_switch_ports": links,
            "cloned_switch_ports_by_speed": speeds,
            "cloned_switch_ports_with_errors": errors,
            "cloned_switch_answers": answers,
        }


def family(about: Family, values: FamilyFigures) -> Metric:
    """One family with its figures: a text, or a tuple of texts, for its labels."""
    labels = list(about.labels)
    made: Any
    if about.kind == "counter":
        made = CounterMetricFamily(about.name, about.words, labels=labels)
    elif about.kind == "histogram":
        made = HistogramMetricFamily(about.name, about.words, labels=labels)
    else:
        made = GaugeMetricFamily(about.name, about.words, labels=labels)
    for key, figure in values.items():
        where = [key] if isinstance(key, str) else list(key)
        if isinstance(figure, Buckets):
            made.add_metric(where, buckets=list(figure.buckets), sum_value=figure.total)
        else:
            made.add_metric(where, figure)
    return made  # type: ignore[no-any-return]


async def render(workshop: WorkshopSource, records: ResultSource, measures: Measures | None, watchers: int) -> bytes:
    """The text of one scrape."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    more = measures() if measures else {}
    registry.register(Figures(workshop.brief(), await records.totals(), await records.sinks(), more, watchers))
    return generate_latest(registry)
