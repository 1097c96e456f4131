"""/metrics: what Prometheus and its like collect; names `cloned_…`, base units, a registry of our own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cloned import __version__
from cloned.core.laptop import State, VerdictKind
from cloned.status.needs import Counters, ResultSource, WorkshopSource
from cloned.status.schema import plain

CONTENT_TYPE = CONTENT_TYPE_LATEST
STATES = tuple(map(str, State))
VERDICTS = tuple(map(str, VerdictKind))


class Figures(Collector):
    """One scrape: metrics made from what was gathered for it."""

    def __init__(
        self,
        snapshot: Mapping[str, Any],
        totals: Mapping[str, Any],
        sinks: Sequence[Mapping[str, Any]],
        more: Mapping[str, Mapping[str, float] | Mapping[tuple[str, str], float]],
        watchers: int,
    ) -> None:
        self.snapshot, self.totals, self.sinks, self.more, self.watchers = (
            snapshot,
            totals,
            sinks,
            more,
            watchers,
        )

    def collect(self) -> Iterable[Metric]:
        """All metric families."""
        yield gauge("cloned_build_info", "Which version runs.", {__version__: 1}, "version")
        yield from self._laptops()
        yield from self._sessions()
        yield from self._ledger()
        yield from self._switches()
        yield gauge("cloned_page_watchers", "Screens and programs that watch events.", {"": self.watchers})
        yield gauge("cloned_warnings", "Warnings on the page.", {"": len(self.snapshot.get("warnings") or [])})
        for name, values in sorted(self.more.items()):
            words = f"{name.replace('_', ' ').capitalize()} since the daemon started."
            yield counter(f"cloned_{name}", words, values, "kind", *(["outcome"] if name.endswith("_requests") else []))

    def _laptops(self) -> Iterable[Metric]:
        counts = dict.fromkeys(STATES, 0)
        for laptop in self.snapshot.get("laptops") or []:
            counts[laptop["state"]] = counts.get(laptop["state"], 0) + 1
        yield gauge("cloned_laptops", "Laptops known, by state.", counts, "state")
        capacity = self.snapshot.get("capacity") or {}
        places = {"all": capacity.get("places") or 0, "taken": capacity.get("taken") or 0}
        yield gauge("cloned_places", "Laptops that fit at once, and those at work.", places, "kind")
        if "loop_lag" in self.snapshot:
            lag = {"": self.snapshot["loop_lag"]}
            yield gauge("cloned_loop_lag_seconds", "Longest time the event loop was held in the last 30 s.", lag)
        if "backlog" in self.snapshot:
            yield gauge("cloned_engine_queue", "Events waiting to be journalled.", {"": self.snapshot["backlog"]})

    def _sessions(self) -> Iterable[Metric]:
        sessions = self.snapshot.get("sessions") or []
        states = {"sending": 0, "idle": 0}
        sent: dict[str, float] = {}
        rates: dict[str, float] = {}
        for each in sessions:
            states[each["state"]] = states.get(each["state"], 0) + 1
            sent[each["image"]] = sent.get(each["image"], 0) + each["bytes"] * len(each.get("laptops") or [])
            if each["state"] == "sending":
                rates[each["image"]] = rates.get(each["image"], 0) + each["mbit_s"] * 1e6 / 8
        yield gauge("cloned_sessions", "Sessions, by state.", states, "state")
        yield gauge(
            "cloned_session_bytes",
            "Image bytes for the laptops of the sessions shown, by image.",
            sent,
            "image",
        )
        yield gauge("cloned_session_bytes_per_second", "Pace of running sessions, by image.", rates, "image")

    def _ledger(self) -> Iterable[Metric]:
        verdicts = dict.fromkeys(VERDICTS, 0) | dict(self.totals.get("verdicts") or {})
        yield counter("cloned_verdicts", "Results in the ledger, by verdict.", verdicts, "verdict")
        yield gauge("cloned_ledger_rows", "Results in the ledger.", {"": self.totals.get("rows", 0)})
        yield gauge("cloned_done_today", "Laptops done since midnight.", {"": self.totals.get("done_today", 0)})
        yield from self._erasures()
        for state in ("waiting", "refused"):
            values = {sink["sink"]: sink[state] for sink in self.sinks}
            yield gauge(f"cloned_sink_{state}", f"Results {state} at each sink.", values, "sink")
        failing = {sink["sink"]: int(sink.get("state") == "failing") for sink in self.sinks}
        yield gauge("cloned_sink_failing", "Whether a sink is in trouble.", failing, "sink")

    def _erasures(self) -> Iterable[Metric]:
        """Each disk of each erasure in the ledger."""
        counts: dict[tuple[str, str, str], float] = {}
        seconds: dict[str, float] = {}
        for each in self.totals.get("erasures") or ():
            counts[each["method"], each["level"], each["outcome"]] = each["count"]
            seconds[each["method"]] = seconds.get(each["method"], 0.0) + each["seconds"]
        family = CounterMetricFamily(
            "cloned_erasures", "Disks erased, or not.", labels=["method", "level", "outcome"]
        )  # fmt: skip
        for key, count in counts.items():
            family.add_metric(list(key), count)
        yield family
        yield counter("cloned_erasure_seconds", "Seconds that erasing disks took.", seconds, "method")

    def _switches(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("cloned_switch_ports", "Ports of each switch, by link.", labels=["switch", "oper"])
        for switch in self.snapshot.get("switches") or []:
            for oper in ("up", "down"):
                count = sum(1 for port in switch.get("ports") or [] if (port.get("oper") or "down") == oper)
                family.add_metric([str(switch.get("address") or ""), oper], count)
        yield family


def gauge(name: str, words: str, values: Mapping[str, float], label: str = "") -> Metric:
    """A gauge family; without `label` the one value stands under the empty key."""
    family = GaugeMetricFamily(name, words, labels=[label] if label else None)
    for key, value in values.items():
        family.add_metric([key] if label else [], value)
    return family


def counter(
    name: str, words: str, values: Mapping[str, float] | Mapping[tuple[str, str], float], *labels: str
) -> Metric:
    """A counter family; `_total` is added to its name. With several labels the keys are tuples."""
    family = CounterMetricFamily(name, words, labels=labels)
    for key, value in values.items():
        family.add_metric([key] if isinstance(key, str) else list(key), value)
    return family


async def render(workshop: WorkshopSource, records: ResultSource, counters: Counters | None, watchers: int) -> bytes:
    """The text of one scrape."""
    registry = CollectorRegistry(auto_describe=False)
    more = counters() if counters else {}
    registry.register(
        Figures(plain(workshop.snapshot()), await records.totals(), await records.sinks(), more, watchers)
    )
    return generate_latest(registry)
