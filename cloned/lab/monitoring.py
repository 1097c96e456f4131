"""Alert rules, their tests and the dashboard from one table: `python -m cloned.lab.monitoring` writes them.

So every query is data: `cloned.lab.monitoring_demo` runs each against a real Prometheus that scraped a lab.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cloned.assets import root
from cloned.json_data import JsonObject

RUNBOOK = "/usr/share/doc/cloned/MONITORING.md"


@dataclass(frozen=True)
class Alert:
    """A rule. `good` and `bad`: values of its series, `labels` the labels that it has when it fires."""

    name: str
    expr: str
    after: str
    words: str
    todo: str
    series: str
    good: str
    bad: str
    labels: Mapping[str, str]
    severity: str = "warning"
    rises: bool = False
    """Whether the series is a counter: `bad` is then what it grows by each minute."""


JOB = {"job": "cloned", "instance": "server:8080"}
_AT = 'job="cloned",instance="server:8080"'

ALERTS = (
    Alert("ClonedDown", 'up{job="cloned"} == 0', "1m", "cloned does not answer.",
          "On the server: systemctl status cloned; journalctl -u cloned -n 50.",
          f"up{{{_AT}}}", "1", "0", JOB, "critical"),
    Alert("ClonedLoopHeld", "cloned_loop_lag_seconds > 1", "2m", "The daemon comes late to everything.",
          "See what else runs on the server (top). If nothing does, report it with the log.",
          f"cloned_loop_lag_seconds{{{_AT}}}", "0.01", "4", JOB),
    Alert("ClonedQueueGrows", "cloned_engine_queue > 200", "2m", "Events wait to be written down.",
          "See whether the disk is full or slow: df -h /var/lib/cloned; cloned check.",
          f"cloned_engine_queue{{{_AT}}}", "0", "900", JOB, "critical"),
    Alert("ClonedLaptopsFail", 'sum(increase(cloned_faults_total{reason!="not-heard"}[30m])) > 5', "0m",
          "Many laptops were set aside within half an hour.",
          "The workshop's screen says of each why. If it is the same for all, look at image and switch.",
          f'cloned_faults_total{{reason="disk-write-error",{_AT}}}', "0", "1", {}, rises=True),
    Alert("ClonedDisksDiffer", 'sum(increase(cloned_verdicts_total{verdict=~"differs|unreadable"}[1h])) > 5', "0m",
          "Many disks do not hold what was sent to them.",
          "If they are of one lot, look at the disks; if not, test the server's memory (memtest in the boot menu).",
          f'cloned_verdicts_total{{verdict="differs",{_AT}}}', "0", "1", {}, rises=True),
    Alert("ClonedErasuresFail", 'sum(increase(cloned_erasures_total{outcome="failed"}[1h]) or vector(0)) > 0', "0m",
          "A disk could not be erased.", "/erasures on the page names it: take the disk out and destroy it.",
          f'cloned_erasures_total{{method="zeros",level="clear",outcome="failed",{_AT}}}', "0", "1", {}, rises=True),
    Alert("ClonedSinkLate", "cloned_sink_oldest_seconds > 3600", "5m",
          "Results have waited for {{ $labels.sink }} for more than an hour.",
          "Nothing is lost. cloned inventory status says why; cloned inventory test SINK tries it.",
          f'cloned_sink_oldest_seconds{{sink="snipeit",{_AT}}}', "0", "7200", {**JOB, "sink": "snipeit"}),
    Alert("ClonedSinkRefuses", "cloned_sink_refused > 0", "5m", "{{ $labels.sink }} refused results.",
          "cloned inventory status says why. Put it right there, then: cloned inventory retry.",
          f'cloned_sink_refused{{sink="snipeit",{_AT}}}', "0", "2", {**JOB, "sink": "snipeit"}),
    Alert("ClonedLittleRoom", "cloned_free_bytes < 5e9", "5m", "Little room is left for {{ $labels.of }}.",
          "Remove an image (cloned image remove), or add a disk.",
          f'cloned_free_bytes{{of="state",{_AT}}}', "50000000000", "1000000000", {**JOB, "of": "state"}, "critical"),
    Alert("ClonedClockFree", "cloned_clock_synchronised == 0", "30m", "The server's clock is not set by the network.",
          "timedatectl set-ntp true; results and confirmations carry its time.",
          f"cloned_clock_synchronised{{{_AT}}}", "1", "0", JOB),
    Alert("ClonedImageDamaged", "cloned_image_healthy == 0", "1m", "The image {{ $labels.image }} cannot be sent.",
          "cloned image verify NAME says what is wrong; import it again. A rotten disk often shows so first.",
          f'cloned_image_healthy{{image="school",{_AT}}}', "1", "0", {**JOB, "image": "school"}, "critical"),
    Alert("ClonedImageUnproven", "(cloned_image_proof_age_seconds or vector(0)) > 8 * 86400", "10m",
          "An image was not read and proven for more than a week.",
          "It is read while no laptop is at work: leave the server on for a night.",
          f'cloned_image_proof_age_seconds{{image="school",{_AT}}}', "60", "800000", {**JOB, "image": "school"}),
    Alert("ClonedCheckWrong", 'cloned_check_findings{state="wrong"} > 0', "10m", "cloned check finds something wrong.",
          "cloned check says what, and what to do next; so does /check on the page.",
          f'cloned_check_findings{{state="wrong",{_AT}}}', "0", "1", {**JOB, "state": "wrong"}),
    Alert("ClonedSwitchSilent", "cloned_switch_answers == 0", "2m", "The switch {{ $labels.switch }} does not answer.",
          "Look at its power and cable; cloned switch show asks it.",
          f'cloned_switch_answers{{switch="10.0.0.2",{_AT}}}', "1", "0", {**JOB, "switch": "10.0.0.2"}),
    Alert("ClonedPortErrors", "cloned_switch_ports_with_errors > 0", "10m",
          "A port of {{ $labels.switch }} has errors.", "The page names the port: try another cable.",
          f'cloned_switch_ports_with_errors{{switch="10.0.0.2",{_AT}}}', "0", "1", {**JOB, "switch": "10.0.0.2"}),
    Alert("ClonedCertificateEnds",
          "min(cloned_certificate_end_timestamp_seconds or (vector(1) * (time() + 1e9))) - time() < 14 * 86400", "10m",
          "The page's certificate ends within two weeks.", "Renew it; the daemon takes the new file by itself.",
          f'cloned_certificate_end_timestamp_seconds{{certificate="page",{_AT}}}', "1e10", "1000000", {}),
)  # fmt: skip


@dataclass(frozen=True)
class Graph:
    """A panel of the dashboard."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    """Expression and legend."""


GRAPHS = (
    Graph("Laptops by state", "short", (("sum by (state) (cloned_laptops) ", "{{state}}"),)),
    Graph("Done today", "short", (("cloned_done_today", "done"),)),
    Graph("Places", "short", (("cloned_places", "{{kind}}"),)),
    Graph("Sent", "Bps", (("sum by (class) (rate(cloned_sent_bytes_total[1m]))", "{{class}}"),)),
    Graph("Received by all laptops", "Bps", (("sum by (class) (rate(cloned_received_bytes_total[1m]))", "{{class}}"),)),
    Graph("Sent once more", "percentunit",
          (("sum(rate(cloned_repaired_bytes_total[5m])) / (sum(rate(cloned_sent_bytes_total[5m])) > 0 or vector(1))",
            "share"),)),
    Graph("Seconds of each step (half are quicker)", "s",
          (("histogram_quantile(0.5, sum by (step, le) (cloned_step_seconds_bucket))", "{{step}}"),)),
    Graph("Seconds of each step (the slowest tenth)", "s",
          (("histogram_quantile(0.9, sum by (step, le) (cloned_step_seconds_bucket))", "{{step}}"),)),
    Graph("Verdicts", "short", (("sum by (verdict) (increase(cloned_verdicts_total[1h]))", "{{verdict}}"),)),
    Graph("Laptops set aside or lost, by reason", "short",
          (("sum by (reason) (increase(cloned_faults_total[1h]))", "{{reason}}"),)),
    Graph("Retries and ejections", "short", (("sum by (kind) (increase(cloned_retries_total[1h]))", "{{kind}}"),
          ("sum by (cause) (increase(cloned_ejections_total[1h]))", "{{cause}}"))),
    Graph("Booting: DHCP", "reqps",
          (("sum by (kind, outcome) (rate(cloned_dhcp_requests_total[1m]))", "{{kind}} {{outcome}}"),)),
    Graph("Booting: TFTP and HTTP", "reqps", (("sum by (kind) (rate(cloned_tftp_requests_total[1m]))", "tftp {{kind}}"),
          ("sum by (kind) (rate(cloned_http_requests_total[1m]))", "http {{kind}}"))),
    Graph("Sessions", "short", (("cloned_sessions", "{{state}}"),)),
    Graph("Ports of the switches", "short", (("sum by (switch, oper) (cloned_switch_ports)", "{{switch}} {{oper}}"),)),
    Graph("Speed of ports with a link", "short",
          (("sum by (speed_mbps) (cloned_switch_ports_by_speed)", "{{speed_mbps}} Mbit/s"),)),
    Graph("Results that wait for inventories", "short", (("cloned_sink_waiting", "{{sink}}"),)),
    Graph("Age of the oldest of them", "s", (("cloned_sink_oldest_seconds", "{{sink}}"),)),
    Graph("Results in the ledger", "short", (("cloned_ledger_rows", "results"),)),
    Graph("Images", "bool", (("cloned_image_healthy", "{{image}}"),)),
    Graph("Free space", "bytes", (("cloned_free_bytes", "{{of}}"),)),
    Graph("Event loop held, event queue", "s", (("cloned_loop_lag_seconds", "held"), ("cloned_engine_queue", "queue"))),
    Graph("Processor and memory", "short", (("rate(process_cpu_seconds_total{job=\"cloned\"}[1m])", "cores"),
          ("process_resident_memory_bytes{job=\"cloned\"} / 1e6", "MB"))),
    Graph("What cloned check finds", "short", (("cloned_check_findings", "{{state}}"),)),
)  # fmt: skip


def queries() -> Iterator[tuple[str, str]]:
    """Where each query stands and what it asks; of rules what is compared, since that must always answer."""
    for alert in ALERTS:
        yield f"rule {alert.name}", re.sub(r"\s(==|<|>)\s[0-9][0-9e* .]*$", "", alert.expr)
    for graph in GRAPHS:
        for expr, _ in graph.queries:
            yield graph.title, expr


def rules() -> dict[str, object]:
    """rules.yml."""
    found = [
        {
            "alert": alert.name,
            "expr": alert.expr,
            "for": alert.after,
            "labels": {"severity": alert.severity},
            "annotations": {"summary": alert.words, "runbook": alert.todo, "runbook_url": f"file://{RUNBOOK}"},
        }
        for alert in ALERTS
    ]
    return {"groups": [{"name": "cloned", "rules": found}]}


def rule_tests() -> dict[str, object]:
    """tests/rules.yml: each rule stays silent while all is well, fires, and recovers."""
    return {
        "rule_files": ["../rules.yml"],
        "evaluation_interval": "1m",
        "tests": [_rule_test(alert) for alert in ALERTS],
    }


WELL, ILL = 90, 60
"""Minutes that a series is well, ill, and well again."""


def _rule_test(alert: Alert) -> dict[str, object]:
    if alert.rises:
        values = f"0+0x{WELL} 0+{alert.bad}x{ILL} {int(alert.bad) * ILL}+0x{2 * WELL}"
    else:
        values = f"{alert.good}x{WELL} {alert.bad}x{ILL} {alert.good}x{2 * WELL}"
    words = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: alert.labels[match[1]], alert.words)
    fired = {
        "exp_labels": {"severity": alert.severity, **alert.labels},
        "exp_annotations": {"summary": words, "runbook": alert.todo, "runbook_url": f"file://{RUNBOOK}"},
    }
    at = (WELL - 5, WELL + ILL - 2, WELL + ILL + WELL)
    looks = [
        {"eval_time": f"{minute}m", "alertname": alert.name, "exp_alerts": [fired] if minute == at[1] else []}
        for minute in at
    ]
    return {"interval": "1m", "input_series": [{"series": alert.series, "values": values}], "alert_rule_test": looks}


def dashboard() -> str:
    """dashboard.json, for Grafana: built by its own typed builders."""
    from grafana_foundation_sdk.builders import dashboard as boards
    from grafana_foundation_sdk.builders import prometheus, timeseries
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import DataSourceRef

    source = DataSourceRef(type_val="prometheus", uid="${datasource}")
    board = boards.Dashboard("cloned").uid("cloned").tags(["cloned"]).refresh("30s").time("now-6h", "now")
    board = board.with_variable(boards.DatasourceVariable("datasource").type("prometheus"))
    for graph in GRAPHS:
        panel = timeseries.Panel().title(graph.title).unit(graph.unit).datasource(source).span(8).height(8)
        for letter, (expr, legend) in zip("ABC", graph.queries, strict=False):
            query = prometheus.Dataquery().expr(expr.strip()).legend_format(legend).ref_id(letter)
            panel = panel.with_target(query)
        board = board.with_panel(panel)
    made = json.loads(JSONEncoder(sort_keys=True, indent=1).encode(board.build()))
    return json.dumps(_without_nulls(made), indent=1) + "\n"


def _without_nulls(data: object) -> object:
    """What the builders leave open is left out: Grafana then takes its own defaults."""
    if isinstance(data, dict):
        return {name: _without_nulls(value) for name, value in data.items() if value is not None}
    return [_without_nulls(each) for each in data] if isinstance(data, list) else data


def page() -> str:
    """MONITORING.md: what each alert means and what to do."""
    rows = "\n".join(f"## {each.name}\n\n{each.words}\n\n{each.todo}\n\n`{each.expr}`\n" for each in ALERTS)
    words = re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"*\1*", rows)
    return (
        "# Watching over cloned\n\nMade from `cloned/lab/monitoring.py` by `make monitoring`. Prometheus asks\n"
        "`/metrics` (METRICS.md says what each means); `systemd/monitoring/` has a scrape configuration,\n"
        f"alert rules with tests, and a dashboard for Grafana. What to do when an alert fires:\n\n{words}"
    )


def _yaml(data: JsonObject) -> str:
    """JSON is YAML 1.2, and this needs no library."""
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def files() -> dict[Path, str]:
    """Every file that is made, with what belongs into it."""
    folder = root("systemd") / "monitoring"
    return {
        folder / "rules.yml": _yaml(rules()),
        folder / "tests" / "rules.yml": _yaml(rule_tests()),
        folder / "dashboard.json": dashboard(),
        root("systemd").parent / "MONITORING.md": page(),
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
